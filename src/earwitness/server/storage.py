"""The folder where a server stores recordings: private, locked while the server runs, removed when it stops.

In: a parent folder, by default the system's temporary one. Out: a `Storage`. Folders of servers that were killed are
removed by the next one, because their locks are free.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
import time
from pathlib import Path
from typing import IO

from earwitness.errors import OutputError

PREFIX = "earwitness-server-"
LOCK = "lock"
YOUNG_S = 60.0  # a younger folder without a lock may belong to a server that is starting


class Storage:
    """A folder of mode 0700; call `close` to remove it.

    Raises:
        OutputError: the parent folder cannot be written.
    """

    def __init__(self, parent: Path | None = None) -> None:
        self.n_removed = remove_leftovers(parent or Path(tempfile.gettempdir()))
        try:
            self.folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
            self._lock = (self.folder / LOCK).open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise OutputError(
                f"{error.filename or parent}: recordings cannot be stored there ({error.strerror}); give --spool FOLDER"
            ) from error

    def close(self) -> None:
        """Remove the folder and its content."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.close()


def remove_leftovers(parent: Path) -> int:
    """Remove the folders of servers that no longer run; return their number."""
    n_removed = 0
    for folder in sorted(parent.glob(f"{PREFIX}*")):
        if _is_ours(folder) and _is_abandoned(folder):
            shutil.rmtree(folder, ignore_errors=True)
            n_removed += 1
    return n_removed


def _is_ours(folder: Path) -> bool:
    """Return whether it is a real folder of this user, not a link."""
    try:
        state = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(state.st_mode) and state.st_uid == os.getuid()


def _is_abandoned(folder: Path) -> bool:
    try:
        lock: IO[str] = (folder / LOCK).open("r+")
    except FileNotFoundError:
        return time.time() - folder.stat().st_mtime > YOUNG_S
    except OSError:
        return False
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
