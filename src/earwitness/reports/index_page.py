"""Many recordings on one page: what was heard in each, bars over all, and every event with a link to hear it.

In: an `IndexEntry` for each recording. Out: HTML, whole without scripts; a script sorts and filters its tables.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from urllib.parse import quote

from earwitness.recognition import Event, Recognition
from earwitness.reports.page import escape, make_document
from earwitness.reports.scripts import read_asset, report_style

N_EVENTS = 5000  # in the table over all, those of the highest scores
N_WORD_COLUMNS = 8
FIND = (
    '<p class="ix-find" hidden><label>Find <input type="search" id="ix-find" placeholder="name, word, scene">'
    '</label> <output id="ix-found"></output></p>'
)


@dataclass(frozen=True)
class IndexEntry:
    """A recording: its name, its page's address, and what was recognised in it, or the reason why nothing was."""

    name: str
    page: str = ""
    recognition: Recognition | None = None
    error: str = ""


def make_index(entries: Sequence[IndexEntry], words: Sequence[str]) -> str:
    """Return the page over all recordings, in the order given; `words` are those asked for events."""
    recognitions = [each.recognition for each in entries if each.recognition]
    n_events = sum(len(each.events) for each in recognitions)
    total_s = sum(each.duration_s for each in recognitions)
    facts = [f"{len(entries)} recordings", show_duration(total_s), f"{n_events} events"]
    if n_failed := len(entries) - len(recognitions):
        facts.append(f"{n_failed} could not be used")
    title = "What was heard"
    folder, entries = _shorten(entries)
    body = [
        '<main class="ew-index">',
        f'<h1>{title}</h1><p class="ew-facts">{"".join(f"<span>{each}</span>" for each in facts)}</p>',
        f'<p class="ew-path ix-folder"><bdi>{escape(folder)}</bdi></p>' if folder else "",
        FIND,
        _show_totals(recognitions, words),
        _show_recordings(entries, words),
        _show_events(entries),
        "</main>",
    ]
    style = report_style() + read_asset("index.css")
    return make_document(title, "\n".join(part for part in body if part), [read_asset("index.js")], style)


def show_duration(duration_s: float) -> str:
    """Return a duration as people say it: "42.3 s", "3 min 12 s", "24 h 0 min"."""
    if duration_s < 60:
        return f"{duration_s:.1f} s"
    whole = round(duration_s)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def show_time(time_s: float) -> str:
    """Return a time in a recording as m:ss.ss, or h:mm:ss.ss."""
    hundredths = round(100 * time_s)
    hours, minutes, rest = hundredths // 360000, hundredths // 6000 % 60, hundredths % 6000 / 100
    return f"{hours}:{minutes:02d}:{rest:05.2f}" if hours else f"{minutes}:{rest:05.2f}"


def show_bars(title: str, rows: Iterable[tuple[str, int, str]]) -> str:
    """Return a panel with a bar for each name, of a length by its number, and what is said of it."""
    rows = list(rows)
    most = max([count for _, count, _ in rows] + [1])
    lines = "".join(
        f"<tr><th scope=row><bdi>{escape(name)}</bdi></th><td class=ix-bar><svg viewBox='0 0 100 8' aria-hidden=true "
        f"preserveAspectRatio=none><rect width={100 * count / most:.1f} height=8 /></svg></td>"
        f"<td class=ew-n>{escape(said)}</td></tr>"
        for name, count, said in rows
    )
    return f'<section class="ew-panel"><h2>{title}</h2><table class="ew-table">{lines}</table></section>'


def show_number(value: float, shown: str = "") -> str:
    """Return a cell with a number, sorted by its value however it is shown."""
    return f'<td class="ew-n" data-value="{value}">{shown or value}</td>'


def show_table(
    title: str, name: str, names: Sequence[str], kinds: Sequence[str], lines: Sequence[str], said: str = ""
) -> str:
    """Return a panel with a table; `name` is its id, `kinds` the columns' classes, `lines` the rows as HTML."""
    head = "".join(
        f'<th scope="col" class="{kind}"><bdi>{escape(each)}</bdi></th>'
        for each, kind in zip(names, kinds, strict=True)
    )
    note = f'<p class="ew-faint">{escape(said)}</p>' if said else ""
    return (
        f'<section class="ew-panel"><h2>{title} <span class="ew-count">{len(lines)}</span></h2>{note}'
        f'<div class="ix-wide"><table class="ew-table" id="{name}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table>"
        "</div></section>"
    )


def _shorten(entries: Sequence[IndexEntry]) -> tuple[str, list[IndexEntry]]:
    """Return the folder that all recordings lie in, empty if there is none, and the entries named from there."""
    folders = [PurePath(each.name).parent for each in entries]
    try:
        folder = PurePath(os.path.commonpath(folders))
    except ValueError:  # none at all, other drives, or some relative and some not
        return "", list(entries)
    if folder == PurePath():
        return "", list(entries)
    return str(folder), [replace(each, name=str(PurePath(each.name).relative_to(folder))) for each in entries]


def _show_totals(recognitions: Sequence[Recognition], words: Sequence[str]) -> str:
    counts = Counter(event.word for each in recognitions for event in each.events)
    files = Counter(word for each in recognitions for word in {event.word for event in each.events})
    best = Counter(each.scenes[0].scene for each in recognitions if each.scenes)
    parts = []
    if words:
        rows = [
            (word, counts[word], f"{counts[word]} in {files[word]} of {len(recognitions)} recordings") for word in words
        ]
        parts.append(show_bars("Events by word", rows))
    if best:
        parts.append(
            show_bars(
                "Best scene", [(scene, n, f"{n} of {len(recognitions)} recordings") for scene, n in best.most_common()]
            )
        )
    return f'<div class="ix-totals">{"".join(parts)}</div>' if parts else ""


def _show_recordings(entries: Sequence[IndexEntry], words: Sequence[str]) -> str:
    shown = list(words) if len(words) <= N_WORD_COLUMNS else []
    has_scenes = any(each.recognition and each.recognition.scenes for each in entries)
    names = ["Recording", "Length", "Events", *shown, *(["Best scene"] if has_scenes else []), "Notes"]
    kinds = ["", *(["ew-n"] * (2 + len(shown))), *([""] if has_scenes else []), ""]
    lines = []
    for entry in entries:
        recognitions = entry.recognition
        name = f"<bdi>{escape(entry.name)}</bdi>"
        if recognitions is None:
            empty = "<td></td>" * (len(names) - 2)
            lines.append(
                f'<tr data-file="{escape(entry.name)}"><td>{name}</td>{empty}<td>{escape(entry.error)}</td></tr>'
            )
            continue
        counts = Counter(event.word for event in recognitions.events)
        cells = [
            show_number(recognitions.duration_s, show_duration(recognitions.duration_s)),
            show_number(len(recognitions.events)),
        ]
        cells += [show_number(counts[word]) for word in shown]
        if has_scenes:
            cells.append(
                f"<td><bdi>{escape(recognitions.scenes[0].scene)}</bdi></td>" if recognitions.scenes else "<td></td>"
            )
        notes = escape("; ".join(recognitions.notes))
        link = f'<a href="{escape(quote(entry.page))}">{name}</a>'
        lines.append(f'<tr data-file="{escape(entry.name)}"><td>{link}</td>{"".join(cells)}<td>{notes}</td></tr>')
    return show_table("Recordings", "ix-recordings", names, kinds, lines)


def _show_events(entries: Sequence[IndexEntry]) -> str:
    pairs = [(entry, event) for entry in entries if entry.recognition for event in entry.recognition.events]
    if not pairs:
        return ""
    is_cut = len(pairs) > N_EVENTS
    if is_cut:
        strongest = {id(event) for _, event in sorted(pairs, key=lambda pair: -pair[1].score)[:N_EVENTS]}
        pairs = [(entry, event) for entry, event in pairs if id(event) in strongest]
    said = f"The {N_EVENTS} with the highest scores; each recording's own page has all." if is_cut else ""
    names = ["Recording", "Onset", "Offset", "Word", "Score", "Because of"]
    lines = [_event_row(entry, event) for entry, event in pairs]
    return show_table("All events", "ix-events", names, ["", "ew-n", "ew-n", "", "ew-n", "ew-because"], lines, said)


def _event_row(entry: IndexEntry, event: Event) -> str:
    link = f"{escape(quote(entry.page))}#t={event.onset_s:.2f}"
    tags = escape(" · ".join(each.tag for each in event.tags))
    return (
        f'<tr data-file="{escape(entry.name)}" data-word="{escape(event.word)}"><td><a href="{link}">'
        f"<bdi>{escape(entry.name)}</bdi></a></td>{show_number(event.onset_s, show_time(event.onset_s))}"
        f"{show_number(event.offset_s, show_time(event.offset_s))}<td><bdi>{escape(event.word)}</bdi></td>"
        f"{show_number(event.score, f'{event.score:.2f}')}<td class=ew-because>{tags}</td></tr>"
    )
