"""Scores over time instead of events: what every threshold would find, from which PSDS 1 and 2 follow.

In: a recording and words; references and `ScoreCurves` by file. Out: `ScoreCurves`; `MetricValue`s. A threshold cuts
the scores themselves here: `event_hold`, `merge_gap_s` and `min_duration_s` play no part.

Source: see `evaluation.psds`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from earwitness.audio import slide
from earwitness.encoders import LoadedEncoder
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
from earwitness.recognition import match_words, read_noisy, score_tokens
from earwitness.settings import Settings
from earwitness.words import WordMeanings

SCENARIOS = {"psds_1": ("PSDS 1, exact times", PSDS_1), "psds_2": ("PSDS 2, few confusions", PSDS_2)}


def trace_scores(
    path: Path, labels: tuple[str, ...], meanings: WordMeanings, settings: Settings, encoder: LoadedEncoder
) -> ScoreCurves:
    """Return how strongly each word is heard in each token of a recording; it is encoded once more for that.

    Args:
        path: the recording.
        labels: V names for the words of `meanings`, in their order.
        meanings: what is understood by the words.
        settings: `window_s` and `hop_s` are used.
        encoder: a loaded encoder.

    Raises:
        AudioError: the recording cannot be used.
    """
    blocks = read_noisy(path, settings, encoder.spec.sample_rate_hz)
    windows = slide(blocks, settings.window_s, settings.hop_s, n_batch=encoder.batch)
    rows = list(match_words(score_tokens(windows, encoder), meanings, encoder.tag_stats))
    start_s = np.concatenate([each.tag_scores.start_s for each in rows])
    edges_s = np.append(start_s, start_s[-1] + rows[-1].tag_scores.span_s)
    return ScoreCurves(labels, edges_s, np.concatenate([each.scores for each in rows]).astype(np.float64))


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
