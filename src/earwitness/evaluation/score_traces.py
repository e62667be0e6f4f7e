"""Scores over time instead of events: what every threshold would find, from which PSDS 1 and 2 follow.

In: an `Analysis` and words; references and `ScoreCurves` by file. Out: `ScoreCurves`; `MetricValue`s. A threshold cuts
the scores themselves here: `event_hold`, `merge_gap_s` and `min_duration_s` play no part.

Source: see `evaluation.psds`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from earwitness.errors import AnnotationError
from earwitness.evaluation.measures import LEVEL, N_RESAMPLES_RANKED, MetricValue
from earwitness.metrics import (
    PSDS_1,
    PSDS_2,
    CurveCounts,
    EventLists,
    Interval,
    Metric,
    ScoreCurves,
    bootstrap,
    count_curves,
)
from earwitness.recognition import Analysis, track_words
from earwitness.words import WordMeanings

SCENARIOS = {"psds_1": ("PSDS 1, exact times", PSDS_1), "psds_2": ("PSDS 2, few confusions", PSDS_2)}


def trace_scores(analysis: Analysis, labels: tuple[str, ...], meanings: WordMeanings) -> ScoreCurves:
    """Return the score of each word in each token of a recording.

    Args:
        analysis: of the recording.
        labels: V names for the words of `meanings`, in their order.
        meanings: of the words.
    """
    track = track_words(analysis.rows, meanings, analysis.tag_stats)
    edges_s = np.append(track.start_s, track.start_s[-1] + track.span_s)
    return ScoreCurves(labels, edges_s, track.largest.astype(np.float64))


def score_traces(
    ref: EventLists, curves: Mapping[str, ScoreCurves], durations_s: Mapping[str, float]
) -> tuple[list[MetricValue], list[str]]:
    """Return PSDS 1 and 2 with intervals, over the labels that occur, and notes.

    Args:
        ref: events by file.
        curves: of the same files.
        durations_s: the length of each file in seconds.

    Raises:
        AnnotationError: see `count_curves`.
    """
    there = {event.label for events in ref.values() for event in events}
    all_labels = next(iter(curves.values())).labels
    places = [place for place, label in enumerate(all_labels) if label in there]
    if not places:
        return [], ["PSDS: no event is annotated, so there is nothing to find"]
    labels = tuple(all_labels[place] for place in places)
    curves = {file: ScoreCurves(labels, each.edges_s, each.scores[:, places]) for file, each in curves.items()}
    absent = [label for label in all_labels if label not in there]
    notes = [f"PSDS: never annotated and left out: {', '.join(absent)}"] if absent else []
    values = []
    for name, (title, scenario) in SCENARIOS.items():
        counts = count_curves(ref, curves, scenario, durations_s)
        n_files, metric = len(counts.files), _make_metric(counts)
        whole = counts.score().psds
        interval = Interval(whole, math.nan, math.nan, LEVEL, "none")
        if n_files > 1:
            interval = bootstrap(n_files, metric, N_RESAMPLES_RANKED, level=LEVEL)
        values.append(MetricValue("psds", name, title, True, interval))
    return values, notes


def _make_metric(counts: CurveCounts) -> Metric:
    def metric(weights: np.ndarray) -> float:
        try:
            return counts.score(weights).psds
        except AnnotationError:  # a label has no reference among the files that were drawn
            return math.nan

    return metric
