"""A store of tag scores: what made it, the catalogue of its recordings, and new parts, each committed once.

In: a folder, or the `PartStorage` of a URL. Out: `Provenance`, `Catalogue`, and parts.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from earwitness.archive.catalogue import Catalogue
from earwitness.archive.extract import Chunk
from earwitness.archive.parquet_parts import (
    ChunkRecord,
    damage_reported,
    import_pyarrow,
    name_part,
    parse_records,
    write_part,
)
from earwitness.archive.part_storage import HEAD, LocalStorage, PartStorage
from earwitness.archive.provenance import Provenance, parse_provenance
from earwitness.errors import ArchiveError


class Store:
    """A store that is there; `refresh` reads what has been added to it since.

    Attributes:
        storage: where its files are.
        provenance: what it was made with.
        catalogue: its recordings.
        damaged: parts that cannot be read, with the reason.

    Raises:
        ArchiveError: there is no store, it cannot be reached, or this version cannot read it.
    """

    def __init__(self, place: str | Path | PartStorage) -> None:
        import_pyarrow()
        self.storage = find_storage(place)
        self._version = self._find_version()
        self.provenance = read_provenance(self.storage)
        self.catalogue = Catalogue()
        self.damaged: dict[str, str] = {}
        self._known: set[str] = set()
        self.refresh()

    @property
    def place(self) -> str:
        """The folder or URL."""
        return self.storage.place

    @property
    def folder(self) -> Path:
        """The folder of a local store.

        Raises:
            ArchiveError: the store is at a URL.
        """
        if self.storage.local is None:
            raise ArchiveError(
                f"{self.place}: bring it into a folder first: earwitness store fetch {self.place} FOLDER"
            )
        return self.storage.local

    def part_path(self, part: str) -> Path:
        """Return the folder of a part of a local store."""
        return self.folder / "parts" / part

    def refresh(self, *, is_sure: bool = False) -> None:
        """Read the records of parts that are new since the last time.

        Args:
            is_sure: look even where the folder does not look changed, as within a tick of the file system's clock.

        Raises:
            ArchiveError: the store cannot be reached or read.
        """
        if self._find_version() != self._version:
            raise ArchiveError(f"{self.place}: it has been moved to another encoder meanwhile; open it again")
        with reach_reported(self.place, "read"):
            sizes = self.storage.list(self._known, is_sure=is_sure)
            for (name, part_sizes), content in zip(sizes.items(), self.storage.read(list(sizes)), strict=True):
                self._known.add(name)
                try:
                    with damage_reported(f"{self.place}/parts/{name}"):
                        if isinstance(content, OSError):
                            raise content
                        self.catalogue.add(parse_records(name, content, part_sizes))
                except ArchiveError as error:
                    self.damaged[name] = str(error)

    def _find_version(self) -> tuple[int, int]:
        """Return what tells this `store.json` from one that has replaced it; at a URL none does."""
        try:
            state = (self.storage.local / HEAD).stat() if self.storage.local else None
        except OSError:
            state = None
        return (state.st_ino, state.st_mtime_ns) if state else (0, 0)

    def check_provenance(self, wanted: Provenance) -> None:
        """Refuse to add what was analysed otherwise.

        Raises:
            ArchiveError: the encoder, its weights, a setting or the row length differ.
        """
        self.provenance.check(wanted, self.place)

    def commit(self, chunks: Sequence[Chunk]) -> int:
        """Add chunks as one part, unless they are there already; return how many were new.

        Raises:
            ArchiveError: the store cannot be written; nothing of the part remains, all earlier ones stay.
        """
        with reach_reported(self.place, "written"), self.storage.lock() as is_shared:
            if is_shared:
                self.refresh(is_sure=True)
            new = [p for p in chunks if not self.catalogue.has(p.path, p.attempt, p.number, p.state)]
            if new:
                name, records = name_part(new), list[ChunkRecord]()
                write = lambda folder: records.extend(write_part(folder, name, new, self.provenance.row_s))  # noqa: E731
                if self.storage.put(name, write):
                    self._known.add(name)
                    self.catalogue.add(records)
                else:
                    self.refresh(is_sure=True)
                import_pyarrow()[0].default_memory_pool().release_unused()
            return len(new)

    def tidy(self) -> dict[str, str]:
        """Set damaged parts aside and remove unfinished ones; return the damaged ones with the reason.

        Raises:
            ArchiveError: the store cannot be written.
        """
        with reach_reported(self.place, "written"):
            self.storage.sweep()
            for name in self.damaged:
                self.storage.set_aside(name)
                self._known.discard(name)
        set_aside, self.damaged = self.damaged, {}
        return set_aside


def make_store(place: str | Path | PartStorage, provenance: Provenance) -> Store:
    """Return the store at a place, which is made there if there is none.

    Raises:
        ArchiveError: the place cannot be written, holds something else, or a store that this version cannot read.
    """
    storage = find_storage(place)
    with reach_reported(storage.place, "written"):
        storage.make(provenance.dump())
    return Store(storage)


def find_storage(place: str | Path | PartStorage) -> PartStorage:
    """Return the storage of a place; a path is a local folder."""
    return LocalStorage(place) if isinstance(place, str | Path) else place


@contextlib.contextmanager
def reach_reported(place: str, done: Literal["read", "written"]) -> Iterator[None]:
    """Turn what a file system raises into one error.

    Raises:
        ArchiveError: the store cannot be reached, read or written.
    """
    hint = "see who may read it"
    if done == "written":
        hint = "what was committed stays: free some space, or see who may write there, and run it again"
    try:
        yield
    except OSError as error:
        raise ArchiveError(f"{place}: cannot be {done} ({error.strerror or error}); {hint}") from error


def find_provenance(storage: PartStorage) -> Provenance | None:
    """Return what the store at a place was made with, None if there is no store.

    Raises:
        ArchiveError: the place cannot be reached, or this version cannot read the store.
    """
    with reach_reported(storage.place, "read"):
        try:
            return parse_provenance(storage.place, storage.read_head())
        except FileNotFoundError:
            return None


def read_provenance(storage: PartStorage) -> Provenance:
    """Return what the store at a place was made with.

    Raises:
        ArchiveError: there is no store; see also `find_provenance`.
    """
    made = find_provenance(storage)
    if made is None:
        raise ArchiveError(f"{storage.place}: no store here; make one: {storage.hint}")
    return made
