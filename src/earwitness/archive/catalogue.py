"""What a store holds of each recording: analysed, failed, gone or unfinished.

In: `ChunkRecord`s of all parts, in any order, some of them twice. Out: one `FileEntry` per path, its newest version.

The highest attempt of a path counts. Two processes may leave the same chunk in two parts: the content is equal, and the
part whose name sorts first is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from earwitness.archive.extract import ANALYSED, FileVersion
from earwitness.archive.parquet_parts import ChunkRecord, import_pyarrow
from earwitness.archive.parquet_schema import COLUMNS, FILES
from earwitness.archive.start_times import format_time

UNFINISHED = "unfinished"


@dataclass(frozen=True, slots=True)
class FileEntry(FileVersion):
    """The newest version of one recording.

    Attributes:
        duration_s: how far it has been analysed.
        chunks: those analysed, in order and without a gap from the beginning; none where it failed or is gone.
        done: the numbers of all chunks analysed.
    """

    file_id: int
    reason: str
    notes: str
    start_time: float | None
    rate_hz: int
    duration_s: float
    chunks: tuple[ChunkRecord, ...]
    done: frozenset[int]


class Catalogue:
    """The newest records of every path; it grows as parts are added."""

    def __init__(self) -> None:
        self._records: dict[str, list[ChunkRecord]] = {}

    def add(self, records: Iterable[ChunkRecord]) -> None:
        """Add a part's records."""
        for each in records:
            known = self._records.get(each.path)
            if known is None or each.attempt > known[0].attempt:
                self._records[each.path] = [each]
            elif each.attempt == known[0].attempt:
                known.append(each)

    def has(self, path: str, attempt: int, number: int, state: str) -> bool:
        """Return whether a chunk is there, or a newer version of its file."""
        known = self._records.get(path)
        if known is None or known[0].attempt < attempt:
            return False
        if known[0].attempt > attempt:
            return True
        return any((each.number, each.state) == (number, state) for each in known)

    def find(self, path: str) -> FileEntry | None:
        """Return the entry of a path, None if there is none."""
        return _merge(self._records[path]) if path in self._records else None

    def __iter__(self) -> Iterator[FileEntry]:
        return (_merge(self._records[path]) for path in sorted(self._records))

    def __len__(self) -> int:
        return len(self._records)


def _merge(records: list[ChunkRecord]) -> FileEntry:
    """Return the entry that the records of one attempt make."""
    analysed: dict[int, ChunkRecord] = {}
    for each in sorted(records, key=lambda each: each.part):
        if each.state == ANALYSED:
            analysed.setdefault(each.number, each)
    chunks: list[ChunkRecord] = []
    while len(chunks) in analysed:
        chunks.append(analysed[len(chunks)])
    ended = [each for each in records if each.state != ANALYSED]
    if ended:
        state, latest = ended[-1].state, ended[-1]
    else:
        is_whole = bool(chunks) and chunks[-1].is_last
        state, latest = (ANALYSED if is_whole else UNFINISHED), (chunks or records)[-1]
    starts = [each.start_time for each in (*chunks, latest) if each.start_time is not None]
    return FileEntry(
        *(latest.path, latest.size, latest.mtime_ns, latest.sha256, latest.attempt, state),
        file_id=latest.file_id,
        reason=latest.reason,
        notes=latest.notes,
        start_time=starts[-1] if starts else None,
        rate_hz=latest.rate_hz,
        duration_s=chunks[-1].end_s if chunks else 0.0,
        chunks=tuple(chunks) if state in (ANALYSED, UNFINISHED) else (),
        done=frozenset(analysed),
    )


def group_by_part(entries: Iterable[FileEntry]) -> dict[str, list[tuple[FileEntry, ChunkRecord]]]:
    """Return the chunks of files, with their file, by the part that holds them."""
    by_part: dict[str, list[tuple[FileEntry, ChunkRecord]]] = {}
    for entry in entries:
        for chunk in entry.chunks:
            by_part.setdefault(chunk.part, []).append((entry, chunk))
    return by_part


def tabulate_files(entries: Iterable[FileEntry]) -> Any:
    """Return the files as a pyarrow table, for SQL: a row per path."""
    pyarrow, _ = import_pyarrow()
    names = ("file_id", "path", "size", "mtime_ns", "sha256", "attempt", "state", "reason", "notes", "rate_hz")
    listed = list(entries)
    columns: dict[str, Any] = {}
    for name in (*names, "duration_s"):
        type_name = COLUMNS[FILES].get(name, "double")
        columns[name] = pyarrow.array([getattr(each, name) for each in listed], pyarrow.type_for_alias(type_name))
    times = [None if each.start_time is None else format_time(each.start_time) for each in listed]
    columns["start_time"] = pyarrow.array(times, pyarrow.string()).cast(pyarrow.timestamp("s"))
    return pyarrow.table(columns)
