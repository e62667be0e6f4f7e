"""Curves and confusion matrices as SVG within a page, without a library.

In: numbers and names. Out: SVG with all text escaped; colours come from the page's style, light or dark.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from earwitness.reports.page import escape

WIDTH, HEIGHT = 680, 260
LEFT, RIGHT, TOP, BOTTOM = 60, 190, 16, 40
STROKES = (("--a", ""), ("--b", "6 3"), ("--c", "2 3"))  # colour and dashes, so that colour is not needed
CELL = 34


def draw_lines(
    x: Sequence[float], lines: Mapping[str, Sequence[float | None]], x_name: str, y_name: str, y_max: float
) -> str:
    """Return lines over x; where a value is None the line is broken."""
    x_min, x_max = min(x), max(max(x), min(x) + 1e-9)
    wide, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def place(at: float, value: float) -> tuple[float, float]:
        return LEFT + (at - x_min) / (x_max - x_min) * wide, TOP + (1 - value / y_max) * high

    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img" aria-label="{escape(y_name)}">']
    for step in np.linspace(0, 1, 5):
        left, level = place(x_min, step * y_max)
        parts.append(f'<path d="M{left:.1f} {level:.1f}h{wide}" stroke="var(--ew-line)" fill="none"/>')
        parts.append(f'<text x="{left - 6:.1f}" y="{level + 4:.1f}" text-anchor="end">{step * y_max:.3g}</text>')
        at = x_min + step * (x_max - x_min)
        parts.append(f'<text x="{place(at, 0)[0]:.1f}" y="{TOP + high + 16}" text-anchor="middle">{at:.2f}</text>')
    parts.append(f'<text x="{LEFT + wide / 2}" y="{HEIGHT - 6}" text-anchor="middle">{escape(x_name)}</text>')
    for number, (name, values) in enumerate(lines.items()):
        colour, dashes = STROKES[number % len(STROKES)]
        look = f'stroke="var({colour})" stroke-width="2" stroke-dasharray="{dashes}" fill="none"'
        known = [place(at, value) for at, value in zip(x, values, strict=True) if value is not None]
        if known:
            parts.append(f'<path d="M{" L".join(f"{a:.1f} {b:.1f}" for a, b in known)}" {look}/>')
            parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="2" fill="var({colour})"/>' for a, b in known]
        level = TOP + 14 + 20 * number
        parts.append(f'<path d="M{WIDTH - RIGHT + 12} {level - 4}h24" {look}/>')
        parts.append(f'<text x="{WIDTH - RIGHT + 40}" y="{level}">{escape(name)}</text>')
    return "".join((*parts, "</svg>"))


def draw_confusion(labels: Sequence[str], confusion: np.ndarray) -> str:
    """Return a matrix (V, V + 1) of counts as cells, darker for a larger share of the row; "none" is left out if 0."""
    columns = [*labels, "no answer"] if confusion[:, -1].any() else list(labels)
    rows = [row for row in range(len(labels)) if confusion[row].any()]
    side = 10 + 7 * max(map(len, columns))
    width, height = side + CELL * len(columns) + side // 2, side + CELL * len(rows) + 10
    parts = [f'<svg viewBox="0 0 {width} {height}" width="{width}" role="img" aria-label="confusion">']
    for place, name in enumerate(columns):
        x = side + CELL * place + CELL / 2 + 4
        parts.append(f'<text x="{x}" y="{side - 6}" transform="rotate(-60 {x} {side - 6})">{escape(name)}</text>')
    for line, row in enumerate(rows):
        y, total = side + CELL * line, int(confusion[row].sum())
        parts.append(f'<text x="{side - 6}" y="{y + CELL / 2 + 4}" text-anchor="end">{escape(labels[row])}</text>')
        for place in range(len(columns)):
            count = int(confusion[row, place])
            look = f'fill="rgba(var(--cell), {0.75 * count / total:.2f})" stroke="var(--ew-line)"'
            hint = escape(f"true {labels[row]}, answer {columns[place]}: {count} of {total}")
            x = side + CELL * place
            parts.append(f'<rect x="{x}" y="{y}" width="{CELL}" height="{CELL}" {look}><title>{hint}</title></rect>')
            if count:
                parts.append(f'<text x="{x + CELL / 2}" y="{y + CELL / 2 + 4}" text-anchor="middle">{count}</text>')
    return "".join((*parts, "</svg>"))
