"""A `Heat` as SVG grids: one for each word, one for the best scenes, for light and dark.

In: a `Heat`. Out: HTML, and the data behind the tooltips of `assets/heat.js`. Cells of one shade are one path.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from earwitness.archive import FAINTEST, Heat
from earwitness.reports.page import escape, find_common_folder, isolate, make_panel, show_count

N_WORDS = 24  # panels
N_SHADES = 6
N_COLOURS = 7  # of scenes; further ones are grey
HEIGHT_PX = 300
LEAST_PX, MOST_PX = 4, 22  # a row
LABEL_PX = 15  # a label's height
N_LETTERS = 16  # of a recording's name
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
MEANING_OF_ROWS = {
    "hour": "A row is an hour and a column five minutes, by the recordings' own clock.",
    "day": "A row is a day and a column an hour of the day, by the recordings' own clock.",
    "week": "A row is a week from Monday and a column an hour of the day, by the recordings' own clock.",
    "month": "A row is a month and a column an hour of the day, by the recordings' own clock.",
    "year": "A row is a year and a column an hour of the day, by the recordings' own clock.",
    "recording": "The start times are not known: a row is a recording, columns count from its beginning.",
}


def show_heat(heat: Heat, words: Sequence[str], number: int = 0) -> str:
    """Return a panel with a grid for each word and the scenes; `number` is the heat's place in the page's data."""
    shown = choose_words(heat, words)
    note = MEANING_OF_ROWS[heat.unit]
    if shown:
        note += " The fuller the colour, the more events per hour of audio; each word has a scale of its own."
    analysed_s = heat.analysed_s[heat.analysed_s > 0]
    if shown and len(analysed_s) and analysed_s.min() < FAINTEST * analysed_s.max():
        note += " Cells with very little audio are scaled as if they had a tenth of the fullest cell's audio."
    if heat.n_left_out:
        note += f" {heat.n_left_out} recordings with fewer events are left out here."
    if len(shown) == N_WORDS:
        note += f" The {N_WORDS} words with the most events."
    if silent := [word for word in words if not heat.counts[word].any()]:
        more = f" and {len(silent) - N_WORDS} more" if len(silent) > N_WORDS else ""
        note += f" Not detected: {', '.join(silent[:N_WORDS])}{more}."
    figures = [_show_word(heat, word, number, place) for place, word in enumerate(shown)]
    if heat.scene_names:
        figures.append(_show_scenes(heat, number))
    title = f"By {heat.unit}" if heat.unit in ("hour", "recording") else f"By {heat.unit} and hour"
    legend = _show_legend() if shown else ""
    return make_panel(title, f'{legend}<div class="hm-figures">{"".join(figures)}</div>', note, kind="hm")


def describe_heat(heat: Heat, words: Sequence[str]) -> dict[str, Any]:
    """Return the data behind the tooltips: names, seconds, counts and scenes of cells, row by row."""
    return {
        "unit": heat.unit,
        "rows": _full_names(heat),
        "columns": heat.columns,
        "analysed_s": np.rint(heat.analysed_s).astype(int).ravel().tolist(),
        "counts": [heat.counts[word].ravel().tolist() for word in choose_words(heat, words)],
        "scenes": heat.scenes.ravel().tolist() if heat.scene_names else [],
        "names": heat.scene_names,
    }


def choose_words(heat: Heat, words: Sequence[str]) -> list[str]:
    """Return the words that have a grid, in the order of the query: up to `N_WORDS` of those with most events."""
    found = [word for word in words if heat.counts[word].any()]
    most = set(sorted(found, key=lambda word: -int(heat.counts[word].sum()))[:N_WORDS])
    return [word for word in words if word in most]


def _show_word(heat: Heat, word: str, number: int, place: int) -> str:
    rates = heat.rates(word)
    most = float(rates.max(initial=0.0))
    # Steps of the square root: a tenth of the most is still seen.
    shades = np.ceil(N_SHADES * np.sqrt(rates / most)).astype(int) if most else np.zeros(rates.shape, int)
    shades[(heat.analysed_s <= 0) & (heat.counts[word] == 0)] = -1
    n_events = int(heat.counts[word].sum())
    here = " here" if heat.n_left_out else ""
    label = f"{show_count(n_events, 'event')}{here}, at most {show_rate(most)} an hour"
    paths = [_draw(shades == shade, f"hm-{shade}") for shade in range(N_SHADES + 1)]
    return _show_figure(heat, word, label, "".join(paths), f'data-heat="{number}" data-place="{place}"')


def _show_scenes(heat: Heat, number: int) -> str:
    colours = np.minimum(heat.scenes, N_COLOURS)
    paths = [_draw((heat.analysed_s > 0) & (heat.scenes < 0), "hm-0")]
    paths += [_draw(colours == colour, f"hm-s{colour}") for colour in range(N_COLOURS + 1)]
    legend = [(scene, f"hm-s{place}") for place, scene in enumerate(heat.scene_names[:N_COLOURS])]
    if len(heat.scene_names) > N_COLOURS:
        legend.append((f"{len(heat.scene_names) - N_COLOURS} others", f"hm-s{N_COLOURS}"))
    swatches = "".join(f"<span>{_swatch(kind)}{isolate(scene)}</span>" for scene, kind in legend)
    figure = _show_figure(heat, "Best scene", "of each hour", "".join(paths), f'data-heat="{number}"')
    return figure.replace("</figure>", f'<p class="hm-legend">{swatches}</p></figure>')


def _show_figure(heat: Heat, name: str, label: str, paths: str, data: str) -> str:
    n_rows, n_columns = heat.analysed_s.shape
    row_px = min(MOST_PX, max(LEAST_PX, HEIGHT_PX // n_rows))
    height = row_px * n_rows
    kind = "hm-names" if heat.unit == "recording" else "hm-times"
    gaps = " hm-apart" if row_px >= 8 else ""
    return (
        f'<figure class="hm-figure {kind}"><figcaption><b>{isolate(name)}</b> '
        f'<span class="ew-faint">{escape(label)}</span></figcaption><div class="hm-grid">'
        f'<svg class="hm-rows" height="{height}" aria-hidden="true">{_label_rows(heat, row_px)}</svg>'
        f'<svg class="hm-map{gaps}" height="{height}" viewBox="0 0 {n_columns} {n_rows}" preserveAspectRatio="none" '
        f'role="img" aria-label="{escape(f"{name}: {label}")}" {data}>{paths}</svg>'
        f'<svg class="hm-columns" height="18" aria-hidden="true">{_label_columns(heat)}</svg></div></figure>'
    )


def _draw(is_in: npt.NDArray[np.bool_], kind: str) -> str:
    cells = "".join(f"M{column} {row}h1v1h-1z" for row, column in np.argwhere(is_in).tolist())
    return f'<path class="{kind}" d="{cells}"/>' if cells else ""


def _label_rows(heat: Heat, row_px: int) -> str:
    """Name as many rows as there is room for: whole numbers of weeks, if rows are days."""
    every = -(-(2 * LABEL_PX if heat.unit == "week" else LABEL_PX) // row_px)
    if heat.unit == "day" and 1 < every < 7 <= len(heat.rows):
        every = 7
    if heat.unit == "recording":
        names = [name if len(name) <= N_LETTERS else f"…{name[1 - N_LETTERS :]}" for name in _full_names(heat)]
    elif heat.unit == "hour":
        is_one = len({name[:10] for name in heat.rows if name}) == 1
        names = [
            _show_date(name[:10], has_year=False) if name.endswith("00:00") and not is_one else name[11:]
            for name in heat.rows
        ]
    elif heat.unit in ("day", "week"):
        years = {name[:4] for name in heat.rows if name}
        names = [_show_date(name, has_year=len(years) > 1) for name in heat.rows]
    else:
        names = list(heat.rows)
    return "".join(
        f'<text x="100%" y="{max(9, row_px * row + row_px / 2 + 4):g}">{escape(name)}</text>'
        for row, name in enumerate(names)
        if row % every == 0 and name
    )


def _label_columns(heat: Heat) -> str:
    every = -(-len(heat.columns) // 4)
    return "".join(
        f'<text x="{100 * place / len(heat.columns):.4g}%" y="13">{escape(name)}</text>'
        for place, name in enumerate(heat.columns)
        if place % every == 0
    )


def _show_legend() -> str:
    shades = "".join(_swatch(f"hm-{shade}") for shade in range(1, N_SHADES + 1))
    return (
        f'<p class="hm-legend"><span>{_swatch("hm-none")}no audio</span><span>{_swatch("hm-0")}no event</span>'
        f"<span>{shades} few to most</span></p>"
    )


def _swatch(kind: str) -> str:
    return f'<svg class="hm-swatch" viewBox="0 0 1 1" aria-hidden="true"><path class="{kind}" d="M0 0h1v1h-1z"/></svg>'


def show_rate(rate: float) -> str:
    """Return events an hour with as many digits as matter."""
    if rate >= 100:
        return f"{rate:,.0f}"
    return f"{rate:,.1f}" if rate >= 0.1 or not rate else f"{rate:.2g}"


def _full_names(heat: Heat) -> list[str]:
    if heat.unit != "recording":
        return list(heat.rows)
    return [name.removeprefix(find_common_folder(heat.rows)) for name in heat.rows]


def _show_date(name: str, has_year: bool) -> str:
    """Return 2026-03-01 as "1 Mar", or "1 Mar 26"."""
    if not name:
        return ""
    year, month, day = name.split("-")
    return f"{int(day)} {MONTHS[int(month) - 1]}{' ' + year[2:] if has_year else ''}"
