"""The kit of every HTML page: the document with its policy, escaped text, tables, bars, numbers, durations, links.

In: text, numbers, rows. Out: HTML. Text from users and files is escaped, data is JSON without `<`, `>` and `&`, and
the policy of the page runs its own scripts only, so nothing that a user wrote becomes markup or script.
"""

from __future__ import annotations

import html
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from earwitness.reports.scripts import hash_for_policy

if TYPE_CHECKING:  # so that the page of an evaluation loads nothing that reads audio
    from earwitness.recognition import Event

ESCAPES = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}
NUMBER, TAGS = "ew-n", "ew-because"  # classes of columns
EVENT_COLUMNS = (
    *(("Onset", NUMBER), ("Offset", NUMBER), ("Word", ""), ("Score", NUMBER)),
    *(("Tier", ""), ("Matching tags", TAGS)),
)
FIND = (
    '<p class="ix-find" hidden><label>Find <input type="search" id="ix-find" placeholder="name, word, scene">'
    '</label> <output id="ix-found"></output></p>'
)


def make_document(title: str, body: str, scripts: Sequence[str], style: str) -> str:
    """Return a whole page; its policy allows these scripts and this style by their hashes, and no network."""
    policy = "; ".join(
        (
            "default-src 'none'",
            "script-src " + (" ".join(map(hash_for_policy, scripts)) or "'none'"),
            f"style-src {hash_for_policy(style)}",
            "img-src data:",
            "media-src 'self' blob: data: file:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    head = (
        f'<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<meta name="generator" content="earwitness">\n'
        f"<title>{escape(title)}</title>\n<style>{style}</style>"
    )
    code = "\n".join(f"<script>{script}</script>" for script in scripts)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n{head}\n</head>\n'
        f'<body class="ew-page">\n{body}\n{code}\n</body>\n</html>\n'
    )


def to_json(value: Any) -> str:
    """Return JSON that can stand inside a script element: it holds no `<`, `>`, `&` nor line separators."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace").decode().translate(ESCAPES)


def escape(text: object) -> str:
    """Return a text for HTML; half of a surrogate pair, which cannot be encoded, is shown by its number."""
    return html.escape(str(text).encode("utf-8", "backslashreplace").decode())


def isolate(text: object) -> str:
    """Return a user's text, escaped, whatever direction it is written in."""
    return f"<bdi>{escape(text)}</bdi>"


def make_head(title: str, facts: Iterable[str], path: str = "") -> str:
    """Return a page's title, its facts (HTML), and the folder that its recordings lie in."""
    shown = f'<p class="ew-path ix-folder">{isolate(path)}</p>' if path else ""
    spans = "".join(f"<span>{fact}</span>" for fact in facts)
    return f'<h1>{isolate(title)}</h1><p class="ew-facts">{spans}</p>{shown}'


def make_panel(title: str, body: str, note: str = "", *, kind: str = "", name: str = "", count: str = "") -> str:
    """Return a panel; `title`, `note` and `count` are text, `kind` its further class, `name` its id."""
    shown = f' <span class="ew-count">{count}</span>' if count else ""
    kinds = f"ew-panel {kind}".strip()
    return f'<section class="{kinds}"{_identify(name)}><h2>{escape(title)}{shown}</h2>{make_note(note)}{body}</section>'


def make_note(note: str) -> str:
    """Return a paragraph of less important text, or nothing."""
    return f'<p class="ew-faint">{escape(note)}</p>' if note else ""


def make_table(
    title: str, columns: Sequence[tuple[str, str]], rows: Sequence[str], note: str = "", *, name: str = ""
) -> str:
    """Return a panel with a table; `columns` are names and classes, `rows` come from `make_row`, `name` is its id."""
    head = "".join(f'<th scope="col" class="{kind}">{isolate(each)}</th>' for each, kind in columns)
    table = (
        f'<div class="ix-wide"><table class="ew-table"{_identify(name)}>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )
    return make_panel(title, table, note, count=f"{len(rows):,}")


def make_row(*cells: str, **data: str) -> str:
    """Return a row of cells; `data` become its data attributes."""
    attributes = "".join(f' data-{name}="{escape(value)}"' for name, value in data.items())
    return f"<tr{attributes}>{''.join(cells)}</tr>"


def head_cell(text: object) -> str:
    """Return the first cell of a row, which names it."""
    return f"<th scope=row>{isolate(text)}</th>"


def text_cell(text: object, kind: str = "") -> str:
    """Return a cell with a user's text."""
    attribute = f" class={kind}" if kind else ""
    return f"<td{attribute}>{isolate(text)}</td>" if text != "" else f"<td{attribute}></td>"


def number_cell(value: float, shown: str = "") -> str:
    """Return a cell with a number, sorted by its value whatever is shown."""
    return f'<td class="{NUMBER}" data-value="{value}">{shown or value}</td>'


def bar_cell(value: float, largest: float) -> str:
    """Return a cell with a bar, as long as the cell where the value is the largest."""
    return (
        "<td class=ix-bar><svg viewBox='0 0 100 8' aria-hidden=true preserveAspectRatio=none>"
        f"<rect width={100 * value / max(largest, 1):.1f} height=8 /></svg></td>"
    )


def event_cells(event: Event) -> str:
    """Return the cells of an event, for `EVENT_COLUMNS`."""
    times = (number_cell(round(each, 2), show_time(each)) for each in (event.onset_s, event.offset_s))
    tags = escape(" · ".join(each.tag for each in event.tags))
    return (
        f"{''.join(times)}{text_cell(event.word)}{number_cell(round(event.score, 4), f'{event.score:.2f}')}"
        f"{text_cell(event.tier)}<td class={TAGS}>{tags}</td>"
    )


def make_bars(title: str, rows: Iterable[tuple[str, int, str]]) -> str:
    """Return a panel with a bar for each name, as long as its number, and a text beside it."""
    rows = list(rows)
    most = max((count for _, count, _ in rows), default=1)
    lines = (make_row(head_cell(name), bar_cell(count, most), text_cell(text, NUMBER)) for name, count, text in rows)
    return make_panel(title, f'<table class="ew-table">{"".join(lines)}</table>')


def make_settings(rows: Mapping[str, object]) -> str:
    """Return settings and provenance, folded; empty values are left out."""
    items = "".join(f"<dt>{escape(name)}</dt><dd>{isolate(value)}</dd>" for name, value in rows.items() if value != "")
    return f'<details class="ew-settings"><summary>Settings and provenance</summary><dl>{items}</dl></details>'


def show_duration(duration_s: float) -> str:
    """Return a duration in words: "42.3 s", "3 min 12 s", "24 h 0 min"."""
    if duration_s < 60:
        return f"{duration_s:.1f} s"
    whole = round(duration_s)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600:,} h {whole % 3600 // 60} min"


def show_time(time_s: float) -> str:
    """Return a time in a recording as m:ss.ss, or h:mm:ss.ss."""
    hundredths = round(100 * time_s)
    hours, minutes, rest = hundredths // 360000, hundredths // 6000 % 60, hundredths % 6000 / 100
    return f"{hours}:{minutes:02d}:{rest:05.2f}" if hours else f"{minutes}:{rest:05.2f}"


def show_count(count: int, name: str) -> str:
    """Return a number of things: "1 event", "2,000 events"."""
    return f"{count:,} {name}{'' if count == 1 else 's'}"


def find_common_folder(paths: Sequence[str]) -> str:
    """Return the folder that all paths lie in, of this system or another, with its last separator; else nothing."""
    if not paths:
        return ""
    # What the first and the last in order have in common, all between them have.
    begun = os.path.commonprefix([min(paths), max(paths)])  # noqa: RUF071 (cut at a separator below)
    return begun[: max(begun.rfind("/"), begun.rfind(os.sep)) + 1]


def link_to(path: Path, folder: Path) -> str:
    """Return the address of a file for a page in a folder: relative, so that both can move together."""
    try:
        relative = os.path.relpath(path.resolve(), folder.resolve())
    except ValueError:  # another drive
        return path.resolve().as_uri()
    return quote(os.fsencode(relative.replace(os.sep, "/")))


def _identify(name: str) -> str:
    return f' id="{name}"' if name else ""
