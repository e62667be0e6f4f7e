"""How well scores separate a label's recordings from the others: ROC and precision-recall curves.

In: for each label, its score in each recording and whether it is there. Out: curves as numbers, and figures.

Source: Fawcett (2006), "An introduction to ROC analysis": recordings of equal score make one step; average precision is
the sum of precision over steps of recall.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from earwitness.plots.figure import COLOURS, REST, make_figure, shorten, styled

LINES = (*COLOURS, "#000000")
N_NAMED = len(LINES)  # labels with a colour of their own; others are grey
Array = npt.NDArray[np.float64]
DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)))  # so that lines differ without colours


@dataclass(frozen=True)
class ScoredLabel:
    """A label's scores (N,) in N recordings, and whether it is there (N,).

    `floor` is the score of recordings in which nothing reached the run's threshold; None where all have scores.
    """

    label: str
    is_there: npt.NDArray[np.bool_]
    scores: Array
    floor: float | None = None

    @property
    def has_both(self) -> bool:
        """Whether the label is in some recordings and not in others; else there is no curve."""
        return bool(self.is_there.any() and not self.is_there.all())

    @property
    def n_known(self) -> int:
        """Steps of a curve, after its beginning, that come from scores above the floor."""
        steps = np.unique(self.scores)
        return len(steps) - int(self.floor is not None and self.floor in steps)


def trace_roc(scored: ScoredLabel) -> tuple[Array, Array, float]:
    """Return false positive rates and true positive rates (P,) from (0, 0) to (1, 1), and the area under them."""
    found, false = _count_steps(scored)
    rates = false / max(1, false[-1]), found / max(1, found[-1])
    return *rates, float(np.sum(np.diff(rates[0]) * (rates[1][1:] + rates[1][:-1]) / 2))


def trace_precision(scored: ScoredLabel) -> tuple[Array, Array, float]:
    """Return recalls and precisions (P,), the strictest threshold first, and the average precision."""
    found, false = _count_steps(scored)
    recall = found / max(1, found[-1])
    precision = found[1:] / (found[1:] + false[1:])
    return recall[1:], precision, float(np.sum(np.diff(recall) * precision))


def draw_roc(scored: Sequence[ScoredLabel], title: str, caption: str) -> Any:
    """Return the figure of ROC curves; labels that are in all recordings or in none have none."""
    with styled():
        figure, axes = _begin(title, caption + _note_floor(scored))
        for each, style in _choose_lines(scored):
            false, true, area = trace_roc(each)
            _draw_line(axes, each, false, true, 1 + each.n_known, f"AUC {area:.3f}", style)
        axes.plot([0, 1], [0, 1], color="0.6", lw=0.8, ls=":", label="chance")
        axes.set(xlabel="false positive rate", ylabel="true positive rate")
        _finish(axes, scored)
    return figure


def draw_precision_recall(scored: Sequence[ScoredLabel], title: str, caption: str) -> Any:
    """Return the figure of precision-recall curves; labels that are in all recordings or in none have none."""
    with styled():
        figure, axes = _begin(title, caption + _note_floor(scored))
        for each, style in _choose_lines(scored):
            recall, precision, average = trace_precision(each)
            _draw_line(axes, each, recall, precision, each.n_known, f"AP {average:.3f}", style)
        axes.set(xlabel="recall", ylabel="precision")
        _finish(axes, scored)
    return figure


def _count_steps(scored: ScoredLabel) -> tuple[Array, Array]:
    """Return the true and false positives (P + 1,) at each threshold, from the highest to the lowest."""
    thresholds = np.unique(scored.scores)[::-1]
    found = [0, *(int(np.sum(scored.is_there & (scored.scores >= each))) for each in thresholds)]
    false = [0, *(int(np.sum(~scored.is_there & (scored.scores >= each))) for each in thresholds)]
    return np.array(found, np.float64), np.array(false, np.float64)


def _choose_lines(scored: Sequence[ScoredLabel]) -> list[tuple[ScoredLabel, dict[str, Any] | None]]:
    """Return labels with their line styles, in drawing order; the most frequent have colours, others None."""
    curves = [each for each in scored if each.has_both]
    named = sorted(curves, key=lambda each: -int(each.is_there.sum()))[:N_NAMED]
    styles = {each.label: {"color": LINES[i], "ls": DASHES[i % 3]} for i, each in enumerate(named)}
    return sorted(((each, styles.get(each.label)) for each in curves), key=lambda pair: pair[1] is not None)


def _draw_line(
    axes: Any, each: ScoredLabel, x: Array, y: Array, n_known: int, area: str, style: dict[str, Any] | None
) -> None:
    """Draw a curve; the part below the run's threshold, where no scores are known, is dotted."""
    name = f"{shorten(each.label)} ({area}; {int(each.is_there.sum())} of {len(each.is_there)})"
    look = {"lw": 1.8, **style, "label": name} if style else {"color": REST, "lw": 0.8, "zorder": 1}
    axes.plot(x[:n_known], y[:n_known], **look)
    if n_known < len(x):
        rest = slice(max(0, n_known - 1), None)
        axes.plot(x[rest], y[rest], color=look["color"], lw=0.9, ls=":", zorder=1)


def _begin(title: str, caption: str) -> tuple[Any, Any]:
    figure = make_figure(8.6, 5.4, title, caption)
    axes = figure.subplots()
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    axes.grid(color="0.92")
    return figure, axes


def _finish(axes: Any, scored: Sequence[ScoredLabel]) -> None:
    curves = [each for each in scored if each.has_both]
    title = "label (area; recordings with it)"
    if len(curves) > N_NAMED:
        title += f"\n(grey: {len(curves) - N_NAMED} more)"
    axes.legend(loc="upper left", bbox_to_anchor=(1.02, 1.0), title=title, alignment="left", title_fontsize=8.0)


def _note_floor(scored: Sequence[ScoredLabel]) -> str:
    parts = ""
    if any(each.floor is not None for each in scored):
        parts = " Dotted: below the run's threshold, where no scores are known."
    without = [each.label for each in scored if not each.has_both]
    return parts + (f" No curve (in all recordings or in none): {', '.join(without)}." if without else "")
