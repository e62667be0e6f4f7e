"""TUT Rare Sound Events recipes (YAML) to one `meta.csv`, a row for each mixture.

In: the `mixture_recipes_*.yaml` of the data set. Out: rows with the published columns. The event-to-background ratio
of a mixture without an event is -inf, as the recipe says.

Source: TUT Rare Sound Events 2017 (Diment et al.); the columns are those of the published method.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import yaml

from earwitness.errors import AudioError
from earwitness.files import write_csv

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C loader reads 200 kB of recipes in a blink
Read = TypeVar("Read")


@dataclass(frozen=True)
class MixtureRow:
    """One mixture of the data set; `ebr` in dB is -inf, and the event fields are empty, where no event was mixed in."""

    mixture_audio_filename: str
    bg_classname: str
    bg_path: str
    ebr: float
    event_present: bool
    event: str = ""
    event_length: float | None = None


def find_recipes(paths: Iterable[str | Path]) -> list[Path]:
    """Return the recipe files named by files and folders (searched in depth), sorted within a folder.

    Raises:
        AudioError: a path does not exist or holds no recipe.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        recipes = sorted(path.rglob("mixture_recipes_*.yaml")) if path.is_dir() else [path] if path.is_file() else []
        if not recipes:
            raise AudioError(
                f"{path}: no mixture_recipes_*.yaml here; they come with TUT Rare Sound Events 2017 "
                "(https://zenodo.org/record/1160455, folder meta)"
            )
        found += recipes
    return found


def read_recipes(path: str | Path) -> list[MixtureRow]:
    """Read one recipe file.

    Raises:
        AudioError: the file is not YAML, or a recipe lacks a field.
    """
    return parse_recipes(path, _read_recipe)


def parse_recipes(path: str | Path, read: Callable[[dict[str, Any]], Read]) -> list[Read]:
    """Return what `read` makes of each recipe in a file.

    Raises:
        AudioError: the file is not YAML, or a recipe lacks a field.
    """
    try:
        recipes = yaml.load(Path(path).read_bytes(), Loader=_Loader)
        return [read(recipe) for recipe in recipes or []]
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise AudioError(f"{path}: not a file of mixture recipes ({type(error).__name__}: {error})") from error


def write_meta(mixtures: Sequence[MixtureRow], path: str | Path) -> None:
    """Write `meta.csv`: an unnamed index, then the fields of `MixtureRow`.

    Raises:
        OutputError: the file cannot be written.
    """
    columns = ["", *(field.name for field in fields(MixtureRow))]
    rows = ([index, *astuple(mixture)] for index, mixture in enumerate(mixtures))
    write_csv(Path(path), [columns, *rows], line_end="\n")


def _read_recipe(recipe: dict[str, Any]) -> MixtureRow:
    is_present = bool(recipe["event_present"])
    return MixtureRow(
        mixture_audio_filename=str(recipe["mixture_audio_filename"]),
        bg_classname=str(recipe["bg_classname"]),
        bg_path=str(recipe["bg_path"]),
        ebr=float(recipe["ebr"]),
        event_present=is_present,
        event=str(recipe["event_class"]) if is_present else "",
        event_length=float(recipe["event_length_seconds"]) if is_present else None,
    )
