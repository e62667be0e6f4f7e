"""DCASE's table of events: file, onset, offset and label between tabs; a file without events is its name alone."""

from __future__ import annotations

from earwitness.results.formats.base import TSV, Format, RecordingResult, join_cells, show_time


def _list_events(result: RecordingResult) -> str:
    name = result.path.name
    rows = [join_cells(name, show_time(e.onset_s), show_time(e.offset_s), e.word) for e in result.recognition.events]
    return "".join(rows or [join_cells(name)])


DCASE = Format(
    name="dcase",
    title="DCASE table of events",
    suffix=".dcase.tsv",
    media_type=TSV,
    rows=_list_events,
    run_file="events_dcase.tsv",
)
