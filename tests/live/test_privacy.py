"""Which windows hold speech, and rows without them."""

from __future__ import annotations

import numpy as np
import pytest

from earwitness.live.privacy import SPEECH_TAGS, Span, find_speech, join_span, leave_out
from earwitness.recognition.tags import TagScores
from earwitness.words.ontology import tag_names


@pytest.mark.parametrize("tag", SPEECH_TAGS)
def test_one_token_of_any_tag_of_speech_makes_a_window_one_of_speech(tag: str) -> None:
    logits = np.full((3, 12, 527), -5.0, np.float32)
    logits[1, 7, tag_names().index(tag)] = 0.0  # a score of 0.5
    logits[2, :, tag_names().index("Dog")] = 5.0
    assert find_speech(logits, 0.5).tolist() == [False, True, False]
    assert find_speech(logits, 0.51).tolist() == [False, False, False]


def test_rows_that_touch_a_span_are_left_out_and_others_stay_together() -> None:
    rows = TagScores(np.arange(10, dtype=np.float32)[:, None], np.arange(10, dtype=float), 1.0)
    parts = leave_out(rows, [Span(2.5, 4.0), Span(7.0, 7.5)])
    assert [part.start_s.tolist() for part in parts] == [[0, 1], [4, 5, 6], [8, 9]]
    assert [part.logits[:, 0].tolist() for part in parts] == [[0, 1], [4, 5, 6], [8, 9]]
    assert leave_out(rows, [Span(0, 10)]) == []
    assert len(leave_out(rows, [])[0].start_s) == 10


def test_spans_that_meet_are_one() -> None:
    spans: list[Span] = []
    for start_s in (0.0, 1.0, 2.0, 9.0):
        spans = join_span(spans, Span(start_s, start_s + 2))
    assert spans == [Span(0.0, 4.0), Span(9.0, 11.0)]
