"""Many recordings on one page: the detected events of each, totals, and every event with a link to play it.

In: an `IndexEntry` for each recording. Out: HTML, complete without scripts; a script sorts and filters its tables.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

import earwitness.reports.page as kit
from earwitness.recognition import Recognition, name_winner
from earwitness.reports.scripts import read_asset, report_style

N_EVENTS = 5000  # in the table of events, those of the highest scores
N_WORD_COLUMNS = 8


@dataclass(frozen=True)
class IndexEntry:
    """A recording: its name, its page's address, and its recognition, or the reason why there is none."""

    name: str
    page: str = ""
    recognition: Recognition | None = None
    error: str = ""


def make_index(entries: Sequence[IndexEntry], words: Sequence[str]) -> str:
    """Return the page over all recordings, in the order given; `words` are the queried event words."""
    recognitions = [each.recognition for each in entries if each.recognition]
    n_events = sum(len(each.events) for each in recognitions)
    total_s = sum(each.duration_s for each in recognitions)
    facts = [kit.show_count(len(entries), "recording"), kit.show_duration(total_s), kit.show_count(n_events, "event")]
    if n_failed := len(entries) - len(recognitions):
        facts.append(f"{kit.show_count(n_failed, 'recording')} could not be read")
    title, folder = "Detected events", kit.find_common_folder([each.name for each in entries])
    entries = [replace(each, name=each.name.removeprefix(folder)) for each in entries]
    body = [
        '<main class="ew-index">',
        kit.make_head(title, facts, folder),
        kit.FIND,
        _make_totals(recognitions, words),
        _list_recordings(entries, words),
        _list_events(entries),
        "</main>",
    ]
    style = report_style() + read_asset("index.css")
    return kit.make_document(title, "\n".join(part for part in body if part), [read_asset("index.js")], style)


def _make_totals(recognitions: Sequence[Recognition], words: Sequence[str]) -> str:
    counts = Counter(event.word for each in recognitions for event in each.events)
    files = Counter(word for each in recognitions for word in {event.word for event in each.events})
    best = Counter(name_winner(each.scenes) for each in recognitions if each.scenes)
    n_all = kit.show_count(len(recognitions), "recording")
    by_word = [(word, counts[word], f"{counts[word]} in {files[word]} of {n_all}") for word in words]
    by_scene = [(scene, n, f"{n} of {n_all}") for scene, n in best.most_common()]
    parts = [kit.make_bars("Events by word", by_word)] if by_word else []
    parts += [kit.make_bars("Best scene", by_scene)] if by_scene else []
    return f'<div class="ix-totals">{"".join(parts)}</div>' if parts else ""


def _list_recordings(entries: Sequence[IndexEntry], words: Sequence[str]) -> str:
    shown = list(words) if len(words) <= N_WORD_COLUMNS else []
    has_scenes = any(each.recognition and each.recognition.scenes for each in entries)
    numbers = [(name, kit.NUMBER) for name in ("Length", "Events", *shown)]
    columns = [("Recording", ""), *numbers, *([("Best scene", "")] if has_scenes else []), ("Notes", "")]
    rows = []
    for entry in entries:
        cells, note = ["<td></td>"] * (len(columns) - 2), entry.error
        if found := entry.recognition:
            counts = Counter(event.word for event in found.events)
            cells = [
                kit.number_cell(found.duration_s, kit.show_duration(found.duration_s)),
                kit.number_cell(len(found.events)),
            ]
            cells += [kit.number_cell(counts[word]) for word in shown]
            cells += [kit.text_cell(name_winner(found.scenes) if found.scenes else "")] if has_scenes else []
            note = "; ".join(found.notes)
        rows.append(kit.make_row(f"<td>{_link(entry)}</td>", *cells, f"<td>{kit.escape(note)}</td>", file=entry.name))
    return kit.make_table("Recordings", columns, rows, name="ix-recordings")


def _list_events(entries: Sequence[IndexEntry]) -> str:
    pairs = [(entry, event) for entry in entries if entry.recognition for event in entry.recognition.events]
    if not pairs:
        return ""
    note = ""
    if len(pairs) > N_EVENTS:
        strongest = {id(event) for _, event in sorted(pairs, key=lambda pair: -pair[1].score)[:N_EVENTS]}
        pairs = [(entry, event) for entry, event in pairs if id(event) in strongest]
        note = f"The {N_EVENTS:,} events with the highest scores; the page of each recording lists all."
    rows = [
        kit.make_row(
            f"<td>{_link(entry, event.onset_s)}</td>", kit.event_cells(event), file=entry.name, word=event.word
        )
        for entry, event in pairs
    ]
    return kit.make_table("All events", [("Recording", ""), *kit.EVENT_COLUMNS], rows, note, name="ix-events")


def _link(entry: IndexEntry, at_s: float | None = None) -> str:
    """Return a recording's name, linked to its page if it has one, at a time if one is given."""
    place = "" if at_s is None else f"#t={at_s:.2f}"
    name = kit.isolate(entry.name)
    return f'<a href="{kit.escape(quote(entry.page))}{place}">{name}</a>' if entry.page else name
