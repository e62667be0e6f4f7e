"""Counts as figures: confusion matrices, and actual and predicted numbers of each label.

In: counts and labels. Out: figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from earwitness.plots.figure import ACTUAL, ESTIMATED, make_figure, shorten, styled

Counts = npt.NDArray[np.int64]
MOST_NUMBERED = 25  # labels; with more the cells have no numbers
NONE = "none of these"


@styled()
def draw_confusion(cells: Counts, rows: Sequence[str], columns: Sequence[str], title: str, caption: str) -> Any:
    """Return the figure of a confusion matrix.

    Args:
        cells: (R, C) recordings by true label and answer.
        rows: R true labels.
        columns: C answers.
        title, caption: its texts.
    """
    shares = cells / np.maximum(1, cells.sum(axis=1, keepdims=True))
    side = 0.42 if max(cells.shape) <= MOST_NUMBERED else 0.22
    figure = make_figure(max(6.4, side * len(columns) + 3.6), max(3.6, side * len(rows) + 2.8), title, caption)
    axes = figure.subplots()
    image = axes.imshow(shares, cmap="cividis", vmin=0.0, vmax=1.0)
    turn = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
    axes.set_xticks(range(len(columns)), [shorten(name, 22) for name in columns], parse_math=False, **turn)
    axes.set_yticks(range(len(rows)), [shorten(name, 22) for name in rows], parse_math=False)
    axes.set(xlabel="answer", ylabel="truth (recordings)")
    axes.spines[:].set_visible(False)
    for row, column in np.argwhere(cells) if max(cells.shape) <= MOST_NUMBERED else ():
        colour = "black" if shares[row, column] > 0.5 else "white"
        axes.text(column, row, str(cells[row, column]), ha="center", va="center", color=colour, fontsize=8)
    figure.colorbar(image, ax=axes, pad=0.02, shrink=0.8, label="share of the row")
    return figure


@styled()
def draw_distribution(
    labels: Sequence[str], n_actual: Sequence[int], n_predicted: Sequence[int], unit: str, title: str, caption: str
) -> Any:
    """Return the figure of actual and predicted counts side by side, a pair of bars for each label.

    Args:
        labels: V names.
        n_actual, n_predicted: V counts.
        unit: what is counted, such as "recordings".
        title, caption: its texts.
    """
    places = np.arange(len(labels))
    figure = make_figure(max(6.4, 0.62 * len(labels) + 2.2), 4.4, title, caption)
    axes = figure.subplots()
    sets = ((n_actual, -0.2, ACTUAL, "actual", ""), (n_predicted, 0.2, ESTIMATED, "predicted", "///"))
    for numbers, shift, colour, name, hatch in sets:
        bars = axes.bar(places + shift, numbers, 0.38, color=colour, hatch=hatch, edgecolor="white", label=name)
        axes.bar_label(bars, fontsize=7.5 if len(labels) <= MOST_NUMBERED else 5.5, padding=1.5)
    turn = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"} if len(labels) > 5 else {}
    axes.set_xticks(places, [shorten(name, 24) for name in labels], parse_math=False, **turn)
    axes.set(ylabel=f"number of {unit}", xlim=(-0.6, len(labels) - 0.4))
    axes.set_ylim(0, 1.12 * max(1, *n_actual, *n_predicted))
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure
