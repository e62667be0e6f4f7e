"""The data sets known by name; `load_dataset` reads one of them, or the user's own data.

In: a name of `DATASETS`, or a folder or table. Out: a `Dataset`, however few of its clips are here; its notes say what
is missing. A data set is a file beside this one with its `SPEC` and reader, and a line in `DATASETS`.

Nothing is shipped: each user fetches a data set from its publisher and accepts its licence. Not verified: none of the
packages was fetched when this was written. Layouts are as the publishers' descriptions and tools state them.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from earwitness.datasets import desed, esc50, tau_scenes, tut_rare, tut_scenes
from earwitness.datasets.base import Dataset, DatasetSpec
from earwitness.datasets.own import read_own
from earwitness.errors import DatasetError
from earwitness.files import datasets_dir

DATASETS: dict[str, DatasetSpec] = {
    spec.name: spec
    for spec in (
        tut_rare.SPEC,
        tut_scenes.SPEC,
        tau_scenes.SPEC,
        desed.SPEC,
        esc50.SPEC,
        esc50.SPEC_ESC10,
    )
}


def find_spec(name: str) -> DatasetSpec:
    """Return what is known of a data set.

    Raises:
        DatasetError: there is none of this name.
    """
    if name not in DATASETS:
        raise DatasetError(f"{name}: not a known data set; known are: {', '.join(DATASETS)}")
    return DATASETS[name]


def load_dataset(
    name_or_path: str | Path, dir: str | Path | None = None, split: str | None = None, fold: int | None = None
) -> Dataset:
    """Return a data set's clips that are here, with their truth; `notes` say what is missing.

    Args:
        name_or_path: a name of `DATASETS`; else a folder or table of the user's own, see `own`.
        dir: the folder of a published data set; without it `EARWITNESS_DATA/NAME`, or `data/NAME` in the cache. For a
            table of the user's own: the folder of its recordings; without it, beside and below the table.
        split: one of the published splits, such as `evaltest`; of own data, the condition `split`. All if None.
        fold: only the clips of this fold's test part. All if None.

    Raises:
        DatasetError: the name is not known, nothing is here, a table does not fit, or no clip is of split and fold.
        AudioError: a file of recipes is damaged.
    """
    if str(name_or_path) not in DATASETS:
        if not Path(name_or_path).exists():
            raise DatasetError(
                f"{name_or_path}: neither a known data set ({', '.join(DATASETS)}) nor a folder or table of yours"
            )
        return _choose(_choose_split(read_own(Path(name_or_path), Path(dir) if dir is not None else None), split), fold)
    spec = find_spec(str(name_or_path))
    folder = find_folder(spec, dir)
    if split is not None and split not in spec.splits:
        known = f"its splits are {', '.join(spec.splits)}" if spec.splits else "it has folds, and no splits"
        raise DatasetError(f"{spec.name}: no split {split!r}; {known}")
    dataset = spec.read(folder, split)
    if not dataset.clips:
        why = "; ".join(dataset.notes)
        raise DatasetError(f"{spec.name}: no clip of it below {folder} ({why}); {how_to_get(spec)}")
    return _choose(dataset, fold)


def find_folder(spec: DatasetSpec, dir: str | Path | None = None) -> Path:
    """Return the folder of a published data set.

    Raises:
        DatasetError: it is not there.
    """
    folder = Path(dir) if dir is not None else datasets_dir() / spec.folder
    if not folder.is_dir():
        raise DatasetError(f"{spec.name}: no folder {folder}; {how_to_get(spec)}")
    return folder


def how_to_get(spec: DatasetSpec) -> str:
    """Return a hint on how to get a data set."""
    return f"run 'earwitness data get {spec.name}', or give its folder with --dir (dir= in Python)"


def _choose_split(dataset: Dataset, split: str | None) -> Dataset:
    if split is None:
        return dataset
    clips = tuple(clip for clip in dataset.clips if clip.conditions.get("split") == split)
    if not clips:
        known = sorted({clip.conditions.get("split", "") for clip in dataset.clips} - {""})
        hint = f"there are {', '.join(known)}" if known else "give a column 'split' in its table"
        raise DatasetError(f"{dataset.name}: no clip of split {split!r}; {hint}")
    return replace(dataset, clips=clips)


def _choose(dataset: Dataset, fold: int | None) -> Dataset:
    if fold is None:
        return dataset
    clips = tuple(clip for clip in dataset.clips if clip.fold == fold)
    if not clips:
        known = sorted({clip.fold for clip in dataset.clips if clip.fold is not None})
        hint = f"there are {', '.join(map(str, known))}" if known else "its clips have no folds"
        raise DatasetError(f"{dataset.name}: no clip of fold {fold}; {hint}")
    return replace(dataset, clips=clips)
