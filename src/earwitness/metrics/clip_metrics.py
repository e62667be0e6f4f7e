"""Clip metrics: how well scores rank the clips that hold a label.

In: (N, V) whether a clip holds a label, and (N, V) scores. Out: `TaggingScores` with mAP, AUC and d' as for AudioSet.
Conventions are scikit-learn's, but for one: the ranking of a label that no clip holds is undefined (nan) and left out
of means, as is the ROC curve of one that every clip holds.

Source: Gemmeke et al., "Audio Set: an ontology and human-labeled dataset for audio events", ICASSP 2017, for d'.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from earwitness.errors import AnnotationError
from earwitness.metrics.counts import mean_of_defined


@dataclass(frozen=True)
class Ranking:
    """How well scores order clips, those with the label first.

    Attributes:
        roc_auc: area below the ROC curve.
        average_precision: sum of precisions, each times the recall gained.
    """

    roc_auc: float
    average_precision: float


@dataclass(frozen=True)
class TaggingScores:
    """How well tags are ranked, as for AudioSet: means over the tags for which it is defined.

    Attributes:
        mean_average_precision: mAP.
        roc_auc: mean area below the ROC curves.
        by_label: of each tag.
    """

    mean_average_precision: float
    roc_auc: float
    by_label: dict[str, Ranking]

    @property
    def d_prime(self) -> float:
        """How far apart clips with and without a tag lie, in standard deviations; from the mean area."""
        return find_d_prime(self.roc_auc)


def score_tags(
    ref: np.ndarray, est_scores: np.ndarray, labels: Sequence[str], weights: np.ndarray | None = None
) -> TaggingScores:
    """Return mAP, AUC and d' of a ranking.

    Args:
        ref: (N, V) bool or 0 and 1, whether a clip holds a label.
        est_scores: (N, V) scores.
        labels: V names.
        weights: (N,) how often each clip counts; by default once.

    Raises:
        AnnotationError: shapes do not fit, or a value is not a number.
    """
    is_there, scores, weights = _check(ref, est_scores, labels, weights)
    by_label = {label: rank_clips(is_there[:, place], scores[:, place], weights) for place, label in enumerate(labels)}
    return TaggingScores(
        mean_of_defined([each.average_precision for each in by_label.values()]),
        mean_of_defined([each.roc_auc for each in by_label.values()]),
        by_label,
    )


def rank_clips(is_there: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> Ranking:
    """Return how well scores (N,) order clips; clips with equal scores come in together.

    Args:
        is_there: (N,) bool.
        scores: (N,).
        weights: (N,) how often each clip counts.
    """
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1)  # the last clip of each score
    right = np.cumsum((weights * is_there)[order])[ends]
    wrong = np.cumsum((weights * ~is_there)[order])[ends]
    if not right[-1]:
        return Ranking(math.nan, math.nan)
    is_drawn = right + wrong > 0  # with weights of 0 the first scores may hold no clip
    right, wrong = right[is_drawn], wrong[is_drawn]
    recall = np.concatenate([[0.0], right / right[-1]])
    gained = np.diff(recall)
    auc = math.nan
    if wrong[-1]:
        fallout = np.concatenate([[0.0], wrong / wrong[-1]])
        auc = float((gained * (1 - (fallout[1:] + fallout[:-1]) / 2)).sum())
    return Ranking(auc, float((gained * (right / (right + wrong))).sum()))


def find_d_prime(roc_auc: float) -> float:
    """Return d' of an area below a ROC curve: sqrt(2) times the normal quantile; infinite for 1, nan for nan."""
    if 0 < roc_auc < 1:
        return math.sqrt(2) * NormalDist().inv_cdf(roc_auc)
    return math.copysign(math.inf, roc_auc - 0.5) if roc_auc in (0, 1) else math.nan


def _check(
    ref: np.ndarray, est_scores: np.ndarray, labels: Sequence[str], weights: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    ref, est_scores = np.asarray(ref), np.asarray(est_scores, dtype=np.float64)
    if ref.ndim != 2 or ref.shape != est_scores.shape or ref.shape[1] != len(labels) or not ref.size:
        raise AnnotationError(
            f"reference {ref.shape}, scores {est_scores.shape}, {len(labels)} labels: give (clips, labels) twice"
        )
    if not np.isin(ref, (0, 1)).all():
        raise AnnotationError("the reference holds other values than 0 and 1; give 1 where a clip holds the label")
    if np.isnan(est_scores).any():
        raise AnnotationError(
            f"a score of {labels[int(np.isnan(est_scores).any(axis=0).argmax())]} is nan; give numbers"
        )
    weights = np.ones(len(ref)) if weights is None else np.asarray(weights, dtype=np.float64)
    if weights.shape != (len(ref),) or not (weights >= 0).all() or not weights.any():
        raise AnnotationError(f"weights {weights.shape} for {len(ref)} clips: give one for each, not all 0, none below")
    return ref.astype(bool), est_scores, weights
