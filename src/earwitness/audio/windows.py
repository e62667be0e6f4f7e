"""A recording cut into overlapping windows of equal length.

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
LEAST_S = 1.0  # a shorter recording is repeated to this length: the encoder was never trained on less


@dataclass(frozen=True)
class Windows:
    """A batch of windows: samples (W, S) float32, start times (W,) in seconds, and where the recording ends in each.

    `n_valid` (W,) counts the samples of each window that are the recording's own, before any repetition.
    """

    samples: Samples
    start_s: np.ndarray
    n_valid: np.ndarray
    sample_rate_hz: int


def slide(
    blocks: Waveform | Iterable[Waveform],
    window_s: float,
    hop_s: float,
    *,
    is_tail_repeated: bool = False,
    n_batch: int = BATCH,
) -> Iterator[Windows]:
    """Yield windows of `window_s` seconds every `hop_s` seconds, in batches.

    Args:
        blocks: a waveform, or consecutive blocks of one recording.
        window_s: length of a window in seconds.
        hop_s: distance between the starts of windows in seconds, at most `window_s`.
        is_tail_repeated: start a window at every hop up to the recording's end and fill it by repetition, as the
            published method does, instead of ending the last window where the recording ends.
        n_batch: windows in a batch.

    Raises:
        SettingsError: window or hop is not positive, or the hop leaves gaps between windows.
    """
    if not 0 < hop_s <= window_s:
        raise SettingsError(f"window_s={window_s} and hop_s={hop_s}: need 0 < hop_s <= window_s")
    batch: list[tuple[Samples, float, int]] = []
    rate = 0
    for block_rate, window, start, n_valid in _cut_windows(blocks, window_s, hop_s, is_tail_repeated):
        rate = block_rate
        batch.append((window, start / rate, n_valid))
        if len(batch) == n_batch:
            yield _stack(batch, rate)
            batch = []
    if batch:
        yield _stack(batch, rate)


def _cut_windows(
    blocks: Waveform | Iterable[Waveform], window_s: float, hop_s: float, is_tail_repeated: bool
) -> Iterator[tuple[int, Samples, int, int]]:
    """Yield (rate, window, start in samples, own samples), one window at a time."""
    held: Samples = np.zeros(0, np.float32)
    held_from, n_cut, rate, size = 0, 0, 0, 0
    for block in [blocks] if isinstance(blocks, Waveform) else blocks:
        rate, size = block.sample_rate_hz, round(window_s * block.sample_rate_hz)
        held = np.concatenate([held, block.samples])
        while (start := round(n_cut * hop_s * rate)) + size <= held_from + len(held):
            yield rate, held[start - held_from : start - held_from + size], start, size
            n_cut += 1
        # Keep a whole window before the end: the last window may have to reach back.
        n_drop = max(0, min(len(held) - size, round(n_cut * hop_s * rate) - held_from))
        held, held_from = held[n_drop:], held_from + n_drop
    end = held_from + len(held)
    if is_tail_repeated:
        while (start := round(n_cut * hop_s * rate)) < end:
            yield rate, _repeat(held[start - held_from :], size), start, end - start
            n_cut += 1
    elif n_cut == 0 and end:
        yield rate, _repeat(held, min(size, max(end, round(LEAST_S * rate)))), 0, end
    elif n_cut and round((n_cut - 1) * hop_s * rate) + size < end:
        yield rate, held[-size:], end - size, size


def _repeat(samples: Samples, size: int) -> Samples:
    return np.tile(samples, -(-size // len(samples)))[:size]


def _stack(batch: list[tuple[Samples, float, int]], rate: int) -> Windows:
    samples, start_s, n_valid = zip(*batch, strict=True)
    return Windows(np.stack(samples), np.array(start_s), np.array(n_valid), rate)
