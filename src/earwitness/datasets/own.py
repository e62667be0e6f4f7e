"""The user's own data: tables of events or scenes beside the recordings, or folders named by label.

In: a folder or a table. Out: a `Dataset`.

    mine/events.csv   file,onset_s,offset_s,label     a row with only the file: nothing occurs there
    mine/scenes.csv   file,scene                      tables may be combined
    mine/labels.csv   file,label                      without times; several with commas, or in rows of their own
    mine/rain/1.wav   mine/dog_bark/2.wav             or no table: a clip's label is its folder's name

The columns may be called as other tools call them (filename, onset, event_label, scene_label, ...); tabs, semicolons
and commas separate. Columns that are not known become conditions, `fold` becomes the fold. A file is found by its path
from the table's folder, else by its name in any depth, with or without suffix.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from earwitness.audio import is_audio_name
from earwitness.datasets.base import Clip, Dataset
from earwitness.datasets.tables import find_files, read_event, read_headed
from earwitness.errors import DatasetError
from earwitness.metrics import LabelledEvent

TABLES = tuple(f"{name}.{kind}" for name in ("events", "scenes", "labels") for kind in ("csv", "tsv", "txt"))
COLUMNS = {  # ours, and what other tools call it
    "file": ("file", "filename", "file_name", "path", "audio", "audio_file"),
    "onset": ("onset_s", "onset", "start", "start_s", "begin"),
    "offset": ("offset_s", "offset", "end", "end_s"),
    "label": ("label", "event_label", "event", "word", "class"),
    "scene": ("scene", "scene_label", "place"),
    "fold": ("fold",),
}
HOW = (
    "give a table events.csv (file,onset_s,offset_s,label), scenes.csv (file,scene) or labels.csv (file,label) beside "
    "the recordings, or sort them into folders named by label"
)


@dataclass
class _Truth:
    """What the tables give for one recording so far."""

    events: list[LabelledEvent] | None = None
    labels: set[str] | None = None
    scene: str | None = None
    fold: int | None = None
    conditions: dict[str, str] = field(default_factory=dict)


def read_own(path: Path, audio_dir: Path | None = None) -> Dataset:
    """Return the clips of a table, or of a folder with tables or with folders named by label.

    Args:
        path: the table or the folder.
        audio_dir: where the recordings of a table are looked for; without it, beside and below the table.

    Raises:
        DatasetError: there is no such path, no table and no labelled folder in it, or a row that does not fit.
    """
    if path.is_file():
        return _read_tables([path], audio_dir or path.parent, path.stem)
    if not path.is_dir():
        raise DatasetError(f"{path}: no such folder or table; {HOW}")
    tables = [path / name for name in TABLES if (path / name).is_file()]
    if tables:
        return _read_tables(tables, audio_dir or path, path.resolve().name)
    return _read_labelled_folders(path)


def _read_labelled_folders(folder: Path) -> Dataset:
    clips, loose = [], []
    for path in find_files(folder):
        if not is_audio_name(path):
            continue
        if path.parent == folder:
            loose.append(path.name)
            continue
        label = path.relative_to(folder).parts[0]
        clips.append(Clip(path, labels=frozenset([label])))
    if not clips:
        raise DatasetError(f"{folder}: nothing labels these recordings; {HOW}")
    labels = sorted({label for clip in clips for label in clip.labels or ()})
    notes = [f"{len(loose)} recordings are in no labelled folder and are left out: {_some(loose)}"] if loose else []
    return Dataset(folder.resolve().name, tuple(clips), tuple(labels), notes=tuple(notes))


def _read_tables(tables: Sequence[Path], folder: Path, name: str) -> Dataset:
    audio = [path for path in find_files(folder) if is_audio_name(path)]
    finder = _Finder(folder, audio)
    truths: dict[Path, _Truth] = {}
    for table in tables:
        _read_table(table, finder, truths)
    clips = tuple(
        Clip(
            path,
            None if each.events is None else tuple(each.events),
            each.scene,
            None if each.labels is None else frozenset(each.labels),
            each.fold,
            each.conditions,
        )
        for path, each in truths.items()
    )
    if not clips:
        raise DatasetError(f"{tables[0]}: names no recording; {HOW}")
    left_out = [path.relative_to(folder).as_posix() for path in audio if path not in truths]
    notes = []
    if left_out:
        notes.append(
            f"{len(left_out)} recordings are in no table and are left out: {_some(left_out)}; give a row with only the "
            "file's name where nothing occurs"
        )
    events = {event.label for clip in clips for event in clip.events or ()}
    events |= {label for clip in clips for label in clip.labels or ()}
    scenes = sorted({clip.scene for clip in clips if clip.scene})
    return Dataset(name, clips, tuple(sorted(events)), tuple(scenes), tuple(notes))


def _read_table(table: Path, finder: _Finder, truths: dict[Path, _Truth]) -> None:
    rows = read_headed(table, [], _find_delimiter(table))
    if not rows:
        return
    header = list(rows[0][1])
    columns = {ours: next((name for name in header if name.lower() in theirs), "") for ours, theirs in COLUMNS.items()}
    has_times = bool(columns["onset"] or columns["offset"])
    is_needed = {"file": True, "onset": has_times, "offset": has_times, "label": not columns["scene"] or has_times}
    if lacking := [COLUMNS[ours][0] for ours, is_one in is_needed.items() if is_one and not columns[ours]]:
        raise DatasetError(f"{table}:1: no column {', '.join(lacking)} among {', '.join(header)}; {HOW}")
    extra = [name for name in header if name and name not in columns.values()]
    for line, row in rows:
        cells = {ours: row[name] if name else "" for ours, name in columns.items()}
        each = truths.setdefault(finder.find(table, line, cells["file"]), _Truth())
        if has_times:
            each.events = each.events or []
            if cells["onset"] or cells["offset"] or cells["label"]:
                each.events.append(read_event(table, line, cells["label"], cells["onset"], cells["offset"]))
        elif columns["label"]:
            each.labels = (each.labels or set()) | {label.strip() for label in cells["label"].split(",")} - {""}
        _read_others(table, line, cells, each)
        each.conditions |= {name: row[name] for name in extra if row[name]}


def _read_others(table: Path, line: int, cells: dict[str, str], each: _Truth) -> None:
    """Take the scene and the fold of a row."""
    if cells["scene"]:
        if each.scene not in (None, cells["scene"]):
            raise DatasetError(f"{table}:{line}: scene {cells['scene']!r}, but it was {each.scene!r} before")
        each.scene = cells["scene"]
    if cells["fold"]:
        if not cells["fold"].isdecimal():
            raise DatasetError(f"{table}:{line}: the fold is {cells['fold']!r}; it must be a whole number")
        each.fold = int(cells["fold"])


def _find_delimiter(table: Path) -> str:
    try:
        with table.open(encoding="utf-8-sig") as file:
            first = file.readline()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{table}: not readable as a table ({error})") from error
    return max("\t;,", key=first.count)


class _Finder:
    """Finds the recording that a cell names."""

    def __init__(self, folder: Path, audio: Iterable[Path]) -> None:
        self.folder = folder
        self.audio = list(audio)
        self.by_name: dict[str, list[Path]] = {}
        for path in self.audio:
            for name in {path.relative_to(folder).as_posix(), path.name, path.stem}:
                self.by_name.setdefault(name, []).append(path)

    def find(self, table: Path, line: int, cell: str) -> Path:
        """Return the recording.

        Raises:
            DatasetError: there is none, or several.
        """
        if not cell:
            raise DatasetError(f"{table}:{line}: no file's name")
        name = cell.replace("\\", "/").removeprefix("./")
        exact = self.folder / name
        if exact in self.by_name.get(name, ()):
            return exact
        found = self.by_name.get(name) or self.by_name.get(Path(name).name) or []
        if len(found) > 1:
            both = " and ".join(path.relative_to(self.folder).as_posix() for path in found[:2])
            raise DatasetError(f"{table}:{line}: {cell!r} may be {both}; give the path from the table's folder")
        if not found:
            if is_audio_name(exact):  # given absolutely, or from the folder upwards
                return exact
            near = difflib.get_close_matches(Path(name).name, [path.name for path in self.audio], 1)
            hint = f"is it {near[0]}?" if near else f"{len(self.audio)} recordings are there"
            raise DatasetError(f"{table}:{line}: no recording {cell!r} below {self.folder}; {hint}")
        return found[0]


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
