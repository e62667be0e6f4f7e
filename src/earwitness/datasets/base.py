"""What all data sets become: clips with their truth, whoever annotated them and however the files lie.

In: what the loaders read. Out: `Dataset`, a name and `Clip`s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from earwitness.metrics import LabelledEvent

JOINED_WORDS = {"babycry": "baby cry", "glassbreak": "glass break"}  # labels that are two words written as one
N_NAMED = 3  # of the missing files, how many are named in a note


@dataclass(frozen=True)
class Clip:
    """A recording and what is known to be true of it; None means not annotated, empty means nothing is there.

    Attributes:
        path: the recording.
        events: its events in time; an empty tuple says that none of the data set's labels is heard.
        scene: where it was made.
        labels: what is heard somewhere in it, without times.
        fold: the published fold in whose test part it is.
        conditions: what results may be grouped by, such as `split`, `city`, `device`, `ebr`, `target`.
    """

    path: Path
    events: tuple[LabelledEvent, ...] | None = None
    scene: str | None = None
    labels: frozenset[str] | None = None
    fold: int | None = None
    conditions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Dataset:
    """Clips with one set of labels.

    Attributes:
        name: its name in the catalogue, or the folder's or table's.
        clips: in the order of the data set's own tables, or by name.
        event_labels: what `events` and `labels` may say, as published, the same however few of the clips are here.
        scene_labels: what `scene` may say.
        notes: what is missing, dropped or left out, a sentence each.
        missing: the files that its tables name and that are not here.
        n_absent: how many of the published recordings are not here, whether a table names them or not.
    """

    name: str
    clips: tuple[Clip, ...]
    event_labels: tuple[str, ...] = ()
    scene_labels: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    n_absent: int = 0


def as_word(label: str) -> str:
    """Return a label as a word to listen for: lower case, spaces for underscores, joined words apart."""
    return JOINED_WORDS.get(label, label.replace("_", " ").lower())


def note_missing(what: str, n_published: int, n_here: int, missing: list[str]) -> str | None:
    """Return a sentence on what is not here, or None where all is.

    Args:
        what: the split or part.
        n_published: how many recordings were published.
        n_here: how many are here.
        missing: the names that the tables here give and that are not here; a partial table gives fewer.
    """
    if n_here >= n_published and not missing:
        return None
    said = f"{what}: {n_here} of {n_published} published recordings are here"
    if not missing:
        return said
    rest = f" and {len(missing) - N_NAMED} more" if len(missing) > N_NAMED else ""
    said += f"; missing are {', '.join(missing[:N_NAMED])}{rest}"
    n_unnamed = n_published - n_here - len(missing)
    return f"{said}; the tables here do not name {n_unnamed} others" if n_unnamed > 0 else said
