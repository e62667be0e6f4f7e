"""Attention of the encoder over the spectrogram: roll-out, heads or layers, seen from points or the class token.

In: a recording, a moment, a view. Out: a figure of panels, each of which shows how many times more than evenly each
token of the sound is attended to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from earwitness.audio import Source, Spectrogram, SpectrogramMaker, Waveform, read_blocks
from earwitness.encoders import Floats, LoadedEncoder
from earwitness.errors import SettingsError
from earwitness.plots.figure import COLOURS, make_figure, styled
from earwitness.plots.panels import FEW_TICKS_HZ, draw_levels, find_rows
from earwitness.recognition import CLASS_TOKEN, Attention, AttentionMap, attend, read_surroundings
from earwitness.settings import Settings
from earwitness.version import __version__

View = Literal["rollout", "mean", "heads", "layers"]
VIEWS: dict[str, str] = {
    "rollout": "Roll-out over all layers (Abnar and Zuidema 2020), mean over heads",
    "mean": "Mean over heads of layer {layer}",
    "heads": "Each head of layer {layer}",
    "layers": "Each layer, mean over heads",
}
MOST_COLUMNS = 4
N_COLUMNS_BEHIND = 150  # of the spectrogram behind attention
BEHIND_DB = 35.0  # of its levels, so that noise is pale and attention stands out
TICKS = (1, 1.5, 2, 3, 5, 10, 20, 50, 100, 200)
EVEN = 1.0  # attention to each token if it were spread evenly


@dataclass(frozen=True)
class Query:
    """The source of attention: a time and a frequency, a time (all bands), or, without a time, the class token.

    `is_mean` is the mean over all tokens but the class token: a window's tags are computed from that mean.
    """

    time_s: float | None = None
    frequency_hz: float | None = None
    is_mean: bool = False

    def __str__(self) -> str:
        if self.is_mean:
            return "the mean of all tokens"
        if self.time_s is None:
            return "class token"
        return f"{self.time_s:.2f} s" + (f", {self.frequency_hz:g} Hz" if self.frequency_hz else ", all bands")

    def find_tokens(self, attention: Attention) -> list[int]:
        """Return the tokens in a window.

        Raises:
            SettingsError: the point is outside the window, or outside the bands.
        """
        if self.is_mean:
            return list(range(CLASS_TOKEN + 1, attention.weights.shape[-1]))
        if self.time_s is None:
            return [CLASS_TOKEN]
        if self.frequency_hz is None:
            return attention.column_tokens(attention.column_at(self.time_s))
        return [attention.token_at(self.time_s, self.frequency_hz)]


@dataclass(frozen=True)
class Panel:
    """One attention map of a figure, its title and its query."""

    title: str
    seen: AttentionMap
    query: Query


@dataclass(frozen=True)
class Attended:
    """The window around a moment: its attention and its spectrogram."""

    attention: Attention
    spectrogram: Spectrogram
    time_s: float


def read_attended(source: Source, time_s: float | None, settings: Settings, encoder: LoadedEncoder) -> Attended:
    """Return the window around a moment, by default the loudest one, which takes a reading more.

    Raises:
        AudioError: the recording cannot be used.
        SettingsError: the moment is not in the recording.
        WeightsError: attention cannot be computed here.
    """
    if time_s is None:
        time_s = find_loudest(source, settings, encoder.spec.sample_rate_hz)
    (around,) = read_surroundings(source, [time_s], settings, encoder)
    (attention,) = attend([around.window], encoder)
    rate, length_s = around.window.sample_rate_hz, attention.n_columns * attention.token_s
    maker = SpectrogramMaker()
    maker.add(Waveform(around.window.samples[: min(around.n_own, round(length_s * rate))], rate))
    last_s = attention.start_s + length_s - 0.5 * attention.token_s  # what follows fills no token
    return Attended(attention, maker.finish(), min(time_s, last_s))


def find_loudest(source: Source, settings: Settings, sample_rate_hz: int) -> float:
    """Return the middle of the 100 ms with the most power, in seconds.

    Raises:
        AudioError: the recording cannot be used.
    """
    finder = LoudestFinder()
    for block in read_blocks(source, sample_rate_hz, noise_factor=settings.noise_factor):
        finder.add(block)
    return finder.time_s


class LoudestFinder:
    """Finds the middle of the 100 ms with the most power, `time_s`, while blocks come in."""

    def __init__(self) -> None:
        self.time_s, self._power = 0.0, -1.0

    def add(self, block: Waveform) -> None:
        """Take the next block."""
        size = block.sample_rate_hz // 10
        power = np.add.reduceat(np.square(block.samples, dtype=np.float64), np.arange(0, len(block.samples), size))
        at = int(power.argmax())
        if power[at] > self._power:
            self._power = float(power[at])
            middle = min(at * size + size // 2, len(block.samples) - 1)
            self.time_s = block.start_s + middle / block.sample_rate_hz


def choose_panels(attended: Attended, view: View, queries: Sequence[Query], layer: int = -1) -> list[Panel]:
    """Return the panels of a view: for each query one, or one for each head or layer.

    Raises:
        SettingsError: a query is outside the window, there is no such layer or view.
    """
    attention = attended.attention
    n_layers, n_heads = attention.weights.shape[:2]
    variants: list[tuple[str, Floats]]
    if view == "rollout":
        variants = [("", attention.roll_out())]
    elif view == "mean":
        variants = [("", attention.layer(layer))]
    elif view == "heads":
        variants = [(f"head {head}", attention.layer(layer, head)) for head in range(n_heads)]
    elif view == "layers":
        variants = [(f"layer {each}", attention.layer(each)) for each in range(n_layers)]
    else:
        raise SettingsError(f"view={view!r}: choose one of {', '.join(VIEWS)}")
    panels = []
    for query in queries:
        tokens = query.find_tokens(attention)
        for name, matrix in variants:
            title = f"{name}, from {query}" if name else f"from {query}"
            panels.append(Panel(title, attention.look_from(tokens, matrix), query))
    return panels


@styled()
def draw_attention(
    attended: Attended, panels: Sequence[Panel], source_name: str, view: View, encoder: str, layer: int = -1
) -> Any:
    """Return the figure: the spectrogram, then the attention of each panel over it."""
    attention = attended.attention
    start_s, end_s = attention.start_s, attention.start_s + attention.n_columns * attention.token_s
    n_columns = next((n for n in (MOST_COLUMNS, 3) if len(panels) % n == 0), min(MOST_COLUMNS, len(panels)))
    n_rows = -(-len(panels) // n_columns)
    n_layers = attention.weights.shape[0]
    how = VIEWS[view].format(layer=f"{layer % n_layers} (of 0 to {n_layers - 1})")
    caption = (
        f"{how}. 1 is even attention, less is transparent; the class token's share is "
        f"left out. Window of {end_s - start_s:.2f} s, tokens of {1000 * attention.token_s:g} ms in "
        f"{attention.n_bands} bands; encoder {encoder}; earwitness {__version__}."
    )
    title = f"{Path(source_name).name}: attention of the encoder, {start_s:.2f} to {end_s:.2f} s"
    width = max(8.5, 2.9 * n_columns + 1.2)
    figure = make_figure(width, 2.0 * n_rows + 3.4, title, caption)
    top, below = figure.subfigures(2, 1, height_ratios=[2.1, 2.0 * n_rows])
    sound = top.subplots()
    top.colorbar(
        draw_levels(sound, attended.spectrogram, start_s, ticks_hz=FEW_TICKS_HZ),
        ax=sound,
        pad=0.01,
        label="level (dB)",
    )
    sound.set(title="spectrogram", xlabel="time (s)", xlim=(start_s, end_s))
    grid = below.subplots(n_rows, n_columns, sharex=True, sharey=True, squeeze=False)
    _draw_panels(below, grid, attended, panels, (start_s, end_s))
    for query in dict.fromkeys(panel.query for panel in panels):
        _mark(sound, query, attended, "white")
    return figure


def _draw_panels(
    figure: Any, grid: Any, attended: Attended, panels: Sequence[Panel], limits_s: tuple[float, float]
) -> None:
    from matplotlib.colors import LinearSegmentedColormap, LogNorm, to_rgba

    ramp = LinearSegmentedColormap.from_list("attention", [to_rgba(COLOURS[1], 0.0), to_rgba(COLOURS[1], 0.9)])
    most = max(float(panel.seen.weights.max()) * panel.seen.weights.size for panel in panels)
    background = attended.spectrogram.narrowed(N_COLUMNS_BEHIND)
    n_mels = len(background.centres_hz)
    for axes, panel in zip(grid.flat, panels, strict=False):
        draw_levels(axes, background, limits_s[0], "Greys", FEW_TICKS_HZ, BEHIND_DB)
        image = axes.imshow(
            panel.seen.weights * panel.seen.weights.size,
            origin="lower",
            aspect="auto",
            interpolation="nearest",
            cmap=ramp,
            extent=(*limits_s, -0.5, n_mels - 0.5),
            norm=LogNorm(EVEN, max(most, 1.1 * EVEN)),
        )
        axes.set_title(panel.title, fontsize=8.0)
        _mark(axes, panel.query, attended, "black")
    for axes in list(grid.flat)[len(panels) :]:
        axes.set_axis_off()
    for axes in grid.flat:
        axes.set(xlim=limits_s, ylim=(-0.5, n_mels - 0.5), ylabel="")
    for axes in grid[:, 0]:
        axes.set_ylabel("frequency (Hz)")
    for axes in grid[-1]:
        axes.set_xlabel("time (s)")
    bar = figure.colorbar(image, ax=list(grid.flat), pad=0.01, extend="min", label="attention (multiple of even)")
    ticks = [tick for tick in TICKS if tick <= most]
    bar.set_ticks(ticks, labels=[f"{tick:g}" for tick in ticks])
    bar.minorticks_off()


def _mark(axes: Any, query: Query, attended: Attended, colour: str) -> None:
    """Mark the query: a cross at a point, a line at a time."""
    if query.time_s is None:
        return
    if query.frequency_hz is None:
        axes.axvline(query.time_s, color=colour, lw=1.0, ls=(0, (4, 3)))
        return
    row = find_rows([query.frequency_hz], attended.spectrogram.centres_hz)
    axes.plot([query.time_s], row, marker="+", ms=10, mew=2.0, color=colour, ls="none")
