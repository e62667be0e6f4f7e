"""What is measured, file by file, and the numbers that follow from it.

In: references and estimates by file. Out: a `Measure`, counts of each file, from which every number, its interval, its
breakdown by condition and its difference to another system's can be made again; `MetricValue`s.

Source: what each kind is, see `MEANINGS`; jackknife for DCASE 2017 task 2 as in Mesaros et al. 2019, and for mAP, which
grows in a bootstrap; bootstrap else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from earwitness.metrics import (
    DESED_COLLAR,
    EVENT_COLLAR,
    N_KINDS,
    DetectionScores,
    EventLists,
    FileCounts,
    Interval,
    Metric,
    bootstrap,
    count_events,
    count_intersections,
    count_rare_events,
    count_segments,
    jackknife,
    of_sums,
    plain,
    score_counts,
    score_tags,
)

LEVEL = 0.95
N_RESAMPLES = 1000
N_RESAMPLES_RANKED = 200  # where every repetition ranks all clips
N_GROUPS = 100  # of files that are left out in turn, where the jackknife ranks all clips
N_TOP = 3
N_FEW = 30  # files, below which an interval is reported as rough
RANKED = ("scenes", "top1")  # one right answer a file
SILENCE_IS_ZERO = ("desed_collar", "intersection", "clips")  # as the tools of DESED count
PROTOCOLS = {  # name -> kinds of measures of events; mistakes are listed by the first
    "rare": ("rare",),
    "collar": ("collar",),
    "segment": ("segment",),
    "desed": ("desed_collar", "intersection"),
}
MEANINGS = {
    "rare": "DCASE 2017 task 2: in each file only the class it was made for, onsets within 0.5 s, means over classes.",
    "collar": "Events by collar: onset within 0.2 s, offset within 0.2 s or half of the length (sed_eval's default).",
    "desed_collar": "Events by DESED's collar: onset within 0.2 s, offset within 0.2 s or a fifth of the length.",
    "segment": "Segments of 1 s: a word is in a segment or it is not.",
    "intersection": "Events by intersection: half of an estimate and half of a reference must be covered (DESED).",
    "psds": "PSDS: how much is found at how few false alarms, over all thresholds of the scores, up to 100 an hour.",
    "scenes": "Scenes: the true scene against all scenes of the data set; rank 1 is best.",
    "top1": "Zero-shot labels: the one true label of a clip against all labels of the data set; rank 1 is best.",
    "clips": "Labels of whole clips: each label is there or not, at a score of 0.5; mAP needs no threshold.",
}


@dataclass(frozen=True)
class Measure:
    """Counts of each file under one protocol.

    Attributes:
        kind: a key of `MEANINGS`.
        files: N names.
        labels: V labels.
        counts: (N, V + 1, 4) int64, see `FileCounts`.
        values: (N, V) clip scores for "clips", (N, 1) rank of the truth for "scenes" and "top1"; None else.
    """

    kind: str
    files: tuple[str, ...]
    labels: tuple[str, ...]
    counts: np.ndarray
    values: np.ndarray | None = None

    @property
    def detection(self) -> DetectionScores:
        """Scores of all files together."""
        return FileCounts(self.files, self.labels, self.counts).score(self.kind in SILENCE_IS_ZERO)

    def select(self, files: Sequence[str]) -> Measure:
        """Return the measure of some files, and of the labels that occur there (all that were scored, for clips)."""
        wanted = set(files)
        rows = [index for index, file in enumerate(self.files) if file in wanted]
        counts = self.counts[rows]
        values = None if self.values is None else self.values[rows]
        names = tuple(self.files[row] for row in rows)
        if self.kind == "clips":
            return Measure(self.kind, names, self.labels, counts, values)
        used = [place for place in range(len(self.labels)) if counts[:, place, :2].any()]
        labels = tuple(self.labels[place] for place in used)
        return Measure(self.kind, names, labels, counts[:, [*used, len(self.labels)]], values)

    def confuse(self) -> np.ndarray:
        """Return (V, V + 1) how many files of a label (row) were taken for which (column); last, for none."""
        n_labels = len(self.labels)
        cells = np.zeros((n_labels, n_labels + 1), dtype=np.int64)
        for row in self.counts[:, :-1]:
            for ref in np.flatnonzero(row[:, 0]):
                est = np.flatnonzero(row[:, 1])
                cells[ref, est[0] if est.size else n_labels] += 1
        return cells


@dataclass(frozen=True)
class MetricSpec:
    """A number that is made of a measure; `make` gives it as a function of how often each file counts.

    It may need the measure's values, and `is_ranking` says that it ranks clips, which the bootstrap would flatter.
    """

    name: str
    title: str
    is_higher_better: bool
    make: Callable[[Measure], Metric]
    needs_values: bool = False
    is_ranking: bool = False

    def fits(self, *measures: Measure) -> bool:
        """Return whether measures have what the number needs."""
        return not self.needs_values or all(each.values is not None for each in measures)


@dataclass(frozen=True)
class MetricValue:
    """A number with its interval; `low` and `high` are nan where they are not known."""

    measure: str
    name: str
    title: str
    is_higher_better: bool
    interval: Interval

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        head = {"measure": self.measure, "name": self.name, "title": self.title}
        return head | {"is_higher_better": self.is_higher_better} | self.interval.to_dict()


def _of_scores(read: Callable[[DetectionScores], float]) -> Callable[[Measure], Metric]:
    def make(measure: Measure) -> Metric:
        is_zero = measure.kind in SILENCE_IS_ZERO
        return of_sums(measure.counts, lambda sums: read(score_counts(sums, measure.labels, is_zero)))

    return make


def _of_values(read: Callable[[np.ndarray], np.ndarray]) -> Callable[[Measure], Metric]:
    def make(measure: Measure) -> Metric:
        assert measure.values is not None
        values = read(measure.values[:, 0])
        return lambda weights: float(weights @ values / weights.sum())

    return make


def _rank_labels(measure: Measure) -> Metric:
    assert measure.values is not None
    ref, scores = measure.counts[:, :-1, 0] > 0, measure.values
    return lambda weights: score_tags(ref, scores, measure.labels, weights).mean_average_precision


_MACRO = (
    MetricSpec("error_rate", "error rate", False, _of_scores(lambda s: s.macro_error_rate)),
    MetricSpec("f1", "F1", True, _of_scores(lambda s: s.macro_f1)),
    MetricSpec("precision", "precision", True, _of_scores(lambda s: s.macro_precision)),
    MetricSpec("recall", "recall", True, _of_scores(lambda s: s.macro_recall)),
)
_MACRO_F1 = MetricSpec("macro_f1", "F1, mean over labels", True, _of_scores(lambda s: s.macro_f1))
_MICRO_F1 = MetricSpec("f1", "F1, all together", True, _of_scores(lambda s: s.overall.f1))
_PRECISION = MetricSpec("precision", "precision", True, _of_scores(lambda s: s.overall.precision))
_RECALL = MetricSpec("recall", "recall", True, _of_scores(lambda s: s.overall.recall))
_ERROR_RATE = MetricSpec("error_rate", "error rate", False, _of_scores(lambda s: s.overall.error_rate))
_DETECTION = (_MACRO_F1, _MICRO_F1, _PRECISION, _RECALL)
_ANSWERS = (
    MetricSpec("macro_accuracy", "accuracy, mean over labels", True, _of_scores(lambda s: s.macro_recall)),
    MetricSpec("accuracy", "accuracy, all clips", True, _of_scores(lambda s: s.overall.recall)),
    MetricSpec("top3", f"truth among the first {N_TOP}", True, _of_values(lambda ranks: ranks <= N_TOP), True),
    MetricSpec("mean_rank", "mean rank of the truth", False, _of_values(lambda ranks: ranks), True),
)
METRICS: dict[str, tuple[MetricSpec, ...]] = {
    "rare": _MACRO,
    "collar": (*_DETECTION, _ERROR_RATE),
    "desed_collar": (*_DETECTION, _ERROR_RATE),
    "segment": (*_DETECTION, _ERROR_RATE),
    "intersection": _DETECTION,
    "scenes": _ANSWERS,
    "top1": _ANSWERS,
    "clips": (*_DETECTION, MetricSpec("map", "mean average precision", True, _rank_labels, True, is_ranking=True)),
}


def measure_events(
    kind: str, ref: EventLists, est: EventLists, labels: Sequence[str] | None, classes: Mapping[str, str] | None = None
) -> Measure:
    """Count events under a protocol.

    Args:
        kind: "rare", "collar", "desed_collar", "segment" or "intersection".
        ref, est: events by file, of the same files.
        labels: what is looked for; by default every label of both.
        classes: for "rare", the class of each file; by default read from its name.

    Raises:
        AnnotationError: the files differ, a label is not among those looked for, or a class is not known.
    """
    if kind == "rare":
        counts = count_rare_events(ref, est, classes)
    elif kind == "segment":
        counts = count_segments(ref, est, labels)
    elif kind == "intersection":
        counts = count_intersections(ref, est, labels)
    else:
        counts = count_events(ref, est, labels, DESED_COLLAR if kind == "desed_collar" else EVENT_COLLAR)
    return Measure(kind, counts.files, counts.labels, counts.values)


def measure_answers(
    kind: str, ref: Mapping[str, str], ranked: Mapping[str, Sequence[str]], labels: Sequence[str]
) -> Measure:
    """Count right answers, and note at which rank the truth is.

    Args:
        kind: "scenes" or "top1".
        ref: the truth of each file, one of the labels.
        ranked: labels for each file, best first; the best alone will do, and none or one that is no label is wrong.
            Where the truth of a file is not among them, there are no ranks.
        labels: what there is.
    """
    places = {label: place for place, label in enumerate(labels)}
    counts = np.zeros((len(ref), len(labels) + 1, N_KINDS), dtype=np.int64)
    ranks = np.full((len(ref), 1), math.nan)
    for index, (file, label) in enumerate(ref.items()):
        answer = next(iter(ranked[file]), None)
        counts[index, places[label], 0] = 1
        if answer in places:
            counts[index, places[answer], 1] = 1
        counts[index, places[label], 2] = int(answer == label)
        if label in ranked[file]:
            ranks[index] = list(ranked[file]).index(label) + 1
    counts[:, -1] = counts[:, :-1].sum(axis=1)
    return Measure(kind, tuple(ref), tuple(labels), counts, None if np.isnan(ranks).any() else ranks)


def measure_clips(
    ref: Mapping[str, Collection[str]], scores: Mapping[str, Mapping[str, float]], labels: Sequence[str]
) -> Measure:
    """Count for each clip and label whether it is there and whether it was found, at a score of 0.5.

    A label without a score was not found. Where no clip has other scores than 0 and 1, nothing can be ranked by them.
    """
    counts = np.zeros((len(ref), len(labels) + 1, N_KINDS), dtype=np.int64)
    values = np.array([[scores[file].get(label, 0.0) for label in labels] for file in ref])
    is_there = np.array([[label in ref[file] for label in labels] for file in ref])
    counts[:, :-1, 0], counts[:, :-1, 1], counts[:, :-1, 2] = is_there, values >= 0.5, is_there & (values >= 0.5)
    counts[:, -1] = counts[:, :-1].sum(axis=1)
    is_decision = np.isin(values, (0.0, 1.0)).all()
    return Measure("clips", tuple(ref), tuple(labels), counts, None if is_decision else values)


def score_measure(measure: Measure) -> list[MetricValue]:
    """Return a measure's numbers with their intervals; nan limits for fewer than two files."""
    found = []
    for spec in (each for each in METRICS[measure.kind] if each.fits(measure)):
        metric, n_files = spec.make(measure), len(measure.files)
        if n_files < 2:
            interval = Interval(float(metric(np.ones(n_files))), math.nan, math.nan, LEVEL, "none")
        elif measure.kind == "rare":
            interval = jackknife(n_files, metric, LEVEL)
        elif spec.is_ranking:
            interval = jackknife(n_files, metric, LEVEL, N_GROUPS)
            interval = replace(interval, low=max(0.0, interval.low), high=min(1.0, interval.high))  # as a share is
        else:
            interval = bootstrap(n_files, metric, N_RESAMPLES, level=LEVEL)
        found.append(MetricValue(measure.kind, spec.name, spec.title, spec.is_higher_better, interval))
    return found


def note_few(n_files: int) -> list[str]:
    """Return a note where intervals over so few files must not be trusted."""
    if n_files >= N_FEW:
        return []
    return [f"{n_files} files are too few for intervals to be trusted: they do not cover what no file here shows"]


def list_classes(measure: Measure) -> list[dict[str, Any]]:
    """Return counts and rates of each label."""
    return [
        {"measure": measure.kind, "label": label, **counts.to_dict()}
        for label, counts in measure.detection.by_label.items()
    ]


def list_conditions(measure: Measure, groups: Mapping[str, Mapping[str, str]]) -> list[dict[str, Any]]:
    """Return each number for each group of files.

    Args:
        groups: condition -> file -> group; a file without one is in none.
    """
    rows: list[dict[str, Any]] = []
    for condition, members in groups.items():
        for group in sorted({members[file] for file in measure.files if file in members}):
            part = measure.select([file for file in measure.files if members.get(file) == group])
            for spec in (each for each in METRICS[measure.kind] if each.fits(measure)):
                value = plain(spec.make(part)(np.ones(len(part.files)))) if part.labels else None
                head = {"condition": condition, "group": group, "measure": measure.kind}
                rows.append(head | {"metric": spec.name, "n_files": len(part.files), "value": value})
    return rows
