"""The recipes of mixtures, as TUT Rare Sound Events writes them: what was laid where into which background.

In: `mixture_recipes_*.yaml`. Out: `Recipe`s, and back to YAML, from which `meta` makes its table just the same.

Source: TUT Rare Sound Events 2017, development set, README (Diment et al.).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from earwitness.datasets.mixtures.meta import parse_recipes
from earwitness.files import write_text
from earwitness.metrics import LabelledEvent

_Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


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


def read_recipes(path: Path) -> list[Recipe]:
    """Read one file of recipes; with libyaml, 1,500 take a fifth of a second.

    Raises:
        AudioError: the file is not YAML, or a recipe lacks a field.
    """
    return parse_recipes(path, _read_recipe)


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
