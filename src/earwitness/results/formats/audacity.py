"""Audacity's label track: start, end and label between tabs."""

from __future__ import annotations

from earwitness.results.formats.base import PLAIN, Format, RecordingResult, join_cells, show_time


def _list_labels(result: RecordingResult) -> str:
    return "".join(
        join_cells(show_time(e.onset_s), show_time(e.offset_s), f"{e.word} ({e.score:.2f})") for e in result.events
    )


AUDACITY = Format(name="audacity", title="Audacity labels", suffix=".labels.txt", media_type=PLAIN, rows=_list_labels)
