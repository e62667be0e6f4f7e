from __future__ import annotations

import math

import numpy as np
import pytest

from earwitness.errors import AnnotationError
from earwitness.metrics.segment_metrics import count_segments
from made_events import LABELS, Lists, as_dicts, assert_same, event, flatten, make_lists, reference_tools

with reference_tools():
    import sed_eval


def score_with_sed_eval(ref: Lists, est: Lists, segment_s: float, duration_s: float | None) -> dict[str, float]:
    with reference_tools():
        metric = sed_eval.sound_event.SegmentBasedMetrics(list(LABELS), segment_s)
        for file in ref:
            metric.evaluate(as_dicts(ref[file]), as_dicts(est[file]), duration_s)
        return flatten(metric.results())


@pytest.mark.parametrize(("segment_s", "duration_s"), [(1.0, None), (1.0, 5.0), (0.1, None)])
def test_random_lists_score_as_in_sed_eval(segment_s: float, duration_s: float | None) -> None:
    generator = np.random.default_rng(17)
    for _ in range(250 if segment_s == 1.0 else 30):
        ref, est = make_lists(generator)
        durations_s = None if duration_s is None else dict.fromkeys(ref, duration_s)
        scores = count_segments(ref, est, LABELS, segment_s, durations_s).score()
        assert_same(scores, score_with_sed_eval(ref, est, segment_s, duration_s))


def test_a_segment_that_an_event_touches_holds_it() -> None:
    scores = count_segments({"a": [event("speech", 0.9, 2.1)]}, {"a": [event("speech", 1.0, 2.0)]}, None).score()
    assert (scores.overall.n_ref, scores.overall.n_est, scores.overall.n_hits) == (3, 1, 1)
    assert scores.overall.error_rate == pytest.approx(2 / 3)


def test_wrong_labels_in_a_segment_are_substitutions_and_the_surplus_insertions() -> None:
    ref = {"a": [event("speech", 0.0, 1.0)]}
    est = {"a": [event("dog", 0.0, 1.0), event("cat", 0.0, 1.0)]}
    overall = count_segments(ref, est, None).score().overall
    assert (overall.n_substitutions, overall.n_deletions, overall.n_insertions) == (1, 0, 1)
    assert overall.error_rate == 2.0


def test_files_without_anything_change_nothing() -> None:
    ref, est = {"a": [event("dog", 0.0, 1.0)], "b": []}, {"a": [event("dog", 0.0, 1.0)], "b": []}
    assert count_segments(ref, est, None).score().overall.f1 == 1.0
    assert math.isnan(count_segments({"b": []}, {"b": []}, ["dog"]).score().overall.f1)


def test_times_and_durations_that_cannot_be_are_refused() -> None:
    late = {"a": [event("dog", 0.0, 1e12)]}
    with pytest.raises(AnnotationError, match=r"a: ends at 1000000000000.0 s; give times in seconds, not in samples"):
        count_segments(late, late, None)
    with pytest.raises(AnnotationError, match=r"a: its duration is None; give seconds above 0"):
        count_segments(late, late, None, durations_s={"b": 3.0})
    with pytest.raises(AnnotationError, match="segment_s 0: give a length in seconds above 0"):
        count_segments(late, late, None, segment_s=0)
