"""Counts of rare events: what a count in some hours says of the rate, and how rates go on beyond what was seen.

In: counts, hours, peaks. Out: bounds and intervals of a Poisson rate; the level that is passed at a wanted rate.

Source: the exact ("Garwood") interval of a Poisson mean; for the tail, excesses over a level are taken as exponential
with an unknown scale, whose uncertainty is included (the predictive distribution under the prior 1 / scale).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence


def bound_count(n_events: int, confidence: float = 0.95) -> float:
    """Return the largest mean under which so few events are not rarer than 1 - `confidence`; 3.0 for none at 95 %."""
    return _solve(lambda mean: share_up_to(n_events, mean) - (1 - confidence), n_events)


def find_interval(n_events: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the exact two-sided interval of the mean of a Poisson count."""
    tail = (1 - confidence) / 2
    low = _solve(lambda mean: share_up_to(n_events - 1, mean) - (1 - tail), n_events) if n_events else 0.0
    return low, bound_count(n_events, 1 - tail)


def share_up_to(n_events: int, mean: float) -> float:
    """Return the probability of at most `n_events` events where `mean` are expected."""
    if not mean:
        return float(n_events >= 0)
    return math.fsum(math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(n_events + 1))


def extrapolate_level(excesses: Sequence[float], n_wanted: float) -> float:
    """Return how far above a level is passed `n_wanted` times, where the level was passed by these excesses.

    With m excesses of mean b, x is passed m (1 + x / (m b))^-m times: an exponential tail of known scale would give
    m exp(-x / b), too few, for b is only estimated.

    Raises:
        ValueError: there are no excesses, or `n_wanted` is not above 0.
    """
    n_seen = len(excesses)
    if not n_seen or not n_wanted > 0:
        raise ValueError(f"{n_seen} excesses, n_wanted={n_wanted}: need at least one excess and a wish above 0")
    total = math.fsum(excesses)  # m b
    times = math.exp(math.log(n_seen / n_wanted) / n_seen)
    return max(0.0, total * (times - 1))


def _solve(falling: Callable[[float], float], n_events: int) -> float:
    """Return where a falling function of the mean is 0."""
    low, high = 0.0, n_events + 20.0 + 10.0 * math.sqrt(n_events)
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if falling(middle) > 0 else (low, middle)
    return high
