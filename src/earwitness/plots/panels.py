"""Panels that several figures share: a spectrogram with its scale, and tags over time.

In: matplotlib axes, a `Spectrogram`, or tag logits of windows. Out: nothing; the axes are drawn on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from earwitness.audio import Spectrogram
from earwitness.plots.figure import shorten
from earwitness.recognition import Logits, sigmoid
from earwitness.words import tag_names

LEVELS_DB = 70.0  # from the loudest point down, at most to the floor
LEAST_SCORE = 1e-3  # where the colours of the tags' scores begin
TICKS_HZ = (100, 250, 500, 1000, 2000, 4000, 8000, 16000)
FEW_TICKS_HZ = (250, 1000, 2000, 4000, 16000)  # for low panels


def draw_levels(
    axes: Any,
    spectrogram: Spectrogram,
    start_s: float = 0.0,
    cmap: str = "magma",
    ticks_hz: Sequence[int] = TICKS_HZ,
    range_db: float = LEVELS_DB,
) -> Any:
    """Draw a spectrogram from `start_s` on, with its frequency axis; return the image, for a colour bar."""
    levels, n_bands = spectrogram.levels_db, len(spectrogram.levels)
    faintest, loudest = spectrogram.shown_db(range_db)
    end_s = start_s + levels.shape[1] * spectrogram.step_s
    image = axes.imshow(
        levels,
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        cmap=cmap,
        extent=(start_s, end_s, -0.5, n_bands - 0.5),
        vmin=faintest,
        vmax=loudest,
    )
    label_frequencies(axes, spectrogram.centres_hz, ticks_hz)
    return image


def label_frequencies(axes: Any, centres_hz: npt.NDArray[np.float64], ticks_hz: Sequence[int] = TICKS_HZ) -> None:
    """Label an axis of mel bands with these centres (M,) in Hz."""
    ticks = [hz for hz in ticks_hz if centres_hz[0] <= hz <= 1.02 * centres_hz[-1]]
    names = [f"{hz // 1000}k" if hz >= 1000 else str(hz) for hz in ticks]
    axes.set_yticks(find_rows(ticks, centres_hz), names)
    axes.set_ylabel("frequency (Hz, mel scale)")


def find_rows(frequencies_hz: Sequence[float], centres_hz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the positions of frequencies on an axis of mel bands with these centres (M,)."""
    rows: npt.NDArray[np.float64] = np.interp(frequencies_hz, centres_hz, np.arange(len(centres_hz)))
    return rows


def find_strongest(logits: Logits, n_tags: int) -> npt.NDArray[np.intp]:
    """Return the tags (n,) with the largest scores in any window, the strongest first."""
    return np.argsort(-logits.max(axis=0), kind="stable")[:n_tags]


def draw_tag_rows(axes: Any, logits: Logits, edges_s: npt.NDArray[np.float64], tags: npt.NDArray[np.intp]) -> Any:
    """Draw a row of scores over time for each tag; return the mesh, for a colour bar.

    Args:
        axes: to draw on.
        logits: (W, C) of windows, each drawn from `edges_s[w]` to `edges_s[w + 1]`.
        edges_s: (W + 1,).
        tags: which of the C, the first on top.
    """
    from matplotlib.colors import LogNorm

    scores = np.maximum(sigmoid(logits[:, tags].T), LEAST_SCORE)  # (n, W)
    rows = np.arange(len(tags) + 1) - 0.5
    mesh = axes.pcolormesh(edges_s, rows, scores, cmap="cividis", norm=LogNorm(LEAST_SCORE, 1.0))
    axes.set_yticks(range(len(tags)), [shorten(tag_names()[tag]) for tag in tags], parse_math=False)
    axes.set_ylim(len(tags) - 0.5, -0.5)
    return mesh


def add_score_bar(figure: Any, axes: Any, mesh: Any) -> None:
    """Add a colour bar of tag scores beside the axes."""
    bar = figure.colorbar(mesh, ax=axes, pad=0.01, label="tag score")
    bar.set_ticks([0.001, 0.01, 0.1, 1.0], labels=["0.001", "0.01", "0.1", "1"])
