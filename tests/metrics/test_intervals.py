from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from earwitness.errors import AnnotationError
from earwitness.metrics.clip_metrics import score_tags
from earwitness.metrics.counts import score_counts
from earwitness.metrics.event_metrics import EVENT_COLLAR, count_events
from earwitness.metrics.intervals import (
    Interval,
    Metric,
    bootstrap,
    bootstrap_difference,
    draw_weights,
    find_t,
    jackknife,
    jackknife_difference,
    of_sums,
)
from made_events import LABELS, make_lists

LABELS_OF_CLIPS = ("bell", "dog", "rain", "siren")
VALUES = np.random.default_rng(0).normal(5.0, 2.0, size=40)


def mean(weights: np.ndarray) -> float:
    return float(weights @ VALUES / weights.sum())


@pytest.mark.parametrize("n_free", [1, 2, 3, 4, 5, 10, 29, 30, 499, 1499])
@pytest.mark.parametrize("level", [0.5, 0.95, 0.99])
def test_student_s_t_is_that_of_scipy(n_free: int, level: float) -> None:
    stats = pytest.importorskip("scipy.stats")
    assert find_t(n_free, level) == pytest.approx(stats.t.ppf((1 + level) / 2, n_free), rel=1e-9)


def test_the_jackknife_of_a_mean_is_student_s_interval() -> None:
    found = jackknife(len(VALUES), mean)
    reach = 2.0226909 * VALUES.std(ddof=1) / math.sqrt(len(VALUES))
    assert found.value == pytest.approx(VALUES.mean())
    assert (found.low, found.high) == pytest.approx((VALUES.mean() - reach, VALUES.mean() + reach), abs=1e-6)
    assert found.method == "jackknife"


def test_the_jackknife_lies_around_the_value_without_bias() -> None:
    def variance(weights: np.ndarray) -> float:
        return float(weights @ (VALUES - mean(weights)) ** 2 / weights.sum())  # too small by (n - 1) / n

    found = jackknife(len(VALUES), variance)
    assert found.value == pytest.approx(VALUES.var())
    assert (found.low + found.high) / 2 == pytest.approx(VALUES.var(ddof=1))


def test_the_bootstrap_of_a_mean_is_close_to_student_s_interval_and_seeded() -> None:
    found = bootstrap(len(VALUES), mean, n_resamples=4000)
    student = jackknife(len(VALUES), mean)
    assert (found.low, found.high) == pytest.approx((student.low, student.high), abs=0.08)
    assert found == bootstrap(len(VALUES), mean, n_resamples=4000)
    assert found != bootstrap(len(VALUES), mean, n_resamples=4000, seed=1)
    assert found.value == pytest.approx(VALUES.mean())


@pytest.mark.slow
def test_nineteen_of_twenty_intervals_hold_the_truth() -> None:
    generator = np.random.default_rng(5)
    n_held = {"jackknife": 0, "bootstrap": 0}
    for _ in range(200):
        values = generator.normal(1.0, 3.0, size=50)
        metric = of_sums(np.stack([values, np.ones(50)], axis=1), lambda sums: float(sums[0] / sums[1]))
        for each in (jackknife(50, metric), bootstrap(50, metric, n_resamples=200)):
            n_held[each.method] += each.low <= 1.0 <= each.high
    assert 180 <= n_held["jackknife"] <= 199
    assert 175 <= n_held["bootstrap"] <= 199


def test_leaving_a_file_out_of_counts_is_scoring_without_it() -> None:
    ref, est = make_lists(np.random.default_rng(2), n_files=8)
    counts = count_events(ref, est, LABELS, EVENT_COLLAR)
    metric = of_sums(counts.values, lambda sums: score_counts(sums, counts.labels).overall.error_rate)
    weights = np.ones(8)
    weights[3] = 0
    rest = {file: events for file, events in ref.items() if file != "3.wav"}
    without = count_events(rest, {file: est[file] for file in rest}, LABELS, EVENT_COLLAR)
    assert metric(weights) == without.score().overall.error_rate
    weights[4] = 2
    assert (
        metric(weights) == score_counts(weights.astype(int) @ counts.values.swapaxes(0, 1), LABELS).overall.error_rate
    )
    assert jackknife(8, metric).low < counts.score().overall.error_rate < jackknife(8, metric).high


def test_a_paired_difference_is_surer_than_its_parts() -> None:
    worse = VALUES - 0.2 + np.random.default_rng(1).normal(0, 0.1, len(VALUES))
    found = bootstrap_difference(len(VALUES), mean, lambda weights: float(weights @ worse / weights.sum()))
    assert 0.1 < found.low < found.value < found.high < 0.3
    assert found.p_value == pytest.approx(2 / 1001)
    same = bootstrap_difference(len(VALUES), mean, mean)
    assert (same.value, same.low, same.high, same.p_value) == (0.0, 0.0, 0.0, 1.0)


def test_strata_are_drawn_apart() -> None:
    strata = ["a"] * 3 + ["b"] * 7
    for weights in draw_weights(10, 50, 0, strata):
        assert (weights[:3].sum(), weights[3:].sum()) == (3, 7)
    assert {weights[:3].sum() for weights in draw_weights(10, 50, 0)} != {3.0}


def test_draws_without_a_number_are_left_out_and_told() -> None:
    only_first = of_sums(np.eye(5)[:, :1], lambda sums: math.nan if sums[0] == 0 else 1.0)
    found = bootstrap(5, only_first, n_resamples=100)
    assert 10 < found.n_undefined < 60
    assert (found.low, found.high) == (1.0, 1.0)
    nothing = bootstrap(5, lambda _: math.nan)
    assert nothing.to_dict() == {
        "value": None,
        "low": None,
        "high": None,
        "level": 0.95,
        "method": "bootstrap",
        "n_undefined": 1000,
    }
    assert math.isnan(jackknife(5, lambda _: math.nan).low)
    assert jackknife(5, only_first).n_undefined == 1


def draw_ranking(generator: np.random.Generator, n_files: int, gain: float) -> tuple[np.ndarray, np.ndarray]:
    """Return whether clips hold labels, one in five, and scores that are higher by `gain` where they do."""
    is_there = generator.random((n_files, 4)) < 0.2
    return is_there, generator.standard_normal(is_there.shape) + gain * is_there


def make_map(is_there: np.ndarray, scores: np.ndarray) -> Metric:
    return lambda weights: score_tags(is_there, scores, LABELS_OF_CLIPS, weights).mean_average_precision


def simulate_map(interval: Callable[[int, Metric], Interval], n_sets: int) -> tuple[float, float, float]:
    """Return how many of the intervals hold the truth, their middle's bias, and the value's own."""
    generator, n_files = np.random.default_rng(7), 60
    truth = make_map(*draw_ranking(generator, 100_000, 1.0))(np.ones(100_000))
    found = [interval(n_files, make_map(*draw_ranking(generator, n_files, 1.0))) for _ in range(n_sets)]
    held = np.mean([each.low <= truth <= each.high for each in found])
    middle = np.mean([(each.low + each.high) / 2 for each in found]) - truth
    return float(held), float(middle), float(np.mean([each.value for each in found]) - truth)


def test_the_jackknife_of_map_holds_the_truth_and_has_no_bias() -> None:
    n_sets = 60
    held, bias, own = simulate_map(lambda n, metric: jackknife(n, metric, n_groups=20), n_sets)
    error = math.sqrt(0.95 * 0.05 / n_sets)
    assert abs(held - 0.95) < 3 * error + 0.01
    assert abs(bias) < 0.015 + 0.06 / math.sqrt(n_sets)  # the spread of one middle is 0.06
    assert own > 0.03  # few clips flatter, which the middle takes off


def test_the_bootstrap_of_map_is_too_high_for_it_repeats_clips() -> None:
    held, bias, own = simulate_map(lambda n, metric: bootstrap(n, metric, n_resamples=40), 40)
    assert held < 0.9
    assert bias > own


def test_the_jackknife_of_a_difference_tells_a_better_ranking_from_an_equal_one() -> None:
    is_there, scores = draw_ranking(np.random.default_rng(3), 200, 1.0)
    noise = np.random.default_rng(4).standard_normal(scores.shape)
    whole, worse = make_map(is_there, scores), make_map(is_there, scores + 2 * noise)
    found = jackknife_difference(200, whole, worse, n_groups=40)
    assert found.value == pytest.approx(whole(np.ones(200)) - worse(np.ones(200)))
    assert found.low > 0
    assert found.p_value < 0.01
    alike = jackknife_difference(200, whole, make_map(is_there, scores + 0.01 * noise), n_groups=40)
    assert alike.low < 0 < alike.high
    assert alike.p_value > 0.05
    same = jackknife_difference(200, whole, whole, n_groups=10)
    assert (same.value, same.low, same.high, same.p_value) == (0, 0, 0, 1)


def test_the_jackknife_of_a_difference_of_means_is_the_paired_t_test() -> None:
    stats = pytest.importorskip("scipy.stats")
    other = VALUES + np.random.default_rng(1).normal(0.3, 1.0, size=len(VALUES))
    found = jackknife_difference(len(VALUES), mean, lambda weights: float(weights @ other / weights.sum()))
    assert found.p_value == pytest.approx(stats.ttest_rel(VALUES, other).pvalue, rel=1e-6)


def test_what_has_no_interval_is_reported() -> None:
    with pytest.raises(AnnotationError, match="1 files: an interval needs at least 2"):
        jackknife(1, mean)
    with pytest.raises(AnnotationError, match="level 95"):
        bootstrap(40, mean, level=95)
    with pytest.raises(AnnotationError, match="2 strata for 40 files"):
        bootstrap(40, mean, strata=["a", "b"])
