from __future__ import annotations

import math

import numpy as np
import pytest

from earwitness.errors import AnnotationError
from earwitness.metrics.counts import DetectionCounts, DetectionScores, mean_of_defined, score_counts


def test_rates_follow_from_counts() -> None:
    counts = DetectionCounts(n_ref=10, n_est=8, n_hits=5, n_substitutions=2)
    assert (counts.n_deletions, counts.n_insertions) == (3, 1)
    assert (counts.precision, counts.recall) == (5 / 8, 5 / 10)
    assert counts.f1 == pytest.approx(10 / 18)
    assert counts.error_rate == pytest.approx((2 + 3 + 1) / 10)


def test_a_label_that_is_never_said_is_left_out_of_the_mean_or_counts_as_zero() -> None:
    by_label = {"said": DetectionCounts(4, 4, 4), "unsaid": DetectionCounts(4, 0, 0)}
    overall = DetectionCounts(8, 4, 4)
    assert DetectionScores(overall, by_label).macro_f1 == 1.0
    assert DetectionScores(overall, by_label, is_silence_zero=True).macro_f1 == 0.5
    assert DetectionScores(overall, by_label, is_silence_zero=True).macro_precision == 0.5
    assert DetectionScores(overall, by_label).macro_recall == 0.5
    assert DetectionScores(overall, by_label).macro_error_rate == 0.5


def test_the_mean_of_nothing_defined_is_nan() -> None:
    assert math.isnan(mean_of_defined([math.nan]))
    assert mean_of_defined([1.0, math.nan, 2.0]) == 1.5


def test_counts_are_plain_values_for_json() -> None:
    scores = score_counts(np.array([[0, 1, 0, 0], [2, 1, 1, 0], [2, 2, 1, 0]]), ["a", "b"])
    assert scores.by_label["a"].to_dict()["recall"] is None
    assert scores.overall.to_dict()["n_hits"] == 1


def test_counts_must_fit_the_labels() -> None:
    with pytest.raises(AnnotationError, match=r"shape \(2, 4\): for 2 labels give \(3, 4\)"):
        score_counts(np.zeros((2, 4)), ["a", "b"])
