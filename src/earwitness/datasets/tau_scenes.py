"""TAU Urban Acoustic Scenes 2020 Mobile, development set: clips of 10 s in ten scenes, cities and devices.

In: a folder with any part of it, in any depth. Out: a `Dataset`; conditions are `city`, `device` (a, b, c, s1 to s6),
`devices` (real, seen or unseen, as the challenge groups them), `location`, and the `split` of the published setup:
train, test, or unused. Fold 1 is its only fold; a clip of its test part has it.

Source: Heittola et al. 2020, Zenodo 3819968, as dcase_util lays it out. The published zips were not at hand. The
evaluation set's labels are not public.
"""

from __future__ import annotations

from pathlib import Path

from earwitness.datasets.base import Clip, Dataset, note_missing
from earwitness.datasets.tables import find_files, index_audio, read_headed
from earwitness.errors import DatasetError

SPLITS = ("train", "test", "unused")
N_PUBLISHED = 23_035
COLUMNS = ("filename", "scene_label", "source_label")
SCENES = (
    *("airport", "bus", "metro", "metro_station", "park", "public_square", "shopping_mall", "street_pedestrian"),
    *("street_traffic", "tram"),
)
DEVICES = {
    **dict.fromkeys(("a", "b", "c"), "real"),
    **dict.fromkeys(("s1", "s2", "s3"), "seen"),  # simulated, in the training part
    **dict.fromkeys(("s4", "s5", "s6"), "unseen"),
}


def read_tau_scenes(folder: Path, split: str | None = None) -> Dataset:
    """Return the clips below a folder, of one split or of all.

    Raises:
        DatasetError: a table is damaged, or a file's name is not as published.
    """
    table = next((path for path in find_files(folder) if path.name == "meta.csv" and _is_ours(path)), None)
    if table is None:
        note = "meta.csv with the columns filename, scene_label, identifier, source_label is not here"
        return Dataset("tau_scenes", (), scene_labels=SCENES, notes=(note,), n_absent=N_PUBLISHED)
    audio = index_audio(find_files(table.parent))
    splits = _read_splits(table.parent / "evaluation_setup")
    clips: list[Clip] = []
    missing: list[str] = []
    for line, row in read_headed(table, COLUMNS):
        name = Path(row["filename"]).name
        if name not in audio:
            missing.append(name)
            continue
        conditions = _read_name(table, line, name, row["source_label"])
        if splits:
            conditions["split"] = splits.get(name, "unused")
        fold = 1 if conditions.get("split") == "test" else None
        clips.append(Clip(audio[name], scene=row["scene_label"], fold=fold, conditions=conditions))
    note_here = note_missing("development", N_PUBLISHED, len(clips), missing)
    notes = [note_here] if note_here else []
    if not splits:
        notes.append("evaluation_setup/fold1_train.csv and fold1_evaluate.csv are not here: the split is not known")
    n_absent = N_PUBLISHED - len(clips)
    if split:
        clips = [clip for clip in clips if clip.conditions.get("split") == split]
    return Dataset("tau_scenes", tuple(clips), (), SCENES, tuple(notes), tuple(missing), n_absent)


def _is_ours(path: Path) -> bool:
    with path.open(encoding="utf-8", errors="replace") as file:
        return set(COLUMNS) <= set(file.readline().strip().split("\t"))


def _read_splits(setup: Path) -> dict[str, str]:
    splits: dict[str, str] = {}
    for split, names in (("train", ("fold1_train.csv",)), ("test", ("fold1_evaluate.csv", "fold1_test.csv"))):
        for table in [setup / name for name in names if (setup / name).is_file()][:1]:
            splits |= {Path(row["filename"]).name: split for _, row in read_headed(table, ["filename"])}
    return splits


def _read_name(table: Path, line: int, name: str, device: str) -> dict[str, str]:
    """Return what scene-city-location-segment-device tells."""
    parts = Path(name).stem.split("-")
    if len(parts) != 5:
        raise DatasetError(f"{table}:{line}: {name!r} is not named scene-city-location-segment-device")
    _, city, location, _, _ = parts
    return {"city": city, "device": device, "devices": DEVICES.get(device, "other"), "location": location}
