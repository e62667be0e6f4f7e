"""TAU Urban Acoustic Scenes 2020 Mobile, development set: clips of 10 s in ten scenes, cities and devices.

In: a folder with any part of it, in any depth. Out: a `Dataset`; conditions are `city`, `device` (a, b, c, s1 to s6),
`devices` (real, seen or unseen, as the challenge groups them), `location`, and the `split` of the published setup:
train, test, or unused. Fold 1 is its only fold; a clip of its test part has it.

Source: Heittola et al. 2020, Zenodo 3819968, as dcase_util lays it out. The published zips were not at hand. The
evaluation set's labels are not public.
"""

from __future__ import annotations

from pathlib import Path

from earwitness.datasets.base import Clip, Dataset, DatasetSpec, list_zenodo, note_missing
from earwitness.datasets.tables import find_files, index_audio, read_headed
from earwitness.datasets.tut_rare import TAMPERE_LICENCE, TAMPERE_TERMS
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
    """Return the conditions in a name such as scene-city-location-segment-device."""
    parts = Path(name).stem.split("-")
    if len(parts) != 5:
        raise DatasetError(f"{table}:{line}: {name!r} is not named scene-city-location-segment-device")
    _, city, location, _, _ = parts
    return {"city": city, "device": device, "devices": DEVICES.get(device, "other"), "location": location}


DEVELOPMENT = list_zenodo(
    "development",
    3819968,
    "TAU-urban-acoustic-scenes-2020-mobile-development.",
    """
doc.zip 18066 175f40dc3fec144347abad4d2962b7ae
meta.zip 214159 6eae9db553ce48e4ea246e34e50a3cf5
audio.1.zip 1726039031 b1e85b8a908d3d6a6ab73268f385d5c8
audio.2.zip 1782268370 4310a13cc2943d6ce3f70eba7ba4c784
audio.3.zip 1870468865 ed38956c4246abb56190c1e9b602b7b8
audio.4.zip 1879413176 97ab8560056b6816808dedc044dcc023
audio.5.zip 1823936584 b50f5e0bfed33cd8e52cb3e7f815c6cb
audio.6.zip 1827246144 fbf856a3a86fff7520549c899dc94372
audio.7.zip 1728630243 0dbffe7b6e45564da649378723284062
audio.8.zip 1748646043 bb6f77832bf0bd9f786f965beb251b2e
audio.9.zip 1780487215 a65596a5372eab10c78e08a0de797c9e
audio.10.zip 1726068853 2ad595819ffa1d56d2de4c7ed43205a6
audio.11.zip 1744480272 0ad29f7040a4e6a22cfd639b3a6738e5
audio.12.zip 1738707195 e5f4400c6b9697295fab4cf507155a2f
audio.13.zip 1835797785 8855ab9f9896422746ab4c5d89d8da2f
audio.14.zip 1846390881 092ad744452cd3e7de78f988a3d13020
audio.15.zip 1869032508 4b5eb85f6592aebf846088d9df76b420
audio.16.zip 436971777 2e0a89723e58a3836be019e6996ae460
    """,
)

SPEC = DatasetSpec(
    name="tau_scenes",
    title="TAU Urban Acoustic Scenes 2020 Mobile, development",
    licence=TAMPERE_LICENCE,
    licence_terms=TAMPERE_TERMS,
    is_commercial_use_allowed=False,
    packages=DEVELOPMENT,
    paper="Heittola et al., Acoustic Scene Classification in DCASE 2020 Challenge, DCASE Workshop 2020",
    folder="tau_scenes",
    read=read_tau_scenes,
    splits=SPLITS,
    note="The evaluation record (3685828) holds no labels and is left out.",
)
