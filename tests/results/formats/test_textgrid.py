"""Praat's TextGrids."""

from __future__ import annotations

import re
from dataclasses import replace

from earwitness.results.formats.textgrid import TEXTGRID
from made_recognitions import RECOGNITION, SILENT, encode


def read_intervals(text: str) -> list[tuple[float, float, str]]:
    found = re.findall(r'\[\d+\]:\s+xmin = (\S+)\s+xmax = (\S+)\s+text = "(.*)"\n', text)
    return [(float(first), float(last), word) for first, last, word in found]


def test_a_tier_a_word_fills_the_recording() -> None:
    text = encode(TEXTGRID, RECOGNITION)
    assert "size = 2\n" in text
    assert 'name = "a ""quoted"", word"' in text
    assert read_intervals(text)[:3] == [(0.0, 0.16, ""), (0.16, 2.4, "dog bark"), (2.4, 12.5, "")]
    assert read_intervals(encode(TEXTGRID, replace(SILENT, event_words=[]))) == [(0.0, 12.5, "")]


def test_events_that_overlap_are_cut_for_a_tier_knows_no_overlap() -> None:
    (event, *_) = RECOGNITION.events
    events = [replace(event, onset_s=onset, offset_s=offset) for onset, offset in ((1, 4), (2, 3), (3, 14))]
    text = encode(TEXTGRID, replace(RECOGNITION, events=events, event_words=["dog bark"]))
    assert read_intervals(text) == [(0, 1, ""), (1, 4, "dog bark"), (4, 12.5, "dog bark")]
