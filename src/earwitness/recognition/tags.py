"""AudioSet tag logits of sound, per window or per token.

In: `Windows` and a loaded encoder. Out: `TagScores`, rows of tag logits with their start times. A row is a window
(`score_windows`) or, finer, a token of 160 ms (`score_tokens`), where overlapping windows are averaged.

Source: the 527 classes of AudioSet (Gemmeke et al. 2017), in the order of their sorted ids (mids), as M2D's heads use
them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from earwitness.audio import Waveform, WindowCutter, Windows
from earwitness.encoders import Encoded, EncoderSpec, Floats, LoadedEncoder, Output
from earwitness.words import tag_names

Logits = npt.NDArray[np.float32]

N_RAMP = 8  # tokens at each end of a window that count less where windows overlap


@dataclass(frozen=True)
class TagScores:
    """Tag logits (N, C) of N spans of a recording, each `span_s` seconds long from `start_s` (N,)."""

    logits: Logits
    start_s: npt.NDArray[np.float64]
    span_s: float

    @property
    def scores(self) -> Logits:
        """Scores (N, C) in [0, 1]: the sigmoid of the logits."""
        return sigmoid(self.logits)


@dataclass(frozen=True)
class TagSummary:
    """One tag over a whole recording: mean and largest score over windows, and the time of the largest."""

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


@dataclass(frozen=True)
class WindowCut:
    """How a recording is cut into windows, and what becomes a row: a token in time, or a whole window.

    Attributes:
        window_s, hop_s: length of a window and distance between the starts of windows, in seconds.
        per: what a row is.
        is_tail_repeated: see `slide`.
        is_trimmed: see `score_windows`.
    """

    window_s: float
    hop_s: float
    per: Literal["token", "window"] = "window"
    is_tail_repeated: bool = False
    is_trimmed: bool = True


def encode_windows(
    blocks: Iterable[Waveform], cuts: Sequence[tuple[WindowCut, Sequence[Output]]], encoder: LoadedEncoder
) -> Iterator[tuple[int, Encoded, Windows]]:
    """Yield (index of the cut, its outputs, windows) of all cuts, from one reading of the blocks."""
    cutters = [
        WindowCutter(cut.window_s, cut.hop_s, is_tail_repeated=cut.is_tail_repeated, n_batch=encoder.batch)
        for cut, _ in cuts
    ]

    def encode(index: int, batches: Iterator[Windows]) -> Iterator[tuple[int, Encoded, Windows]]:
        cut, outputs = cuts[index]
        for batch in batches:
            yield index, encoder.encode(batch.samples, outputs, is_trimmed=cut.is_trimmed), batch

    for block in blocks:
        for index, cutter in enumerate(cutters):
            yield from encode(index, cutter.add(block))
    for index, cutter in enumerate(cutters):
        yield from encode(index, cutter.finish())


def to_rows(window_logits: Floats, batch: Windows) -> TagScores:
    """Return a row for each window, of its logits (W, C)."""
    return TagScores(window_logits, batch.start_s, batch.samples.shape[1] / batch.sample_rate_hz)


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
        yield to_rows(encoder.window_logits(batch.samples, is_trimmed=is_trimmed), batch)


def score_tokens(windows: Iterable[Windows], encoder: LoadedEncoder) -> Iterator[TagScores]:
    """Yield logits per token on one time grid, in order: overlapping windows are averaged where they meet.

    Rows are yielded as soon as no later window can change them.
    """
    grid = TokenGrid(encoder.spec)
    for batch in windows:
        yield from grid.take(encoder.token_logits(batch.samples), batch)
    if rest := grid.unsettled():
        yield rest


class TokenGrid:
    """One time grid of tokens, from 0 s on, to which windows are added in order of time.

    Each window's tokens are interpolated linearly to the grid; where windows overlap they are averaged, those near a
    window's ends, which lack context, with less weight. Tokens that no later window can change leave the grid, so it
    does not grow. Tokens before the one numbered `first` are left out.
    """

    def __init__(self, spec: EncoderSpec, first: int = 0) -> None:
        self._token_s = spec.token_s
        self._total = np.zeros((0, spec.n_tags), np.float32)
        self._weight = np.zeros(0, np.float32)
        self._first = first  # grid index of self._total[0]

    def take(self, logits: Logits, batch: Windows) -> Iterator[TagScores]:
        """Add the logits (W, T, C) of a batch of windows; yield the tokens that neither it nor later ones change."""
        if settled := self.settle_until(float(batch.start_s[0])):
            yield settled
        self.add(logits, batch)

    def settle_until(self, time_s: float) -> TagScores | None:
        """Remove and return the tokens that windows from `time_s` on cannot change; None if there are none."""
        n_done = int(np.ceil(time_s / self._token_s - 0.5)) - self._first
        if n_done <= 0 or not len(self._total):
            return None
        settled = self._average(n_done)
        self._total, self._weight = self._total[n_done:], self._weight[n_done:]
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
            if not len(grid):
                continue
            if (n_more := grid[-1] + 1 - self._first - len(self._total)) > 0:
                self._total = np.concatenate([self._total, np.zeros((n_more, self._total.shape[1]), np.float32)])
                self._weight = np.concatenate([self._weight, np.zeros(n_more, np.float32)])
            weights = weigh_tokens(n_tokens, grid - position)
            self._total[grid - self._first] += weights[:, None] * _interpolate(
                window_logits[:n_tokens], grid - position
            )
            self._weight[grid - self._first] += weights

    def unsettled(self) -> TagScores | None:
        """Return the tokens that later windows may change, as they are now; None if there are none."""
        return self._average(len(self._total)) if len(self._total) else None

    def _average(self, n_tokens: int) -> TagScores:
        weight = self._weight[:n_tokens]
        logits = self._total[:n_tokens] / np.maximum(weight, 1e-6)[:, None]
        covered = np.flatnonzero(weight)
        for row in np.flatnonzero(weight == 0):  # between windows that do not overlap, one token may have none
            logits[row] = logits[covered[np.abs(covered - row).argmin()]]
        indices = np.arange(self._first, self._first + len(logits), dtype=np.float64)
        return TagScores(logits.astype(np.float32), self._token_s * indices, self._token_s)


class TagSums:
    """Sums up window logits that come in batches; it does not grow."""

    def __init__(self) -> None:
        self._total: npt.NDArray[np.float64] | None = None
        self._peak: Logits = np.zeros(0, np.float32)
        self._peak_s: npt.NDArray[np.float64] = np.zeros(0)
        self.n_rows = 0

    def add(self, rows: TagScores) -> None:
        """Take the logits (N, C) of more windows."""
        batch_peak, batch_s = rows.logits.max(axis=0), rows.start_s[rows.logits.argmax(axis=0)]  # (C,)
        if self._total is None:
            self._total, self._peak, self._peak_s = np.zeros(len(batch_peak)), batch_peak, batch_s
        self._total += rows.logits.sum(axis=0, dtype=np.float64)
        self._peak_s = np.where(batch_peak > self._peak, batch_s, self._peak_s)
        self._peak = np.maximum(batch_peak, self._peak)
        self.n_rows += len(rows.logits)

    def summarise(self) -> ClipTags:
        """Return the mean and largest logits of all windows; there is at least one."""
        if self._total is None:
            raise ValueError("no windows to summarise")
        return ClipTags((self._total / self.n_rows).astype(np.float32), self._peak, self._peak_s)


def summarise_tags(tag_scores: Iterable[TagScores]) -> ClipTags:
    """Reduce the window logits of a recording to its mean and largest logits (C,); memory stays bounded."""
    sums = TagSums()
    for rows in tag_scores:
        sums.add(rows)
    return sums.summarise()


def sigmoid(logits: Logits) -> Logits:
    """Return 1 / (1 + exp(-x)), without overflow."""
    scores: Logits = (0.5 * (1.0 + np.tanh(0.5 * logits))).astype(np.float32)
    return scores


def weigh_tokens(n_tokens: int, positions: npt.NDArray[np.float64]) -> Logits:
    """Return the weights (G,) of fractional positions in a window of tokens: a ramp of `N_RAMP` tokens at each end."""
    from_end = np.minimum(positions + 1, n_tokens - positions)
    return np.clip(from_end, 0.5, N_RAMP).astype(np.float32)


def _interpolate(rows: Logits, positions: np.ndarray) -> Logits:
    """Return `rows` (T, C) read at fractional `positions` (G,), linearly between rows, clamped at the ends."""
    positions = np.clip(positions, 0, len(rows) - 1)
    below = np.floor(positions).astype(int)
    above = np.minimum(below + 1, len(rows) - 1)
    share = (positions - below).astype(np.float32)[:, None]
    mixed: Logits = rows[below] * (1 - share) + rows[above] * share
    return mixed
