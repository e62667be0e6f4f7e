from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earwitness.errors import AnnotationError
from earwitness.metrics.annotations import LabelledEvent
from earwitness.metrics.event_metrics import (
    DESED_COLLAR,
    EVENT_COLLAR,
    RARE_EVENT_COLLAR,
    Collar,
    find_rare_class,
)
from made_events import (
    LABELS,
    Lists,
    as_dicts,
    assert_same,
    event,
    flatten,
    make_lists,
    reference_tools,
    score_events,
    score_rare_events,
)

with reference_tools():
    import sed_eval

COLLARS = (RARE_EVENT_COLLAR, EVENT_COLLAR, DESED_COLLAR)
POSITIVE, NEGATIVE = "mixture_evaltest_babycry_000_ab.wav", "mixture_evaltest_babycry_001_cd.wav"

# The table of the baseline (DCASE2017-baseline-system, documentation/source/applications.rst, development set, 250
# events a class, before the patch of June 2017): error rate, F1 in %. Counts are not published; these hits and false
# alarms are whole numbers that give both digits of the table. For gunshot there are no others.
BASELINE = {
    "babycry": (0.77, 69.2, 216, 158),
    "glassbreak": (0.22, 88.5, 211, 16),
    "gunshot": (0.69, 57.4, 116, 38),
}


def score_with_sed_eval(ref: Lists, est: Lists, collar: Collar, **options: Any) -> dict[str, float]:
    with reference_tools():
        metric = sed_eval.sound_event.EventBasedMetrics(
            list(LABELS),
            evaluate_onset=True,
            evaluate_offset=collar.offset_s is not None,
            t_collar=collar.onset_s,
            percentage_of_length=collar.offset_share,
            **options,
        )
        for file in ref:
            metric.evaluate(as_dicts(ref[file]), as_dicts(est[file]))
        return flatten(metric.results())


@pytest.mark.slow
@pytest.mark.parametrize("collar", COLLARS, ids=("onsets", "half of the length", "a fifth of the length"))
def test_a_thousand_random_lists_score_as_in_sed_eval(collar: Collar) -> None:
    generator = np.random.default_rng(7)
    n_substitutions = n_hits = 0
    for _ in range(500):  # of two files
        ref, est = make_lists(generator)
        scores = score_events(ref, est, LABELS, collar)
        assert_same(scores, score_with_sed_eval(ref, est, collar))
        n_substitutions += scores.overall.n_substitutions
        n_hits += scores.overall.n_hits
    assert n_substitutions > 50
    assert n_hits > 100


def test_silence_can_count_as_zero_as_in_sed_eval() -> None:
    generator = np.random.default_rng(8)
    for _ in range(100):
        ref, est = make_lists(generator, n_files=1)
        expected = score_with_sed_eval(ref, est, EVENT_COLLAR, empty_system_output_handling="zero_score")
        assert_same(score_events(ref, est, LABELS, EVENT_COLLAR, is_silence_zero=True), expected)


GRID_EVENTS = st.lists(
    st.builds(
        lambda label, onset, length: event(label, onset / 10, (onset + length) / 10),
        st.sampled_from(LABELS),
        st.integers(0, 30),
        st.integers(0, 20),
    ),
    max_size=8,
)


@pytest.mark.slow
@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(ref=GRID_EVENTS, est=GRID_EVENTS, collar=st.sampled_from(COLLARS))
def test_events_on_a_grid_score_as_in_sed_eval(
    ref: list[LabelledEvent], est: list[LabelledEvent], collar: Collar
) -> None:
    assert_same(
        score_events({"a": ref}, {"a": est}, LABELS, collar), score_with_sed_eval({"a": ref}, {"a": est}, collar)
    )


def test_collars_are_the_published_ones() -> None:
    assert Collar(onset_s=0.5, offset_s=None) == RARE_EVENT_COLLAR
    assert Collar(onset_s=0.2, offset_s=0.2, offset_share=0.5) == EVENT_COLLAR
    assert Collar(onset_s=0.2, offset_s=0.2, offset_share=0.2) == DESED_COLLAR


@pytest.mark.parametrize(
    ("onset_s", "collar", "is_hit"),
    [
        (1.5, RARE_EVENT_COLLAR, True),
        (0.5, RARE_EVENT_COLLAR, True),
        (1.501, RARE_EVENT_COLLAR, False),
        (1.25, Collar(0.25), True),
        (1.251, Collar(0.25), False),
    ],
)
def test_the_collar_is_inclusive(onset_s: float, collar: Collar, is_hit: bool) -> None:
    scores = score_events({"a": [event("gunshot", 1.0, 2.0)]}, {"a": [event("gunshot", onset_s, 9.0)]}, None, collar)
    assert scores.overall.n_hits == is_hit


def test_rounding_lets_times_meet_the_collar_that_floats_miss() -> None:
    ref, est = {"a": [event("gunshot", 0.6, 2.0)]}, {"a": [event("gunshot", 1.1, 2.0)]}
    assert score_events(ref, est, None, Collar(0.5)).overall.n_hits == 0
    assert score_events(ref, est, None, Collar(0.5, time_decimals=6)).overall.n_hits == 1


@pytest.mark.parametrize(("offset_s", "is_hit"), [(5.0, True), (5.01, False), (3.0, True), (2.99, False)])
def test_an_offset_may_lie_a_share_of_the_length_away(offset_s: float, is_hit: bool) -> None:
    ref, est = {"a": [event("speech", 2.0, 4.0)]}, {"a": [event("speech", 2.0, offset_s)]}
    assert score_events(ref, est, None, EVENT_COLLAR).overall.n_hits == is_hit


def test_pairs_are_as_many_as_there_can_be() -> None:
    ref = {"a": [event("gunshot", 1.0, 2.0), event("gunshot", 1.6, 2.0)]}
    est = {"a": [event("gunshot", 1.3, 2.0), event("gunshot", 0.6, 2.0)]}  # first come, first served finds one pair
    assert score_events(ref, est, None, RARE_EVENT_COLLAR).overall.n_hits == 2


def test_a_wrong_label_at_the_right_time_is_one_substitution() -> None:
    ref, est = {"a": [event("gunshot", 1.0, 2.0)]}, {"a": [event("babycry", 1.2, 2.0)]}
    overall = score_events(ref, est, LABELS, RARE_EVENT_COLLAR).overall
    assert (overall.n_substitutions, overall.n_deletions, overall.n_insertions) == (1, 0, 0)
    assert overall.error_rate == 1.0


def test_task_2_scores_as_the_official_script_does_with_sed_eval() -> None:
    generator = np.random.default_rng(11)
    ref: Lists = {}
    est: Lists = {}
    expected = []
    for label in LABELS:
        official = sed_eval.sound_event.EventBasedMetrics(
            [label], evaluate_onset=True, evaluate_offset=False, t_collar=0.5, percentage_of_length=0.5
        )
        for index in range(60):
            file = f"mixture_evaltest_{label}_{index:03d}_ab.wav"
            found, said = make_lists(generator, n_files=1, labels=[label])
            ref[file], est[file] = found["0.wav"][: index % 2], said["0.wav"]
            with reference_tools():
                official.evaluate(as_dicts(ref[file]), as_dicts(est[file]))
        expected.append(official.results()["overall"])
    scores = score_rare_events(ref, est)
    assert scores.macro_error_rate == pytest.approx(
        np.mean([each["error_rate"]["error_rate"] for each in expected]), abs=1e-9
    )
    assert scores.macro_f1 == pytest.approx(np.mean([each["f_measure"]["f_measure"] for each in expected]), abs=1e-9)
    assert 0 < scores.macro_f1 < 1


def test_task_2_counts_a_second_detection_as_a_false_alarm() -> None:
    ref = {POSITIVE: [event("babycry", 5.0, 6.0)], NEGATIVE: []}
    est = {POSITIVE: [event("babycry", 5.1, 6.0), event("babycry", 5.4, 6.0)], NEGATIVE: []}
    counts = score_rare_events(ref, est).by_label["babycry"]
    assert (counts.n_hits, counts.n_insertions, counts.n_deletions) == (1, 1, 0)
    assert counts.error_rate == 1.0
    assert counts.f1 == pytest.approx(2 / 3)


def test_task_2_counts_a_detection_in_a_file_without_event() -> None:
    ref = {POSITIVE: [event("babycry", 5.0, 6.0)], NEGATIVE: []}
    est = {POSITIVE: [event("babycry", 5.0, 9.0)], NEGATIVE: [event("babycry", 3.0, 4.0)]}
    assert score_rare_events(ref, est).macro_error_rate == 1.0


def test_task_2_passes_over_other_classes_than_the_file_s() -> None:
    ref = {POSITIVE: [event("babycry", 5.0, 6.0)], NEGATIVE: []}
    est = {POSITIVE: [event("babycry", 5.0, 9.0), event("gunshot", 5.0, 6.0)], NEGATIVE: [event("gunshot", 1.0, 2.0)]}
    scores = score_rare_events(ref, est)
    assert (scores.macro_error_rate, scores.macro_f1) == (0.0, 1.0)
    assert list(scores.by_label) == ["babycry"]


def test_task_2_of_a_silent_system_has_an_error_rate_of_1_and_no_f1() -> None:
    scores = score_rare_events({POSITIVE: [event("babycry", 5.0, 6.0)], NEGATIVE: []}, {POSITIVE: [], NEGATIVE: []})
    assert scores.macro_error_rate == 1.0
    assert math.isnan(scores.macro_f1)
    assert math.isnan(scores.by_label["babycry"].precision)


def test_a_system_that_hits_nothing_has_an_f1_of_0() -> None:
    scores = score_rare_events({POSITIVE: [event("babycry", 5.0, 6.0)]}, {POSITIVE: [event("babycry", 9.0, 9.5)]})
    assert (scores.macro_f1, scores.macro_error_rate) == (0.0, 2.0)


def test_without_references_the_error_rate_is_0_or_infinite() -> None:
    assert score_events({"a": []}, {"a": []}, ["gunshot"]).overall.error_rate == 0.0
    scores = score_events({"a": []}, {"a": [event("gunshot", 1.0, 2.0)]})
    assert scores.overall.error_rate == math.inf
    assert math.isnan(scores.overall.recall)
    assert scores.overall.to_dict()["error_rate"] is None


def test_the_published_table_of_the_baseline_follows_from_whole_counts() -> None:
    ref: Lists = {}
    est: Lists = {}
    for label, (_, _, n_hits, n_false) in BASELINE.items():
        for index in range(500):
            file = f"mixture_devtest_{label}_{index:03d}_ab.wav"
            ref[file] = [event(label, 10.0, 11.0)] if index < 250 else []
            est[file] = [event(label, 10.4, 12.0)] if index < n_hits else []
        for index in range(n_false):
            est[f"mixture_devtest_{label}_{250 + index:03d}_ab.wav"] = [event(label, 1.0, 2.0)]
    scores = score_rare_events(ref, est)
    for label, (error_rate, f1, _, _) in BASELINE.items():
        assert scores.by_label[label].n_ref == 250
        assert round(scores.by_label[label].error_rate, 2) == error_rate
        assert round(100 * scores.by_label[label].f1, 1) == f1
    assert (round(scores.macro_error_rate, 2), round(100 * scores.macro_f1, 1)) == (0.56, 71.7)


def test_the_class_is_read_from_a_mixture_s_name_or_given() -> None:
    assert find_rare_class(f"data\\audio\\{POSITIVE}") == "babycry"
    assert find_rare_class("street.wav") is None
    ref, est = {"street.wav": [event("siren", 1.0, 2.0)]}, {"street.wav": [event("siren", 1.0, 2.0)]}
    assert score_rare_events(ref, est, {"street.wav": "siren"}).macro_f1 == 1.0
    with pytest.raises(AnnotationError, match=r"street\.wav: not known which class it was made for"):
        score_rare_events(ref, est)


def test_files_and_labels_that_do_not_fit_are_refused() -> None:
    shot = [event("gunshot", 1.0, 2.0)]
    with pytest.raises(AnnotationError, match=r"b\.wav is in the estimates only; .* match_files"):
        score_events({"a.wav": shot}, {"a.wav": shot, "b.wav": []})
    with pytest.raises(AnnotationError, match=r"b\.wav is in the reference only"):
        score_events({"a.wav": shot, "b.wav": []}, {"a.wav": shot})
    with pytest.raises(AnnotationError, match=r"a\.wav: label 'gunshot' is not one of siren"):
        score_events({"a.wav": shot}, {"a.wav": []}, ["siren"])
    with pytest.raises(AnnotationError, match="one is there twice"):
        score_events({"a.wav": shot}, {"a.wav": []}, ["gunshot", "gunshot"])
    with pytest.raises(AnnotationError, match="names no file"):
        score_events({}, {})


def test_collars_must_be_times_and_shares() -> None:
    with pytest.raises(AnnotationError, match="give 0 or more"):
        Collar(-0.1)
    with pytest.raises(AnnotationError, match="give 0 or more"):
        Collar(math.nan)
    with pytest.raises(AnnotationError, match=r"offset_share 20"):
        Collar(0.2, 0.2, 20)
