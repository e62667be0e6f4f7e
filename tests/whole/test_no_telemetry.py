"""Nothing phones home: commands run where the only name server writes down what it is asked.

The look-ups of ONNX Runtime come from inside its shared library, so that a patch of Python's sockets would see none.
Ray looks for the cloud that it may run in (metadata.google.internal) and cannot be told not to; docs/how-to/archive.md
says so.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import soundfile

from demo_recording import make_recording
from earwitness.encoders.registry import EMBEDDED
from earwitness.files.paths import DATA_DIR

SERVER = """
    import socket, subprocess, sys, threading, time
    server, asked = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), []
    server.bind(("127.0.0.1", 53))
    def answer():
        while True:
            question, sender = server.recvfrom(4096)
            asked.append(question[12:])
            server.sendto(question[:2] + b"\\x81\\x83" + question[4:6] + bytes(6) + question[12:], sender)
    threading.Thread(target=answer, daemon=True).start()
    done = subprocess.run(sys.argv[1:], capture_output=True, text=True)
    time.sleep(0.5)
    print(done.stderr, file=sys.stderr)
    own = [each for each in asked if b"metadata" in each and b"google" in each]  # of Ray, whose reports are off
    print(done.returncode, len(asked) - len(own), asked[:3])
"""
# Commands as they are, then a wait: what is sent is sent some seconds after a session was made.
COMMAND = """
    import sys, time
    from earwitness.cli.main import app
    try:
        app(sys.argv[1:])
    finally:
        time.sleep(6)
"""
UNGUARDED = """
    import sys, time, onnxruntime
    onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
    time.sleep(6)
"""


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sounds") / "street.wav"
    soundfile.write(path, make_recording()[0][: 5 * 16000], 16000)
    return path


def count_look_ups(folder: Path, code: str, *arguments: object) -> tuple[int, str]:
    """Run code in a network of its own; return how many names it looked up, and what was printed."""
    if not (shutil.which("unshare") and shutil.which("ip")):
        pytest.skip("needs unshare and ip")
    names = folder / "resolv.conf"
    names.write_text("nameserver 127.0.0.1\n")
    setup = f'ip link set lo up && mount --bind {names} /etc/resolv.conf && exec "$@"'
    inner = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    outer = [sys.executable, "-c", textwrap.dedent(SERVER), *inner]
    environment = {**os.environ, "HOME": str(folder), "EARWITNESS_PROGRESS": "none"}
    environment.pop("ORT_DISABLE_TELEMETRY", None)
    done = subprocess.run(
        ["unshare", "--net", "--mount", "--map-root-user", "sh", "-c", setup, "sh", *outer],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd=folder,
    )
    if not done.stdout:
        pytest.skip(f"no network of its own here: {done.stderr.strip()[-200:]}")
    status, n_asked, _ = done.stdout.split(" ", 2)
    assert status == "0", done.stderr
    return int(n_asked), done.stdout + done.stderr


@pytest.mark.slow
def test_the_look_ups_of_a_session_without_the_switch_are_seen(tmp_path: Path) -> None:
    n_asked, printed = count_look_ups(tmp_path, UNGUARDED, DATA_DIR / f"{EMBEDDED}.onnx")
    if not n_asked:
        pytest.skip(f"this version of ONNX Runtime sends nothing: {printed}")
    assert list(tmp_path.rglob("deviceid"))


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ("listen", "{sound}", "-e", "siren", "--runtime", "onnx"),
        ("live", "{sound}", "-e", "siren"),
        ("index", "{sound}", "--store", "store", "--runtime", "onnx"),
        pytest.param(
            ("index", "{sound}", "--store", "store", "--runtime", "onnx", "--engine", "ray"), marks=pytest.mark.ray
        ),
    ],
    ids=lambda value: " ".join(value),
)
def test_commands_look_up_no_name(sound: Path, tmp_path: Path, command: tuple[str, ...]) -> None:
    if "ray" in command:
        pytest.importorskip("ray")
    n_asked, printed = count_look_ups(tmp_path, COMMAND, *(each.format(sound=sound) for each in command))
    assert n_asked == 0, printed
    assert list(tmp_path.rglob("deviceid")) == []


def test_onnx_runtime_is_imported_in_one_place_only() -> None:
    package = Path(__file__).resolve().parents[2] / "src" / "earwitness"
    found = [path.name for path in package.rglob("*.py") if "import onnxruntime\n" in path.read_text(encoding="utf-8")]
    assert found == ["onnx_runtime.py"]
