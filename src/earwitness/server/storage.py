"""The folder where a server keeps recordings: private, locked while the server lives, gone when it stops.

In: a parent folder, the system's temporary one if none is given. Out: a `Spool`. What servers left that were killed is
removed by the next one: nobody holds its lock.
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
YOUNG_S = 60.0  # a folder without a lock may belong to a server that starts right now


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
                f"{error.filename or parent}: recordings cannot be kept there ({error.strerror}); give --spool FOLDER"
            ) from error

    def close(self) -> None:
        """Remove the folder with all that is in it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.close()


def remove_leftovers(parent: Path) -> int:
    """Remove the folders of servers that do not live any more; return how many there were."""
    n_removed = 0
    for folder in sorted(parent.glob(f"{PREFIX}*")):
        if _is_ours(folder) and _is_abandoned(folder):
            shutil.rmtree(folder, ignore_errors=True)
            n_removed += 1
    return n_removed


def _is_ours(folder: Path) -> bool:
    """Tell whether it is a real folder of this user, not a link that somebody else put there."""
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
