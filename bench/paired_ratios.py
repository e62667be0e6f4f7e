"""Whether one thing is slower than another: pairs of times, their ratios, the median of those and its interval.

In: seconds of both, measured in pairs that lie close in time, so that what else the machine does falls on both. Out:
`Ratio`. The interval is that of the sign test: between two of the sorted ratios, so that it asks nothing of how the
ratios are spread, only that the pairs do not depend on each other.

Source: W. J. Conover, Practical Nonparametric Statistics, 3rd edition, section 3.2 (an interval for a quantile).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

LEAST_PAIRS = 9  # with fewer, one pair that was disturbed moves the interval's end
SLOWER = 1.03  # by which a command may be slower: the interval's lower end


@dataclass(frozen=True)
class Ratio:
    """The median of the ratios candidate / base, and the interval that holds the true median with `coverage`."""

    median: float
    low: float
    high: float
    coverage: float
    n_pairs: int

    @property
    def is_slower(self) -> bool:
        """Whether the candidate is slower beyond doubt: even the interval's lower end lies above the limit."""
        return self.low > SLOWER


def compare_pairs(base_s: Sequence[float], candidate_s: Sequence[float], confidence: float = 0.95) -> Ratio:
    """Return the median ratio of candidate over base, with its interval.

    Args:
        base_s: seconds, one a pair.
        candidate_s: seconds, one a pair, in the same order.
        confidence: what the interval covers at least; where so few pairs cannot reach it, it is the widest there is.

    Raises:
        ValueError: no pairs, numbers that differ, or a time that is not above 0.
    """
    if not base_s or len(base_s) != len(candidate_s):
        raise ValueError(f"{len(base_s)} times of the base and {len(candidate_s)} of the candidate: pairs are needed")
    if min(*base_s, *candidate_s) <= 0:
        raise ValueError("a time of 0 s or less cannot be compared")
    ratios = sorted(candidate / base for base, candidate in zip(base_s, candidate_s, strict=True))
    n_left_out, coverage = find_ranks(len(ratios), confidence)
    return Ratio(statistics.median(ratios), ratios[n_left_out], ratios[-1 - n_left_out], coverage, n_pairs=len(ratios))


def find_ranks(n: int, confidence: float) -> tuple[int, float]:
    """Return how many sorted values lie outside the interval at each end, and what it covers.

    With k left out, the true median lies below the interval where at most k of n values lie below it; each value does
    with a probability of one half.
    """
    n_left_out, coverage = 0, 1 - 2 * 0.5**n
    tail = 0.5**n
    for k in range(1, (n + 1) // 2):
        tail += math.comb(n, k) * 0.5**n
        if 1 - 2 * tail < confidence:
            break
        n_left_out, coverage = k, 1 - 2 * tail
    return n_left_out, coverage
