"""A store at a URL: written part by part through fsspec, and fetched into a folder to be asked.

In: a URL such as s3://bucket/store. Out: `RemoteStore`, which takes pieces as `PartStore` does; a local store.

Object stores know no locks and no renaming, so nothing here needs them. A part's name says what is in it and its files
are never changed; `files.parquet` is put last and as a whole, and a folder without it is no part. Two writers at once
may hear a recording twice; it counts once.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from earwitness.archive.catalogue import Catalogue
from earwitness.archive.extract import Chunk
from earwitness.archive.part_files import (
    CLIPS,
    FILES,
    ROWS,
    import_pyarrow,
    list_records,
    name_unfinished,
    read_records,
    sweep_unfinished,
    write_part,
)
from earwitness.archive.remote_audio import connect, is_url
from earwitness.archive.store import SCHEMA, STORE, PartStore, Provenance, make_store, parse_provenance
from earwitness.errors import ArchiveError

N_READ_TOGETHER = 256
PART_FILES = (ROWS, CLIPS, FILES)  # in the order in which they are written


class RemoteStore(PartStore):
    """A store at a URL, to add to; see `PartStore`.

    Raises:
        ArchiveError: there is no store, it cannot be reached, or this version cannot read it.
    """

    def __init__(self, url: str) -> None:
        import_pyarrow()
        self.url = url.rstrip("/")
        self.folder = Path(self.url.partition("://")[2])  # for messages
        self._files, self._root = connect(self.url)
        self._files.invalidate_cache()
        self.provenance = self._read_provenance()
        self.catalogue, self.damaged, self._known = Catalogue(), dict[str, str](), set[str]()
        self.refresh()

    def refresh(self) -> None:
        """Read the records of parts that are new since the last time, many at once where the file system can."""
        with reach_reported(self.url):
            self._files.invalidate_cache()
            parts = list_parts(self._files, self._root)
            names = sorted(set(parts) - self._known)
            for first in range(0, len(names), N_READ_TOGETHER):
                some = names[first : first + N_READ_TOGETHER]
                read = self._files.cat([f"{self._root}/parts/{name}/{FILES}" for name in some])
                contents = [read] if isinstance(read, bytes) else [read[path] for path in sorted(read)]
                for name, content in zip(some, contents, strict=True):
                    self._take_records(name, content, parts[name])

    def commit(self, chunks: Sequence[Chunk]) -> int:
        """Add pieces as one part, unless they are there already; return how many were new.

        Raises:
            ArchiveError: the store cannot be written; nothing of the part counts, all earlier ones stay.
        """
        new = [p for p in chunks if not self.catalogue.has(p.path, p.attempt, p.number, p.state)]
        if new:
            with reach_reported(self.url), tempfile.TemporaryDirectory(prefix="earwitness-") as folder:
                name = write_part(Path(folder), new, self.provenance.row_s)
                for each in PART_FILES:  # a put is whole or nothing, and the last one makes the part
                    content = (Path(folder) / "parts" / name / each).read_bytes()
                    _write(self._files, f"{self._root}/parts/{name}/{each}", content)
                self._known.add(name)
                self.catalogue.add(read_records(Path(folder) / "parts" / name))
        return len(new)

    def claim(self, path: str) -> bool:
        """Say yes: there are no locks at a URL, and what is heard twice counts once."""
        return True

    def release(self, path: str) -> None:
        """Do nothing; see `claim`."""

    def tidy(self) -> dict[str, str]:
        """Set damaged parts aside; return them with the reason."""
        set_aside, self.damaged = self.damaged, {}
        with reach_reported(self.url):
            for name in set_aside:
                target = f"{self._root}/damaged/{name}-{uuid.uuid4().hex[:8]}"
                for path in self._files.find(f"{self._root}/parts/{name}"):
                    content = self._files.cat_file(path)
                    _write(self._files, f"{target}/{path.rsplit('/', 1)[-1]}", content)
                self._files.rm(f"{self._root}/parts/{name}", recursive=True)
                self._known.discard(name)
        return set_aside

    def _read_provenance(self) -> Provenance:
        with reach_reported(self.url):
            if not self._files.exists(f"{self._root}/{STORE}"):
                raise ArchiveError(
                    f"{self.url}: no store here; make one: earwitness index RECORDINGS --engine ray --store {self.url}"
                )
            return parse_provenance(self.url, self._files.cat_file(f"{self._root}/{STORE}").decode())

    def _take_records(self, name: str, content: bytes, sizes: dict[str, int]) -> None:
        pyarrow, parquet = import_pyarrow()
        self._known.add(name)
        try:
            table = parquet.ParquetFile(pyarrow.BufferReader(content), page_checksum_verification=True).read(
                use_threads=False
            )
            self.catalogue.add(list_records(name, table, {each: sizes.get(each, 0) for each in (ROWS, CLIPS)}))
        except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
            reason = str(error).split("\n", 1)[0][:160]
            self.damaged[name] = f"{self.url}/parts/{name}: damaged ({reason}); 'earwitness index' hears it again"


def make_remote_store(url: str, provenance: Provenance) -> None:
    """Make an empty store at a URL; where one is already, it is left as it is.

    Raises:
        ArchiveError: it cannot be written, or holds something else.
    """
    filesystem, root = connect(url)
    with reach_reported(url):
        filesystem.invalidate_cache()
        if filesystem.exists(f"{root}/{STORE}"):
            return
        if filesystem.exists(root) and filesystem.find(root, maxdepth=1):
            raise ArchiveError(f"{url}: holds other files and no {STORE}; choose an empty or new place")
        _write(filesystem, f"{root}/{STORE}", (json.dumps({"schema": SCHEMA, **asdict(provenance)}) + "\n").encode())


def fetch_store(url: str, folder: str | Path) -> int:
    """Bring a store from a URL into a folder, or what is new in it; return the number of parts that came.

    Raises:
        ArchiveError: it cannot be read, is of another make than what lies in the folder, or that cannot be written.
    """
    there = RemoteStore(url)
    make_store(folder, there.provenance)
    here = PartStore(folder)
    here.check_provenance(there.provenance)
    sweep_unfinished(here.folder)
    known = {each.name for each in (here.folder / "parts").iterdir()}
    names = sorted(set(list_parts(there._files, there._root)) - known)
    with reach_reported(url):
        for name in names:
            written = here.folder / "tmp" / name_unfinished()
            written.mkdir(parents=True)
            try:
                for each in PART_FILES:
                    with (written / each).open("wb") as file:
                        file.write(there._files.cat_file(f"{there._root}/parts/{name}/{each}"))
                        file.flush()
                        os.fsync(file.fileno())
                with contextlib.suppress(FileExistsError):
                    written.replace(here.folder / "parts" / name)
            finally:
                shutil.rmtree(written, ignore_errors=True)
    return len(names)


def has_store(place: str | Path) -> bool:
    """Say whether there is a store, in a folder or at a URL."""
    if not is_url(place):
        return (Path(place) / STORE).exists()
    filesystem, root = connect(str(place))
    with reach_reported(str(place)):
        return bool(filesystem.exists(f"{root.rstrip('/')}/{STORE}"))


def open_parts(place: str | Path) -> PartStore:
    """Return the store in a folder or at a URL, to add to.

    Raises:
        ArchiveError: see `PartStore` and `RemoteStore`.
    """
    return RemoteStore(str(place)) if is_url(place) else PartStore(place)


def make_parts(place: str | Path, provenance: Provenance) -> None:
    """Make an empty store in a folder or at a URL; where one is already, it is left as it is.

    Raises:
        ArchiveError: see `make_store` and `make_remote_store`.
    """
    if is_url(place):
        make_remote_store(str(place), provenance)
    else:
        make_store(place, provenance)


def list_parts(filesystem: Any, root: str) -> dict[str, dict[str, int]]:
    """Return the parts that are complete, by name, with the sizes of their files."""
    parts: dict[str, dict[str, int]] = {}
    with contextlib.suppress(FileNotFoundError):
        for path, info in filesystem.find(f"{root}/parts", detail=True).items():
            *_, part, name = path.split("/")
            parts.setdefault(part, {})[name] = int(info["size"])
    return {part: sizes for part, sizes in parts.items() if FILES in sizes}


@contextlib.contextmanager
def reach_reported(url: str) -> Iterator[None]:
    """Turn what a file system raises into one error.

    Raises:
        ArchiveError: the store cannot be reached or written.
    """
    try:
        yield
    except OSError as error:
        raise ArchiveError(
            f"{url}: cannot be reached or written ({error.strerror or error}); what was committed stays: run it again"
        ) from error


def _write(filesystem: Any, path: str, content: bytes) -> None:
    """Write a file whole or not at all: one put on object stores, written beside and moved on others."""
    filesystem.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
    if "file" in _protocols(filesystem):
        beside = f"{path}.{uuid.uuid4().hex[:8]}"
        filesystem.pipe_file(beside, content)
        filesystem.mv(beside, path)
    else:
        filesystem.pipe_file(path, content)


def _protocols(filesystem: Any) -> tuple[str, ...]:
    protocol = filesystem.protocol
    return (protocol,) if isinstance(protocol, str) else tuple(protocol)
