"""Clip metrics: which labels a clip holds, as decisions and as a ranking.

In: (N, V) whether a clip holds a label, and (N, V) scores. Out: `ClipScores` with what the published method reports
(accuracy, precision, recall, F1, Hamming loss, Jaccard index, areas below ROC and precision-recall curve, confusion);
`TaggingScores` with mAP, AUC and d' as for AudioSet. Conventions are scikit-learn's, but for one: the ranking of a
label that no clip holds is undefined (nan) and left out of means, as is the ROC curve of one that every clip holds.

Sources: Gemmeke et al., "Audio Set: an ontology and human-labeled dataset for audio events", ICASSP 2017, for d';
Davis and Goadrich, "The relationship between precision-recall and ROC curves", ICML 2006.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from earwitness.errors import AnnotationError
from earwitness.metrics.counts import mean_of_defined, plain


@dataclass(frozen=True)
class Ranking:
    """How well scores order clips, those with the label first.

    Attributes:
        roc_auc: area below the ROC curve.
        average_precision: sum of precisions, each times the recall gained.
        pr_auc: area below the precision-recall curve, with straight lines between its points, which is optimistic.
    """

    roc_auc: float
    average_precision: float
    pr_auc: float


@dataclass(frozen=True)
class LabelScores:
    """One label's confusion, as counts, and its ranking. Shares of nothing are 0, as in scikit-learn."""

    true_positives: float
    false_positives: float
    false_negatives: float
    true_negatives: float
    ranking: Ranking

    @property
    def accuracy(self) -> float:
        """Share of clips for which the decision is right."""
        right = self.true_positives + self.true_negatives
        return _divide(right, right + self.false_positives + self.false_negatives)

    @property
    def precision(self) -> float:
        """Share of found clips that hold the label."""
        return _divide(self.true_positives, self.true_positives + self.false_positives)

    @property
    def recall(self) -> float:
        """Share of clips with the label that were found."""
        return _divide(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def f1(self) -> float:
        """Harmonic mean of both."""
        return _divide(2 * self.true_positives, 2 * self.true_positives + self.false_positives + self.false_negatives)

    @property
    def jaccard(self) -> float:
        """Clips with the label that were found, among those that have it or were found."""
        return _divide(self.true_positives, self.true_positives + self.false_positives + self.false_negatives)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        confusion = {name: getattr(self, name) for name in _CONFUSION}
        return confusion | {name: plain(getattr(self, name)) for name in _RATES} | _plain_ranking(self.ranking)


@dataclass(frozen=True)
class ClipScores:
    """What was decided right, and how well clips were ranked.

    Attributes:
        by_label: of each label.
        micro: of all pairs of clip and label taken together.
        exact_match: share of clips for which every label is right.
        samples_jaccard: mean over clips of labels right among labels there or found; a clip without either counts 0.
    """

    by_label: dict[str, LabelScores]
    micro: LabelScores
    exact_match: float
    samples_jaccard: float

    @property
    def accuracy(self) -> float:
        """Share of pairs of clip and label that are right."""
        return self.micro.accuracy

    @property
    def hamming_loss(self) -> float:
        """Share of pairs of clip and label that are wrong."""
        return 1 - self.micro.accuracy

    @property
    def macro(self) -> dict[str, float]:
        """Unweighted means over labels of accuracy, precision, recall, f1, jaccard and the rankings."""
        labels = self.by_label.values()
        return {name: mean_of_defined([getattr(each, name) for each in labels]) for name in _RATES} | {
            name: mean_of_defined([getattr(each.ranking, name) for each in labels]) for name in _RANKINGS
        }

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        names = ("accuracy", "hamming_loss", "exact_match", "samples_jaccard")
        return {name: plain(getattr(self, name)) for name in names} | {
            "micro": self.micro.to_dict(),
            "macro": {name: plain(value) for name, value in self.macro.items()},
            "by_label": {label: each.to_dict() for label, each in self.by_label.items()},
        }


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

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "mean_average_precision": plain(self.mean_average_precision),
            "roc_auc": plain(self.roc_auc),
            "d_prime": plain(self.d_prime),
            "by_label": {label: _plain_ranking(each) for label, each in self.by_label.items()},
        }


_CONFUSION = ("true_positives", "false_positives", "false_negatives", "true_negatives")
_RATES = ("accuracy", "precision", "recall", "f1", "jaccard")
_RANKINGS = ("roc_auc", "average_precision", "pr_auc")


def score_clips(
    ref: np.ndarray,
    est_scores: np.ndarray,
    labels: Sequence[str],
    thresholds: float | np.ndarray = 0.5,
    weights: np.ndarray | None = None,
) -> ClipScores:
    """Return what was decided right and how well clips were ranked.

    Args:
        ref: (N, V) bool or 0 and 1, whether a clip holds a label.
        est_scores: (N, V) scores; decisions as 0 and 1 will do, though a ranking has little to rank then.
        labels: V names.
        thresholds: a label is found where its score reaches this; one for all or (V,).
        weights: (N,) how often each clip counts; by default once.

    Raises:
        AnnotationError: shapes do not fit, or a value is not a number.
    """
    is_there, scores, weights = _check(ref, est_scores, labels, weights)
    is_found = scores >= thresholds
    by_label = {
        label: _score_label(is_there[:, place], is_found[:, place], scores[:, place], weights)
        for place, label in enumerate(labels)
    }
    shared, either = (is_there & is_found).sum(axis=1), (is_there | is_found).sum(axis=1)
    return ClipScores(
        by_label=by_label,
        micro=_score_label(is_there.ravel(), is_found.ravel(), scores.ravel(), np.repeat(weights, len(labels))),
        exact_match=float(np.average((is_there == is_found).all(axis=1), weights=weights)),
        samples_jaccard=float(np.average(shared / np.maximum(either, 1), weights=weights)),
    )


def score_tags(
    ref: np.ndarray, est_scores: np.ndarray, labels: Sequence[str], weights: np.ndarray | None = None
) -> TaggingScores:
    """Return mAP, AUC and d' of a ranking.

    Args:
        ref, est_scores, labels, weights: see `score_clips`.

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
        return Ranking(math.nan, math.nan, math.nan)
    is_drawn = right + wrong > 0  # with weights of 0 the first scores may hold no clip
    right, wrong = right[is_drawn], wrong[is_drawn]
    recall = np.concatenate([[0.0], right / right[-1]])
    precision = np.concatenate([[1.0], right / (right + wrong)])
    gained = np.diff(recall)
    auc = float((gained * (1 - _means(np.concatenate([[0.0], wrong / wrong[-1]])))).sum()) if wrong[-1] else math.nan
    return Ranking(auc, float((gained * precision[1:]).sum()), float((gained * _means(precision)).sum()))


def find_d_prime(roc_auc: float) -> float:
    """Return d' of an area below a ROC curve: sqrt(2) times the normal quantile; infinite for 1, nan for nan."""
    if 0 < roc_auc < 1:
        return math.sqrt(2) * NormalDist().inv_cdf(roc_auc)
    return math.copysign(math.inf, roc_auc - 0.5) if roc_auc in (0, 1) else math.nan


def _score_label(is_there: np.ndarray, is_found: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> LabelScores:
    return LabelScores(
        true_positives=float(weights @ (is_there & is_found)),
        false_positives=float(weights @ (~is_there & is_found)),
        false_negatives=float(weights @ (is_there & ~is_found)),
        true_negatives=float(weights @ (~is_there & ~is_found)),
        ranking=rank_clips(is_there, scores, weights),
    )


def _check(
    ref: np.ndarray, est_scores: np.ndarray, labels: Sequence[str], weights: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    ref, est_scores = np.asarray(ref), np.asarray(est_scores, dtype=np.float64)
    if ref.ndim != 2 or ref.shape != est_scores.shape or ref.shape[1] != len(labels) or not ref.size:
        raise AnnotationError(
            f"reference {ref.shape}, scores {est_scores.shape}, {len(labels)} labels: give (clips, labels) twice"
        )
    if not np.isin(ref, (0, 1)).all():
        raise AnnotationError("the reference holds other values than 0 and 1; give 1 where a clip holds a label")
    if np.isnan(est_scores).any():
        raise AnnotationError(
            f"a score of {labels[int(np.isnan(est_scores).any(axis=0).argmax())]} is nan; give numbers"
        )
    weights = np.ones(len(ref)) if weights is None else np.asarray(weights, dtype=np.float64)
    if weights.shape != (len(ref),) or not (weights >= 0).all() or not weights.any():
        raise AnnotationError(f"weights {weights.shape} for {len(ref)} clips: give one for each, not all 0, none below")
    return ref.astype(bool), est_scores, weights


def _means(values: np.ndarray) -> np.ndarray:
    return np.asarray((values[1:] + values[:-1]) / 2)


def _plain_ranking(ranking: Ranking) -> dict[str, float | None]:
    return {name: plain(getattr(ranking, name)) for name in _RANKINGS}


def _divide(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
