"""What tests read from a figure: its words, its axes, and that nothing lies on anything else."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg


def texts(figure: Any) -> set[str]:
    """Return every visible text that is not empty."""
    from matplotlib.text import Text

    FigureCanvasAgg(figure).draw()
    return {each.get_text() for each in figure.findobj(Text) if each.get_visible() and each.get_text()}


def caption(figure: Any) -> str:
    """Return the caption as one line."""
    return str(figure.get_supxlabel()).replace("\n", " ")


def title(figure: Any) -> str:
    """Return the title as one line."""
    return str(figure.get_suptitle()).replace("\n", " ")


def find_axes(figure: Any, label: str) -> Any:
    """Return the only axes with this label on one of its axes."""
    found = [axes for axes in figure.axes if label in (axes.get_xlabel(), axes.get_ylabel())]
    assert len(found) == 1, f"{len(found)} axes are labelled {label}"
    return found[0]


def overlaps(figure: Any) -> list[tuple[str, str]]:
    """Return pairs of texts that lie on each other: titles, caption, labels and ticks of all axes."""
    FigureCanvasAgg(figure).draw()
    parts = [figure._suptitle, figure._supxlabel]
    for axes in figure.axes:
        parts += [axes.title, axes.xaxis.label, axes.yaxis.label]
        for axis, limits in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
            low, high = sorted(limits)
            ticks = [tick for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]  # others are not drawn
            parts += [tick.label1 for tick in ticks if not tick.label1.get_rotation() % 90]
            parts += [tick.label2 for tick in ticks]
    seen = [part for part in parts if part.get_visible() and part.get_text()]
    boxes = [(part.get_text(), part.get_window_extent()) for part in seen]
    return [
        (one, other)
        for (one, first), (other, second) in combinations(boxes, 2)
        if min(first.x1, second.x1) - max(first.x0, second.x0) > 1.0
        and min(first.y1, second.y1) - max(first.y0, second.y0) > 1.0
    ]
