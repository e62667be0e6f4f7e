"""What a store knows of each recording, from the records in its parts: heard, failed, gone, or unfinished.

In: `PieceRecord`s of all parts, in any order, some of them twice. Out: one `FileEntry` a path, its newest version.

The highest attempt of a path counts. The same piece in two parts, as two processes may leave it, has the same content;
the part whose name sorts first is taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from earwitness.archive.extract import FAILED, GONE, HEARD
from earwitness.archive.part_files import PieceRecord, import_pyarrow
from earwitness.archive.start_times import format_time

UNFINISHED = "unfinished"


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One recording: `pieces` are those that were heard, in order and without a gap from the beginning."""

    path: str
    file_id: int
    size: int
    mtime_ns: int
    sha256: str
    attempt: int
    state: str
    reason: str
    notes: str
    start_time: float | None
    rate_hz: int
    duration_s: float
    pieces: tuple[PieceRecord, ...]
    done: frozenset[int]


class Catalogue:
    """The newest records of every path; it grows as parts are added."""

    def __init__(self) -> None:
        self._records: dict[str, list[PieceRecord]] = {}

    def add(self, records: Iterable[PieceRecord]) -> None:
        """Take a part's records."""
        for each in records:
            known = self._records.get(each.path)
            if known is None or each.attempt > known[0].attempt:
                self._records[each.path] = [each]
            elif each.attempt == known[0].attempt:
                known.append(each)

    def has(self, path: str, attempt: int, number: int, state: str) -> bool:
        """Say whether a piece is there, or a newer version of its file."""
        known = self._records.get(path)
        if known is None or known[0].attempt < attempt:
            return False
        if known[0].attempt > attempt:
            return True
        return any((each.number, each.state) == (number, state) for each in known)

    def find(self, path: str) -> FileEntry | None:
        """Return what is known of a path, None if it has never been seen."""
        known = self._records.get(path)
        return _merge(known) if known else None

    def __iter__(self) -> Iterator[FileEntry]:
        return (_merge(self._records[path]) for path in sorted(self._records))

    def __len__(self) -> int:
        return len(self._records)


def _merge(records: list[PieceRecord]) -> FileEntry:
    """Return one entry of the records of one attempt."""
    heard: dict[int, PieceRecord] = {}
    for each in sorted(records, key=lambda each: each.part):
        if each.state == HEARD:
            heard.setdefault(each.number, each)
    pieces: list[PieceRecord] = []
    while len(pieces) in heard:
        pieces.append(heard[len(pieces)])
    ended = [each for each in records if each.state != HEARD]
    if ended:
        state, told = ended[-1].state, ended[-1]
    else:
        is_whole = bool(pieces) and pieces[-1].is_last
        state, told = (HEARD if is_whole else UNFINISHED), (pieces or records)[-1]
    starts = [each.start_time for each in (*pieces, told) if each.start_time is not None]
    return FileEntry(
        *(told.path, told.file_id, told.size, told.mtime_ns, told.sha256, told.attempt, state),
        reason=told.reason,
        notes=told.notes,
        start_time=starts[-1] if starts else None,
        rate_hz=told.rate_hz,
        duration_s=pieces[-1].end_s if pieces else 0.0,
        pieces=tuple(pieces) if state in (HEARD, UNFINISHED) else (),
        done=frozenset(heard),
    )


def tabulate_files(entries: Iterable[FileEntry]) -> Any:
    """Return the files as a pyarrow table, for SQL: one row a path."""
    pyarrow, _ = import_pyarrow()
    names = ("file_id", "path", "size", "mtime_ns", "sha256", "attempt", "state", "reason", "notes", "rate_hz")
    kept = list(entries)
    columns: dict[str, Any] = {name: [getattr(each, name) for each in kept] for name in names}
    columns["duration_s"] = pyarrow.array([each.duration_s for each in kept], pyarrow.float64())
    times = [None if each.start_time is None else format_time(each.start_time) for each in kept]
    columns["start_time"] = pyarrow.array(times, pyarrow.string()).cast(pyarrow.timestamp("s"))
    for name in ("file_id", "size", "mtime_ns", "attempt", "rate_hz"):
        columns[name] = pyarrow.array(columns[name], pyarrow.int64())
    for name in ("path", "sha256", "state", "reason", "notes"):
        columns[name] = pyarrow.array(columns[name], pyarrow.string())
    return pyarrow.table(columns)


STATES = (HEARD, UNFINISHED, FAILED, GONE)
