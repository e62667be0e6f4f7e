"""The benchmark's numbers, from answers to tasks: false alarms, recall, F1, lasting sounds, clips, scenes, words.

In: counts of each recording. Out: `BenchmarkRow`s, each a number with a 95 % interval by bootstrap over recordings.
Rates are pooled over words: "recall at 1" takes one shift of all words' scores such that the pooled rate of false
alarms is 1 an hour and word.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from earwitness.metrics import bootstrap, of_sums

LEVELS = tuple(round(-5 + 0.25 * step, 2) for step in range(41))  # thresholds in logits, from -5 to 5
DEFAULT = LEVELS.index(0.0)
NEAR_S, FAR_S = 0.5, 1.0
BEGIN_S = 5.0  # a lasting sound is found in time if it begins this near
Counts = npt.NDArray[np.float64]
Found = Sequence[Sequence[object]]  # (word, onset in seconds, offset in seconds)


@dataclass(frozen=True)
class BenchmarkRow:
    """A number of the benchmark; `better` is "lower" or "higher"."""

    name: str
    value: float
    low: float
    high: float
    n: int
    better: str = "higher"

    def worsened_from(self, other: BenchmarkRow) -> bool:
        """Say whether this number is worse than another one by more than the other's interval."""
        return self.value > other.high if self.better == "lower" else self.value < other.low


def make_row(name: str, counts: Counts, metric: Callable[[Counts], float], better: str = "higher") -> BenchmarkRow:
    """Return a metric of counts that are summed over recordings (N, ...), with its interval."""
    found = bootstrap(len(counts), of_sums(counts, metric), n_resamples=400)
    return BenchmarkRow(name, found.value, found.low, found.high, len(counts), better)


def count_alarms(events: Sequence[Found], duration_s: float, n_words: int) -> Counts:
    """Return (levels, 2) of a background: false alarms at each level, and hours times words."""
    return np.array([[len(each), n_words * duration_s / 3600] for each in events], np.float64)


def count_hits(events: Sequence[Found], word: str, onset_s: float | None) -> Counts:
    """Return (levels, 4) of a mixture: hits within 0.5 s and 1 s, events reported, true events."""
    counts = []
    for each in events:
        distances = [
            abs(float(str(onset)) - onset_s) for name, onset, _ in each if name == word and onset_s is not None
        ]
        nearest = min(distances, default=np.inf)
        counts.append([nearest <= NEAR_S, nearest <= FAR_S, len(each), onset_s is not None])
    return np.array(counts, np.float64)


def count_lasting(events: Found, onset_s: float, offset_s: float) -> Counts:
    """Return (share of the true time that is found, whether it began in time, 1)."""
    step_s = 0.01
    covered = np.zeros(round((offset_s - onset_s) / step_s), bool)
    began = False
    for _, begin, end in events:
        first, last = float(str(begin)), float(str(end))
        covered[max(0, round((first - onset_s) / step_s)) : max(0, round((last - onset_s) / step_s))] = True
        began |= abs(first - onset_s) <= BEGIN_S
    return np.array([covered.mean(), began, 1.0])


def rate(sums: Counts) -> float:
    """Return alarms an hour and word of sums (alarms, hours)."""
    return float(sums[0] / max(sums[1], 1e-9))


def f1(sums: Counts, hits: int) -> float:
    """Return F1 of sums (4,) as `count_hits` counts them; `hits` is 0 for 0.5 s, 1 for 1 s."""
    return float(2 * sums[hits] / max(sums[2] + sums[3], 1.0))


def recall_at(alarms: Counts, hits: Counts, wanted: float) -> float:
    """Return the recall within 1 s where the pooled rate of false alarms is `wanted`, between levels in proportion.

    Args:
        alarms: (levels, 2), sums over backgrounds.
        hits: (levels, 4), sums over mixtures.
        wanted: false alarms an hour and word.
    """
    rates = alarms[:, 0] / np.maximum(alarms[:, 1], 1e-9)
    recalls = hits[:, 1] / np.maximum(hits[:, 3], 1.0)
    above = np.flatnonzero(rates <= wanted)
    if not len(above) or above[0] == 0:
        return float(recalls[0] if len(above) else recalls[-1])
    level = int(above[0])
    before, after = np.log(rates[level - 1]), np.log(max(rates[level], 1e-3))
    share = (before - np.log(wanted)) / max(before - after, 1e-9)
    return float((1 - share) * recalls[level - 1] + share * recalls[level])


def recall_row(name: str, alarms: Counts, hits: Counts, wanted: float, seed: int = 0) -> BenchmarkRow:
    """Return a recall at a rate with its interval; backgrounds (N, levels, 2) and mixtures (M, levels, 4) are drawn."""
    random = np.random.default_rng(seed)
    value = recall_at(alarms.sum(axis=0), hits.sum(axis=0), wanted)
    drawn = [
        recall_at(
            alarms[random.integers(len(alarms), size=len(alarms))].sum(axis=0),
            hits[random.integers(len(hits), size=len(hits))].sum(axis=0),
            wanted,
        )
        for _ in range(400)
    ]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return BenchmarkRow(name, value, float(low), float(high), len(hits))


def print_table(rows: Sequence[BenchmarkRow], beside: Sequence[BenchmarkRow] = (), title: str = "this version") -> str:
    """Return a Markdown table of rows, beside those of another version where there are any."""
    other = {each.name: each for each in beside}
    lines = [f"| | {'before | ' if beside else ''}{title} | 95 % interval | n |"]
    lines.append(f"|---|{'--:|' if beside else ''}--:|---|--:|")
    for each in rows:
        before = f" {other[each.name].value:.3f} |" if each.name in other else " |" if beside else ""
        lines.append(f"| {each.name} |{before} {each.value:.3f} | {each.low:.3f} to {each.high:.3f} | {each.n} |")
    return "\n".join(lines)
