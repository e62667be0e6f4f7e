"""Stores at URLs: written part by part through fsspec, and fetched into a folder to be queried.

In: a URL such as s3://bucket/store. Out: `RemoteStorage`, on which a `Store` works as on a folder; a local store.

Object stores have neither locks nor renames, so nothing here needs them. A part's name says what is in it and its files
never change; `files.parquet` is put last and as a whole, and a folder without it is not a part. Two writers at once
may analyse a recording twice; it counts once.
"""

from __future__ import annotations

import contextlib
import tempfile
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from earwitness.archive.parquet_parts import sync
from earwitness.archive.parquet_schema import FILES, PART_FILES
from earwitness.archive.part_storage import HEAD, LocalStorage, PartStorage
from earwitness.archive.remote_audio import connect, is_url
from earwitness.archive.store import make_store, reach_reported, read_provenance
from earwitness.errors import ArchiveError

N_READ_TOGETHER = 256


class RemoteStorage(PartStorage):
    """The files of a store at a URL; see `PartStorage`. One process commits, and duplicates count once: no locks.

    Raises:
        MissingExtraError: fsspec, or what it needs for such URLs, is not installed.
    """

    def __init__(self, url: str) -> None:
        self.place = url.rstrip("/")
        self.local: Path | None = None
        self.hint = f"earwitness index RECORDINGS --engine ray --store {self.place}"
        self._files, root = connect(self.place)
        self._root = root.rstrip("/")

    def make(self, head: str) -> None:
        self._files.invalidate_cache()
        if self._files.exists(f"{self._root}/{HEAD}"):
            return
        if self._files.exists(self._root) and self._files.find(self._root, maxdepth=1):
            raise ArchiveError(f"{self.place}: holds other files and no {HEAD}; choose an empty or new place")
        self._write(HEAD, head.encode())

    def read_head(self) -> bytes:
        self._files.invalidate_cache()
        return bytes(self._files.cat_file(f"{self._root}/{HEAD}"))

    def list(self, known: Collection[str], *, is_sure: bool = True) -> Mapping[str, Mapping[str, int]]:
        self._files.invalidate_cache()
        parts: dict[str, dict[str, int]] = {}
        with contextlib.suppress(FileNotFoundError):
            for path, info in self._files.find(f"{self._root}/parts", detail=True).items():
                *_, part, name = path.split("/")
                if part not in known:
                    parts.setdefault(part, {})[name] = int(info["size"])
        return {part: parts[part] for part in sorted(parts) if FILES in parts[part]}

    def read(self, names: Sequence[str]) -> Iterator[bytes]:
        for first in range(0, len(names), N_READ_TOGETHER):
            paths = [f"{self._root}/parts/{name}/{FILES}" for name in names[first : first + N_READ_TOGETHER]]
            content = self._files.cat(paths)
            yield from [content] if isinstance(content, bytes) else (content[path] for path in sorted(content))

    def put(self, name: str, write: Callable[[Path], object]) -> bool:
        """Add a part: each file is put whole or not at all, and the last one completes it."""
        with tempfile.TemporaryDirectory(prefix="earwitness-") as folder:
            write(Path(folder))
            for each in PART_FILES:
                self._write(f"parts/{name}/{each}", (Path(folder) / each).read_bytes())
        return True

    def fetch(self, name: str, folder: Path) -> None:
        """Copy the files of a part to a folder on this machine."""
        for each in PART_FILES:
            with reach_reported(self.place, "read"):
                content = self._files.cat_file(f"{self._root}/parts/{name}/{each}")
            (folder / each).write_bytes(content)
            sync(folder / each)

    def set_aside(self, name: str) -> None:
        target = f"damaged/{name}-{uuid.uuid4().hex[:8]}"
        for path in self._files.find(f"{self._root}/parts/{name}"):
            self._write(f"{target}/{path.rsplit('/', 1)[-1]}", self._files.cat_file(path))
        self._files.rm(f"{self._root}/parts/{name}", recursive=True)

    def _write(self, name: str, content: bytes) -> None:
        """Write a file whole or not at all: one put on object stores, written beside and moved on others."""
        path = f"{self._root}/{name}"
        self._files.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
        protocol: Any = self._files.protocol
        if "file" in ((protocol,) if isinstance(protocol, str) else protocol):
            beside = f"{path}.{uuid.uuid4().hex[:8]}"
            self._files.pipe_file(beside, content)
            self._files.mv(beside, path)
        else:
            self._files.pipe_file(path, content)


def open_storage(place: str | Path) -> PartStorage:
    """Return the storage of a folder or URL."""
    return RemoteStorage(str(place)) if is_url(place) else LocalStorage(place)


def fetch_store(url: str, folder: str | Path) -> int:
    """Copy a store from a URL to a folder, or what is new in it; return the number of parts that were copied.

    Raises:
        ArchiveError: it cannot be read, its provenance is not that of the store in the folder, or the folder cannot be
            written.
    """
    remote, local = RemoteStorage(url), LocalStorage(folder)
    provenance = read_provenance(remote)
    make_store(local, provenance).check_provenance(provenance)
    with reach_reported(str(folder), "written"):
        local.sweep()
        known = {each.name for each in (local.folder / "parts").iterdir()}
        with reach_reported(url, "read"):
            new = list(remote.list(known))
        for name in new:
            local.put(name, lambda part, name=name: remote.fetch(name, part))  # type: ignore[misc]
    return len(new)
