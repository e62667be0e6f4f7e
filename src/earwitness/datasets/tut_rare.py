"""TUT Rare Sound Events 2017: the mixtures that are here, with events, scene and ratio from their recipes.

In: a folder with any part of the data set, in any depth. Out: a `Dataset`. Split `evaltest` is the evaluation set;
`devtrain` and `devtest` are the development set's, with the patch of June 2017: mixtures whose background naturally
holds the target are dropped. The event lists serve where recipes are missing; they have neither scene nor ratio.

Source: TUT Rare Sound Events 2017 (Diment et al., Zenodo 401395 and 1160455), its README; the patch is the mixture
synthesiser's affected_files.txt. Checked on six mixtures and all recipes of the evaluation set; the development set's
zips were not at hand.
"""

from __future__ import annotations

import fnmatch
import logging
from collections.abc import Sequence
from pathlib import Path

from earwitness.audio import is_audio_name
from earwitness.datasets.base import (
    Clip,
    Dataset,
    DatasetSpec,
    SplitClips,
    as_word,
    join_splits,
    list_zenodo,
    note_missing,
)
from earwitness.datasets.mixtures.recipes import MixtureRow, Recipe, is_meta, read_meta, read_mixture_rows, read_recipes
from earwitness.datasets.tables import SOURCES_DIR, find_files, index_audio, read_event, read_plain, walk
from earwitness.errors import AudioError

logger = logging.getLogger(__name__)

CLASSES = ("babycry", "glassbreak", "gunshot")
CLASS_WORDS = {label: as_word(label) for label in CLASSES}
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

WHERE_TO_GET = (
    "Get TUT Rare Sound Events 2017, the evaluation set (https://zenodo.org/record/1160455, mixture_data.1.zip to "
    "mixture_data.5.zip) or the development set (https://zenodo.org/record/401395), both for academic use, and unpack "
    "the zips there, which makes TUT-rare-sound-events-2017-evaluation/data/mixture_data/...; every depth is searched, "
    f"but folders named {SOURCES_DIR} are left out"
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
    n_published = {each: _count_published(each) for each in SPLITS}
    return join_splits("tut_rare", n_published, split, lambda each: _read_split(each, tables, audio), CLASSES, SCENES)


def find_recordings(data_dir: Path) -> list[Path]:
    """Return the recordings below a folder, in any layout and depth; a mixture that is there twice is taken once.

    Raises:
        AudioError: there is none; the message says where to get the data set and where to put it.
    """
    found = [
        path
        for path in walk(data_dir)
        if is_audio_name(path)
        and path.exists()
        and not path.name.startswith(".")
        and SOURCES_DIR not in path.relative_to(data_dir).parts[:-1]
    ]
    # A mixture's name carries a hash of its recipe, so equal names are copies, as in both layouts side by side.
    once = {path.name if path.name.startswith("mixture_") else str(path): path for path in reversed(found)}
    if not once:
        raise AudioError(f"no recording below {data_dir.resolve()}. {WHERE_TO_GET}")
    if len(once) < len(found):
        logger.info("%d mixtures are there twice and are taken once", len(found) - len(once))
    return sorted(once.values())


def find_mixtures(folders: Sequence[Path]) -> dict[str, MixtureRow]:
    """Return what is known of mixtures by file name: from each `meta.csv`, and from recipes without one beside them.

    Raises:
        AudioError: a file of metadata is damaged.
    """
    files = [path for folder in folders for path in walk(folder)]
    tables = [path for path in files if path.name == "meta.csv" and is_meta(path)]
    described = {path.parent for path in tables}
    known = [mixture for path in tables for mixture in read_meta(path)]
    known += [
        mixture
        for path in files
        if _is_recipe(path) and path.parent not in described
        for mixture in read_mixture_rows(path)
    ]
    return {mixture.mixture_audio_filename: mixture for mixture in reversed(known)}


def find_recipe_files(folder: Path) -> list[Path]:
    """Return the recipe files below a folder, in order; none where there is no such folder."""
    return [path for path in walk(folder) if _is_recipe(path)]


def _is_recipe(path: Path) -> bool:
    return fnmatch.fnmatch(path.name, "mixture_recipes_*.yaml")


def _read_split(split: str, tables: dict[str, Path], audio: dict[str, Path]) -> SplitClips:
    found, n_dropped = SplitClips(), 0
    for target in CLASSES:
        recipes = tables.get(f"mixture_recipes_{split}_{target}.yaml")
        events = tables.get(f"event_list_{split}_{target}.csv")
        prefix = f"mixture_{split}_{target}_"
        if recipes:
            known = {recipe.file_name: _from_recipe(recipe) for recipe in read_recipes(recipes)}
        elif events:
            known = _read_event_list(events)
            found.notes.append(
                f"{split}: {target} has no recipes here, only {events.name}: scene and ratio are not known"
            )
        else:
            known = {}
            if any(name.startswith(prefix) for name in audio):
                found.notes.append(f"{split}: {target} is left out: mixture_recipes_{split}_{target}.yaml is missing")
        for name, clip in known.items():
            if _is_patched(name.removeprefix(prefix), split, target):
                n_dropped += 1
            elif name not in audio:
                found.missing.append(name)
            else:
                conditions = {"split": split, "target": target, **clip.conditions}
                found.clips.append(Clip(audio[name], clip.events, clip.scene, conditions=conditions))
    if n_dropped:
        found.notes.append(f"{split}: {n_dropped} mixtures are dropped by the patch of June 2017")
    if note := note_missing(split, _count_published(split), len(found.clips), found.missing):
        found.notes.append(note)
    return found


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


TAMPERE_LICENCE = "Tampere University's EULA: academic use only, no commercial use"
TAMPERE_TERMS = (
    "These recordings are Tampere University's, for academic research and education; commercial use is\n"
    "prohibited. The single events of TUT Rare Sound Events are from Freesound, each under its own licence (CC0,\n"
    "CC BY, CC BY-NC, Sampling+). This is a summary; what binds you is the agreement that comes with the data\n"
    "(EULA.pdf, LICENSE)."
)
DEVELOPMENT = list_zenodo(
    "development",
    401395,
    "TUT-rare-sound-events-2017-development.",
    """
doc.zip 21042 47c424fe90d2bdc53d9fdd84341c2783
code.zip 81518 4cacdf0803daf924a60bf9daa573beb7
source_data_bgs_and_cvsetup.1.zip 1072175672 6f1f4156d41b541d1188fcf44c9a8267
source_data_bgs_and_cvsetup.2.zip 1073378284 ff5dcbe250e45cc404b7b8a6013002ac
source_data_bgs_and_cvsetup.3.zip 1069766123 fb356ae309a40d2f0a38fc1c746835cb
source_data_bgs_and_cvsetup.4.zip 1070042681 2a68575b2ec7a69e2cc8b16b87fae0c9
source_data_bgs_and_cvsetup.5.zip 1073380909 84e70d855457a18115108e42ec04501a
source_data_bgs_and_cvsetup.6.zip 1073021941 048ce898bd434097dd489027f7ba361d
source_data_bgs_and_cvsetup.7.zip 1069890239 3ef1c89fcfac39918a5edc5abc6ed29b
source_data_bgs_and_cvsetup.8.zip 180860904 69dcb81e70f4e6605e178693afcd7722
source_data_events.zip 639119477 dc4b7eb77078b4cf1b670c6362679473
    """,
)

EVALUATION = list_zenodo(
    "evaluation",
    1160455,
    "TUT-rare-sound-events-2017-evaluation.",
    """
doc.zip 11701 36db98a94ce871c6bdc5bd5238383114
LICENSE.txt 0 0707857098fc74d17beb824416fb74b1
FREESOUNDCREDITS.txt 0 3ecea52bdb0eadd6e1af52a21f735d6d
mixture_data.1.zip 1071143794 db4aecd5175dead27ceb2692e7f28bb1
mixture_data.2.zip 1071773516 e97d5842c46805cdb94e6d4017870cde
mixture_data.3.zip 1073505512 1fe20c762cecd26979e2c5303c8e9f48
mixture_data.4.zip 1071132551 5042cd00aed9af6b37a253e24f88554f
mixture_data.5.zip 308314939 72180597ed5bfaa73491755f74b84738
    """,
)

SPEC = DatasetSpec(
    name="tut_rare",
    title="TUT Rare Sound Events 2017",
    licence=TAMPERE_LICENCE,
    licence_terms=TAMPERE_TERMS,
    is_commercial_use_allowed=False,
    packages=(*EVALUATION, *DEVELOPMENT),
    paper="Mesaros et al., DCASE 2017 Challenge Setup: Tasks, Datasets and Baseline System, DCASE Workshop 2017",
    folder="tut_rare",
    read=read_tut_rare,
    splits=SPLITS,
    measures=("rare",),
    note="The development part is the sources; make its mixtures with 'earwitness mix --tut', or take the record's "
    "mixture_data zips (https://zenodo.org/record/401395), whose md5s are not known, with --from.",
)
