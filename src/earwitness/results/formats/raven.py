"""Raven's selection table: a box in time and frequency a row.

Its boxes reach from 0.0 to the highest frequency of the encoder, half its sample rate: a word has no frequencies.
"""

from __future__ import annotations

from earwitness.results.formats.base import TSV, Format, RecordingResult, join_cells, show_score, show_time

_COLUMNS = ("Selection", "View", "Channel", "Begin Time (s)", "End Time (s)", "Low Freq (Hz)", "High Freq (Hz)")


def _list_selections(result: RecordingResult) -> str:
    top_hz = result.sample_rate_hz / 2
    return "".join(
        join_cells(
            *(number, "Spectrogram 1", 1, show_time(e.onset_s), show_time(e.offset_s), 0.0, top_hz),
            *(e.word, show_score(e.score), result.recognition.source, show_time(e.onset_s)),
        )
        for number, e in enumerate(result.events, start=1)
    )


RAVEN = Format(
    name="raven",
    title="Raven selection table",
    suffix=".Table.1.selections.txt",
    media_type=TSV,
    rows=_list_selections,
    head=join_cells(*_COLUMNS, "Species", "Confidence", "Begin Path", "File Offset (s)"),
)
