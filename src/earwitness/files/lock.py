"""One run at a time in a folder: a lock that names the run that has it, and ends with its process."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

from earwitness.errors import OutputError
from earwitness.files.atomic import write_error

try:
    import fcntl
except ImportError:  # on Windows the user is trusted
    fcntl = None  # type: ignore[assignment]

LOCK = ".earwitness.lock"


@contextlib.contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Keep other runs from writing to a folder, which is there.

    Raises:
        OutputError: another run writes to it; the message names its process and when it started.
    """
    if fcntl is None:
        yield
        return
    path = folder / LOCK
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise write_error(path, error) from error
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_there = path.stat().st_ino == os.fstat(file).st_ino
        except (BlockingIOError, FileNotFoundError) as error:
            raise OutputError(_describe(folder, os.pread(file, 200, 0))) from error
        if not is_there:
            raise OutputError(_describe(folder, b""))
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        os.ftruncate(file, 0)
        os.pwrite(file, f"process {os.getpid()}, started {now}".encode(), 0)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
    finally:
        os.close(file)


def _describe(folder: Path, holder: bytes) -> str:
    name = holder.decode("utf-8", "replace") or "it ended just now; try again"
    return f"{folder}: another run writes to it ({name}); wait for it, or give another --out"
