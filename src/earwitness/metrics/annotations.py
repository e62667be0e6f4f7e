"""What annotators wrote, and what a system answered: tables of events, scenes and labels.

In: CSV or TSV tables, with or without a header, as DCASE, sed_eval and earwitness write them, or folders with a table
for each recording. Out: `LabelledEvent`s, scenes and labels by file; a file without events has an empty list.
`match_files` brings estimates to their references.
"""

from __future__ import annotations

import math
import ntpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, Literal, TypeVar

from earwitness.errors import AnnotationError
from earwitness.metrics.tables import SEPARATORS, Layout, Table, is_blank, open_table, sample_rows

_FILE = ("file", "filename", "audio_filename", "mixture_audio_filename", "audio", "path")
_TIMES = {"onset": ("onset_s", "onset", "event_onset"), "offset": ("offset_s", "offset", "event_offset")}
_LABEL = ("event_label", "word", "label", "event")
EVENTS = Layout(
    {"file": _FILE, **_TIMES, "label": _LABEL},
    positions=("file", "onset", "offset", "label"),
    numeric=("onset", "offset"),
    scored=True,
)
SCENE_EVENTS = replace(EVENTS, positions=("file", "scene", "onset", "offset", "label"))  # sed_eval, five columns
OWN_EVENTS = Layout(  # sed_eval, three columns: the table of one recording, named after it
    {**_TIMES, "label": _LABEL}, positions=("onset", "offset", "label"), numeric=("onset", "offset"), scored=True
)
SCENES = Layout(
    {"file": _FILE, "scene": ("scene_label", "scene", "bg_classname", "label")}, ("file", "scene"), optional=("rank",)
)
LABELS = Layout(
    {"file": _FILE, "labels": ("event_labels", "labels", "tags", *_LABEL)}, ("file", "labels"), optional=("score",)
)
TABLE_SUFFIXES = (".txt", ".tsv", ".csv", ".ann")
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
    """References and estimates under the names of the references; `notes` say what was taken as empty."""

    ref: dict[str, Answer]
    est: dict[str, Answer]
    notes: tuple[str, ...]


def read_events(path: str | Path) -> dict[str, list[LabelledEvent]]:
    """Read a table of events, or a folder of tables; a file that is listed without an event has an empty list.

    Columns: file, onset, offset and label in seconds, in this order without a header; with one, by the names of DCASE
    (`filename onset offset event_label`) or of earwitness' events.csv (`file onset_s offset_s word`), others are passed
    over. Without a header sed_eval's three columns (onset, offset, label of the recording that the table is named
    after) and five (a scene after the file) are read, too, and a score may follow. Tabs, commas and semicolons are
    found, and a decimal comma is read where the separator is another.

    Raises:
        AnnotationError: a row is broken; the message names file, line and value, and what to do. So does a row that
            is there twice: the tools of the field would count it twice, which is hardly meant.
    """
    if Path(path).is_dir():
        return _read_folder(Path(path))
    table = open_table(path, EVENTS, SCENE_EVENTS, OWN_EVENTS)
    own_name = None if "file" in table.layout.columns else table.path.stem
    onset_at, offset_at, label_at = places = tuple(table.places.get(name, -1) for name in ("onset", "offset", "label"))
    file_at = table.places.get("file", -1)
    n_cells = max(file_at, *places) + 1 if min(places) >= 0 else math.inf  # a header without these: names alone
    names: dict[str, str] = {}
    files: dict[str, list[LabelledEvent]] = {own_name: []} if own_name else {}
    for line, cells in table.rows():
        label = ""
        if len(cells) == n_cells or (table.has_header and len(cells) > n_cells):  # as nearly all rows are
            label = cells[label_at].strip()
        if label:
            try:
                onset_s, offset_s = float(cells[onset_at]), float(cells[offset_at])
            except ValueError:
                onset_s = offset_s = math.nan
        name = own_name or (cells[file_at].strip() if file_at < len(cells) else "")
        if not label or not name or not 0 <= onset_s <= offset_s < math.inf:
            event = _read_unusual(table, line, cells)
        else:
            event = LabelledEvent(names.setdefault(label, label), onset_s, offset_s)
        events = files.setdefault(name, [])
        if event is not None:
            events.append(event)
    _refuse_duplicates(table, files)
    return files


def _read_folder(folder: Path) -> dict[str, list[LabelledEvent]]:
    """Read a folder's tables as one; an empty one is that of a recording without events, by its name."""
    files: dict[str, list[LabelledEvent]] = {}
    for path in list_tables(folder):
        found = {path.stem: list[LabelledEvent]()} if is_blank(path) else read_events(path)
        doubled = next((name for name in found if name in files), None)
        if doubled is not None:
            raise AnnotationError(f"{path}: {doubled} is in another table of {folder}, too; keep one of them")
        files |= found
    return files


def list_tables(folder: Path) -> list[Path]:
    """Return the tables in a folder, by name.

    Raises:
        AnnotationError: there is none.
    """
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in TABLE_SUFFIXES and path.is_file())
    if not paths:
        raise AnnotationError(f"{folder}: no table here; give a folder with {', '.join(TABLE_SUFFIXES)}, or a table")
    return paths


def find_kind(path: str | Path) -> Literal["events", "scenes", "labels"]:
    """Tell what a table, or a folder of tables, lists for each file, by its header, else by its first rows.

    Without a header, a file and one more cell is a scene, unless a file has several or commas separate them.

    Raises:
        AnnotationError: the table cannot be read, or is empty.
    """
    if Path(path).is_dir():
        return "events"
    layouts = EVENTS, SCENE_EVENTS, OWN_EVENTS
    rows = sample_rows(path, *layouts)
    first = [cell.strip().lower() for cell in rows[0]]
    if OWN_EVENTS.is_header(first) or "onset" in EVENTS.find(first):
        return "events"
    if any(layout.is_row(cells) for layout in layouts for cells in rows):
        return "events"
    if EVENTS.is_header(first):
        rows, named = rows[1:], {column.strip() for column in first} - {"label"}
        if named & set(SCENES.columns["scene"]):
            return "scenes"
        if named & set(LABELS.columns["labels"]):
            return "labels"
        rows = [[cells[first.index(name)] for name in first if name in (*_FILE, "label")] for cells in rows]
    pairs = [(cells[0], cells[1].strip()) for cells in rows if len(cells) == 2]
    if not pairs or any(len(cells) > 2 for cells in rows):
        return "events"
    is_single = len({file for file, _ in pairs}) == len(rows) and all(label and "," not in label for _, label in pairs)
    return "scenes" if is_single else "labels"


def read_scenes(path: str | Path) -> dict[str, str]:
    """Read a table of scenes, one a file: file and scene in this order, or with a header as DCASE and earwitness write.

    Of earwitness' scenes.csv the first rank is taken; TUT's `meta.csv` gives the backgrounds. A row that is there twice
    is taken once.

    Raises:
        AnnotationError: a row is broken, or a file has two scenes.
    """
    return {name: ranked[0] for name, ranked in read_rankings(path).items()}


def read_rankings(path: str | Path) -> dict[str, list[str]]:
    """Read the scenes of each file, best first: those of earwitness' scenes.csv, or the one of any other table.

    Raises:
        AnnotationError: see `read_scenes`.
    """
    table = open_table(path, SCENES)
    rank_at = table.places.get("rank")
    scenes: dict[str, dict[str, tuple[str, int]]] = {}
    for line, cells in table.rows():
        rank = cells[rank_at].strip() if rank_at is not None and rank_at < len(cells) else "1"
        name, scene = table.cell(cells, "file"), table.cell(cells, "scene")
        if not name or not scene:
            table.fail(line, f"{cells!r} lacks a {'scene' if name else 'file'}; {table.expected}")
        known, first = scenes.setdefault(name, {}).setdefault(rank, (scene, line))
        if known != scene:
            table.fail(line, f"{name} is {scene!r} here and {known!r} in line {first}; keep one of them")
    return {
        name: [scene for _, (scene, _) in sorted(ranks.items(), key=lambda each: (len(each[0]), each[0]))]
        for name, ranks in scenes.items()
    }


def read_labels(path: str | Path) -> dict[str, dict[str, float | None]]:
    """Read a table of the labels of whole clips, each with its score or None: `file label`, a row a label.

    In a column `event_labels`, as DESED has it, or without a header, commas separate the labels of a clip; a clip that
    is listed without a label has none. earwitness' clips.csv gives scores.

    Raises:
        AnnotationError: a row is broken.
    """
    table = open_table(path, LABELS)
    files: dict[str, dict[str, float | None]] = {}
    for line, cells in table.rows():
        name, text = table.cell(cells, "file"), table.cell(cells, "labels")
        if not name:
            table.fail(line, f"{cells!r} lacks a file; {table.expected}")
        score = _read_time(table, line, cells, "score") if table.cell(cells, "score") else None
        labels = [text] if score is not None else [each.strip() for each in text.split(",")]
        files.setdefault(name, {}).update({label: score for label in labels if label})
    return files


def match_files(ref: Mapping[str, Answer], est: Mapping[str, Answer], empty: Answer) -> MatchedFiles[Answer]:
    """Bring estimates under the names of their references: `street/a.wav`, `a.wav` and `a` are one file.

    Names are compared whole first, then without folders, then without what follows the last point. A reference without
    an estimate counts as `empty`, which the notes say; official scores count every file of the reference.

    Raises:
        AnnotationError: an estimated file is not in the reference, or names without folders are not enough to tell.
    """
    by_name: dict[str, list[str]] = {}
    by_stem: dict[str, list[str]] = {}
    for file in ref:
        by_name.setdefault(ntpath.basename(file), []).append(file)
        by_stem.setdefault(_find_stem(file), []).append(file)
    matched: dict[str, Answer] = {}
    origin: dict[str, str] = {}
    for file, answer in est.items():
        found = [file] if file in ref else by_name.get(ntpath.basename(file)) or by_stem.get(_find_stem(file), [])
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


def _find_stem(file: str) -> str:
    return ntpath.splitext(ntpath.basename(file))[0]


def _read_unusual(table: Table, line: int, cells: list[str]) -> LabelledEvent | None:
    """Return the event of a row that is not plainly one: None for a name alone, an error that says what is wrong."""
    name = table.cell(cells, "file") if "file" in table.layout.columns else table.path.stem
    values = {each: table.cell(cells, each) for each in ("onset", "offset", "label")}
    if not name:
        table.fail(line, f"{cells!r} lacks a file; {table.expected}")
    if table.is_too_long(cells):
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
        is_here = "file" not in table.layout.columns or table.cell(cells, "file") == doubled
        event = _read_unusual(table, line, cells) if is_here else None
        if event is not None and seen.setdefault(event, line) != line:
            table.fail(line, f"{cells!r} is in line {seen[event]} already; delete one of the two")


def _explain_unmatched(file: str, found: list[str], known: list[str]) -> str:
    if found:
        return f"{file} may be {found[0]} or {found[1]} of the reference; name files with their folders in both"
    shown = ", ".join(known[:3]) + (", ..." if len(known) > 3 else "")
    return f"{file} is not among the {len(known)} files of the reference ({shown}); leave it out or add its reference"
