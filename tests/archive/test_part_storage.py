"""Parts appear whole or not at all, and what killed processes leave unfinished is removed."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from earwitness.archive import parquet_parts
from earwitness.archive.part_storage import LocalStorage
from made_parts import CHUNKS, put_part


@pytest.mark.parametrize("call", ["fsync", "replace", "write"])
def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if call == "write":
        monkeypatch.setattr(parquet_parts, "write_table", fail)
    else:
        monkeypatch.setattr(*((os, "fsync", fail) if call == "fsync" else (Path, "replace", fail)))
    with pytest.raises(OSError, match="No space left"):
        put_part(tmp_path, CHUNKS)
    assert [each for folder in ("tmp", "parts") for each in (tmp_path / folder).glob("*")] == []


@pytest.mark.slow
def test_what_a_killed_process_left_half_written_is_swept(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nsys.path[:0] = sys.argv[2:]\n"
        "import made_parts\nfrom earwitness.archive import parquet_parts\n"
        "parquet_parts.sync = lambda path: os.kill(os.getpid(), signal.SIGKILL)\n"
        "made_parts.put_part(Path(sys.argv[1]), made_parts.CHUNKS)\n"
    )
    folders = sys.path
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path), *folders], check=False)
    assert done.returncode == -9
    assert len(list((tmp_path / "tmp").iterdir())) == 1
    assert list((tmp_path / "parts").iterdir()) == []
    LocalStorage(tmp_path).sweep()
    assert list((tmp_path / "tmp").iterdir()) == []


def test_what_a_living_process_writes_is_left_to_it(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        folder = tmp_path / "tmp" / f"{socket.gethostname()}-{process.pid}-12345678"
        folder.mkdir(parents=True)
        LocalStorage(tmp_path).sweep()
        assert folder.exists()
    finally:
        process.communicate(b"\n")
    LocalStorage(tmp_path).sweep()
    assert not folder.exists()


def test_no_process_is_signalled_on_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There, os.kill(pid, 0) is a Ctrl-C."""
    signalled: list[int] = []
    left = tmp_path / "tmp" / f"{socket.gethostname()}-999999-12345678"
    left.mkdir(parents=True)
    storage = LocalStorage(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "name", "nt")
        patch.setattr(os, "kill", lambda pid, number: signalled.append(pid))
        storage.sweep()
    assert (left.exists(), signalled) == (True, [])
    storage.sweep()
    assert not left.exists()
