"""Kaleidoscope's CSV: folder, file, offset and duration of each event, to look through in Wildlife Acoustics' viewer.

TOP1MATCH is the word; TOP1DIST is its distance, one less the score, for Kaleidoscope puts the nearest first; MANUAL ID
is left for the reviewer.
"""

from __future__ import annotations

from earwitness.results.formats.base import Format, RecordingResult, show_score, show_time
from earwitness.results.formats.csv_tables import format_rows

_COLUMNS = ("INDIR", "FOLDER", "IN FILE", "CHANNEL", "OFFSET", "DURATION", "TOP1MATCH", "TOP1DIST", "MANUAL ID")


def _list_events(result: RecordingResult) -> str:
    folder = result.path.parent
    place = str(folder.parent), folder.name, result.path.name, 0
    return format_rows(
        (*place, show_time(e.onset_s), show_time(e.offset_s - e.onset_s), e.word, show_score(1 - e.score), "")
        for e in result.events
    )


KALEIDOSCOPE = Format(
    name="kaleidoscope",
    title="Kaleidoscope table",
    suffix=".kaleidoscope.csv",
    media_type="text/csv; charset=utf-8",
    rows=_list_events,
    head=format_rows([_COLUMNS]),
    run_file="kaleidoscope.csv",
)
