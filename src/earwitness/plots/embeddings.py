"""A map of recordings: recordings with similar features lie close together.

In: features (N, D), a group for each. Out: positions (N, 2) by PCA, or by UMAP if it is installed, and a figure.

Source: principal components by singular values; UMAP of McInnes et al. (2018), from `umap-learn`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from earwitness.encoders import Floats
from earwitness.errors import MissingExtraError, SettingsError
from earwitness.plots.figure import COLOURS, REST, make_figure, shorten, styled

Projection = Literal["pca", "umap"]
MARKERS = ("o", "s", "^", "D", "v", "P")  # with colours, so that 36 groups differ
MOST_NAMED = 30  # recordings with their names beside them
LEAST = 3


def project(values: Floats, how: Projection = "pca") -> tuple[npt.NDArray[np.float64], tuple[str, str]]:
    """Return positions (N, 2) of features (N, D), and the names of the two axes.

    Raises:
        SettingsError: there are fewer than three, or `how` is not known.
        MissingExtraError: UMAP is wanted and not installed.
    """
    if len(values) < LEAST:
        raise SettingsError(f"{len(values)} recordings: a map needs at least {LEAST}")
    if how == "pca":
        centred = values - values.mean(axis=0, dtype=np.float64)
        left, sizes, axes = np.linalg.svd(centred, full_matrices=False)
        signs = np.sign(axes[np.arange(2), np.abs(axes[:2]).argmax(axis=1)])  # makes the signs of the axes reproducible
        shares = sizes[:2] ** 2 / max(float(np.sum(sizes**2)), 1e-30)
        first, second = (f"principal component {i + 1} ({share:.0%} of variance)" for i, share in enumerate(shares))
        return left[:, :2] * sizes[:2] * signs, (first, second)
    if how != "umap":
        raise SettingsError(f"projection {how!r}: choose 'pca' or 'umap'")
    try:
        from umap import UMAP
    except ImportError as error:
        raise MissingExtraError("UMAP needs umap-learn: pip install umap-learn; or take --projection pca") from error
    n_near = min(15, len(values) - 1)
    places = UMAP(n_neighbors=n_near, init="random", random_state=0, n_jobs=1).fit_transform(values)
    return np.asarray(places, np.float64), ("UMAP 1 (no unit)", "UMAP 2 (no unit)")


@styled()
def draw_embeddings(
    places: npt.NDArray[np.float64],
    axis_names: tuple[str, str],
    names: Sequence[str],
    groups: Sequence[str],
    title: str,
    caption: str,
) -> Any:
    """Return the figure of a map.

    Args:
        places: (N, 2).
        axis_names: of x and y.
        names: of N recordings, written beside up to 30 points.
        groups: a group for each, shown by colour and marker; those beyond 36 are grey.
        title, caption: its texts.
    """
    figure = make_figure(8.6, 5.6, title, caption)
    axes = figure.subplots()
    for index, group in enumerate(sorted(set(groups))):
        rows = [row for row, each in enumerate(groups) if each == group]
        is_marked = index < len(COLOURS) * len(MARKERS)
        colour = COLOURS[index % len(COLOURS)] if is_marked else REST
        marker = MARKERS[(index + index // len(COLOURS)) % len(MARKERS)]
        look = {"c": colour, "marker": marker, "s": 42, "edgecolors": "white", "linewidths": 0.6}
        axes.scatter(places[rows, 0], places[rows, 1], label=f"{shorten(group)} ({len(rows)})", **look)
    if len(names) <= MOST_NAMED:
        for name, place in zip(names, places, strict=True):
            near = {"textcoords": "offset points", "xytext": (5, 3), "fontsize": 6.5, "color": "0.35"}
            axes.annotate(shorten(name, 24), place, parse_math=False, **near)
    axes.set(xlabel=axis_names[0], ylabel=axis_names[1])
    axes.margins(0.1)
    axes.grid(color="0.93")
    axes.set_axisbelow(True)
    n_columns = 1 + len(set(groups)) // 20
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), title="group (recordings)", ncols=n_columns)
    return figure
