"""What the encoder hears: AudioSet tag logits, per window or per token.

In: `Windows` and a loaded encoder. Out: `TagScores`, rows of 527 tag logits with their start times. A row is a window
(`score_windows`) or, finer, a token of 160 ms (`score_tokens`), where overlapping windows are averaged.

Source: the 527 classes of AudioSet (Gemmeke et al. 2017), in the order of their sorted ids (mids), as M2D's heads use
them.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from earwitness.paths import DATA_DIR
from earwitness.runtime import LoadedEncoder
from earwitness.windows import Windows

Logits = npt.NDArray[np.float32]


@dataclass(frozen=True)
class TagScores:
    """Tag logits (N, C) of N stretches of a recording, each `span_s` seconds long from `start_s` (N,)."""

    logits: Logits
    start_s: npt.NDArray[np.float64]
    span_s: float

    @property
    def scores(self) -> Logits:
        """Scores (N, C) in [0, 1]: the sigmoid of the logits."""
        return sigmoid(self.logits)


@dataclass(frozen=True)
class TagSummary:
    """One tag over a whole recording: mean and largest score over windows, and when the largest was heard."""

    tag: str
    mean_score: float
    peak_score: float
    peak_s: float


@dataclass(frozen=True)
class ClipTags:
    """A whole recording's tags: the mean logits (C,) over its windows, and each tag's largest logit and its time."""

    mean_logits: Logits
    peak_logits: Logits
    peak_s: npt.NDArray[np.float64]

    def summarise(self, n_tags: int = 10) -> list[TagSummary]:
        """Return the `n_tags` tags with the largest mean score, best first."""
        mean, peak, names = sigmoid(self.mean_logits), sigmoid(self.peak_logits), tag_names()
        order = np.argsort(-mean, kind="stable")[:n_tags]
        return [TagSummary(names[tag], float(mean[tag]), float(peak[tag]), float(self.peak_s[tag])) for tag in order]


def score_windows(
    windows: Iterable[Windows], encoder: LoadedEncoder, *, is_trimmed: bool = True
) -> Iterator[TagScores]:
    """Yield the clip logits of each window, a batch at a time.

    Args:
        windows: batches from `slide`, at the encoder's rate.
        encoder: an encoder with a tag head.
        is_trimmed: drop the frames that do not fill a patch instead of padding them as M2D does. A patch that is
            mostly padding disturbs all others: see docs/results.md.
    """
    for batch in windows:
        logits = encoder.token_logits(batch.samples, is_trimmed=is_trimmed).mean(axis=1)  # (W, C)
        yield TagScores(logits, batch.start_s, batch.samples.shape[1] / batch.sample_rate_hz)


def score_tokens(windows: Iterable[Windows], encoder: LoadedEncoder) -> Iterator[TagScores]:
    """Yield logits per token on one time grid, in order: overlapping windows are averaged where they meet.

    Each window's tokens are interpolated linearly to the grid, which starts at 0 and has the encoder's token length.
    A stretch is yielded as soon as no later window can change it.
    """
    token_s = encoder.spec.token_s
    total = np.zeros((0, encoder.spec.n_tags), np.float32)
    count = np.zeros(0, np.float32)
    first = 0  # grid index of total[0]
    for batch in windows:
        logits = encoder.token_logits(batch.samples)  # (W, T, C)
        n_valid_s = batch.n_valid / batch.sample_rate_hz
        done = int(np.ceil(batch.start_s[0] / token_s - 0.5))
        if done > first and len(total):
            yield _average(total[: done - first], count[: done - first], first, token_s)
            total, count = total[done - first :], count[done - first :]
            first += done - first
        for window_logits, start_s, valid_s in zip(logits, batch.start_s, n_valid_s, strict=True):
            n_tokens = min(len(window_logits), max(1, int(np.ceil(valid_s / token_s - 0.5))))
            position = start_s / token_s  # of the window's first token on the grid
            grid = np.arange(max(first, int(np.ceil(position - 0.5))), int(np.ceil(position + n_tokens - 0.5)))
            if (n_more := grid[-1] + 1 - first - len(total)) > 0:
                total = np.concatenate([total, np.zeros((n_more, total.shape[1]), np.float32)])
                count = np.concatenate([count, np.zeros(n_more, np.float32)])
            total[grid - first] += _interpolate(window_logits[:n_tokens], grid - position)
            count[grid - first] += 1
    if len(total):
        yield _average(total, count, first, token_s)


def summarise_tags(tag_scores: Iterable[TagScores]) -> ClipTags:
    """Reduce the window logits of a recording to its mean and largest logits (C,); memory stays bounded."""
    total = peak = peak_s = None
    n_rows = 0
    for rows in tag_scores:
        best = rows.logits.argmax(axis=0)  # (C,)
        batch_peak, batch_s = rows.logits.max(axis=0), rows.start_s[best]
        if total is None or peak is None or peak_s is None:
            total, peak, peak_s = rows.logits.sum(axis=0, dtype=np.float64), batch_peak, batch_s
        else:
            total = total + rows.logits.sum(axis=0)
            peak_s = np.where(batch_peak > peak, batch_s, peak_s)
            peak = np.maximum(batch_peak, peak)
        n_rows += len(rows.logits)
    if total is None or peak is None or peak_s is None:
        raise ValueError("no windows to summarise")
    return ClipTags((total / n_rows).astype(np.float32), peak, peak_s)


@lru_cache(maxsize=1)
def tag_names() -> tuple[str, ...]:
    """Return the 527 tag names in the order of the encoder's head."""
    with (DATA_DIR / "tags.csv").open(newline="", encoding="utf-8") as file:
        return tuple(row["name"] for row in csv.DictReader(file))


def sigmoid(logits: Logits) -> Logits:
    """Return 1 / (1 + exp(-x)), without overflow."""
    scores: Logits = (0.5 * (1.0 + np.tanh(0.5 * logits))).astype(np.float32)
    return scores


def _interpolate(rows: Logits, positions: np.ndarray) -> Logits:
    """Return `rows` (T, C) read at fractional `positions` (G,), linearly between rows, clamped at the ends."""
    positions = np.clip(positions, 0, len(rows) - 1)
    below = np.floor(positions).astype(int)
    above = np.minimum(below + 1, len(rows) - 1)
    share = (positions - below).astype(np.float32)[:, None]
    mixed: Logits = rows[below] * (1 - share) + rows[above] * share
    return mixed


def _average(total: Logits, count: np.ndarray, first: int, token_s: float) -> TagScores:
    logits = total / np.maximum(count, 1)[:, None]
    return TagScores(
        logits.astype(np.float32), token_s * np.arange(first, first + len(total), dtype=np.float64), token_s
    )
