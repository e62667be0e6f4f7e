"""Overlapping windows of equal length, cut out of a recording.

In: consecutive `Waveform` blocks. Out: batches of `Windows` (W, S) with their start times. A recording shorter than a
window is repeated to fill one; the last window of a longer one ends where the recording ends, so nothing is padded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from earwitness.audio.read import Samples, Waveform
from earwitness.errors import SettingsError

BATCH = 16  # windows encoded together, unless the encoder likes more
SHORTEST_S = 1.0  # a shorter recording is repeated to this length: the encoder was never trained on less


@dataclass(frozen=True)
class Windows:
    """A batch of windows: samples (W, S) float32, start times (W,) in seconds, and where the recording ends in each.

    `n_valid` (W,) counts the samples of each window that are the recording's own, before any repetition.
    """

    samples: Samples
    start_s: np.ndarray
    n_valid: np.ndarray
    sample_rate_hz: int


class WindowCutter:
    """Cuts windows out of blocks that are added one after another; several cutters can share one reading.

    Args:
        window_s: length of a window in seconds.
        hop_s: distance between the starts of windows in seconds, at most `window_s`.
        is_tail_repeated: start a window at every hop up to the recording's end and fill it by repetition, as the
            published method does, instead of ending the last window where the recording ends.
        n_batch: windows in a batch.

    Raises:
        SettingsError: window or hop is not positive, or the hop leaves gaps between windows.
    """

    def __init__(self, window_s: float, hop_s: float, *, is_tail_repeated: bool = False, n_batch: int = BATCH) -> None:
        if not 0 < hop_s <= window_s:
            raise SettingsError(f"window_s={window_s} and hop_s={hop_s}: need 0 < hop_s <= window_s")
        self.window_s, self.hop_s, self.is_tail_repeated, self.n_batch = window_s, hop_s, is_tail_repeated, n_batch
        self._rest: Samples = np.zeros(0, np.float32)  # samples that a later window may need
        self._rest_from = self._n_cut = self._rate = 0
        self._batch: list[tuple[Samples, float, int]] = []  # (window, start in seconds, own samples)

    def add(self, block: Waveform) -> Iterator[Windows]:
        """Take the next block; yield the batches that it completes."""
        self._rate = block.sample_rate_hz
        size = round(self.window_s * self._rate)
        self._rest = np.concatenate([self._rest, block.samples])
        while (start := self._next_start()) + size <= self._rest_from + len(self._rest):
            yield from self._take(self._rest[start - self._rest_from : start - self._rest_from + size], start, size)
            self._n_cut += 1
        # A whole window before the end stays: the last window may have to reach back.
        n_drop = max(0, min(len(self._rest) - size, self._next_start() - self._rest_from))
        self._rest, self._rest_from = self._rest[n_drop:], self._rest_from + n_drop

    def finish(self) -> Iterator[Windows]:
        """Yield what is left at the end of the recording."""
        rest, size, end = self._rest, round(self.window_s * self._rate), self._rest_from + len(self._rest)
        if self.is_tail_repeated:
            while (start := self._next_start()) < end:
                yield from self._take(_repeat(rest[start - self._rest_from :], size), start, end - start)
                self._n_cut += 1
        elif self._n_cut == 0 and end:
            yield from self._take(_repeat(rest, min(size, max(end, round(SHORTEST_S * self._rate)))), 0, end)
        elif self._n_cut and round((self._n_cut - 1) * self.hop_s * self._rate) + size < end:
            yield from self._take(rest[-size:], end - size, size)
        if self._batch:
            yield self._stack()

    def _next_start(self) -> int:
        return round(self._n_cut * self.hop_s * self._rate)

    def _take(self, window: Samples, start: int, n_valid: int) -> Iterator[Windows]:
        self._batch.append((window, start / self._rate, n_valid))
        if len(self._batch) == self.n_batch:
            yield self._stack()

    def _stack(self) -> Windows:
        samples, start_s, n_valid = zip(*self._batch, strict=True)
        self._batch = []
        return Windows(np.stack(samples), np.array(start_s), np.array(n_valid), self._rate)


def slide(
    blocks: Waveform | Iterable[Waveform],
    window_s: float,
    hop_s: float,
    *,
    is_tail_repeated: bool = False,
    n_batch: int = BATCH,
) -> Iterator[Windows]:
    """Yield windows of `window_s` seconds every `hop_s` seconds, in batches; see `WindowCutter` for the arguments.

    Args:
        blocks: a waveform, or consecutive blocks of one recording.
        window_s, hop_s, is_tail_repeated, n_batch: as for `WindowCutter`.

    Raises:
        SettingsError: window or hop is not positive, or the hop leaves gaps between windows.
    """
    cutter = WindowCutter(window_s, hop_s, is_tail_repeated=is_tail_repeated, n_batch=n_batch)
    for block in [blocks] if isinstance(blocks, Waveform) else blocks:
        yield from cutter.add(block)
    yield from cutter.finish()


def _repeat(samples: Samples, size: int) -> Samples:
    return np.tile(samples, -(-size // len(samples)))[:size]
