"""Audacity's label track: start, end and label between tabs."""

from __future__ import annotations

from earwitness.results.formats.base import PLAIN, Format, RecordingResult, join_cells


def _list_labels(result: RecordingResult) -> str:
    return "".join(
        join_cells(f"{e.onset_s:.6f}", f"{e.offset_s:.6f}", f"{e.word} ({e.score:.2f})")
        for e in result.recognition.events
    )


AUDACITY = Format(name="audacity", title="Audacity labels", suffix=".labels.txt", media_type=PLAIN, rows=_list_labels)
