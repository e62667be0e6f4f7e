"""What annotators wrote, and what a system answered: tables of events, scenes and durations.

In: CSV or TSV tables, with or without a header, as DCASE and earwitness write them. Out: `LabelledEvent`s, scenes and
durations by file; a file without events has an empty list. `match_files` brings estimates to their references.
"""

from __future__ import annotations

import math
import ntpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from earwitness.errors import AnnotationError
from earwitness.metrics.tables import SEPARATORS, Layout, Table, open_table

_FILE = ("file", "filename", "audio_filename", "mixture_audio_filename", "audio", "path")
EVENTS = Layout(
    {
        "file": _FILE,
        "onset": ("onset_s", "onset", "event_onset"),
        "offset": ("offset_s", "offset", "event_offset"),
        "label": ("event_label", "word", "label", "event"),
    },
    positions=("file", "onset", "offset", "label"),
    numeric=("onset", "offset"),
)
SCENES = Layout(
    {"file": _FILE, "scene": ("scene_label", "scene", "bg_classname", "label")}, ("file", "scene"), optional=("rank",)
)
DURATIONS = Layout({"file": _FILE, "duration": ("duration_s", "duration")}, ("file", "duration"), ("duration",))
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class LabelledEvent:
    """An event as annotated or estimated: its label, onset and offset in seconds."""

    label: str
    onset_s: float
    offset_s: float


@dataclass(frozen=True)
class MatchedFiles(Generic[Answer]):
    """References and estimates under the names of the references; `notes` tells what was taken as empty."""

    ref: dict[str, Answer]
    est: dict[str, Answer]
    notes: tuple[str, ...]


def read_events(path: str | Path) -> dict[str, list[LabelledEvent]]:
    """Read a table of events; a file that is listed without an event has an empty list.

    Columns: file, onset, offset and label in seconds, in this order without a header; with one, by the names of DCASE
    (`filename onset offset event_label`) or of earwitness' events.csv (`file onset_s offset_s word`), others are passed
    over. Tabs, commas and semicolons are told apart, and a decimal comma is read where the separator is another.

    Raises:
        AnnotationError: a row is broken; the message names file, line and value, and what to do. So does a row that
            is there twice: the tools of the field would count it twice, which is hardly meant.
    """
    table = open_table(path, EVENTS)
    places = tuple(table.places.get(name, -1) for name in EVENTS.positions)
    file_at, onset_at, offset_at, label_at = places
    n_cells = max(places) + 1 if min(places) >= 0 else math.inf  # a header without these columns: names alone
    names: dict[str, str] = {}
    files: dict[str, list[LabelledEvent]] = {}
    for line, cells in table.rows():
        label = ""
        if len(cells) == n_cells or (table.has_header and len(cells) > n_cells):  # as nearly all rows are
            label = cells[label_at].strip()
        if label:
            try:
                onset_s, offset_s = float(cells[onset_at]), float(cells[offset_at])
            except ValueError:
                onset_s = offset_s = math.nan
        name = cells[file_at].strip() if file_at < len(cells) else ""
        if not label or not name or not 0 <= onset_s <= offset_s < math.inf:
            event = _read_unusual(table, line, cells)
        else:
            event = LabelledEvent(names.setdefault(label, label), onset_s, offset_s)
        events = files.setdefault(name, [])
        if event is not None:
            events.append(event)
    _refuse_duplicates(table, files)
    return files


def read_scenes(path: str | Path) -> dict[str, str]:
    """Read a table of scenes, one a file: file and scene in this order, or with a header as DCASE and earwitness write.

    Of earwitness' scenes.csv the first rank is taken; TUT's `meta.csv` gives the backgrounds. A row that is there twice
    is taken once.

    Raises:
        AnnotationError: a row is broken, or a file has two scenes.
    """
    table = open_table(path, SCENES)
    rank_at = table.places.get("rank")
    scenes: dict[str, tuple[str, int]] = {}
    for line, cells in table.rows():
        if rank_at is not None and rank_at < len(cells) and cells[rank_at].strip() != "1":
            continue
        name, scene = table.cell(cells, "file"), table.cell(cells, "scene")
        if not name or not scene:
            table.fail(line, f"{cells!r} lacks a {'scene' if name else 'file'}; {table.expected}")
        known, first = scenes.setdefault(name, (scene, line))
        if known != scene:
            table.fail(line, f"{name} is {scene!r} here and {known!r} in line {first}; keep one of them")
    return {name: scene for name, (scene, _) in scenes.items()}


def read_durations(path: str | Path) -> dict[str, float]:
    """Read a table of durations in seconds: file and duration, as DESED writes them.

    Raises:
        AnnotationError: a row is broken, a duration is not above 0, or a file has two.
    """
    table = open_table(path, DURATIONS)
    durations: dict[str, float] = {}
    for line, cells in table.rows():
        name = table.cell(cells, "file")
        if not name:
            table.fail(line, f"{cells!r} lacks a file; {table.expected}")
        duration_s = _read_time(table, line, cells, "duration")
        if not 0 < duration_s < math.inf:
            table.fail(line, f"duration {duration_s}: give seconds above 0")
        if durations.setdefault(name, duration_s) != duration_s:
            table.fail(line, f"{name} has two durations, {durations[name]} and {duration_s}; keep one of them")
    return durations


def match_files(ref: Mapping[str, Answer], est: Mapping[str, Answer], empty: Answer) -> MatchedFiles[Answer]:
    """Bring estimates under the names of their references: `street/a.wav` and `a.wav` are one file.

    Names are compared whole first, then without folders. A reference without an estimate counts as `empty`, which is
    told in the notes; official scores count every file of the reference.

    Raises:
        AnnotationError: an estimated file is not in the reference, or names without folders are not enough to tell.
    """
    by_name: dict[str, list[str]] = {}
    for file in ref:
        by_name.setdefault(ntpath.basename(file), []).append(file)
    matched: dict[str, Answer] = {}
    origin: dict[str, str] = {}
    for file, answer in est.items():
        found = [file] if file in ref else by_name.get(ntpath.basename(file), [])
        if len(found) != 1:
            raise AnnotationError(_explain_unmatched(file, found, list(ref)))
        if found[0] in matched:
            raise AnnotationError(
                f"{file} and {origin[found[0]]} are both estimates of {found[0]}; keep one of them, or name files as "
                "the reference does"
            )
        matched[found[0]], origin[found[0]] = answer, file
    missing = [file for file in ref if file not in matched]
    notes: tuple[str, ...] = ()
    if missing:
        shown = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
        notes = (f"{len(missing)} of {len(ref)} reference files have no estimate and count as empty: {shown}",)
    return MatchedFiles(dict(ref), {file: matched.get(file, empty) for file in ref}, notes)


def _read_unusual(table: Table, line: int, cells: list[str]) -> LabelledEvent | None:
    """Return the event of a row that is not plainly one: None for a name alone, an error that tells what is wrong."""
    name = table.cell(cells, "file")
    values = {each: table.cell(cells, each) for each in ("onset", "offset", "label")}
    if not name:
        table.fail(line, f"{cells!r} lacks a file; {table.expected}")
    if not table.has_header and len([cell for cell in cells if cell.strip()]) > len(EVENTS.positions):
        hint = "; write times with a point, not a comma" if table.separator == "," else ""
        table.fail(line, f"{len(cells)} cells {cells!r}; {table.expected}{hint}")
    if not any(values.values()):
        _refuse_other_separator(table, line, name)
        return None
    empty = [each for each, value in values.items() if not value]
    if empty:
        table.fail(line, f"{cells!r} lacks {' and '.join(empty)}; {table.expected}, or the file's name alone")
    onset_s, offset_s = (_read_time(table, line, cells, each) for each in ("onset", "offset"))
    for each, time_s in (("onset", onset_s), ("offset", offset_s)):
        if not 0 <= time_s < math.inf:
            table.fail(line, f"{each} {values[each]}: give seconds from the start of the file, 0 or more")
    if offset_s < onset_s:
        table.fail(line, f"offset {offset_s} lies before onset {onset_s}; swap them if they are exchanged")
    return LabelledEvent(values["label"], onset_s, offset_s)


def _read_time(table: Table, line: int, cells: list[str], column: str) -> float:
    text = table.cell(cells, column)
    if table.separator != "," and _DECIMAL_COMMA.fullmatch(text):
        text = text.replace(",", ".")
    try:
        return float(text)
    except ValueError:
        if column == "onset":
            _refuse_other_separator(table, line, table.cell(cells, "file"))
        table.fail(line, f"{column} {text!r} is not a number of seconds; {table.expected}")


def _refuse_other_separator(table: Table, line: int, name: str) -> None:
    """Refuse a row whose first cell is a whole row with another separator: it would pass for a file's name."""
    for separator, word in SEPARATORS.items():
        if separator != table.separator and EVENTS.is_row(name.split(separator)):
            table.fail(line, f"{name!r} is separated by {word}, the table by {SEPARATORS[table.separator]}; use one")


def _refuse_duplicates(table: Table, files: Mapping[str, list[LabelledEvent]]) -> None:
    doubled = next((name for name, events in files.items() if len(set(events)) < len(events)), None)
    if doubled is None:
        return
    seen: dict[LabelledEvent, int] = {}
    for line, cells in table.rows():
        event = _read_unusual(table, line, cells) if table.cell(cells, "file") == doubled else None
        if event is not None and seen.setdefault(event, line) != line:
            table.fail(line, f"{cells!r} is in line {seen[event]} already; delete one of the two")


def _explain_unmatched(file: str, found: list[str], known: list[str]) -> str:
    if found:
        return f"{file} may be {found[0]} or {found[1]} of the reference; name files with their folders in both"
    shown = ", ".join(known[:3]) + (", ..." if len(known) > 3 else "")
    return f"{file} is not among the {len(known)} files of the reference ({shown}); leave it out or add its reference"
