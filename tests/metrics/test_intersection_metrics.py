from __future__ import annotations

import pytest

from earwitness.errors import AnnotationError
from earwitness.metrics.intersection_metrics import Criteria, count_intersections
from made_events import event

# Numbers of sed_scores_eval on random files are compared in test_psds.py.


def test_several_estimates_may_find_one_reference() -> None:
    ref = {"a": [event("dog", 0.0, 10.0)]}
    est = {"a": [event("dog", 0.0, 3.0), event("dog", 4.0, 7.0)]}
    overall = count_intersections(ref, est, None).score().overall
    assert (overall.n_hits, overall.n_insertions, overall.f1) == (1, 0, 1.0)


def test_an_estimate_that_is_mostly_wrong_does_not_help() -> None:
    ref = {"a": [event("dog", 0.0, 10.0)]}
    est = {"a": [event("dog", 0.0, 4.0), event("dog", 8.0, 13.0)]}  # 2 s of 5 s are right
    overall = count_intersections(ref, est, None).score().overall
    assert (overall.n_hits, overall.n_insertions, overall.n_deletions) == (0, 1, 1)


@pytest.mark.parametrize(("dtc", "gtc", "n_hits"), [(0.5, 0.25, 1), (0.51, 0.25, 0), (0.5, 0.26, 0)])
def test_shares_are_inclusive(dtc: float, gtc: float, n_hits: int) -> None:
    ref, est = {"a": [event("dog", 0.0, 8.0)]}, {"a": [event("dog", 6.0, 10.0)]}
    assert count_intersections(ref, est, None, Criteria(dtc, gtc)).score().overall.n_hits == n_hits


def test_an_estimate_without_length_does_not_count() -> None:
    ref, est = {"a": [event("dog", 0.0, 8.0)]}, {"a": [event("dog", 1.0, 1.0)]}
    overall = count_intersections(ref, est, None).score().overall
    assert (overall.n_est, overall.n_deletions) == (0, 1)


def test_another_label_covers_nothing() -> None:
    counts = count_intersections(
        {"a": [event("dog", 0.0, 8.0)], "b": []}, {"a": [event("cat", 0.0, 8.0)], "b": []}, None
    )
    assert counts.labels == ("cat", "dog")
    assert counts.values[0].tolist() == [[0, 1, 0, 0], [1, 0, 0, 0], [1, 1, 0, 0]]


def test_criteria_are_shares() -> None:
    with pytest.raises(AnnotationError, match="dtc 0: give a share above 0, up to 1"):
        Criteria(0, 0.5)
    with pytest.raises(AnnotationError, match="cttc 30"):
        Criteria(0.5, 0.5, 30)
