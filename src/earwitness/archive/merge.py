"""Merge the stores of several machines or shards into one; a merged store leaves out what has been replaced.

In: stores with the same provenance. Out: their newest recordings in one store. It can be killed and run again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from earwitness.archive.catalogue import FileEntry, group_by_part
from earwitness.archive.extract import FAILED, GONE, Chunk
from earwitness.archive.parquet_parts import read_chunks
from earwitness.archive.store import Store, make_store
from earwitness.errors import ArchiveError

ROWS_A_PART = 7200


@dataclass(frozen=True)
class MergeReport:
    """How many recordings were added, how many were there already, and what could not be read."""

    n_added: int
    n_known: int
    problems: list[str]


def merge_stores(target: str | Path, sources: Sequence[str | Path]) -> MergeReport:
    """Add the newest version of every recording of some stores to one, which is made if it is not there.

    Of two versions of a path the file that was written later counts, then the one with more attempts.

    Raises:
        ArchiveError: a store cannot be read, was made otherwise, or the target cannot be written.
    """
    stores = [Store(source) for source in sources]
    for each in stores[1:]:
        each.check_provenance(stores[0].provenance)
    into = make_store(target, stores[0].provenance)
    into.check_provenance(stores[0].provenance)
    into.tidy()
    newest: dict[str, tuple[FileEntry, Store]] = {}
    for store in stores:
        for entry in store.catalogue:
            if entry.path not in newest or _rank(entry) > _rank(newest[entry.path][0]):
                newest[entry.path] = (entry, store)
    problems = [reason for store in stores for reason in store.damaged.values()]
    n_known, attempts = 0, dict[str, int]()
    for path, (entry, _) in newest.items():
        there = into.catalogue.find(path)
        if there is not None and _rank(there) >= _rank(entry) and there.done >= entry.done:
            n_known += 1
        else:
            is_same = there is not None and there.file_id == entry.file_id
            attempts[path] = entry.attempt if there is None or is_same else max(there.attempt + 1, entry.attempt)
    for store in stores:
        wanted = [entry for entry, home in newest.values() if home is store and entry.path in attempts]
        _copy(store, into, wanted, attempts, problems)
    return MergeReport(len(attempts), n_known, list(dict.fromkeys(problems)))


def _copy(
    store: Store, into: Store, wanted: Sequence[FileEntry], attempts: dict[str, int], problems: list[str]
) -> None:
    """Commit the chunks of some recordings, part by part."""
    gathered = [_record_end(entry, attempts[entry.path]) for entry in wanted if entry.state in (FAILED, GONE)]
    n_rows = 0
    for part, found in group_by_part(wanted).items():
        try:
            chunks = list(read_chunks(store.part_path(part), [record for _, record in found]))
        except ArchiveError as error:
            problems.append(str(error))
            continue
        gathered += [replace(chunk, attempt=attempts[chunk.path]) for chunk in chunks]
        n_rows += sum(len(each.rows) for each in chunks)
        if n_rows >= ROWS_A_PART:
            into.commit(gathered)
            gathered, n_rows = [], 0
    if gathered:
        into.commit(gathered)


def _record_end(entry: FileEntry, attempt: int) -> Chunk:
    """Return the record of a recording that failed or is gone."""
    return Chunk(
        *(entry.path, entry.size, entry.mtime_ns, entry.sha256, attempt, entry.state, entry.reason),
        rate_hz=entry.rate_hz,
        start_time=entry.start_time,
    )


def _rank(entry: FileEntry) -> tuple[int, bool, int, int]:
    """Return what decides between two versions of a path: the file's time, not failed, attempts, number of chunks."""
    return entry.mtime_ns, entry.state != FAILED, entry.attempt, len(entry.chunks)
