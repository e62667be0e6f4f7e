"""Parts appear whole or not at all, and tell when they are damaged."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from earwitness.archive import part_files as parts
from earwitness.archive.extract import ANALYSED, FAILED
from earwitness.archive.part_files import (
    CLIPS,
    FILES,
    ROWS,
    check_part,
    name_part,
    read_chunks,
    read_levels,
    read_records,
    sweep_unfinished,
    write_part,
)
from earwitness.errors import ArchiveError
from made_parts import PIECES, make_piece


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    part = tmp_path / "parts" / write_part(tmp_path, PIECES, 1.0)
    check_part(part)
    records = read_records(part)
    assert [(each.path, each.first_row, each.n_rows, each.state) for each in records] == [
        *(("/a.wav", 0, 5, ANALYSED), ("/b.wav", 5, 3, ANALYSED)),
        ("/c.wav", 8, 0, FAILED),
    ]
    for back, chunk in zip(read_chunks(part, records), PIECES, strict=True):
        assert np.array_equal(back.rows.reshape(-1), chunk.rows.reshape(-1))
        assert replace(back, rows=chunk.rows, clips=chunk.clips, clip_start_s=chunk.clip_start_s) == replace(
            chunk, rows=chunk.rows, clips=chunk.clips, clip_start_s=chunk.clip_start_s
        )
    assert list((tmp_path / "tmp").iterdir()) == []


def test_the_same_pieces_are_one_part_in_any_order(tmp_path: Path) -> None:
    assert name_part(PIECES) == name_part(PIECES[::-1]) != name_part(PIECES[:2])
    assert write_part(tmp_path, PIECES, 1.0) == write_part(tmp_path, PIECES, 1.0)
    assert len(list((tmp_path / "parts").iterdir())) == 1


@pytest.mark.parametrize("name", [FILES, ROWS, CLIPS])
@pytest.mark.parametrize("harm", ["cut", "gone", "empty", "noise"])
def test_a_damaged_part_is_told(tmp_path: Path, name: str, harm: str) -> None:
    part = tmp_path / "parts" / write_part(tmp_path, PIECES, 1.0)
    path = part / name
    content = path.read_bytes()
    if harm == "gone":
        path.unlink()
    else:
        path.write_bytes({"cut": content[:-9], "empty": b"", "noise": bytes(len(content))}[harm])
    with pytest.raises(ArchiveError, match=r"damaged \(.*'earwitness index' hears its recordings again"):
        check_part(part)
    if harm != "noise" or name == FILES:  # found without reading all of it
        with pytest.raises(ArchiveError, match="damaged"):
            read_records(part)


def test_one_changed_byte_of_a_row_is_found(tmp_path: Path) -> None:
    part = tmp_path / "parts" / write_part(tmp_path, PIECES, 1.0)
    content = bytearray((part / ROWS).read_bytes())
    content[len(content) // 2] ^= 1
    (part / ROWS).write_bytes(content)
    with pytest.raises(ArchiveError, match="damaged"):
        check_part(part)


@pytest.mark.parametrize("call", ["fsync", "replace", "write"])
def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if call == "write":
        monkeypatch.setattr(parts, "_write_table", fail)
    else:
        monkeypatch.setattr(*((os, "fsync", fail) if call == "fsync" else (Path, "replace", fail)))
    with pytest.raises(OSError, match="No space left"):
        write_part(tmp_path, PIECES, 1.0)
    assert [each for folder in ("tmp", "parts") for each in (tmp_path / folder).glob("*")] == []


def test_what_a_killed_process_left_half_written_is_swept(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nsys.path[:0] = sys.argv[2:]\n"
        "from earwitness.archive import part_files as parts\nfrom made_parts import PIECES\n"
        "parts._sync = lambda path: os.kill(os.getpid(), signal.SIGKILL)\n"
        "parts.write_part(Path(sys.argv[1]), PIECES, 1.0)\n"
    )
    folders = sys.path
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path), *folders], check=False)
    assert done.returncode == -9
    assert len(list((tmp_path / "tmp").iterdir())) == 1
    assert list((tmp_path / "parts").iterdir()) == []
    sweep_unfinished(tmp_path)
    assert list((tmp_path / "tmp").iterdir()) == []


def test_what_a_living_process_writes_is_left_to_it(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        folder = tmp_path / "tmp" / f"{parts.socket.gethostname()}-{process.pid}-12345678"
        folder.mkdir(parents=True)
        sweep_unfinished(tmp_path)
        assert folder.exists()
    finally:
        process.communicate(b"\n")
    sweep_unfinished(tmp_path)
    assert not folder.exists()


def test_rows_are_one_array_however_many_there_are(tmp_path: Path) -> None:
    part = tmp_path / "parts" / write_part(tmp_path, [make_piece(n_rows=5000)], 1.0)
    assert np.array_equal(read_levels(part), make_piece(n_rows=5000).rows)


@pytest.mark.parametrize("name", [parts.ROWS, parts.CLIPS])
def test_one_changed_bit_is_told_when_it_is_read(tmp_path: Path, name: str) -> None:
    levels = np.random.default_rng(5).integers(0, 256, (60, 527)).astype(np.uint8)
    chunk = replace(make_piece("/a.wav"), rows=levels, clips=levels, clip_start_s=10.0 * np.arange(60))
    part = tmp_path / "parts" / parts.write_part(tmp_path, [chunk], 1.0)
    np.testing.assert_array_equal(parts.read_levels(part, name), levels)
    content = bytearray((part / name).read_bytes())
    at = content.index(levels[30].tobytes()[100:110])  # such noise is not compressed
    content[at] ^= 1
    (part / name).write_bytes(content)
    with pytest.raises(ArchiveError, match="damaged .*verify --repair"):
        parts.read_levels(part, name)


def test_no_process_is_signalled_on_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There, os.kill(pid, 0) is a Ctrl-C."""
    signalled: list[int] = []
    left = tmp_path / "tmp" / parts.name_unfinished().replace(f"-{os.getpid()}-", "-999999-")
    left.mkdir(parents=True)
    with monkeypatch.context() as patch:
        patch.setattr(os, "name", "nt")
        patch.setattr(os, "kill", lambda pid, number: signalled.append(pid))
        alive = parts._is_alive(999999)
    assert (alive, signalled) == (True, [])
    parts.sweep_unfinished(tmp_path)
    assert not left.exists()
