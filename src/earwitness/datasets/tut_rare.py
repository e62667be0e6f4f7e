"""TUT Rare Sound Events 2017: the mixtures that are here, with events, scene and ratio from their recipes.

In: a folder with any part of the data set, in any depth. Out: a `Dataset`. Split `evaltest` is the evaluation set;
`devtrain` and `devtest` are the development set's, with the patch of June 2017: mixtures whose background naturally
holds the target are dropped. The event lists serve where recipes are missing; they tell neither scene nor ratio.

Source: TUT Rare Sound Events 2017 (Diment et al., Zenodo 401395 and 1160455), its README; the patch is the mixture
synthesiser's affected_files.txt. Checked on six mixtures and all recipes of the evaluation set; the development set's
zips were not at hand.
"""

from __future__ import annotations

from pathlib import Path

from earwitness.audio import is_audio_name
from earwitness.datasets.base import Clip, Dataset, note_missing
from earwitness.datasets.mixtures.recipes import Recipe, read_recipes
from earwitness.datasets.tables import SOURCES_DIR, find_files, index_audio, read_event, read_plain

CLASSES = ("babycry", "glassbreak", "gunshot")
SPLITS = ("devtrain", "devtest", "evaltest")
N_PER_CLASS = 500
PATCHED = {  # of June 2017: numbers of mixtures that are not to be used
    ("devtest", "babycry"): (38, 154, 161, 225),
    ("devtrain", "babycry"): (66, 67, 99, 145, 152, 164, 216, 332, 392),
}
SCENES = (
    *("beach", "bus", "cafe/restaurant", "car", "city_center", "forest_path", "grocery_store", "home", "library"),
    *("metro_station", "office", "park", "residential_area", "train", "tram"),
)


def read_tut_rare(folder: Path, split: str | None = None) -> Dataset:
    """Return the mixtures below a folder, of one split or of all; each was made for one class, its condition `target`.

    Raises:
        AudioError: a file of recipes is damaged.
        DatasetError: an event list is.
    """
    files = find_files(folder, skip=SOURCES_DIR)
    tables = {path.name: path for path in reversed(files)}
    audio = index_audio([path for path in files if path.name.startswith("mixture_") and is_audio_name(path)])
    clips: list[Clip] = []
    notes: list[str] = []
    missing: list[str] = []
    splits = [split] if split else list(SPLITS)
    for each in splits:
        found, absent, said = _read_split(each, tables, audio)
        clips += found
        missing += absent
        notes += said
    n_absent = sum(map(_count_published, splits)) - len(clips)
    return Dataset("tut_rare", tuple(clips), CLASSES, SCENES, tuple(notes), tuple(missing), n_absent)


def _read_split(split: str, tables: dict[str, Path], audio: dict[str, Path]) -> tuple[list[Clip], list[str], list[str]]:
    clips: list[Clip] = []
    missing: list[str] = []
    notes: list[str] = []
    n_dropped = 0
    for target in CLASSES:
        recipes = tables.get(f"mixture_recipes_{split}_{target}.yaml")
        events = tables.get(f"event_list_{split}_{target}.csv")
        prefix = f"mixture_{split}_{target}_"
        if recipes:
            known = {recipe.file_name: _from_recipe(recipe) for recipe in read_recipes(recipes)}
        elif events:
            known = _read_event_list(events)
            notes.append(f"{split}: {target} has no recipes here, only {events.name}: scene and ratio are not known")
        else:
            known = {}
            if any(name.startswith(prefix) for name in audio):
                notes.append(f"{split}: {target} is left out: mixture_recipes_{split}_{target}.yaml is missing")
        for name, clip in known.items():
            if _is_patched(name.removeprefix(prefix), split, target):
                n_dropped += 1
            elif name not in audio:
                missing.append(name)
            else:
                conditions = {"split": split, "target": target, **clip.conditions}
                clips.append(Clip(audio[name], clip.events, clip.scene, conditions=conditions))
    if n_dropped:
        notes.append(f"{split}: {n_dropped} mixtures are dropped by the patch of June 2017")
    if note := note_missing(split, _count_published(split), len(clips), missing):
        notes.append(note)
    return clips, missing, notes


def _count_published(split: str) -> int:
    return N_PER_CLASS * len(CLASSES) - sum(len(PATCHED.get((split, target), ())) for target in CLASSES)


def _from_recipe(recipe: Recipe) -> Clip:
    conditions = {"background": recipe.background_path}
    if recipe.event:
        conditions["ebr"] = f"{recipe.event.ebr_db:g}"
    return Clip(Path(recipe.file_name), recipe.truth, recipe.scene, conditions=conditions)


def _read_event_list(path: Path) -> dict[str, Clip]:
    """Return clips by name; the original is separated by tabs, some copies by commas, and empty mixtures are a name."""
    with path.open(encoding="utf-8", errors="replace") as file:
        delimiter = "\t" if "\t" in file.read() else ","
    clips = {}
    for line, cells in read_plain(path, delimiter=delimiter):
        cells += [""] * (4 - len(cells))
        name, onset, offset, label = cells[:4]
        events = (read_event(path, line, label, onset, offset),) if label else ()
        clips[name] = Clip(Path(name), events)
    return clips


def _is_patched(rest: str, split: str, target: str) -> bool:
    number = rest.partition("_")[0]
    return number.isdecimal() and int(number) in PATCHED.get((split, target), ())
