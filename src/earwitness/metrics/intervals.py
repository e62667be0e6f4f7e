"""How sure a number is: 95 % intervals for any metric over files, and for the difference of two systems.

In: a metric as a function of how often each file counts, weights (N,). Out: `Interval`, `Difference`. `of_sums` makes
such a metric of counts per file; `CurveCounts.score` and `score_tags` take weights themselves.

    counts = count_events(ref, est, labels, RARE_EVENT_COLLAR)
    metric = of_sums(counts.values, lambda sums: score_counts(sums, counts.labels).macro_f1)
    bootstrap(len(counts.files), metric)

Sources: Mesaros et al., "Sound event detection in the DCASE 2017 challenge", IEEE/ACM TASLP 27(6), 2019, for the
jackknife; Efron and Tibshirani, "An introduction to the bootstrap", 1993, chapters 11 and 13; Abramowitz and Stegun,
26.7.3 and 26.7.4, for Student's t.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from earwitness.errors import AnnotationError
from earwitness.metrics.counts import plain

Metric = Callable[[np.ndarray], float]


@dataclass(frozen=True)
class Interval:
    """A number and where it may lie.

    Attributes:
        value: over all files.
        low, high: limits of the interval; nan where it is undefined.
        level: how sure, such as 0.95.
        method: "jackknife" or "bootstrap".
        n_undefined: how many of the repetitions gave no number and were left out.
    """

    value: float
    low: float
    high: float
    level: float
    method: str
    n_undefined: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {name: plain(value) if isinstance(value, float) else value for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Difference:
    """How much better the first of two systems is on the same files.

    Attributes:
        value: metric of the first less that of the second, over all files.
        low, high: limits of the interval.
        p_value: two-sided; how often a difference at least as far from 0 comes about by the choice of files.
        level: how sure, such as 0.95.
        n_undefined: how many of the repetitions gave no number and were left out.
    """

    value: float
    low: float
    high: float
    p_value: float
    level: float
    n_undefined: int = 0


def of_sums(values: np.ndarray, metric: Callable[[np.ndarray], float]) -> Metric:
    """Make a metric of weights from one of counts that are summed over files.

    Args:
        values: (N, ...) counts of each file.
        metric: of the sum (...).
    """
    rows = np.asarray(values, dtype=np.float64).reshape(len(values), -1)
    return lambda weights: metric((weights @ rows).reshape(values.shape[1:]))


def jackknife(n_files: int, metric: Metric, level: float = 0.95, n_groups: int | None = None) -> Interval:
    """Return the jackknife interval: each file is left out once, or each of some random groups of files.

    The interval lies around the bias-corrected value, as in the analysis of DCASE 2017: n v - (n - 1) mean(v_i), with
    Student's t of n - 1 degrees of freedom. It suits what ranks files, such as mAP, where a bootstrap does not: a file
    that is drawn twice lends precision to itself, so that every repetition is better than the whole. How often
    the intervals of both hold the truth is simulated in tests/metrics/test_intervals.py.

    Args:
        n_files: N, at least 2.
        metric: of weights (N,).
        level: how sure.
        n_groups: how many groups are left out in turn, to bound the work; by default every file is one.

    Raises:
        AnnotationError: there are fewer than two files, or the level is not between 0 and 1.
    """
    found = _leave_out(n_files, metric, level, n_groups)
    low, high = found.centre - found.reach, found.centre + found.reach
    return Interval(found.value, low, high, level, "jackknife", found.n_undefined)


def jackknife_difference(
    n_files: int, metric: Metric, other: Metric, level: float = 0.95, n_groups: int | None = None
) -> Difference:
    """Return the paired jackknife of a difference: both systems are scored without the same files.

    Args:
        n_files: N, at least 2.
        metric, other: of weights (N,), over the same files in the same order.
        level, n_groups: see `jackknife`.

    Raises:
        AnnotationError: there are fewer than two files, or the level is not between 0 and 1.
    """
    found = _leave_out(n_files, lambda weights: metric(weights) - other(weights), level, n_groups)
    if not found.spread > 0:  # all differences are the same: 0, or never 0
        p_value = math.nan if math.isnan(found.spread) else float(found.centre == 0)
    else:
        p_value = 1 - _find_share(found.n_free, math.atan(abs(found.centre) / found.spread / math.sqrt(found.n_free)))
    low, high = found.centre - found.reach, found.centre + found.reach
    return Difference(found.value, low, high, p_value, level, found.n_undefined)


def bootstrap(
    n_files: int,
    metric: Metric,
    n_resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
    strata: Sequence[object] | None = None,
) -> Interval:
    """Return the percentile bootstrap interval: files are drawn again, as many as there are, with replacement.

    Args:
        n_files: N, at least 2.
        metric: of weights (N,).
        n_resamples: how often.
        seed: the same seed gives the same interval.
        strata: the group of each file, if as many are to be drawn of each group as there are, as of the three classes
            of DCASE 2017 task 2.

    Raises:
        AnnotationError: there are fewer than two files, or the level is not between 0 and 1.
    """
    _check(n_files, level)
    draws = draw_weights(n_files, n_resamples, seed, strata)
    low, high, n_undefined, _ = _find_limits(np.array([metric(weights) for weights in draws]), level)
    return Interval(float(metric(np.ones(n_files))), low, high, level, "bootstrap", n_undefined)


def bootstrap_difference(
    n_files: int,
    metric: Metric,
    other: Metric,
    n_resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
    strata: Sequence[object] | None = None,
) -> Difference:
    """Return the paired bootstrap of a difference: both systems are scored on the same drawn files.

    Args:
        n_files: N, at least 2.
        metric, other: of weights (N,), over the same files in the same order.
        n_resamples, seed, level, strata: see `bootstrap`.

    Raises:
        AnnotationError: there are fewer than two files, or the level is not between 0 and 1.
    """
    _check(n_files, level)
    draws = draw_weights(n_files, n_resamples, seed, strata)
    found = np.array([metric(weights) - other(weights) for weights in draws])
    low, high, n_undefined, defined = _find_limits(found, level)
    tail = min((defined <= 0).sum(), (defined >= 0).sum())
    p_value = min(1.0, 2 * (int(tail) + 1) / (len(defined) + 1))  # never 0: so many draws cannot tell
    whole = np.ones(n_files)
    return Difference(float(metric(whole) - other(whole)), low, high, p_value, level, n_undefined)


def draw_weights(
    n_files: int, n_resamples: int, seed: int, strata: Sequence[object] | None = None
) -> Iterator[np.ndarray]:
    """Yield how often each file was drawn, (N,) float64, for each repetition.

    Raises:
        AnnotationError: there is not one group for each file.
    """
    if strata is not None and len(strata) != n_files:
        raise AnnotationError(f"{len(strata)} strata for {n_files} files: give one for each file")
    groups: dict[object, list[int]] = {}
    for index in range(n_files):
        groups.setdefault(None if strata is None else strata[index], []).append(index)
    members = [np.array(each) for each in groups.values()]
    generator = np.random.default_rng(seed)
    for _ in range(n_resamples):
        drawn = np.concatenate([generator.choice(each, len(each)) for each in members])
        yield np.bincount(drawn, minlength=n_files).astype(np.float64)


def find_t(n_free: int, level: float) -> float:
    """Return the t within which Student's distribution of `n_free` degrees of freedom lies at a level."""
    low, high = 0.0, math.pi / 2  # of the angle whose tangent is t / sqrt(n_free)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _find_share(n_free, middle) < level else (low, middle)
    return math.tan(low) * math.sqrt(n_free)


@dataclass(frozen=True)
class _LeftOut:
    """What leaving files out gives: the value of all, the corrected value, its standard error and the interval's half.

    Centre, spread and reach are nan where fewer than two repetitions gave a number.
    """

    value: float
    centre: float
    spread: float
    reach: float
    n_free: int
    n_undefined: int


def _leave_out(n_files: int, metric: Metric, level: float, n_groups: int | None) -> _LeftOut:
    _check(n_files, level)
    order = np.random.default_rng(0).permutation(n_files) if n_groups else np.arange(n_files)
    value, without = float(metric(np.ones(n_files))), []
    for group in np.array_split(order, min(n_files, n_groups or n_files)):
        weights = np.ones(n_files)
        weights[group] = 0
        without.append(metric(weights))
    defined = np.array([each for each in without if math.isfinite(each)])
    n, n_undefined = len(defined), len(without) - len(defined)
    if n < 2 or not math.isfinite(value):
        return _LeftOut(value, math.nan, math.nan, math.nan, 0, n_undefined)
    spread = math.sqrt((n - 1) * defined.var())
    centre = float(n * value - (n - 1) * defined.mean())
    return _LeftOut(value, centre, spread, find_t(n - 1, level) * spread, n - 1, n_undefined)


def _find_share(n_free: int, angle: float) -> float:
    """Return how much of Student's distribution lies within an angle (Abramowitz and Stegun 26.7.3, 26.7.4)."""
    sine, cosine = math.sin(angle), math.cos(angle)
    if n_free % 2:
        steps = np.arange(1, (n_free - 1) // 2)
        terms = np.concatenate([[cosine], 2 * steps / (2 * steps + 1) * cosine**2]).cumprod()
        return 2 / math.pi * (angle + (sine * float(terms.sum()) if n_free > 1 else 0.0))
    steps = np.arange(1, n_free // 2)
    return sine * float(np.concatenate([[1.0], (2 * steps - 1) / (2 * steps) * cosine**2]).cumprod().sum())


def _find_limits(found: np.ndarray, level: float) -> tuple[float, float, int, np.ndarray]:
    defined = found[np.isfinite(found)]
    if not len(defined):
        return math.nan, math.nan, len(found), defined
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high), len(found) - len(defined), defined


def _check(n_files: int, level: float) -> None:
    if n_files < 2:
        raise AnnotationError(f"{n_files} files: an interval needs at least 2")
    if not 0 < level < 1:
        raise AnnotationError(f"level {level}: give a share between 0 and 1, such as 0.95")
