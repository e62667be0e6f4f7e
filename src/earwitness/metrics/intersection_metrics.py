"""Intersection-based metrics: an estimate is right where enough of it is covered, a reference found where enough is.

In: `LabelledEvent`s by file, of the reference and estimated, and `Criteria`. Out: `FileCounts`.

Source: Bilen, Ferroni, Tuveri, Azcarreta, Krstulovic, "A framework for the robust evaluation of sound event detection",
ICASSP 2020, equations 2 to 5. Sums are rounded to 6 digits before they are compared, as in sed_scores_eval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from earwitness.errors import AnnotationError
from earwitness.metrics.counts import N_KINDS, FileCounts
from earwitness.metrics.event_metrics import EventLists, as_times, check_events

TIME_DECIMALS = 6


@dataclass(frozen=True)
class Criteria:
    """What share must be covered, each in (0, 1].

    Attributes:
        dtc: detection tolerance, the share of an estimate that references of its label must cover.
        gtc: ground truth intersection, the share of a reference that such estimates must cover.
        cttc: cross-trigger tolerance, the share of a wrong estimate that another label's references must cover to make
            it a cross-trigger; None if cross-triggers are not counted.
    """

    dtc: float
    gtc: float
    cttc: float | None = None

    def __post_init__(self) -> None:
        for name, value in (("dtc", self.dtc), ("gtc", self.gtc), ("cttc", self.cttc)):
            if value is not None and not 0 < value <= 1:
                raise AnnotationError(f"{name} {value}: give a share above 0, up to 1")


DESED_CRITERIA = Criteria(dtc=0.5, gtc=0.5)


@dataclass(frozen=True)
class Covered:
    """What a set of estimates is worth.

    Attributes:
        is_relevant: (K,) bool, whether an estimate meets the detection tolerance.
        found: (U, R) bool, whether a reference is found by the relevant estimates of each step.
    """

    is_relevant: np.ndarray
    found: np.ndarray


def judge(est_times: np.ndarray, steps: np.ndarray, n_steps: int, ref_times: np.ndarray, criteria: Criteria) -> Covered:
    """Judge estimates of one label in one file, at several thresholds at once.

    Args:
        est_times: (K, 2) onsets and offsets in seconds.
        steps: (K,) int, the threshold each estimate belongs to, below `n_steps`.
        n_steps: U, the number of thresholds.
        ref_times: (R, 2) onsets and offsets of references of the label.
        criteria: what must be covered.
    """
    overlaps = find_overlaps(est_times, ref_times)
    lengths = est_times[:, 1] - est_times[:, 0]
    is_relevant = _reaches(overlaps.sum(axis=1), criteria.dtc * lengths) & (lengths > 0)
    covered = np.zeros((n_steps, len(ref_times)))
    np.add.at(covered, steps[is_relevant], overlaps[is_relevant])
    return Covered(is_relevant, _reaches(covered, criteria.gtc * (ref_times[:, 1] - ref_times[:, 0])))


def find_cross_triggers(est_times: np.ndarray, ref_times: np.ndarray, cttc: float) -> np.ndarray:
    """Return (K,) bool, which of some wrong estimates (K, 2) are covered by another label's references (R, 2)."""
    lengths = est_times[:, 1] - est_times[:, 0]
    if not len(ref_times):
        return np.zeros(len(est_times), dtype=bool)
    return np.asarray(_reaches(find_overlaps(est_times, ref_times).sum(axis=1), cttc * lengths) & (lengths > 0))


def find_overlaps(est_times: np.ndarray, ref_times: np.ndarray) -> np.ndarray:
    """Return (K, R), how many seconds estimates (K, 2) and references (R, 2) share."""
    first = np.maximum(est_times[:, None, 0], ref_times[None, :, 0])
    last = np.minimum(est_times[:, None, 1], ref_times[None, :, 1])
    return np.asarray(np.maximum(last - first, 0.0))


def count_intersections(
    ref: EventLists, est: EventLists, labels: Sequence[str] | None, criteria: Criteria = DESED_CRITERIA
) -> FileCounts:
    """Count references, found references, and estimates that are wrong, file by file.

    In the counts `n_hits` are found references and `n_est` are found references and wrong estimates together, so that
    precision is TP / (TP + FP) as published: several estimates may find one reference. There are no substitutions.
    Estimates without length do not count, as in sed_scores_eval.

    Args:
        ref, est: events by file; of the same files (see `annotations.match_files`).
        labels: what is looked for; by default every label of both.
        criteria: what share must be covered; `cttc` is not used.

    Raises:
        AnnotationError: the files differ, or a label is not among those looked for.
    """
    labels = check_events(ref, est, labels)
    rows = np.zeros((len(ref), len(labels) + 1, N_KINDS), dtype=np.int64)
    for row, file in zip(rows, ref, strict=True):
        for place, label in enumerate(labels):
            ref_times, est_times = (as_times([e for e in each[file] if e.label == label]) for each in (ref, est))
            if len(ref_times) or len(est_times):
                judged = judge(est_times, np.zeros(len(est_times), dtype=np.int64), 1, ref_times, criteria)
                n_hits = judged.found.sum()
                n_wrong = (~judged.is_relevant & (est_times[:, 1] > est_times[:, 0])).sum()
                row[place] = len(ref_times), n_hits + n_wrong, n_hits, 0
        row[-1] = row[:-1].sum(axis=0)
    return FileCounts(tuple(ref), labels, rows)


def _reaches(covered: np.ndarray, needed: np.ndarray) -> np.ndarray:
    return np.asarray(np.round(covered, TIME_DECIMALS) >= np.round(needed, TIME_DECIMALS))
