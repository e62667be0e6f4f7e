"""What the encoder attends to: which times and frequencies of a window a token takes its content from.

In: a recording, times in it, an encoder. Out: `Attention` of a window, with the weights of every layer and head, and
`AttentionMap`s (bands, T): one head, the mean over heads, or the roll-out over all layers, seen from the class token or
from chosen times and frequencies.

Source: softmax(q k / sqrt(d)) of Vaswani et al. (2017); roll-out of Abnar and Zuidema (2020), "Quantifying Attention
Flow in Transformers": half of each layer's attention and half of what passes it by, multiplied over the layers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

from earwitness.audio import SHORTEST_S, Source, Waveform, read_blocks
from earwitness.encoders import Floats, LoadedEncoder
from earwitness.errors import SettingsError
from earwitness.recognition.analysis import name_source
from earwitness.settings import Settings

CLASS_TOKEN = 0
LATE_S = 0.2  # a time may be later than the recording's end by so much, since the last token overhangs it
MOST_WEIGHTS = 2**25  # of the windows of a batch: 134 MB; one window of 10 s has 3.5 million in the embedded encoder


@dataclass(frozen=True)
class AttentionMap:
    """Where the content of a token, or of several, comes from; it sums to 1, the class token's share left out.

    Attributes:
        weights: (bands, T), the lowest band first.
        start_s: when the first column begins, in the recording.
        token_s: seconds that a column lasts.
        edges_hz: the bands' edges (bands + 1,).
    """

    weights: npt.NDArray[np.float32]
    start_s: float
    token_s: float
    edges_hz: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Attention:
    """What every token of one window attends to.

    Attributes:
        weights: (layers, heads, N, N); each row is a token and sums to 1. The class token is first, then the grid: the
            lowest band's tokens in time, then the next band's.
        start_s: when the window begins, in the recording.
        token_s: seconds between tokens in time.
        edges_hz: the bands' edges (bands + 1,).
    """

    weights: Floats
    start_s: float
    token_s: float
    edges_hz: npt.NDArray[np.float64]

    @property
    def n_bands(self) -> int:
        """Bands of the grid."""
        return len(self.edges_hz) - 1

    @property
    def n_columns(self) -> int:
        """Columns T of the grid."""
        return int(self.weights.shape[-1] - 1) // self.n_bands

    def layer(self, layer: int = -1, head: int | None = None) -> Floats:
        """Return the weights (N, N) of a layer, -1 the last one: of a head, or the mean over heads.

        Raises:
            SettingsError: there is no such layer or head.
        """
        n_layers, n_heads = self.weights.shape[:2]
        if not -n_layers <= layer < n_layers:
            raise SettingsError(f"layer {layer}: this encoder has layers 0 to {n_layers - 1}, or -1 for the last")
        if head is not None and not 0 <= head < n_heads:
            raise SettingsError(f"head {head}: this encoder has heads 0 to {n_heads - 1} in each layer")
        chosen: Floats = self.weights[layer].mean(axis=0) if head is None else self.weights[layer, head]
        return chosen

    def roll_out(self) -> Floats:
        """Return how much of each token's content (N, N) came from each token of the input, over all layers."""
        return roll_out(self.weights)

    def column_at(self, time_s: float) -> int:
        """Return the column of a time in the recording.

        Raises:
            SettingsError: the time is outside the window.
        """
        column = (time_s - self.start_s) / self.token_s + 1e-6
        if not 0 <= column < self.n_columns:
            end_s = self.start_s + self.n_columns * self.token_s
            raise SettingsError(f"{time_s:g} s is outside the window from {self.start_s:g} to {end_s:g} s")
        return int(column)

    def token_at(self, time_s: float, frequency_hz: float) -> int:
        """Return the token at a time in the recording and a frequency.

        Raises:
            SettingsError: it is outside the window, or outside the bands.
        """
        low, high = self.edges_hz[[0, -1]]
        if not low <= frequency_hz <= high:
            raise SettingsError(f"{frequency_hz:g} Hz is outside the encoder's range, {low:.0f} to {high:.0f} Hz")
        band = min(int(np.searchsorted(self.edges_hz, frequency_hz, side="right")) - 1, self.n_bands - 1)
        return 1 + band * self.n_columns + self.column_at(time_s)

    def column_tokens(self, column: int) -> list[int]:
        """Return the tokens of all bands at a column."""
        return [1 + band * self.n_columns + column for band in range(self.n_bands)]

    def look_from(self, tokens: Sequence[int], matrix: Floats) -> AttentionMap:
        """Return the map of what some tokens, in the mean, attend to by a matrix (N, N) of `layer` or `roll_out`."""
        row = matrix[list(tokens)].mean(axis=0, dtype=np.float64)[1:]  # without the class token, which is nowhere
        weights = (row / row.sum()).reshape(self.n_bands, self.n_columns).astype(np.float32)
        return AttentionMap(weights, self.start_s, self.token_s, self.edges_hz)


def roll_out(weights: Floats) -> Floats:
    """Return attention rolled out over layers (N, N) of weights (layers, heads, N, N); each row sums to 1."""
    n_tokens = weights.shape[-1]
    flow = np.eye(n_tokens)
    for layer in weights:
        step = 0.5 * layer.mean(axis=0, dtype=np.float64) + 0.5 * np.eye(n_tokens)
        flow = (step / step.sum(axis=1, keepdims=True)) @ flow
    return flow.astype(np.float32)


@dataclass(frozen=True)
class Surroundings:
    """The window around a time, by its index; `n_own` of its samples are the recording's own, before repetition."""

    index: int
    window: Waveform
    n_own: int


def read_attention(
    source: Source, times_s: Sequence[float], settings: Settings, encoder: LoadedEncoder
) -> Iterator[tuple[int, Attention]]:
    """Yield (index of the time, its window's attention), in the order of time; reads the recording once.

    Each window lasts `settings.window_s`, at most the encoder's longest input, and has its time in the middle, or as
    near to it as the recording's ends allow. A recording shorter than a window is one window, repeated below 1 s.

    Raises:
        AudioError: the recording cannot be used.
        SettingsError: a time is not in the recording.
        WeightsError: attention cannot be computed here; see `LoadedEncoder.attention`.
    """
    window_s = min(settings.window_s, encoder.spec.unit_s)
    n_batch = max(1, min(encoder.batch, MOST_WEIGHTS // encoder.spec.count_attention_weights(window_s)))
    windows = read_surroundings(source, times_s, settings, encoder)
    while batch := list(islice(windows, n_batch)):
        found = attend([each.window for each in batch], encoder)
        yield from ((each.index, attention) for each, attention in zip(batch, found, strict=True))


def attend(windows: Sequence[Waveform], encoder: LoadedEncoder) -> list[Attention]:
    """Return the attention of windows of equal length.

    Raises:
        WeightsError: see `LoadedEncoder.attention`.
    """
    spec = encoder.spec
    edges_hz = spec.attention_edges_hz
    weights = encoder.attention(np.stack([window.samples for window in windows]))
    return [
        Attention(each, window.start_s, spec.token_s, edges_hz) for window, each in zip(windows, weights, strict=True)
    ]


def explain_peaks(
    source: Source, peaks_s: Sequence[float], settings: Settings, encoder: LoadedEncoder
) -> list[AttentionMap]:
    """Return for each peak, in their order, from where in the sound the features at the peak come.

    An event's score is computed from the features at its peak, the mean of the tokens of that time. So the map is the
    roll-out over all layers, seen from the tokens of the column at the peak, the mean over its bands. See
    `read_attention` for the windows. Memory does not grow with the recording. The published method's peaks are where
    windows of 4 s begin, so give it their middles.

    Raises:
        AudioError: the recording cannot be used.
        SettingsError: a peak is not in the recording.
        WeightsError: attention cannot be computed here; see `LoadedEncoder.attention`.
    """
    maps: dict[int, AttentionMap] = {}
    for index, attention in read_attention(source, peaks_s, settings, encoder):
        column = int((peaks_s[index] - attention.start_s) / attention.token_s + 1e-6)
        tokens = attention.column_tokens(min(column, attention.n_columns - 1))
        maps[index] = attention.look_from(tokens, attention.roll_out())
    return [maps[index] for index in range(len(peaks_s))]


def read_surroundings(
    source: Source, times_s: Sequence[float], settings: Settings, encoder: LoadedEncoder
) -> Iterator[Surroundings]:
    """Yield the window around each time, in the order of time; see `read_attention`.

    Raises:
        AudioError: the recording cannot be used.
        SettingsError: a time is not in the recording.
    """
    if not times_s:
        return
    rate = encoder.spec.sample_rate_hz
    size = round(min(settings.window_s, encoder.spec.unit_s) * rate)
    waiting = sorted(range(len(times_s)), key=lambda index: times_s[index])
    if not times_s[waiting[0]] >= 0:
        raise SettingsError(f"{times_s[waiting[0]]:g} s: times are counted from the recording's beginning")
    starts = {index: max(0, round(times_s[index] * rate) - size // 2) for index in waiting}
    rest, rest_from = np.zeros(0, np.float32), 0
    for block in read_blocks(source, rate, noise_factor=settings.noise_factor):
        rest = np.concatenate([rest, block.samples])
        while waiting and starts[waiting[0]] + size <= rest_from + len(rest):
            index = waiting.pop(0)
            first = starts[index] - rest_from
            yield Surroundings(index, Waveform(rest[first : first + size], rate, starts[index] / rate), size)
        if not waiting:
            return
        # A whole window before the end stays: a time near the recording's end has to reach back.
        n_drop = max(0, min(starts[waiting[0]] - rest_from, len(rest) - size))
        rest, rest_from = rest[n_drop:], rest_from + n_drop
    end = rest_from + len(rest)
    late_s = times_s[waiting[-1]]
    if late_s > end / rate + LATE_S:
        raise SettingsError(f"{name_source(source)}: {late_s:g} s is outside the recording of {end / rate:g} s")
    if end < size:
        rest = np.resize(rest, min(size, max(end, round(SHORTEST_S * rate))))
    for index in waiting:
        yield Surroundings(index, Waveform(rest[-size:], rate, max(0, end - size) / rate), min(end, size))
