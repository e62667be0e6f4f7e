"""Data sets with a truth to compare with: public ones, own ones, and mixtures. Start at `registry`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from earwitness.lazy import load_on_use

if TYPE_CHECKING:
    from earwitness.datasets.base import Clip, Dataset, DatasetSpec, as_word
    from earwitness.datasets.fetch import check_dataset, choose_packages, fetch_dataset, take_dataset
    from earwitness.datasets.mixtures.recipes import MixtureRow, find_recipes, read_mixture_rows, write_meta
    from earwitness.datasets.mixtures.mix import MixSettings
    from earwitness.datasets.mixtures.sources import read_own_sources, read_tut_sources
    from earwitness.datasets.mixtures.write import make_mixtures
    from earwitness.datasets.registry import DATASETS, find_folder, find_spec, load_dataset
    from earwitness.datasets.tut_rare import (
        CLASS_WORDS,
        WHERE_TO_GET,
        find_mixtures,
        find_recipe_files,
        find_recordings,
    )

__getattr__ = load_on_use(__name__)
