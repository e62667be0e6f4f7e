"""A download goes on where it stopped, ends in a whole file or an error that says what to do, and never in between."""

from __future__ import annotations

import hashlib
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import earwitness.files.download as stage
from earwitness.errors import WeightsError
from earwitness.files.download import download_file
from file_server import serve

CONTENT = np.random.default_rng(3).bytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "RETRY_WAIT_S", 0.0)
    monkeypatch.setattr(stage, "BLOCK_BYTES", 10_000)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "weights" / "weights.zip"


def left_over(path: Path) -> list[str]:
    return sorted(each.name for each in path.parent.iterdir() if not each.name.endswith(".lock"))


def test_a_file_is_fetched_checked_and_told_of_on_the_way(path: Path) -> None:
    details: list[tuple[int, int | None]] = []
    with serve(CONTENT) as server:
        download_file(server.url, path, len(CONTENT), SHA256, lambda done, total: details.append((done, total)))
        download_file(server.url, path, len(CONTENT), SHA256)
    assert path.read_bytes() == CONTENT
    assert details[0] == (10_000, len(CONTENT))
    assert details[-1] == (len(CONTENT), len(CONTENT))
    assert server.requests == [""]
    assert left_over(path) == ["weights.zip"]


@pytest.mark.parametrize("etag", ['"1"', "", 'W/"1"'])
@pytest.mark.parametrize("stop_at", [0, 1, 10_000, 150_001, 299_999, 300_000])
def test_a_process_stopped_at_any_byte_goes_on_from_there(path: Path, stop_at: int, etag: str) -> None:
    class StoppedError(BaseException):
        """As if the process had been killed."""

    def stop(done: int, total: int | None) -> None:
        if done >= stop_at:
            raise StoppedError

    with serve(CONTENT, etag=etag) as server:
        with pytest.raises(StoppedError):
            download_file(server.url, path, None, SHA256, stop)
        part = path.with_name("weights.zip.part")
        part.write_bytes(CONTENT[:stop_at])  # what had reached the disk
        assert not path.exists()
        download_file(server.url, path, None, SHA256)
    assert path.read_bytes() == CONTENT
    assert server.requests == ["", f"bytes={stop_at}-" if stop_at else ""]
    assert left_over(path) == ["weights.zip"]


def test_a_killed_process_leaves_what_the_next_one_finishes(path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; import earwitness.files.download as d\n"
        "d.BLOCK_BYTES = 10_000\n"
        "kill = lambda done, total: done >= 100_000 and os.kill(os.getpid(), signal.SIGKILL)\n"
        "d.download_file(sys.argv[1], Path(sys.argv[2]), on_progress=kill)"
    )
    with serve(CONTENT) as server:
        assert subprocess.run([sys.executable, "-c", code, server.url, str(path)]).returncode == -9
        assert not path.exists()
        download_file(server.url, path, len(CONTENT), SHA256)
    assert path.read_bytes() == CONTENT
    assert server.requests[0] == ""
    assert len(server.requests) == 2


@pytest.mark.parametrize("says_length", [True, False])
def test_dropped_connections_are_taken_up_where_they_broke(path: Path, says_length: bool) -> None:
    with serve(CONTENT, drop_after=70_000, says_length=says_length) as server:
        download_file(server.url, path, None if says_length else len(CONTENT), SHA256)
    assert server.requests == ["", "bytes=70000-", "bytes=140000-", "bytes=210000-", "bytes=280000-"]
    assert path.read_bytes() == CONTENT


def test_a_server_that_ignores_ranges_is_asked_for_the_whole_again(path: Path) -> None:
    with serve(CONTENT, takes_ranges=False, drop_after=120_000) as server:
        with pytest.raises(WeightsError, match=r"out of reach after 5 tries .* to go on from 120000 bytes"):
            download_file(server.url, path, None, SHA256)
        assert len(server.requests) == 5
        server.drop_after = None
        download_file(server.url, path, None, SHA256)
    assert path.read_bytes() == CONTENT


def test_a_file_that_changed_on_the_server_is_fetched_from_its_start(path: Path) -> None:
    with serve(b"x" * 200_000, drop_after=50_000) as server:
        with pytest.raises(KeyboardInterrupt):
            download_file(server.url, path, on_progress=stop_after(40_000))
        server.content, server.etag, server.drop_after = CONTENT, '"2"', None
        download_file(server.url, path)
    assert path.read_bytes() == CONTENT


def stop_after(n_bytes: int) -> stage.Report:
    def stop(done: int, total: int | None) -> None:
        if done >= n_bytes:
            raise KeyboardInterrupt

    return stop


def test_a_part_that_is_longer_than_the_file_is_thrown_away(path: Path) -> None:
    path.parent.mkdir()
    path.with_name("weights.zip.part").write_bytes(b"z" * 400_000)
    with serve(CONTENT) as server:
        download_file(server.url, path, None, SHA256)
    assert path.read_bytes() == CONTENT


def test_a_busy_server_is_asked_again_and_a_missing_file_is_not(path: Path) -> None:
    with serve(CONTENT, statuses=[503, 429, 500]) as server:
        download_file(server.url, path)
        assert len(server.requests) == 4
        path.unlink()
        server.statuses = [404]
        with pytest.raises(WeightsError, match=r"weights\.zip: the server says 404 Not Found"):
            download_file(server.url, path)
        assert len(server.requests) == 5
        server.statuses = [503] * 9
        with pytest.raises(WeightsError, match=r"out of reach after 5 tries \(503 .*--from"):
            download_file(server.url, path)
    assert not path.exists()


def test_wrong_bytes_are_refused_deleted_and_fetched_anew(path: Path) -> None:
    with serve(bytes(len(CONTENT))) as server:
        with pytest.raises(WeightsError, match=f"its sha256 is .* but {SHA256} was published; it is deleted"):
            download_file(server.url, path, len(CONTENT), SHA256)
        assert not path.exists()
        server.content = CONTENT
        download_file(server.url, path, len(CONTENT), SHA256)
        with pytest.raises(WeightsError, match="the server has 300000 bytes, but 12 were published"):
            download_file(server.url, path.with_name("other"), 12)
    assert path.read_bytes() == CONTENT


def test_a_server_that_is_not_there_is_told(path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/weights.zip"
    with pytest.raises(WeightsError, match="out of reach after 5 tries .*refused"):
        download_file(url, path)


def test_a_server_that_never_ends_is_stopped(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "LARGEST_BYTES", 100_000)
    with serve(CONTENT, says_length=False) as server, pytest.raises(WeightsError, match="sends more than it should"):
        download_file(server.url, path)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "weights").write_text("a file, not a folder")
    with pytest.raises(WeightsError, match="cannot be written .*EARWITNESS_CACHE"):
        download_file("http://127.0.0.1:9/weights.zip", tmp_path / "weights" / "weights.zip")


def test_two_processes_do_not_write_to_one_file(path: Path) -> None:
    def fetch_too(done: int, total: int | None) -> None:
        with pytest.raises(WeightsError, match="another process is fetching it"):
            download_file(server.url, path)

    with serve(CONTENT) as server:
        download_file(server.url, path, None, SHA256, fetch_too)
    assert path.read_bytes() == CONTENT


def test_a_wrong_md5_is_refused_and_deleted(path: Path) -> None:
    md5 = hashlib.md5(CONTENT).hexdigest()
    with serve(bytes(len(CONTENT))) as server:
        with pytest.raises(WeightsError, match=f"its md5 is .* but {md5} was published; it is deleted"):
            download_file(server.url, path, md5=md5)
        assert left_over(path) == ["weights.zip.part.etag"]
        server.content = CONTENT
        download_file(server.url, path, md5=md5)
    assert path.read_bytes() == CONTENT
