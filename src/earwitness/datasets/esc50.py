"""ESC-50 and its ESC-10 part: clips of 5 s, one label each, in five folds.

In: a folder with `meta/esc50.csv` and `audio/`, or with folders named by class whose files are named
FOLD-SOURCE-TAKE, as ESC-10 was first published; any part of either, in any depth. Out: a `Dataset`.

Source: Piczak 2015; https://github.com/karolpiczak/ESC-50. Checked on folds 1 to 3 of ESC-10 in folders; ESC-50 itself
was not at hand.
"""

from __future__ import annotations

import re
from pathlib import Path

from earwitness.audio import is_audio_name
from earwitness.datasets.base import Clip, Dataset, DatasetPackage, DatasetSpec, note_missing
from earwitness.datasets.tables import find_files, index_audio, read_headed
from earwitness.errors import DatasetError

N_PUBLISHED = {"esc50": 2000, "esc10": 400}
FOLDS = (1, 2, 3, 4, 5)
COLUMNS = ("filename", "fold", "category", "esc10")


def read_esc50(folder: Path, name: str = "esc50") -> Dataset:
    """Return the clips below a folder; of ESC-10 only where the name is esc10.

    Labels are as they are spelled there: `dog` in esc50.csv, `dog_bark` where ESC-10's folder is named so.

    Raises:
        DatasetError: a table is damaged.
    """
    files = find_files(folder)
    table = next((path for path in files if path.name == "esc50.csv"), None)
    missing: list[str] = []
    if table:
        clips, missing, labels = _read_table(table, index_audio(files), name == "esc10")
    else:
        clips = _read_folders(files)
        labels = {label for clip in clips for label in clip.labels or ()}
    notes = []
    if note := note_missing(name, N_PUBLISHED[name], len(clips), missing):
        notes.append(note)
    absent = [str(fold) for fold in FOLDS if not any(clip.fold == fold for clip in clips)]
    if clips and absent:
        notes.append(f"{name}: nothing of fold {', '.join(absent)} is here")
    n_absent = N_PUBLISHED[name] - len(clips)
    return Dataset(name, tuple(clips), tuple(sorted(labels)), (), tuple(notes), tuple(missing), n_absent)


def _read_table(table: Path, audio: dict[str, Path], is_only_esc10: bool) -> tuple[list[Clip], list[str], set[str]]:
    clips, missing, all_labels = [], [], set()
    for line, row in read_headed(table, COLUMNS, ","):
        if not row["fold"].isdecimal() or int(row["fold"]) not in FOLDS:
            raise DatasetError(f"{table}:{line}: the fold is {row['fold']!r}; it must be 1 to 5")
        if is_only_esc10 and row["esc10"] != "True":
            continue
        all_labels.add(row["category"])
        if row["filename"] not in audio:
            missing.append(row["filename"])
            continue
        conditions = {"part": "esc10" if row["esc10"] == "True" else "others"}
        labels = frozenset([row["category"]])
        clips.append(Clip(audio[row["filename"]], labels=labels, fold=int(row["fold"]), conditions=conditions))
    return clips, missing, all_labels


def _read_folders(files: list[Path]) -> list[Clip]:
    """Return clips labelled by their folder, whose name may begin with a number, as in `001 - Dog bark`."""
    clips = []
    for path in files:
        match = re.match(r"([1-5])-\d+-", path.name)
        if match and is_audio_name(path):
            label = re.sub(r"^\d+ - ", "", path.parent.name).lower().replace(" ", "_")
            clips.append(Clip(path, labels=frozenset([label]), fold=int(match[1])))
    return clips


ESC50_TERMS = (
    "ESC-50 is under Creative Commons Attribution-NonCommercial 3.0; its clips are from Freesound, whose authors\n"
    "are named in the LICENSE file. The ESC-10 part is under Creative Commons Attribution 3.0."
)
ESC10_TERMS = (
    "ESC-10 is under Creative Commons Attribution 3.0; its clips are from Freesound, whose authors are named in\n"
    "the LICENSE file. It comes within ESC-50, whose other clips are under Attribution-NonCommercial 3.0."
)
PACKAGES = (DatasetPackage("all", "https://github.com/karolpiczak/ESC-50/archive/refs/heads/master.zip"),)
SPEC = DatasetSpec(
    name="esc50",
    title="ESC-50",
    licence="CC BY-NC 3.0",
    licence_terms=ESC50_TERMS,
    is_commercial_use_allowed=False,
    packages=PACKAGES,
    paper="Piczak, ESC: Dataset for Environmental Sound Classification, ACM Multimedia 2015",
    folder="esc50",
    read=lambda folder, split: read_esc50(folder),
)
SPEC_ESC10 = DatasetSpec(
    name="esc10",
    title="ESC-10, the first ten classes of ESC-50",
    licence="CC BY 3.0 (ESC-10's clips; they come within ESC-50, which is CC BY-NC 3.0)",
    licence_terms=ESC10_TERMS,
    is_commercial_use_allowed=True,
    packages=PACKAGES,
    paper="Piczak, ESC: Dataset for Environmental Sound Classification, ACM Multimedia 2015",
    folder="esc50",
    read=lambda folder, split: read_esc50(folder, "esc10"),
)
