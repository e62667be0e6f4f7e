"""An answer as one page: facts, totals, when each word was heard, recordings, the strongest events, what it came from.

In: an `Answer`, and the `Question` that it answers. Out: one HTML file that needs no network; the tables that `answers`
writes have everything, the page has as much as one can look at.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from earwitness.archive import Answer, ArchiveEvent, Choice, Provenance, format_time, make_heats
from earwitness.files import write_text
from earwitness.reports.heatmap_page import describe_heat, show_heat, show_rate
from earwitness.reports.index_page import FIND, show_bars, show_duration, show_number, show_table, show_time
from earwitness.reports.page import escape, make_document, to_json
from earwitness.reports.scripts import read_asset, report_style
from earwitness.reports.sound import link_to
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
    """What was asked of which store: what the page says of where its answer comes from."""

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
        answer: what the store said.
        question: what it was asked.
        folder: where the page will lie: recordings that are there are linked from it. None for no links.
    """
    heats = make_heats(answer)
    described = [describe_heat(heat, answer.words) for heat in heats]
    link = _make_link(answer, folder)
    body = [
        '<main class="ew-index aw">',
        f"<h1>What was heard</h1>{_show_facts(answer)}",
        f'<p class="ew-path ix-folder"><bdi>{escape(query.store)}</bdi></p>',
        _show_words(answer),
        _show_best_scenes(answer),
        *(show_heat(heat, answer.words, number) for number, heat in enumerate(heats)),
        FIND,
        _show_recordings(answer, link),
        _show_events(answer, link),
        _show_problems(answer),
        _show_settings(answer, query),
        f'<script type="application/json" id="hm-data">{to_json(described)}</script>',
        "</main>",
    ]
    style = report_style() + read_asset("index.css") + read_asset("heat.css")
    scripts = [read_asset("index.js"), read_asset("heat.js")]
    return make_document("What was heard", "\n".join(part for part in body if part), scripts, style)


def _make_link(answer: Answer, folder: Path | None) -> Link:
    """Return what names a recording from the folder that all lie in, and links it at a moment if it is there."""
    common = _find_common([each.path for each in answer.recordings])

    @cache
    def find(path: str) -> str:
        try:
            return link_to(Path(path), folder) if folder and Path(path).is_file() else ""
        except (OSError, ValueError):  # not a path that this system knows
            return ""

    def link(path: str, at_s: float) -> str:
        shown = path[len(common) :] if common and path.startswith(common) else path
        name, address = f'<bdi title="{escape(path)}">{escape(shown)}</bdi>', find(path)
        return f'<a href="{escape(address)}#t={at_s:.2f}">{name}</a>' if address else name

    return link


def _find_common(paths: Sequence[str]) -> str:
    """Return the folder that all paths lie in, with its last separator; empty if there is none."""
    if not paths:
        return ""
    # What the first and the last in order have in common, all between them have.
    begun = os.path.commonprefix([min(paths), max(paths)])  # noqa: RUF071 (cut at a separator below)
    return begun[: max(begun.rfind("/"), begun.rfind(os.sep)) + 1]


def _show_facts(answer: Answer) -> str:
    hours = answer.duration_s / 3600
    lasting = f"{hours:,.0f} h" if hours >= 1000 else show_duration(answer.duration_s)
    facts = [_count(answer.n_files, "recording"), f"{lasting} of audio", *_describe_period(answer)]
    if answer.words:
        facts.append(_count(len(answer.events), "event"))
    if answer.problems:
        facts.append(f'<a href="#problems">{_count(len(answer.problems), "thing")} not taken into account</a>')
    return f'<p class="ew-facts">{"".join(f"<span>{each}</span>" for each in facts)}</p>'


def _count(number: int, name: str) -> str:
    return f"{number:,} {name}{'' if number == 1 else 's'}"


def _describe_period(answer: Answer) -> list[str]:
    timed = [(each, each.start_time) for each in answer.recordings if each.start_time is not None]
    if not timed:
        return ["start times unknown"] if answer.recordings else []
    first = format_time(min(start + each.first_s for each, start in timed))
    last = format_time(max(start + each.end_s for each, start in timed))
    period = f"{first.replace('T', ' ')[:-3]} to {last.replace('T', ' ')[:-3]}"
    n_timeless = len(answer.recordings) - len(timed)
    return [period, f"{n_timeless:,} without a start time"] if n_timeless else [period]


def _show_words(answer: Answer) -> str:
    if not answer.words:
        return ""
    counts = Counter(each.event.word for each in answer.events)
    files = Counter(each.word for each in answer.files)
    hours = Counter(each.word for each in answer.hours)
    seconds: dict[str, float] = defaultdict(float)
    for each in answer.files:
        seconds[each.word] += each.seconds
    most = max([*counts.values(), 1])
    rates = {word: 3600 * counts[word] / answer.duration_s if answer.duration_s else 0.0 for word in answer.words}
    lines = [
        f"<tr><th scope=row><bdi>{escape(word)}</bdi></th><td class=ix-bar><svg viewBox='0 0 100 8' aria-hidden=true "
        f"preserveAspectRatio=none><rect width={100 * counts[word] / most:.1f} height=8 /></svg></td>"
        f"{show_number(counts[word], f'{counts[word]:,}')}{show_number(rates[word], show_rate(rates[word]))}"
        f"{show_number(hours[word], f'{hours[word]:,}')}{show_number(files[word], f'{files[word]:,}')}"
        f"{show_number(seconds[word], show_duration(seconds[word]) if seconds[word] else '–')}</tr>"
        for word in answer.words
    ]
    names = ["Word", "", "Events", "Per hour of audio", "Hours with it", "Recordings with it", "Heard for"]
    return show_table("Words", "aw-words", names, ["", "", *["ew-n"] * 5], lines)


def _show_best_scenes(answer: Answer) -> str:
    best = Counter(each.ranked[0].scene for each in answer.scenes if each.ranked)
    if not best:
        return ""
    n_hours = sum(best.values())
    rows = [(scene, count, f"{count:,} of {n_hours:,} hours") for scene, count in best.most_common(50)]
    return f'<div class="ix-totals">{show_bars("Best scene", rows)}</div>'


def _show_recordings(answer: Answer, link: Link) -> str:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for total in answer.files:
        counts[total.path][total.word] = total.n_events
    n_events = {path: counted.total() for path, counted in counts.items()}
    ranked = sorted(answer.recordings, key=lambda each: -n_events.get(each.path, 0))
    words = list(answer.words) if len(answer.words) <= N_WORD_COLUMNS else []
    has_times = any(each.start_time is not None for each in answer.recordings)
    names = ["Recording", *(["Began"] if has_times else []), "Length", *(["Events", *words] if answer.words else [])]
    kinds = ["", *([""] if has_times else []), "ew-n", *(["ew-n"] * (1 + len(words)) if answer.words else [])]
    lines = []
    for each in ranked[:N_RECORDINGS]:
        cells = [_show_when(each.start_time)] if has_times else []
        cells.append(show_number(each.end_s - each.first_s, show_duration(each.end_s - each.first_s)))
        if answer.words:
            cells.append(show_number(n_events.get(each.path, 0)))
            cells += [show_number(counts[each.path][word]) if each.path in counts else show_number(0) for word in words]
        lines.append(f"<tr><td>{link(each.path, each.first_s)}</td>{''.join(cells)}</tr>")
    is_cut = len(ranked) > N_RECORDINGS
    said = f"The {N_RECORDINGS} with the most events, of {len(ranked):,}; the table of files has all." if is_cut else ""
    return show_table("Recordings", "ix-recordings", names, kinds, lines, said)


def _show_when(start_time: float | None) -> str:
    """Return a cell with a time by the clock, which breaks between date and time only."""
    if start_time is None:
        return '<td data-value="-1"></td>'
    day, time = format_time(start_time).split("T")
    return f'<td data-value="{start_time:.2f}" class=aw-time><span>{day}</span> <span>{time}</span></td>'


def _show_events(answer: Answer, link: Link) -> str:
    if not answer.events:
        return ""
    strongest = sorted(answer.events, key=lambda each: -each.event.score)[:N_EVENTS]
    has_times = any(each.start_time is not None for each in strongest)
    names = [*(["Time"] if has_times else []), "Word", "Recording", "Onset", "Offset", "Score", "Because of"]
    kinds = [*([""] if has_times else []), "", "", "ew-n", "ew-n", "ew-n", "ew-because"]
    lines = [_event_row(each, link, has_times) for each in strongest]
    is_cut = len(answer.events) > N_EVENTS
    title = "Strongest events" if is_cut else "Events"
    said = f"The {N_EVENTS:,} with the highest scores, of {len(answer.events):,}; the table of events has all."
    return show_table(title, "ix-events", names, kinds, lines, said if is_cut else "")


def _event_row(found: ArchiveEvent, link: Link, has_times: bool) -> str:
    event = found.event
    tags = escape(" · ".join(each.tag for each in event.tags))
    when = _show_when(found.start_time) if has_times else ""
    return (
        f"<tr>{when}<td><bdi>{escape(event.word)}</bdi></td>"
        f"<td class=aw-name>{link(found.path, event.onset_s)}</td>"
        f"{show_number(round(event.onset_s, 2), show_time(event.onset_s))}"
        f"{show_number(round(event.offset_s, 2), show_time(event.offset_s))}"
        f"{show_number(round(event.score, 4), f'{event.score:.2f}')}<td class=ew-because>{tags}</td></tr>"
    )


def _show_problems(answer: Answer) -> str:
    if not answer.problems:
        return ""
    shown = [each if len(each) <= N_LETTERS else each[:N_LETTERS] + "…" for each in answer.problems[:N_PROBLEMS]]
    more = len(answer.problems) - len(shown)
    said = f'<p class="ew-faint">The first {len(shown)}; errors.csv has all.</p>' if more else ""
    items = "".join(f"<li><bdi>{escape(each)}</bdi></li>" for each in shown)
    return (
        f'<section class="ew-panel" id="problems"><h2>Not taken into account <span class="ew-count">'
        f'{len(answer.problems):,}</span></h2>{said}<ul class="aw-problems">{items}</ul></section>'
    )


def _show_settings(answer: Answer, query: ArchiveQuery) -> str:
    made, choice = query.provenance, query.choice
    rows: dict[str, Any] = {
        "Events asked": ", ".join(answer.words),
        "Scenes asked": ", ".join(answer.scene_words),
        "Since": choice.since,
        "Until": choice.until,
        "Path": choice.path,
        "Where": choice.where,
        **_describe_settings(query.settings),
        "Store": query.store,
        "Recordings from": _find_common([each.path for each in answer.recordings]),
        "Rows": f"every {made.row_s:g} s",
        "Encoder": f"{made.encoder} on {made.runtime}",
        "Weights": f"sha256 {made.weights_sha256}",
        "Heard with": ", ".join(f"{name} {value}" for name, value in made.heard_with.items()),
        "Store made by": f"earwitness {made.version}",
        "Asked by": f"earwitness {__version__}",
    }
    items = "".join(
        f"<dt>{name}</dt><dd><bdi>{escape(value)}</bdi></dd>" for name, value in rows.items() if value != ""
    )
    return f'<details class="ew-settings"><summary>Settings and provenance</summary><dl>{items}</dl></details>'


def _describe_settings(settings: Settings) -> dict[str, Any]:
    return {
        "Threshold": settings.event_threshold,
        "Thresholds of words": ", ".join(f"{word} {score:g}" for word, score in settings.thresholds),
        "Hold": settings.event_hold,
        "Gap to join": f"{settings.merge_gap_s:g} s",
        "Least duration": f"{settings.min_duration_s:g} s",
        "Places": settings.places or "",
    }
