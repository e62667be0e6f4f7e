"""The answer to a query of an archive as one page: facts, totals, grids over time, recordings, events, provenance.

In: an `Answer`, and the `ArchiveQuery` that it answers. Out: one HTML file that needs no network. The tables that
`answer_tables` writes are complete; the page holds as much as one can look at.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import earwitness.reports.page as kit
from earwitness.archive import Answer, Choice, Provenance, format_time, make_heats
from earwitness.files import write_text
from earwitness.recognition import name_winner
from earwitness.reports.heatmap_page import describe_heat, show_heat, show_rate
from earwitness.reports.scripts import read_asset, report_style
from earwitness.settings import Settings
from earwitness.version import __version__

N_EVENTS = 1000
N_RECORDINGS = 500
N_PROBLEMS = 200
N_WORD_COLUMNS = 8
N_LETTERS = 500  # of a problem's reason
Link = Callable[[str, float], str]


@dataclass(frozen=True)
class ArchiveQuery:
    """The query and the store that it went to: the provenance of the answer."""

    store: str
    provenance: Provenance
    settings: Settings
    choice: Choice = field(default_factory=Choice)


def write_answer_page(answer: Answer, query: ArchiveQuery, folder: Path) -> Path:
    """Write the page of an answer as `index.html` to a folder; return its path.

    Raises:
        OutputError: the folder cannot be written.
    """
    path = folder / "index.html"
    write_text(path, make_answer_page(answer, query, folder))
    return path


def make_answer_page(answer: Answer, query: ArchiveQuery, folder: Path | None = None) -> str:
    """Return the page of an answer as HTML.

    Args:
        answer: what the store returned.
        query: what it was searched for.
        folder: where the page will lie: recordings that exist are linked from it. None for no links.
    """
    heats = make_heats(answer)
    described = [describe_heat(heat, answer.words) for heat in heats]
    common = kit.find_common_folder([each.path for each in answer.recordings])
    link = _make_link(common, folder)
    body = [
        '<main class="ew-index aw">',
        kit.make_head("Detected events", _list_facts(answer), query.store),
        _list_words(answer),
        _count_best_scenes(answer),
        *(show_heat(heat, answer.words, number) for number, heat in enumerate(heats)),
        kit.FIND,
        _list_recordings(answer, link),
        _list_events(answer, link),
        _list_problems(answer),
        kit.make_settings(_describe(answer, query, common)),
        f'<script type="application/json" id="hm-data">{kit.to_json(described)}</script>',
        "</main>",
    ]
    style = report_style() + read_asset("index.css") + read_asset("heat.css")
    scripts = [read_asset("index.js"), read_asset("heat.js")]
    return kit.make_document("Detected events", "\n".join(part for part in body if part), scripts, style)


def _make_link(common: str, folder: Path | None) -> Link:
    """Return a function that names a recording from the common folder, linked at a time if the file exists."""

    @cache
    def find(path: str) -> str:
        try:
            return kit.link_to(Path(path), folder) if folder and Path(path).is_file() else ""
        except (OSError, ValueError):  # not a path that this system knows
            return ""

    def link(path: str, at_s: float) -> str:
        name, address = f'<bdi title="{kit.escape(path)}">{kit.escape(path.removeprefix(common))}</bdi>', find(path)
        return f'<a href="{kit.escape(address)}#t={at_s:.2f}">{name}</a>' if address else name

    return link


def _list_facts(answer: Answer) -> list[str]:
    hours = answer.duration_s / 3600
    duration = f"{hours:,.0f} h" if hours >= 1000 else kit.show_duration(answer.duration_s)
    facts = [kit.show_count(answer.n_files, "recording"), f"{duration} of audio", *_describe_period(answer)]
    if answer.words:
        facts.append(kit.show_count(len(answer.events), "event"))
    if answer.problems:
        facts.append(f'<a href="#problems">{kit.show_count(len(answer.problems), "problem")}</a>')
    return facts


def _describe_period(answer: Answer) -> list[str]:
    timed = [(each, each.start_time) for each in answer.recordings if each.start_time is not None]
    if not timed:
        return ["start times unknown"] if answer.recordings else []
    first = format_time(min(start + each.first_s for each, start in timed))
    last = format_time(max(start + each.end_s for each, start in timed))
    period = f"{first.replace('T', ' ')[:-3]} to {last.replace('T', ' ')[:-3]}"
    n_timeless = len(answer.recordings) - len(timed)
    return [period, f"{n_timeless:,} without a start time"] if n_timeless else [period]


def _list_words(answer: Answer) -> str:
    if not answer.words:
        return ""
    counts = Counter(each.event.word for each in answer.events)
    files = Counter(each.word for each in answer.files)
    hours = Counter(each.word for each in answer.hours)
    seconds: dict[str, float] = defaultdict(float)
    for each in answer.files:
        seconds[each.word] += each.seconds
    most = max(counts.values(), default=1)
    rows = []
    for word in answer.words:
        rate = 3600 * counts[word] / answer.duration_s if answer.duration_s else 0.0
        cells = [kit.number_cell(rate, show_rate(rate))]
        cells += [kit.number_cell(each, f"{each:,}") for each in (hours[word], files[word])]
        cells.append(kit.number_cell(seconds[word], kit.show_duration(seconds[word]) if seconds[word] else "–"))
        n_events = kit.number_cell(counts[word], f"{counts[word]:,}")
        rows.append(kit.make_row(kit.head_cell(word), kit.bar_cell(counts[word], most), n_events, *cells))
    numbers = ("Events", "Per hour of audio", "Hours with it", "Recordings with it", "Total duration")
    return kit.make_table(
        "Words", [("Word", ""), ("", ""), *((each, kit.NUMBER) for each in numbers)], rows, name="aw-words"
    )


def _count_best_scenes(answer: Answer) -> str:
    best = Counter(name_winner(each.ranked) for each in answer.scenes if each.ranked)
    if not best:
        return ""
    rows = [(scene, count, f"{count:,} of {best.total():,} hours") for scene, count in best.most_common(50)]
    return f'<div class="ix-totals">{kit.make_bars("Best scene", rows)}</div>'


def _list_recordings(answer: Answer, link: Link) -> str:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for total in answer.files:
        counts[total.path][total.word] = total.n_events
    ranked = sorted(answer.recordings, key=lambda each: -counts[each.path].total())
    words = list(answer.words) if len(answer.words) <= N_WORD_COLUMNS else []
    has_times = any(each.start_time is not None for each in answer.recordings)
    numbers = [(name, kit.NUMBER) for name in ("Length", *(["Events", *words] if answer.words else []))]
    rows = []
    for each in ranked[:N_RECORDINGS]:
        length_s, found = each.end_s - each.first_s, counts[each.path]
        cells = [_time_cell(each.start_time)] if has_times else []
        cells.append(kit.number_cell(length_s, kit.show_duration(length_s)))
        cells += [kit.number_cell(found.total())] if answer.words else []
        rows.append(
            kit.make_row(
                f"<td>{link(each.path, each.first_s)}</td>", *cells, *(kit.number_cell(found[word]) for word in words)
            )
        )
    note = f"The {N_RECORDINGS} with the most events, of {len(ranked):,}; the table of files lists all."
    columns = [("Recording", ""), *([("Start", "")] if has_times else []), *numbers]
    return kit.make_table("Recordings", columns, rows, note if len(ranked) > N_RECORDINGS else "", name="ix-recordings")


def _time_cell(start_time: float | None) -> str:
    """Return a cell with a date and a time of day, which breaks between the two only."""
    if start_time is None:
        return '<td data-value="-1"></td>'
    day, time = format_time(start_time).split("T")
    return f'<td data-value="{start_time:.2f}" class=aw-time><span>{day}</span> <span>{time}</span></td>'


def _list_events(answer: Answer, link: Link) -> str:
    if not answer.events:
        return ""
    strongest = sorted(answer.events, key=lambda each: -each.event.score)[:N_EVENTS]
    has_times = any(each.start_time is not None for each in strongest)
    rows = [
        kit.make_row(
            _time_cell(each.start_time) if has_times else "",
            f"<td class=aw-name>{link(each.path, each.event.onset_s)}</td>",
            kit.event_cells(each.event),
        )
        for each in strongest
    ]
    columns = [*([("Time", "")] if has_times else []), ("Recording", ""), *kit.EVENT_COLUMNS]
    if len(answer.events) <= N_EVENTS:
        return kit.make_table("Events", columns, rows, name="ix-events")
    note = f"The {N_EVENTS:,} with the highest scores, of {len(answer.events):,}; the table of events lists all."
    return kit.make_table("Strongest events", columns, rows, note, name="ix-events")


def _list_problems(answer: Answer) -> str:
    if not answer.problems:
        return ""
    shown = [each if len(each) <= N_LETTERS else each[:N_LETTERS] + "…" for each in answer.problems[:N_PROBLEMS]]
    is_cut = len(answer.problems) > len(shown)
    note = kit.make_note(f"The first {len(shown)}; errors.csv lists all.") if is_cut else ""
    items = "".join(f"<li>{kit.isolate(each)}</li>" for each in shown)
    body = f'{note}<ul class="aw-problems">{items}</ul>'
    return kit.make_panel("Not included", body, name="problems", count=f"{len(answer.problems):,}")


def _describe(answer: Answer, query: ArchiveQuery, common: str) -> dict[str, Any]:
    """Return the query's settings and the store's provenance by their names; those that are not set are empty."""
    made, choice, settings = query.provenance, query.choice, query.settings
    return {
        "Event words": ", ".join(answer.words),
        "Scene words": ", ".join(answer.scene_words),
        "Since": choice.since,
        "Until": choice.until,
        "Path": choice.path,
        "Where": choice.where,
        "Threshold": settings.event_threshold,
        "Thresholds of words": ", ".join(f"{word} {score:g}" for word, score in settings.thresholds),
        "Hold": settings.event_hold,
        "Gap to join": f"{settings.merge_gap_s:g} s",
        "Shortest event": f"{settings.min_duration_s:g} s",
        "Places": settings.places or "",
        "Store": query.store,
        "Recordings from": common,
        "Rows": f"every {made.row_s:g} s",
        "Encoder": f"{made.encoder} on {made.runtime}",
        "Weights": f"sha256 {made.weights_sha256}",
        "Analysed with": ", ".join(f"{name} {value}" for name, value in made.heard_with.items()),
        "Store made by": f"earwitness {made.version}",
        "Searched by": f"earwitness {__version__}",
    }
