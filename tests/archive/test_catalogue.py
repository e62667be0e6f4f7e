"""Of all records of a path the newest count, each piece once."""

from __future__ import annotations

from typing import Any

from earwitness.archive.catalogue import Catalogue, FileEntry, tabulate_files
from earwitness.archive.extract import ANALYSED, FAILED, GONE
from earwitness.archive.parquet_parts import ChunkRecord


def record(part: str = "p", **other: Any) -> ChunkRecord:
    values: dict[str, Any] = {
        **{"part": part, "file_id": 1, "path": "/a.wav", "size": 2, "mtime_ns": 3, "sha256": "", "attempt": 1},
        **{"state": ANALYSED, "reason": "", "notes": "", "start_time": None, "rate_hz": 8000, "number": 0},
        **{"is_last": True, "start_s": 0.0, "end_s": 4.0, "first_row": 0, "n_rows": 4, "first_clip": 0, "n_clips": 1},
    }
    return ChunkRecord(**{**values, **other})


def find(*records: ChunkRecord) -> FileEntry:
    catalogue = Catalogue()
    for each in records:
        catalogue.add([each])
    entry = catalogue.find("/a.wav")
    assert entry is not None
    return entry


def test_a_recording_is_heard_when_all_its_pieces_are_there() -> None:
    first, last = record(is_last=False, start_time=7.0), record(number=1, end_s=8.0)
    assert find(last, first).state == ANALYSED
    assert find(last, first).duration_s == 8.0
    assert find(last, first).start_time == 7.0
    assert find(first).state == "unfinished"
    alone = find(last)
    assert (alone.state, alone.chunks, alone.done) == ("unfinished", (), {1})


def test_a_piece_that_two_processes_left_counts_once() -> None:
    entry = find(record("q"), record("p"), record("r"))
    assert [each.part for each in entry.chunks] == ["p"]


def test_the_newest_attempt_counts_in_any_order() -> None:
    old, new = record(), record("q", attempt=2, size=9)
    assert find(old, new).size == find(new, old).size == 9
    assert find(old, record(attempt=2, state=GONE)).state == GONE
    assert find(record(attempt=2), record(state=FAILED)).state == ANALYSED


def test_a_failed_recording_says_why_and_has_no_rows() -> None:
    entry = find(record(is_last=False), record(state=FAILED, reason="broken"))
    assert (entry.state, entry.reason, entry.chunks) == (FAILED, "broken", ())


def test_what_is_there_already_is_known() -> None:
    catalogue = Catalogue()
    catalogue.add([record(attempt=2)])
    assert catalogue.has("/a.wav", 2, 0, ANALYSED)
    assert catalogue.has("/a.wav", 1, 5, ANALYSED), "of an older version nothing is wanted any more"
    assert not catalogue.has("/a.wav", 2, 1, ANALYSED)
    assert not catalogue.has("/a.wav", 3, 0, ANALYSED)
    assert not catalogue.has("/b.wav", 1, 0, ANALYSED)


def test_files_are_a_table_for_sql() -> None:
    table = tabulate_files([find(record(start_time=1772366400.0))])
    (row,) = table.to_pylist()
    assert (row["path"], row["state"], row["duration_s"]) == ("/a.wav", ANALYSED, 4.0)
    assert row["start_time"].isoformat() == "2026-03-01T12:00:00"
