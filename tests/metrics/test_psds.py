from __future__ import annotations

import json
import math

import numpy as np
import pytest

from earwitness.errors import AnnotationError
from earwitness.metrics.event_metrics import Collar
from earwitness.metrics.intersection_metrics import DESED_CRITERIA, Criteria, count_intersections
from earwitness.metrics.intervals import bootstrap
from earwitness.metrics.psds import PSDS_1, PSDS_2, PsdsScores, PsdsSettings, count_curves
from earwitness.metrics.score_curves import ScoreCurves
from made_events import event, reference_tools, score_events
from make_psds_golden import (
    GOLDEN,
    LABELS,
    N_CASES,
    SETTINGS,
    THRESHOLD,
    Curves,
    Events,
    find_durations,
    make_case,
    score_with_sed_scores_eval,
)


def score_psds(
    ref: Events, est: Curves, settings: PsdsSettings, durations_s: dict[str, float] | None = None
) -> PsdsScores:
    return count_curves(ref, est, settings, durations_s).score()


def score_all(ref: Events, est: Curves) -> dict[str, dict[str, float]]:
    """Return our numbers under the names of the golden file."""
    found = {}
    for name, settings in SETTINGS.items():
        scores = score_psds(ref, est, settings, find_durations(est))
        found[name] = {"all": scores.psds, **scores.by_label}
    events = {file: each.find_events(THRESHOLD) for file, each in est.items()}
    for name, scores in (
        ("intersection", count_intersections(ref, events, LABELS).score(is_silence_zero=True)),
        ("collar", score_events(ref, events, LABELS, Collar(0.2, 0.2, 0.2, time_decimals=6), is_silence_zero=True)),
    ):
        by_label = {label: each.count_silence_as_zero()[2] for label, each in scores.by_label.items()}
        found[name] = {"all": scores.macro_f1, "micro": scores.overall.count_silence_as_zero()[2], **by_label}
    return found


def assert_same(found: dict[str, dict[str, float]], expected: dict[str, dict[str, float]]) -> None:
    for name, values in expected.items():
        assert found[name] == pytest.approx(values, abs=1e-9), name


@pytest.mark.slow
def test_made_files_score_as_sed_scores_eval_scored_them() -> None:
    golden = json.loads(GOLDEN.read_text())
    assert len(golden) == N_CASES
    for seed, expected in enumerate(golden):
        assert_same(score_all(*make_case(seed)), expected)
    assert len({expected["psds1"]["all"] for expected in golden}) > 10


def test_more_made_files_score_as_in_sed_scores_eval() -> None:
    with reference_tools():
        pytest.importorskip("sed_scores_eval")
    for seed in range(100, 1100):
        case = make_case(seed)
        assert_same(score_all(*case), score_with_sed_scores_eval(*case))


def test_scenarios_are_the_published_ones() -> None:
    assert PsdsSettings(Criteria(0.7, 0.7), alpha_ct=0.0, alpha_st=1.0, max_efpr=100.0) == PSDS_1
    assert PsdsSettings(Criteria(0.1, 0.1, 0.3), alpha_ct=0.5, alpha_st=1.0, max_efpr=100.0) == PSDS_2
    assert Criteria(0.5, 0.5) == DESED_CRITERIA


# One file of 100 s; the reference lasts from 10 to 20 s. Scores: 0.9 where it is, 0.6 in a false alarm of 10 s.
EDGES_S = np.arange(11) * 10.0
REF = {"a": [event("Dog", 10.0, 20.0)]}


def make_curve(scores: dict[int, float], label: str = "Dog") -> ScoreCurves:
    values = np.full((10, 1), 0.1)
    for index, score in scores.items():
        values[index] = score
    return ScoreCurves((label,), EDGES_S, values)


def test_a_perfect_curve_scores_1() -> None:
    assert score_psds(REF, {"a": make_curve({1: 0.9})}, PSDS_1).psds == 1.0


def test_what_is_found_after_false_alarms_counts_from_there_on() -> None:
    scores = score_psds(REF, {"a": make_curve({1: 0.6, 5: 0.9})}, PSDS_1)  # one false alarm in 100 s: 36 an hour
    assert scores.psds == pytest.approx(0.64)
    assert scores.efpr.tolist() == [0.0, 36.0]
    assert scores.etpr.tolist() == [0.0, 1.0]


def test_false_alarms_beyond_the_limit_end_the_curve() -> None:
    tight = PsdsSettings(PSDS_1.criteria, max_efpr=30.0)
    assert score_psds(REF, {"a": make_curve({1: 0.6, 5: 0.9})}, tight).psds == 0.0
    met = PsdsSettings(PSDS_1.criteria, max_efpr=36.0)
    assert score_psds(REF, {"a": make_curve({1: 0.6, 5: 0.9})}, met).efpr.tolist() == [0.0, 36.0]


@pytest.mark.parametrize(("dtc", "psds"), [(0.5, 1.0), (0.51, 0.0)])
def test_an_estimate_must_be_covered_by_dtc(dtc: float, psds: float) -> None:
    curve = make_curve({1: 0.9, 2: 0.9})  # half of it is the reference
    assert score_psds(REF, {"a": curve}, PsdsSettings(Criteria(dtc, 0.5))).psds == psds


@pytest.mark.parametrize(("gtc", "psds"), [(0.5, 1.0), (0.51, 0.0)])
def test_a_reference_must_be_covered_by_gtc(gtc: float, psds: float) -> None:
    ref = {"a": [event("Dog", 10.0, 30.0)]}  # half of it is estimated
    assert score_psds(ref, {"a": make_curve({1: 0.9})}, PsdsSettings(Criteria(0.5, gtc))).psds == psds


@pytest.mark.parametrize(("cttc", "efpr"), [(0.5, 36.0 + 0.5 * 3600 / 5), (0.6, 36.0)])
def test_a_wrong_estimate_over_another_label_is_a_cross_trigger(cttc: float, efpr: float) -> None:
    ref = {"a": [event("Dog", 10.0, 20.0), event("Cat", 50.0, 55.0)]}
    values = np.full((10, 2), -math.inf)
    values[1, 0], values[5, 0] = 0.6, 0.9  # Dog is said first where for half the time a cat is
    est = {"a": ScoreCurves(("Dog", "Cat"), EDGES_S, values)}
    settings = PsdsSettings(Criteria(0.7, 0.7, cttc), alpha_ct=0.5, max_efpr=1000.0)
    assert score_psds(ref, est, settings).by_label["Dog"] == pytest.approx(1 - efpr / 1000)


def test_the_spread_over_labels_is_taken_off() -> None:
    ref = {"a": [event("Dog", 10.0, 20.0), event("Cat", 50.0, 60.0)]}
    values = np.full((10, 2), -math.inf)
    values[1, 0] = 0.9
    est = {"a": ScoreCurves(("Dog", "Cat"), EDGES_S, values)}
    for alpha_st, psds in ((0.0, 0.5), (0.5, 0.25), (1.0, 0.0)):
        assert score_psds(ref, est, PsdsSettings(Criteria(0.7, 0.7), alpha_st=alpha_st)).psds == pytest.approx(psds)


def test_durations_change_how_many_false_alarms_an_hour_there_are() -> None:
    est = {"a": make_curve({1: 0.6, 5: 0.9})}
    assert score_psds(REF, est, PSDS_1, {"a": 200.0}).psds == pytest.approx(0.82)
    with pytest.raises(AnnotationError, match="a: its duration is None"):
        score_psds(REF, est, PSDS_1, {"b": 200.0})


def test_weights_count_files_again() -> None:
    ref, est = make_case(3)
    counts = count_curves(ref, est, PSDS_2)
    weights = np.array([1.0, 2.0, 0.0, 1.0, 1.0, 1.0])
    names = [name for name, weight in zip(ref, weights, strict=True) for _ in range(int(weight))]
    drawn = {f"{index}": name for index, name in enumerate(names)}
    again = score_psds({k: ref[v] for k, v in drawn.items()}, {k: est[v] for k, v in drawn.items()}, PSDS_2)
    assert counts.score(weights).psds == pytest.approx(again.psds, abs=1e-12)
    assert counts.score(weights).by_label == pytest.approx(again.by_label, abs=1e-12)
    found = bootstrap(6, lambda drawn: counts.score(drawn).psds if drawn[0] else math.nan, n_resamples=50)
    assert found.low <= found.value <= found.high
    assert found.n_undefined > 5  # every label has its reference in the first file


def test_what_has_no_psds_is_reported() -> None:
    curve = make_curve({1: 0.9})
    with pytest.raises(AnnotationError, match="Dog: no reference event; leave the label out"):
        score_psds({"a": []}, {"a": curve}, PSDS_1)
    with pytest.raises(AnnotationError, match="label 'Cat' is not one of Dog"):
        score_psds({"a": [event("Cat", 1.0, 2.0)]}, {"a": curve}, PSDS_1)
    with pytest.raises(AnnotationError, match="2 sets of labels"):
        score_psds({"a": [], "b": []}, {"a": curve, "b": make_curve({}, "Cat")}, PSDS_1)
    with pytest.raises(AnnotationError, match="b is in the reference only"):
        score_psds(REF | {"b": []}, {"a": curve}, PSDS_1)
    with pytest.raises(AnnotationError, match="alpha_ct 0.5 with cttc None"):
        PsdsSettings(Criteria(0.5, 0.5), alpha_ct=0.5)
    with pytest.raises(AnnotationError, match="max_efpr is above 0"):
        PsdsSettings(Criteria(0.5, 0.5), max_efpr=0)
