"""Counts of what was found, and the rates that follow from them.

In: how many references and estimates there are, and how many of them agree. Out: `DetectionCounts` with precision,
recall, F1 and error rate; `FileCounts`, the same for every file, from which intervals are made; `DetectionScores`.

Source: Mesaros, Heittola, Virtanen, "Metrics for polyphonic sound event detection", Applied Sciences 6(6):162, 2016.
Conventions are those of sed_eval 0.2.1, but for one: where there is no reference the error rate is 0 without an
estimate and infinite with one, while sed_eval divides by 2e-16.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from earwitness.errors import AnnotationError

N_KINDS = 4  # of counts: references, estimates, hits, substitutions


@dataclass(frozen=True)
class DetectionCounts:
    """References, estimates and their agreement; `n_substitutions` are pairs that agree but for the label."""

    n_ref: int
    n_est: int
    n_hits: int
    n_substitutions: int = 0

    @property
    def n_deletions(self) -> int:
        """References that nothing was found for."""
        return self.n_ref - self.n_hits - self.n_substitutions

    @property
    def n_insertions(self) -> int:
        """Estimates that nothing is there for."""
        return self.n_est - self.n_hits - self.n_substitutions

    @property
    def precision(self) -> float:
        """Share of estimates that are right; nan without an estimate."""
        return self.n_hits / self.n_est if self.n_est else math.nan

    @property
    def recall(self) -> float:
        """Share of references that were found; nan without a reference."""
        return self.n_hits / self.n_ref if self.n_ref else math.nan

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; nan where one of them is."""
        return 2 * self.n_hits / (self.n_ref + self.n_est) if self.n_ref and self.n_est else math.nan

    @property
    def error_rate(self) -> float:
        """Substitutions, deletions and insertions for each reference; can be above 1."""
        n_errors = self.n_substitutions + self.n_deletions + self.n_insertions
        if not self.n_ref:
            return math.inf if n_errors else 0.0
        return n_errors / self.n_ref

    def count_silence_as_zero(self) -> tuple[float, float, float]:
        """Return precision, recall and F1, with 0 instead of nan for a system that estimates nothing."""
        precision = self.precision if self.n_est else 0.0
        f1 = self.f1 if self.n_est or not self.n_ref else 0.0
        return precision, self.recall, f1

    def to_dict(self) -> dict[str, Any]:
        """Return counts and rates as plain values; what is not finite is None."""
        names = ("n_ref", "n_est", "n_hits", "n_substitutions", "n_deletions", "n_insertions")
        rates = ("precision", "recall", "f1", "error_rate")
        return {name: getattr(self, name) for name in names} | {name: plain(getattr(self, name)) for name in rates}


@dataclass(frozen=True)
class DetectionScores:
    """Counts of all labels together and of each.

    Attributes:
        overall: of all labels together (micro average); substitutions are counted here only.
        by_label: of each label.
        is_silence_zero: whether precision and F1 of a label that was never estimated are 0 in the macro averages.
            As in sed_eval they are left out otherwise, which flatters a system that never says a difficult label.
    """

    overall: DetectionCounts
    by_label: dict[str, DetectionCounts]
    is_silence_zero: bool = False

    @property
    def macro_precision(self) -> float:
        """Unweighted mean of the labels' precision, over those where it is defined."""
        return mean_of_defined([each[0] for each in self._rates()])

    @property
    def macro_recall(self) -> float:
        """Unweighted mean of the labels' recall, over those where it is defined."""
        return mean_of_defined([each[1] for each in self._rates()])

    @property
    def macro_f1(self) -> float:
        """Unweighted mean of the labels' F1, over those where it is defined."""
        return mean_of_defined([each[2] for each in self._rates()])

    @property
    def macro_error_rate(self) -> float:
        """Unweighted mean of the labels' error rates."""
        return mean_of_defined([each.error_rate for each in self.by_label.values()])

    def _rates(self) -> list[tuple[float, float, float]]:
        if self.is_silence_zero:
            return [each.count_silence_as_zero() for each in self.by_label.values()]
        return [(each.precision, each.recall, each.f1) for each in self.by_label.values()]


@dataclass(frozen=True)
class FileCounts:
    """Counts file by file, so that files can be left out, drawn again, or grouped.

    Attributes:
        files: N names.
        labels: V labels.
        values: (N, V + 1, 4) int64; for each label and last for all together: references, estimates, hits,
            substitutions.
    """

    files: tuple[str, ...]
    labels: tuple[str, ...]
    values: np.ndarray

    def score(self, is_silence_zero: bool = False) -> DetectionScores:
        """Return the scores of all files together."""
        return score_counts(self.values.sum(axis=0), self.labels, is_silence_zero)


def score_counts(values: np.ndarray, labels: Sequence[str], is_silence_zero: bool = False) -> DetectionScores:
    """Return the scores of summed counts (V + 1, 4), or of sums under whole weights, as in a bootstrap.

    Raises:
        AnnotationError: the shape does not fit the labels.
    """
    shape = (len(labels) + 1, N_KINDS)
    if values.shape != shape:
        raise AnnotationError(f"counts of shape {values.shape}: for {len(labels)} labels give {shape}")
    rows = [DetectionCounts(*map(int, row)) for row in values]
    return DetectionScores(rows[-1], dict(zip(labels, rows[:-1], strict=True)), is_silence_zero)


def mean_of_defined(values: Sequence[float]) -> float:
    """Return the mean of the values that are not nan; nan where none is."""
    defined = [value for value in values if not math.isnan(value)]
    return sum(defined) / len(defined) if defined else math.nan


def plain(value: float) -> float | None:
    """Return a number as JSON holds it: None for what is not finite."""
    return float(value) if math.isfinite(value) else None
