"""The recipes of mixtures, as TUT Rare Sound Events writes them, and the table `meta.csv` that is made from them.

In: `mixture_recipes_*.yaml` (what was laid where into which background), `meta.csv`. Out: `Recipe`s, and back to YAML;
`MixtureRow`s with the published columns, and back to CSV. The event-to-background ratio of a mixture without an event
is -inf, as in the recipe.

Source: TUT Rare Sound Events 2017, development set, README (Diment et al.); the columns are those of the published
method.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import yaml

from earwitness.errors import AudioError
from earwitness.files import write_csv, write_text
from earwitness.metrics import LabelledEvent

# With libyaml, 1,500 recipes take a fifth of a second.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
YAML_ERRORS = (OSError, yaml.YAMLError)  # what `load_yaml` raises
Read = TypeVar("Read")


@dataclass(frozen=True)
class MixedEvent:
    """An event as it was mixed in.

    Attributes:
        label: its class.
        path: the recording that it was cut from, relative to the events' folder.
        segment_start_s, segment_end_s: from where to where in that recording.
        onset_s: where it begins in the mixture.
        length_s: how long it is.
        ebr_db: its rms over that of the background under it, in dB.
        scaling: the factor it was multiplied by before the background was added.
    """

    label: str
    path: str
    segment_start_s: float
    segment_end_s: float
    onset_s: float
    length_s: float
    ebr_db: float
    scaling: float

    @property
    def offset_s(self) -> float:
        """Where it ends in the mixture."""
        return self.onset_s + self.length_s


@dataclass(frozen=True)
class Recipe:
    """A mixture: its file's name, its background (relative to the backgrounds' folder), the scene, and its event.

    `background_start_s` is where the mixture begins in a background that is longer; TUT has no such field, it means 0.
    """

    file_name: str
    background_path: str
    scene: str
    event: MixedEvent | None
    background_start_s: float = 0.0

    @property
    def truth(self) -> tuple[LabelledEvent, ...]:
        """The events as annotated: one, or none."""
        event = self.event
        return (LabelledEvent(event.label, event.onset_s, event.offset_s),) if event else ()


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


def load_yaml(path: str | Path) -> Any:
    """Return the content of a YAML file of TUT Rare Sound Events.

    Raises:
        OSError, yaml.YAMLError: it cannot be read; see `YAML_ERRORS`.
    """
    return yaml.load(Path(path).read_bytes(), Loader=_Loader)


def read_recipes(path: str | Path) -> list[Recipe]:
    """Read one file of recipes.

    Raises:
        AudioError: the file is not YAML, or a recipe lacks a field.
    """
    return _read_each(path, _read_recipe)


def read_mixture_rows(path: str | Path) -> list[MixtureRow]:
    """Read one file of recipes as rows of `meta.csv`, which need fewer fields than `Recipe`.

    Raises:
        AudioError: the file is not YAML, or a recipe lacks a field.
    """
    return _read_each(path, _read_row)


def write_recipes(recipes: Sequence[Recipe], path: Path) -> None:
    """Write recipes as TUT's own YAML, fields in alphabetical order.

    Raises:
        OutputError: the file cannot be written.
    """
    write_text(path, dump_recipes([to_fields(recipe) for recipe in recipes]))


def dump_recipes(content: Any) -> str:
    """Return YAML, block style, keys sorted: the same text for the same content."""
    return str(yaml.dump(content, Dumper=_Dumper, default_flow_style=False, sort_keys=True, allow_unicode=True))


def to_fields(recipe: Recipe) -> dict[str, Any]:
    """Return a recipe under TUT's field names; the ratio of a mixture without an event is -inf."""
    event = recipe.event
    columns = [recipe.file_name]
    columns += [f"{event.onset_s:.12g}", f"{event.offset_s:.12g}", event.label] if event else []
    content: dict[str, Any] = {
        "annotation_string": "\t".join(columns),
        "bg_classname": recipe.scene,
        "bg_path": recipe.background_path,
        "ebr": event.ebr_db if event else -math.inf,
        "event_present": event is not None,
        "mixture_audio_filename": recipe.file_name,
    }
    if recipe.background_start_s:
        content["bg_start_seconds"] = recipe.background_start_s
    if event:
        content |= {
            "event_class": event.label,
            "event_path": event.path,
            "event_start_in_mixture_seconds": event.onset_s,
            "event_length_seconds": event.length_s,
            "scaling_factor": event.scaling,
            "segment_start_seconds": event.segment_start_s,
            "segment_end_seconds": event.segment_end_s,
        }
    return content


def write_meta(mixtures: Sequence[MixtureRow], path: str | Path) -> None:
    """Write `meta.csv`: an unnamed index, then the fields of `MixtureRow`.

    Raises:
        OutputError: the file cannot be written.
    """
    columns = ["", *(field.name for field in fields(MixtureRow))]
    rows = ([index, *astuple(mixture)] for index, mixture in enumerate(mixtures))
    write_csv(Path(path), [columns, *rows], line_end="\n")


def read_meta(path: Path) -> list[MixtureRow]:
    """Read a `meta.csv`. The published one gives 0 as the ratio of a mixture without an event; here it is -inf again.

    Raises:
        AudioError: a row is not as `write_meta` writes it.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [_parse_row(row) for row in csv.DictReader(file)]
    except (OSError, UnicodeDecodeError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise AudioError(f"{path}: not a table of mixtures ({error}); make it again with yaml2csv.py") from error


def is_meta(path: Path) -> bool:
    """Return whether a `meta.csv` is of mixtures: other data sets have files of that name, too."""
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        return {field.name for field in fields(MixtureRow)} <= set(next(csv.reader(file), []))


def _read_each(path: str | Path, read: Callable[[dict[str, Any]], Read]) -> list[Read]:
    try:
        return [read(recipe) for recipe in load_yaml(path) or []]
    except (*YAML_ERRORS, KeyError, TypeError, ValueError) as error:
        raise AudioError(f"{path}: not a file of mixture recipes ({type(error).__name__}: {error})") from error


def _read_recipe(content: dict[str, Any]) -> Recipe:
    event = None
    if content["event_present"]:
        event = MixedEvent(
            label=str(content["event_class"]),
            path=str(content["event_path"]),
            segment_start_s=float(content["segment_start_seconds"]),
            segment_end_s=float(content["segment_end_seconds"]),
            onset_s=float(content["event_start_in_mixture_seconds"]),
            length_s=float(content["event_length_seconds"]),
            ebr_db=float(content["ebr"]),
            scaling=float(content["scaling_factor"]),
        )
    return Recipe(
        file_name=str(content["mixture_audio_filename"]),
        background_path=str(content["bg_path"]),
        scene=str(content["bg_classname"]),
        event=event,
        background_start_s=float(content.get("bg_start_seconds", 0.0)),
    )


def _read_row(recipe: dict[str, Any]) -> MixtureRow:
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


def _parse_row(row: dict[str, str]) -> MixtureRow:
    """Return a row of `meta.csv`, read as the recipe with the same values."""
    is_present = {"True": True, "False": False}[row["event_present"]]
    ebr = row["ebr"] if is_present else -math.inf
    names = {"event_class": row["event"], "event_length_seconds": row["event_length"]}
    return _read_row({**row, **names, "event_present": is_present, "ebr": ebr})
