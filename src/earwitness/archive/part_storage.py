"""Where the files of a store are: the protocol that `Store` uses, and folders on a local disk.

In: parts as `parquet_parts` writes them. Out: parts that appear whole or not at all, listed and read again.

    store.json   what the store was made with; it never changes
    parts/       a folder per part, see `parquet_parts`
    tmp/         parts that are being written
    damaged/     parts that could not be read, set aside
    again/       a store that is to replace this one, by another encoder
    before-1/    the store that it has replaced
    claims.lock, commit.lock   locks that end with the process that holds them

A part is written under `tmp/`, brought to the disk and renamed, so every part in `parts/` is whole. A replacement is a
few renamings, without a `store.json` meanwhile, so that nothing takes new rows for old ones; the next process that
writes finishes one that was killed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import socket
import uuid
import weakref
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from earwitness.archive.parquet_parts import sync
from earwitness.archive.parquet_schema import CLIPS, FILES, ROWS
from earwitness.errors import ArchiveError

try:
    import fcntl
except ImportError:  # Windows: two processes may analyse the same file, and it still counts once
    fcntl = None  # type: ignore[assignment]

HEAD, AGAIN, BEFORE = "store.json", "again", "before"


class PartStorage(Protocol):
    """Holds a store's head and its parts; whatever is put is there whole or not at all.

    `place` is the folder or URL; `local` the folder, None elsewhere; `hint` the command that makes a store here. Every
    method raises OSError where the place cannot be reached, read or written.
    """

    place: str
    local: Path | None
    hint: str

    def make(self, head: str) -> None:
        """Write `store.json` unless there is one. Raises ArchiveError where other files are there."""

    def read_head(self) -> bytes:
        """Return the content of `store.json`. Raises FileNotFoundError where there is none."""

    def list(self, known: Collection[str], *, is_sure: bool = True) -> Mapping[str, Mapping[str, int]]:
        """Return the sizes of the files of each part that is not known; unless sure, an unchanged folder is skipped."""

    def read(self, names: Sequence[str]) -> Iterator[bytes | OSError]:
        """Yield the content of `files.parquet` of each part, or why it is not there."""

    def put(self, name: str, write: Callable[[Path], object]) -> bool:
        """Add the part that `write` writes to a folder; return False for one that is there, which stays as it is."""

    def set_aside(self, name: str) -> None:
        """Move a damaged part to `damaged/`."""

    def sweep(self) -> None:
        """Check that the place can be written; remove the unfinished parts of processes that are no more."""
        return

    def lock(self) -> contextlib.AbstractContextManager[bool]:
        """Keep other processes from committing meanwhile; give whether others may have committed before."""
        return contextlib.nullcontext(False)

    def claim(self, path: str) -> bool:
        """Return whether this process may analyse a recording: not while another one does, where there are locks."""
        return True

    def release(self, path: str) -> None:
        """Let other processes analyse a recording."""
        return


class LocalStorage(PartStorage):
    """The files of a store in a folder; see `PartStorage`.

    Raises:
        ArchiveError: the place is a URL.
    """

    def __init__(self, folder: str | Path) -> None:
        self.place = str(folder)
        if "://" in self.place:
            raise ArchiveError(
                f"{folder}: only 'earwitness index --engine ray' writes to URLs; to read the store, bring it into a "
                f"folder: earwitness store fetch {folder} FOLDER"
            )
        self.local: Path | None = Path(folder)
        self.hint = f"earwitness index RECORDINGS --store {folder}"
        self.folder, self._parts = Path(folder), Path(folder) / "parts"
        self._seen_ns: int | None = None  # when the list of parts had last changed
        self._claims: int | None = None  # a file descriptor

    def make(self, head: str) -> None:
        folder = self.folder
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / HEAD).exists():
            return
        if self.finish_replacement():
            return
        if any(each.name not in ("parts", "tmp") and HEAD not in each.name for each in folder.iterdir()):
            raise ArchiveError(f"{folder}: holds other files and no {HEAD}; choose an empty or new folder")
        written = folder / f".{HEAD}.{uuid.uuid4().hex[:8]}"
        written.write_text(head, encoding="utf-8")
        try:
            os.link(written, folder / HEAD)
            written.unlink()
        except FileExistsError:  # another process was first
            written.unlink()
        except OSError:  # a file system without links
            written.replace(folder / HEAD)
        self._parts.mkdir(exist_ok=True)

    def read_head(self) -> bytes:
        return (self.folder / HEAD).read_bytes()

    def list(self, known: Collection[str], *, is_sure: bool = True) -> Mapping[str, Mapping[str, int]]:
        try:
            changed_ns = self._parts.stat().st_mtime_ns
            if changed_ns == self._seen_ns and not is_sure:
                return {}
            new = sorted({each.name for each in self._parts.iterdir()} - set(known))
        except FileNotFoundError:
            return {}
        sizes = {name: {each: _measure_size(self._parts / name / each) for each in (ROWS, CLIPS)} for name in new}
        self._seen_ns = changed_ns
        return sizes

    def read(self, names: Sequence[str]) -> Iterator[bytes | OSError]:
        for name in names:
            try:
                yield (self._parts / name / FILES).read_bytes()
            except PermissionError:
                self._seen_ns = None  # these parts are still to be read
                raise
            except OSError as error:
                yield error

    def put(self, name: str, write: Callable[[Path], object]) -> bool:
        folder = self.folder / "tmp" / f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        try:
            folder.mkdir(parents=True)
            self._parts.mkdir(exist_ok=True)
            write(folder)
            sync(folder)
            if (self._parts / name).exists():
                return False
            try:
                folder.replace(self._parts / name)
            except OSError:
                if not (self._parts / name).exists():
                    raise
                return False  # another process wrote the same chunks meanwhile
            sync(self._parts)
            return True
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def set_aside(self, name: str) -> None:
        (self.folder / "damaged").mkdir(exist_ok=True)
        with contextlib.suppress(FileNotFoundError):  # another process was first
            (self._parts / name).replace(self.folder / "damaged" / f"{name}-{uuid.uuid4().hex[:8]}")

    def replace(self) -> Path:
        """Put the store in `again` into the place of this one, which goes to the folder that is returned."""
        before = self.folder / f"{BEFORE}-{len(self._list_before()) + 1}"
        before.mkdir(exist_ok=True)
        (self.folder / HEAD).rename(before / HEAD)
        self._finish_replacement()
        return before

    def finish_replacement(self) -> bool:
        """Carry out what a killed process has left of a replacement; return whether there was any."""
        if not self._find_replaced():
            return False
        with self.lock():
            self._finish_replacement()
        return True

    def _finish_replacement(self) -> None:
        before, again = self._find_replaced(), self.folder / AGAIN
        if before is None:
            return
        if (again / "parts").exists():
            if self._parts.exists():
                self._parts.rename(before / "parts")
            (again / "parts").rename(self._parts)
        (again / HEAD).rename(self.folder / HEAD)
        sync(self.folder)
        shutil.rmtree(again, ignore_errors=True)

    def _find_replaced(self) -> Path | None:
        """Return the folder of the old store while a replacement has begun and not ended."""
        is_begun = not (self.folder / HEAD).exists() and (self.folder / AGAIN / HEAD).exists()
        return next(iter(self._list_before()[::-1]), None) if is_begun else None

    def _list_before(self) -> Sequence[Path]:
        there = [each.parent for each in self.folder.glob(f"{BEFORE}-*/{HEAD}")]
        return sorted(there, key=lambda each: int(each.name.rsplit("-", 1)[1]))

    def sweep(self) -> None:
        self._open_claims()
        host = socket.gethostname()
        for folder in (self.folder / "tmp").glob(f"{host}-*-*"):
            pid = folder.name[len(host) + 1 :].split("-")[0]
            if pid.isdigit() and int(pid) != os.getpid() and not _is_alive(int(pid)):
                shutil.rmtree(folder, ignore_errors=True)

    @contextlib.contextmanager
    def lock(self) -> Iterator[bool]:
        with (self.folder / "commit.lock").open("ab") as file:
            with contextlib.suppress(OSError, AttributeError):  # without locks, parts may hold chunks twice
                fcntl.flock(file, fcntl.LOCK_EX)
            yield True

    def claim(self, path: str) -> bool:
        # A claim is a lock on one byte of a file, so it ends with its process, however that ends.
        if fcntl is None:
            return True
        claims = self._open_claims()
        try:
            fcntl.lockf(claims, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _claim_offset(path))
        except (BlockingIOError, PermissionError):
            return False
        except OSError:  # a file system without locks
            return True
        return True

    def release(self, path: str) -> None:
        if fcntl is not None and self._claims is not None:
            with contextlib.suppress(OSError):
                fcntl.lockf(self._claims, fcntl.LOCK_UN, 1, _claim_offset(path))

    def _open_claims(self) -> int:
        if self._claims is None:
            self._claims = os.open(self.folder / "claims.lock", os.O_RDWR | os.O_CREAT, 0o666)
            weakref.finalize(self, os.close, self._claims)
        return self._claims


def _measure_size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _is_alive(pid: int) -> bool:
    if os.name == "nt":  # there, os.kill with 0 is a Ctrl-C
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _claim_offset(path: str) -> int:
    return int.from_bytes(hashlib.sha256(path.encode()).digest()[:6], "big")
