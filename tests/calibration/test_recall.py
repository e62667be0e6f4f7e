"""What is still found of labelled events, on curves drawn by hand."""

from __future__ import annotations

import numpy as np
import pytest

from earwitness.calibration.recall import measure_recall
from earwitness.calibration.thresholds import WordTraces
from earwitness.recognition.evidence import ScoreTrack
from earwitness.settings import Settings

WORDS = ("siren",)


def draw(*peaks: tuple[float, float]) -> WordTraces:
    """Draw a minute of scores with single peaks: at which second, how high."""
    scores = np.zeros((600, 1), np.float32)
    for time_s, score in peaks:
        scores[round(time_s * 10), 0] = score
    return WordTraces(ScoreTrack(scores, WORDS, 0.1 * np.arange(600), 0.1), 60.0)


def test_recall_and_stricter_thresholds_are_told() -> None:
    clips = [
        (draw((10, 0.9), (30, 0.6)), [(9.8, 10.5), (50.0, 51.0)]),  # found, a false alarm, missed
        (draw((20, 0.8)), [(20.3, 21.0)]),  # found, from near
    ]
    found = measure_recall(clips, 0, 0.5, Settings())
    assert found is not None
    assert (found.n_labelled, found.n_found, found.n_besides) == (3, 2, 1)
    assert (found.recall, found.f1) == pytest.approx((2 / 3, 2 / 3))
    assert 0.78 < found.strictest < 0.8
    assert found.best == found.strictest  # the false alarm is gone
    assert found.best_f1 == pytest.approx(0.8)


def test_no_threshold_below_the_promise_is_tried() -> None:
    found = measure_recall([(draw((10, 0.4)), [(9.8, 10.5)])], 0, 0.5, Settings())
    assert found is not None
    assert (found.n_found, found.recall, found.f1, found.best_f1) == (0, 0.0, 0.0, 0.0)
    assert found.best >= 0.5


def test_a_word_that_is_not_labelled_has_no_recall() -> None:
    assert measure_recall([(draw((10, 0.9)), [])], 0, 0.5, Settings()) is None
