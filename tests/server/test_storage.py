"""A server that stops, or was killed, leaves nothing behind; what is kept long enough goes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import numpy as np
import pytest

from earwitness.errors import OutputError
from earwitness.server.limits import Limits
from earwitness.server.storage import LOCK, PREFIX, Storage, remove_leftovers
from running_server import RunningServer, is_problem, wait_until, write_sound

pytestmark = pytest.mark.slow


class Command:
    """`earwitness serve` as a process of its own."""

    def __init__(self, storage: Path, *options: str) -> None:
        command = (sys.executable, "-m", "earwitness", "serve", "--port", "0", "--spool", str(storage), "--no-preload")
        self.process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout
        line = self.process.stdout.readline()
        match = re.fullmatch(r"earwitness serves at (http://127\.0\.0\.1:\d+)/\n", line)
        assert match, line + self.process.communicate()[1]
        self.client = httpx.Client(base_url=match[1], timeout=30)

    def end(self, number: int) -> tuple[int, float]:
        """Send a signal; return the exit status and how long it took."""
        begun = time.monotonic()
        self.process.send_signal(number)
        self.process.communicate(timeout=20)
        self.client.close()
        return self.process.returncode, time.monotonic() - begun


def has_children(pid: int) -> bool:
    return bool(Path(f"/proc/{pid}/task/{pid}/children").read_text().split())


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_a_server_at_work_and_nothing_stays(number: int, tmp_path: Path, demo: np.ndarray) -> None:
    server = Command(tmp_path)
    worker = int(Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()[0])
    long = write_sound(np.tile(demo, 20))
    ids = [server.client.post("/v1/recordings", content=long).json()["id"] for _ in range(2)]
    wait_until(lambda: server.client.get(f"/v1/recordings/{ids[0]}").json()["state"] == "working")
    status, took_s = server.end(number)
    assert took_s < 6
    assert status == 0
    assert list(tmp_path.iterdir()) == []
    wait_until(lambda: not is_alive(worker))


def test_an_upload_fails_with_the_reason_when_the_server_stops(storage: Path) -> None:
    answers: list[httpx.Response] = []

    def trickle() -> object:
        for _ in range(200):
            yield bytes(1000)
            time.sleep(0.05)

    with RunningServer(storage) as server:
        sender = threading.Thread(
            target=lambda: answers.append(httpx.post(f"{server.url}v1/recordings", content=trickle(), timeout=30))
        )
        sender.start()
        wait_until(lambda: len(server.service.recordings) == 1)
        server.stop()
        sender.join(20)
    assert is_problem(answers[0], 503, "stopping")
    assert list(storage.iterdir()) == []


def test_what_a_killed_server_left_is_removed_by_the_next(tmp_path: Path, demo_wav: bytes) -> None:
    first = Command(tmp_path)
    assert first.client.post("/v1/recordings", content=demo_wav).status_code == 202
    worker = int(Path(f"/proc/{first.process.pid}/task/{first.process.pid}/children").read_text().split()[0])
    assert first.end(signal.SIGKILL)[0] == -signal.SIGKILL
    wait_until(lambda: not is_alive(worker))  # it ends with the server
    (left,) = tmp_path.iterdir()
    second = Command(tmp_path)
    try:
        assert not left.exists()
        assert len(list(tmp_path.iterdir())) == 1
    finally:
        second.end(signal.SIGTERM)
    assert list(tmp_path.iterdir()) == []


def test_folders_in_use_young_or_of_others_stay(tmp_path: Path) -> None:
    used = Storage(tmp_path)
    assert used.folder.stat().st_mode & 0o777 == 0o700
    young, old, link = (tmp_path / f"{PREFIX}{name}" for name in ("young", "old", "link"))
    precious = tmp_path / "precious"
    for folder in (young, old, precious):
        folder.mkdir()
    os.utime(old, (0, 0))
    (precious / LOCK).touch()
    link.symlink_to(precious)
    assert remove_leftovers(tmp_path) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [used.folder.name, young.name, link.name, "precious"]
    )
    used.close()
    assert not used.folder.exists()


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="--spool"):
        Storage(tmp_path / "missing")


def test_what_is_kept_long_enough_is_deleted(storage: Path, demo: np.ndarray) -> None:
    with RunningServer(storage, Limits(keep_s=0.5)) as server:
        good, bad = server.analyse(write_sound(demo[:32000])), server.analyse(b"no sound")
        folder = server.service.storage.folder
        wait_until(lambda: not len(server.service.recordings), 10)
        wait_until(lambda: [path.name for path in folder.iterdir()] == [LOCK], 5)
        for state in (good, bad):
            assert is_problem(server.client.get(f"/v1/recordings/{state['id']}"), 404, "not-found")
