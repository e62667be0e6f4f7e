"""What every data set has in common: how it is described, and the clips with their truth that it becomes.

Out: `DatasetSpec` and `DatasetPackage` (what is known before it is read); `Dataset`, a name and `Clip`s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
        events: its events in time; an empty tuple: none of the data set's labels occurs.
        scene: where it was made.
        labels: what occurs somewhere in it, without times.
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
        event_labels: the possible labels of `events` and `labels`, as published, however few of the clips are here.
        scene_labels: the possible values of `scene`.
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


@dataclass(frozen=True)
class DatasetPackage:
    """A file to fetch: the part of the data set that it belongs to, its URL, its size in bytes and its md5 in hex.

    Size and md5 are None where they are not published or not known.
    """

    part: str
    url: str
    n_bytes: int | None = None
    md5: str | None = None

    @property
    def file_name(self) -> str:
        """The file's published name."""
        return self.url.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class DatasetSpec:
    """What is known of a data set before it is read.

    Attributes:
        name: its name here.
        title: its published name.
        licence: the licence's name.
        licence_terms: what is shown before the data set is fetched.
        is_commercial_use_allowed: whether the licence allows commercial use; False where it depends on the file.
        packages: what to fetch; each belongs to one of the parts.
        paper: where it is described.
        folder: the name of its folder among the data sets.
        read: returns the clips below a folder, of one split or of all.
        splits: the published splits that `load_dataset` takes.
        measures: how its events are scored, kinds of measures of `evaluation`; the usual ones if empty.
        note: what the user should know before fetching.
    """

    name: str
    title: str
    licence: str
    licence_terms: str
    is_commercial_use_allowed: bool
    packages: tuple[DatasetPackage, ...]
    paper: str
    folder: str
    read: Callable[[Path, str | None], Dataset]
    splits: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()
    note: str = ""

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts that can be fetched by themselves."""
        return tuple(dict.fromkeys(package.part for package in self.packages))

    @property
    def n_bytes(self) -> int | None:
        """The size of all packages; None where it is not known."""
        known = [package.n_bytes for package in self.packages if package.n_bytes]
        return sum(known) if known else None


@dataclass
class SplitClips:
    """What a reader finds of one split: clips, names in tables that are not here, and notes, a sentence each."""

    clips: list[Clip] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def join_splits(
    name: str,
    n_published: Mapping[str, int],
    split: str | None,
    read: Callable[[str], SplitClips],
    event_labels: tuple[str, ...] = (),
    scene_labels: tuple[str, ...] = (),
) -> Dataset:
    """Return a data set of what `read` finds of one split, or of all in `n_published`."""
    splits = [split] if split else list(n_published)
    found = [read(each) for each in splits]
    clips = tuple(clip for each in found for clip in each.clips)
    notes = tuple(note for each in found for note in each.notes)
    missing = tuple(file for each in found for file in each.missing)
    n_absent = sum(n_published[each] for each in splits) - len(clips)
    return Dataset(name, clips, event_labels, scene_labels, notes, missing, n_absent)


def list_zenodo(part: str, record: int, prefix: str, table: str) -> tuple[DatasetPackage, ...]:
    """Return the packages of a Zenodo record: a line is the name's end, the size (0 if not known), and the md5.

    Source of the tables: dcase_util (MIT), dcase_util/datasets/tut.py.
    """
    url = f"https://zenodo.org/record/{record}/files/"
    return tuple(
        DatasetPackage(part, f"{url}{name if name.endswith('.txt') else prefix + name}", int(size) or None, md5)
        for name, size, md5 in map(str.split, table.strip().splitlines())
    )


def as_word(label: str) -> str:
    """Return a label as a word to detect: lower case, spaces for underscores, joined words apart."""
    return JOINED_WORDS.get(label, label.replace("_", " ").lower())


def note_missing(what: str, n_published: int, n_here: int, missing: Sequence[str]) -> str | None:
    """Return a sentence on what is not here, or None where all is.

    Args:
        what: the split or part.
        n_published: how many recordings were published.
        n_here: how many are here.
        missing: the names that the tables here give and that are not here; a partial table gives fewer.
    """
    if n_here >= n_published and not missing:
        return None
    note = f"{what}: {n_here} of {n_published} published recordings are here"
    if not missing:
        return note
    rest = f" and {len(missing) - N_NAMED} more" if len(missing) > N_NAMED else ""
    note += f"; missing are {', '.join(missing[:N_NAMED])}{rest}"
    n_unnamed = n_published - n_here - len(missing)
    return f"{note}; the tables here do not name {n_unnamed} others" if n_unnamed > 0 else note
