"""The polyphonic sound detection score (PSDS): how much is found at how many false alarms, over all thresholds.

In: `ScoreCurves` and reference events by file, and `PsdsSettings`. Out: `CurveCounts`, what changes at which score in
which file, and `PsdsScores`.

Sources: Bilen, Ferroni, Tuveri, Azcarreta, Krstulovic, "A framework for the robust evaluation of sound event
detection", ICASSP 2020; Ebbers, Serizel, Haeb-Umbach, "Threshold-independent evaluation of sound event detection
scores", ICASSP 2022, for counting exactly at every threshold instead of at 50 of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from earwitness.errors import AnnotationError
from earwitness.metrics.event_metrics import EventLists, as_times, check_events, check_files
from earwitness.metrics.intersection_metrics import Criteria, find_cross_triggers, judge
from earwitness.metrics.score_curves import ScoreCurves, common_labels, count_onsets, find_detections

HOUR_S = 3600.0


@dataclass(frozen=True)
class PsdsSettings:
    """A scenario.

    Attributes:
        criteria: what share of estimates and references must be covered.
        alpha_ct: weight of cross-triggers among the false alarms.
        alpha_st: weight of the spread over labels, which is taken off the mean.
        max_efpr: up to how many false alarms an hour the area is taken.
    """

    criteria: Criteria
    alpha_ct: float = 0.0
    alpha_st: float = 1.0
    max_efpr: float = 100.0

    def __post_init__(self) -> None:
        if (self.alpha_ct > 0) != (self.criteria.cttc is not None):
            raise AnnotationError(f"alpha_ct {self.alpha_ct} with cttc {self.criteria.cttc}: give both, or 0 and None")
        if min(self.alpha_ct, self.alpha_st) < 0 or not 0 < self.max_efpr < math.inf:
            raise AnnotationError("alpha_ct and alpha_st are 0 or more, max_efpr is above 0")


PSDS_1 = PsdsSettings(Criteria(dtc=0.7, gtc=0.7))  # DCASE task 4: where a fast answer matters
PSDS_2 = PsdsSettings(Criteria(dtc=0.1, gtc=0.1, cttc=0.3), alpha_ct=0.5)  # where confusion is to be avoided


@dataclass(frozen=True)
class LabelChanges:
    """Where the counts of one label change, as the threshold falls to a score.

    Attributes:
        files: (K,) int, in which file.
        scores: (K,) at which score.
        changes: (K, 2 + V) of found references, of wrong estimates, and of cross-triggers with each label.
    """

    files: np.ndarray
    scores: np.ndarray
    changes: np.ndarray


@dataclass(frozen=True)
class CurveCounts:
    """What is needed to score all files, or some of them, or some of them twice.

    Attributes:
        files: N names.
        labels: V labels.
        durations_s: (N,) in seconds.
        n_refs: (N, V) references.
        ref_lengths_s: (N, V) seconds that references last.
        by_label: the changes of each label.
        settings: the scenario.
    """

    files: tuple[str, ...]
    labels: tuple[str, ...]
    durations_s: np.ndarray
    n_refs: np.ndarray
    ref_lengths_s: np.ndarray
    by_label: tuple[LabelChanges, ...]
    settings: PsdsSettings

    def score(self, weights: np.ndarray | None = None) -> PsdsScores:
        """Return the scores of all files, or with each file counted as often as its weight (N,) says.

        Raises:
            AnnotationError: a label has no reference in these files, so that nothing of it can be found.
        """
        weights = np.ones(len(self.files)) if weights is None else np.asarray(weights, dtype=np.float64)
        rocs = [self._find_roc(place, weights) for place in range(len(self.labels))]
        rates = np.unique(np.concatenate([each[0] for each in rocs]))
        found = np.stack([_look_up(*each, rates) for each in rocs])  # (V, rates)
        effective = np.maximum(found.mean(axis=0) - self.settings.alpha_st * found.std(axis=0), 0.0)
        limit = self.settings.max_efpr
        by_label = {label: _find_area(*roc, limit) for label, roc in zip(self.labels, rocs, strict=True)}
        return PsdsScores(_find_area(rates, effective, limit), by_label, rates, effective)

    def _find_roc(self, place: int, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return effective false alarms an hour, rising from 0 to at most the limit, and the share found by then."""
        label = self.by_label[place]
        n_ref = weights @ self.n_refs[:, place]
        if not n_ref:
            raise AnnotationError(f"{self.labels[place]}: no reference event; leave the label out of the curves")
        _, steps = np.unique(-label.scores, return_inverse=True)  # the highest score first
        counts = np.zeros((steps.max(initial=-1) + 2, 2 + len(self.labels)))  # first: a threshold above all scores
        np.add.at(counts[1:], steps, label.changes * weights[label.files, None])
        counts = counts.cumsum(axis=0)
        rates = counts[:, 1] / (weights @ self.durations_s)
        if self.settings.alpha_ct:
            others = [each for each in range(len(self.labels)) if each != place]
            lengths_s = np.maximum(weights @ self.ref_lengths_s, 1e-12)[others]
            if others:
                rates = rates + self.settings.alpha_ct * (counts[:, 2:][:, others] / lengths_s).mean(axis=1)
        rates = rates * HOUR_S
        order = np.argsort(rates, kind="stable")
        rates, best = rates[order], np.maximum.accumulate((counts[:, 0] / n_ref)[order])
        is_last = np.append(np.diff(rates) > 0, True)  # of equal rates, the one at which most is found
        keep = is_last & (rates <= self.settings.max_efpr)
        return rates[keep], best[keep]


@dataclass(frozen=True)
class PsdsScores:
    """The score and the curve it is the area of.

    Attributes:
        psds: area below the curve up to the limit, in [0, 1].
        by_label: the same for each label on its own, without the spread.
        efpr: (P,) effective false alarms an hour, rising.
        etpr: (P,) effective share found at each, until the next.
    """

    psds: float
    by_label: dict[str, float]
    efpr: np.ndarray
    etpr: np.ndarray


def count_curves(
    ref: EventLists,
    est: Mapping[str, ScoreCurves],
    settings: PsdsSettings,
    durations_s: Mapping[str, float] | None = None,
) -> CurveCounts:
    """Count at every threshold at once.

    Args:
        ref: events by file.
        est: curves of the same files, all with the same labels.
        settings: the scenario, `PSDS_1` or `PSDS_2`.
        durations_s: length of each file in seconds; by default where its curve ends.

    Raises:
        AnnotationError: the files differ, the curves differ in their labels, a reference has another label, or a
            duration is missing.
    """
    check_files(ref, est)
    labels = tuple(common_labels(est))
    check_events(ref, {file: [] for file in ref}, labels)
    times = [{label: as_times([e for e in ref[file] if e.label == label]) for label in labels} for file in ref]
    ends_s = {file: each.duration_s for file, each in est.items()} if durations_s is None else durations_s
    missing = next((file for file in ref if not 0 < ends_s.get(file, math.nan) < math.inf), None)
    if missing is not None:
        raise AnnotationError(f"{missing}: its duration is {ends_s.get(missing)}; give seconds above 0")
    parts: list[list[LabelChanges]] = [[] for _ in labels]
    for index, file in enumerate(ref):
        for place in range(len(labels)):
            scores, changes = _count_file(est[file], place, times[index], settings.criteria)
            parts[place].append(LabelChanges(np.full(len(scores), index), scores, changes))
    return CurveCounts(
        files=tuple(ref),
        labels=labels,
        durations_s=np.array([ends_s[file] for file in ref]),
        n_refs=np.array([[len(each[label]) for label in labels] for each in times]),
        ref_lengths_s=np.array([[np.diff(each[label], axis=1).sum() for label in labels] for each in times]),
        by_label=tuple(map(_join, parts)),
        settings=settings,
    )


def _count_file(
    curves: ScoreCurves, place: int, times: Mapping[str, np.ndarray], criteria: Criteria
) -> tuple[np.ndarray, np.ndarray]:
    """Return at which scores (K,) the counts of one label change in a file, and by how much (K, 2 + V)."""
    scores, own = curves.scores[:, place], times[curves.labels[place]]
    others = [each for each, label in enumerate(curves.labels) if each != place and len(times[label])]
    n_counts = 2 + len(curves.labels)
    if not len(own) and (criteria.cttc is None or not others):  # every estimate is wrong; their number is enough
        at, n_new = count_onsets(scores)
        changes = np.zeros((len(at), n_counts))
        changes[:, 1] = n_new
        return at, changes
    found = find_detections(scores, curves.edges_s)
    est_times, n_steps = np.stack([found.onsets_s, found.offsets_s], axis=1), len(found.thresholds)
    judged = judge(est_times, found.steps, n_steps, own, criteria)
    is_wrong = ~judged.is_relevant
    counts = np.zeros((n_steps, n_counts))
    counts[:, 0] = judged.found.sum(axis=1)
    counts[:, 1] = np.bincount(found.steps[is_wrong], minlength=n_steps)
    if criteria.cttc is not None:
        for other in others:
            is_cross = find_cross_triggers(est_times[is_wrong], times[curves.labels[other]], criteria.cttc)
            counts[:, 2 + other] = np.bincount(found.steps[is_wrong][is_cross], minlength=n_steps)
    changes = counts - np.concatenate([counts[1:], np.zeros((1, n_counts))])[:n_steps]
    is_change = changes.any(axis=1)
    return found.thresholds[is_change], changes[is_change]


def _join(parts: list[LabelChanges]) -> LabelChanges:
    columns = zip(*((each.files, each.scores, each.changes) for each in parts), strict=True)
    return LabelChanges(*map(np.concatenate, columns))


def _look_up(rates: np.ndarray, found: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return what is found at other rates: as much as at the last rate of the curve before; 0 before the first."""
    return np.concatenate([[0.0], found])[np.searchsorted(rates, at, side="right")]


def _find_area(rates: np.ndarray, found: np.ndarray, limit: float) -> float:
    """Return the area below a staircase up to a limit, as a share of what it could be."""
    return float((found * np.diff(np.append(rates, limit))).sum() / limit)
