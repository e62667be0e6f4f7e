"""Data sets with a truth to compare with: public ones, own ones, and mixtures. Start at `registry`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from earwitness.lazy import load_on_use

if TYPE_CHECKING:
    from earwitness.datasets.base import Clip, Dataset, as_word
    from earwitness.datasets.checking import check_dataset
    from earwitness.datasets.fetch import choose_packages, fetch_dataset, take_dataset
    from earwitness.datasets.loading import find_folder, load_dataset
    from earwitness.datasets.mixtures.meta import MixtureRow, find_recipes, read_recipes, write_meta
    from earwitness.datasets.mixtures.mix import MixSettings
    from earwitness.datasets.mixtures.sources import read_own_sources, read_tut_sources
    from earwitness.datasets.mixtures.write import make_mixtures
    from earwitness.datasets.registry import DATASETS, LICENCE_TERMS, DatasetSpec, find_spec
    from earwitness.datasets.tables import SOURCES_DIR, walk

_HOMES = {
    "base": "Clip Dataset as_word",
    "checking": "check_dataset",
    "fetch": "choose_packages fetch_dataset take_dataset",
    "loading": "find_folder load_dataset",
    "mixtures.meta": "MixtureRow find_recipes read_recipes write_meta",
    "mixtures.mix": "MixSettings",
    "mixtures.sources": "read_own_sources read_tut_sources",
    "mixtures.write": "make_mixtures",
    "registry": "DATASETS LICENCE_TERMS DatasetSpec find_spec",
    "tables": "SOURCES_DIR walk",
}

__getattr__ = load_on_use(__name__, _HOMES)
