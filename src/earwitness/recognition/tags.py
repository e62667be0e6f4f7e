"""What the encoder hears: AudioSet tag logits, per window or per token.

In: `Windows` and a loaded encoder. Out: `TagScores`, rows of 527 tag logits with their start times. A row is a window
(`score_windows`) or, finer, a token of 160 ms (`score_tokens`), where overlapping windows are averaged.

Source: the 527 classes of AudioSet (Gemmeke et al. 2017), in the order of their sorted ids (mids), as M2D's heads use
them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from earwitness.audio import Windows
from earwitness.encoders import EncoderSpec, LoadedEncoder
from earwitness.words import tag_names

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
        logits = encoder.window_logits(batch.samples, is_trimmed=is_trimmed)  # (W, C)
        yield TagScores(logits, batch.start_s, batch.samples.shape[1] / batch.sample_rate_hz)


def score_tokens(windows: Iterable[Windows], encoder: LoadedEncoder) -> Iterator[TagScores]:
    """Yield logits per token on one time grid, in order: overlapping windows are averaged where they meet.

    A stretch is yielded as soon as no later window can change it.
    """
    grid = TokenGrid(encoder.spec)
    for batch in windows:
        logits = encoder.token_logits(batch.samples)  # (W, T, C)
        if settled := grid.settle_until(float(batch.start_s[0])):
            yield settled
        grid.add(logits, batch)
    if rest := grid.unsettled():
        yield rest


class TokenGrid:
    """One time grid of tokens, which starts at 0, to which windows are added in order of time.

    Each window's tokens are interpolated linearly to the grid; where windows overlap they are averaged. What no later
    window can change is given away, so that the grid does not grow.
    """

    def __init__(self, spec: EncoderSpec) -> None:
        self._token_s = spec.token_s
        self._total = np.zeros((0, spec.n_tags), np.float32)
        self._count = np.zeros(0, np.float32)
        self._first = 0  # grid index of self._total[0]

    def settle_until(self, time_s: float) -> TagScores | None:
        """Give away the tokens that windows from `time_s` on cannot change; None if there are none."""
        n_done = int(np.ceil(time_s / self._token_s - 0.5)) - self._first
        if n_done <= 0 or not len(self._total):
            return None
        settled = self._average(n_done)
        self._total, self._count = self._total[n_done:], self._count[n_done:]
        self._first += n_done
        return settled

    def add(self, logits: Logits, batch: Windows) -> None:
        """Add the logits (W, T, C) of a batch of windows."""
        n_valid_s = batch.n_valid / batch.sample_rate_hz
        for window_logits, start_s, valid_s in zip(logits, batch.start_s, n_valid_s, strict=True):
            n_tokens = min(len(window_logits), max(1, int(np.ceil(valid_s / self._token_s - 0.5))))
            position = start_s / self._token_s  # of the window's first token on the grid
            first, end = int(np.ceil(position - 0.5)), int(np.ceil(position + n_tokens - 0.5))
            grid = np.arange(max(self._first, first), end)
            if (n_more := grid[-1] + 1 - self._first - len(self._total)) > 0:
                self._total = np.concatenate([self._total, np.zeros((n_more, self._total.shape[1]), np.float32)])
                self._count = np.concatenate([self._count, np.zeros(n_more, np.float32)])
            self._total[grid - self._first] += _interpolate(window_logits[:n_tokens], grid - position)
            self._count[grid - self._first] += 1

    def unsettled(self) -> TagScores | None:
        """Return the tokens that later windows may change, as they are now; None if there are none."""
        return self._average(len(self._total)) if len(self._total) else None

    def _average(self, n_tokens: int) -> TagScores:
        logits = self._total[:n_tokens] / np.maximum(self._count[:n_tokens], 1)[:, None]
        indices = np.arange(self._first, self._first + len(logits), dtype=np.float64)
        return TagScores(logits.astype(np.float32), self._token_s * indices, self._token_s)


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
