"""DESED: real domestic recordings of 10 s with ten classes of events in time.

In: a folder with the public evaluation set, the validation set, or parts of them, in any depth. Out: a `Dataset`.

Source: Turpault et al. 2019; https://github.com/turpaultn/DESED and the DCASE recipes for the layout: `public.tsv`,
`validation.tsv` with the columns filename, onset, offset, event_label; a clip without events is a row with empty cells.
The published archive was not at hand. The names in tables and files are matched with and without the leading Y that
AudioSet's tools put before a video's name.
"""

from __future__ import annotations

from pathlib import Path

from earwitness.datasets.base import (
    Clip,
    Dataset,
    DatasetPackage,
    DatasetSpec,
    SplitClips,
    join_splits,
    note_missing,
)
from earwitness.datasets.tables import find_files, index_audio, read_event, read_headed
from earwitness.errors import DatasetError
from earwitness.metrics import LabelledEvent

SPLITS = ("public", "validation")
N_PUBLISHED = {"public": 692, "validation": 1168}
CLASSES = (
    *("Alarm_bell_ringing", "Blender", "Cat", "Dishes", "Dog", "Electric_shaver_toothbrush", "Frying"),
    *("Running_water", "Speech", "Vacuum_cleaner"),
)


def read_desed(folder: Path, split: str | None = None) -> Dataset:
    """Return the clips below a folder, of one split or of both.

    Raises:
        DatasetError: a table is damaged.
    """
    files = find_files(folder)
    audio = index_audio(files)

    def read(name: str) -> SplitClips:
        table = next((path for path in files if path.name == f"{name}.tsv"), None)
        if table is None:
            return SplitClips(notes=[f"{name}: {name}.tsv is not here, so nothing of it is known"])
        found = _read_table(table, audio, name)
        if note := note_missing(name, N_PUBLISHED[name], len(found.clips), found.missing):
            found.notes.append(note)
        return found

    return join_splits("desed", N_PUBLISHED, split, read, CLASSES)


def _read_table(table: Path, audio: dict[str, Path], split: str) -> SplitClips:
    events: dict[str, list[LabelledEvent]] = {}
    for line, row in read_headed(table, ["filename", "onset", "offset", "event_label"]):
        here = events.setdefault(row["filename"], [])
        if row["onset"] or row["offset"] or row["event_label"]:
            event = read_event(table, line, row["event_label"], row["onset"], row["offset"])
            if event.label not in CLASSES:
                raise DatasetError(f"{table}:{line}: {event.label!r} is no class of DESED: {', '.join(CLASSES)}")
            here.append(event)
    found = SplitClips()
    for name, its_events in events.items():
        path = audio.get(name) or audio.get(f"Y{name}") or audio.get(name.removeprefix("Y"))
        if path:
            found.clips.append(Clip(path, tuple(its_events), conditions={"split": split}))
        else:
            found.missing.append(name)
    return found


LICENCE_TERMS = (
    "These clips are cut from videos of many people, each under the Creative Commons licence that its uploader\n"
    "chose; license_public_eval.tsv on https://zenodo.org/record/4560759 names them. Read it before you use them\n"
    "commercially."
)
SPEC = DatasetSpec(
    name="desed",
    title="DESED, public evaluation and validation",
    licence="DESED public evaluation: Creative Commons, file by file",
    licence_terms=LICENCE_TERMS,
    is_commercial_use_allowed=False,
    packages=(DatasetPackage("public", "https://zenodo.org/record/4560759/files/DESED_public_eval.tar.gz"),),
    paper="Turpault et al., Sound Event Detection in Domestic Environments with Weakly Labeled Data and Soundscape "
    "Synthesis, DCASE Workshop 2019",
    folder="desed",
    read=read_desed,
    splits=SPLITS,
    measures=("desed_collar", "segment", "intersection"),
    note="The validation clips are from AudioSet and not freely published; where you have them, put them there.",
)
