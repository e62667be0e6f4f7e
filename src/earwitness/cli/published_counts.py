"""TUT Rare Sound Events 2017 on disk: its recordings, its metadata, and counts of what was found against it.

In: a folder, in whose depth the data set lies in any of its layouts. Out: recordings, `MixtureRow`s by file name, and
`WordCounts` for each word.

Source: TUT Rare Sound Events 2017 (Diment et al.); `meta.csv` is that of the published method.
"""

from __future__ import annotations

import csv
import fnmatch
import logging
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from earwitness.audio import is_audio_name
from earwitness.datasets import SOURCES_DIR, MixtureRow, read_recipes, walk
from earwitness.errors import AudioError
from earwitness.words import as_key

logger = logging.getLogger(__name__)

CLASS_WORDS = {"babycry": "baby cry", "glassbreak": "glass break", "gunshot": "gunshot"}
WHERE_TO_GET = (
    "Get TUT Rare Sound Events 2017, the evaluation set (https://zenodo.org/record/1160455, mixture_data.1.zip to "
    "mixture_data.5.zip) or the development set (https://zenodo.org/record/401395), both for academic use, and unpack "
    "the zips there, which makes TUT-rare-sound-events-2017-evaluation/data/mixture_data/...; every depth is searched, "
    f"but folders named {SOURCES_DIR} are left out"
)


@dataclass(frozen=True)
class FileEvents:
    """What was found in a recording, and what is there as the metadata says; `reference` is empty without an event."""

    source: str
    reference: str
    found: set[str]

    def holds(self, word: str) -> bool:
        """Return whether the word is there."""
        return as_key(word) == as_key(self.reference)


@dataclass(frozen=True)
class WordCounts:
    """How often a word was found where it is (hits), not found (misses), and found where it is not (false alarms)."""

    hits: int
    misses: int
    false_alarms: int

    def __add__(self, other: WordCounts) -> WordCounts:
        return WordCounts(self.hits + other.hits, self.misses + other.misses, self.false_alarms + other.false_alarms)

    @property
    def precision(self) -> float:
        """Share of findings that are right; nan without a finding."""
        return _divide(self.hits, self.hits + self.false_alarms)

    @property
    def recall(self) -> float:
        """Share of what is there that was found; nan where nothing is there."""
        return _divide(self.hits, self.hits + self.misses)

    @property
    def f1(self) -> float:
        """Harmonic mean of both; nan where nothing is there and nothing was found."""
        return _divide(2 * self.hits, 2 * self.hits + self.misses + self.false_alarms)


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
    tables = [path for path in files if path.name == "meta.csv" and _is_meta(path)]
    described = {path.parent for path in tables}
    known = [mixture for path in tables for mixture in read_meta(path)]
    known += [
        mixture for path in files if _is_recipe(path) and path.parent not in described for mixture in read_recipes(path)
    ]
    return {mixture.mixture_audio_filename: mixture for mixture in reversed(known)}


def read_meta(path: Path) -> list[MixtureRow]:
    """Read a `meta.csv`. The published one gives 0 as the ratio of a mixture without an event; here it is -inf again.

    Raises:
        AudioError: a row is not as `meta.write_meta` writes it.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [_read_mixture(row) for row in csv.DictReader(file)]
    except (OSError, UnicodeDecodeError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise AudioError(f"{path}: not a table of mixtures ({error}); make it again with yaml2csv.py") from error


def choose_scored(words: Iterable[str], mixtures: Iterable[MixtureRow]) -> list[str]:
    """Return the words that the metadata covers; of others it does not know where they occur."""
    known = {as_key(mixture.event) for mixture in mixtures} | set(CLASS_WORDS)
    return [word for word in words if as_key(word) in known]


def count_word(word: str, file_events: Iterable[FileEvents]) -> WordCounts:
    """Count a word over recordings.

    A word found where it is not is a false alarm, whichever class the recording was made for. The official evaluation
    of DCASE 2017 looks for a class in its own 500 recordings only.
    """
    marks = [(each.holds(word), word in each.found) for each in file_events]
    return WordCounts(marks.count((True, True)), marks.count((True, False)), marks.count((False, True)))


def tabulate_counts(words: Sequence[str], file_events: Sequence[FileEvents]) -> list[tuple[str, ...]]:
    """Return the columns, then a row for each word, then one for all words together."""
    counts = {word: count_word(word, file_events) for word in words}
    lines: list[tuple[str, ...]] = [("event", "hits", "misses", "false alarms", "precision", "recall", "F1")]
    for word, each in [*counts.items(), ("all", sum(counts.values(), start=WordCounts(0, 0, 0)))]:
        numbers = (str(number) for number in (each.hits, each.misses, each.false_alarms))
        lines.append((word, *numbers, *map(format_share, (each.precision, each.recall, each.f1))))
    return lines


def tabulate_presence(
    words: Sequence[str], file_events: Sequence[FileEvents]
) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
    """Return the columns of aec.csv and a row for each recording, with whether the answer is right for each word."""
    columns = ("file", "reference_event", "found", *(f"is_right_{word.replace(' ', '_')}" for word in words))
    rows: list[tuple[object, ...]] = []
    for each in file_events:
        is_right = (each.holds(word) == (word in each.found) for word in words)
        rows.append((each.source, each.reference, "; ".join(sorted(each.found)), *is_right))
    return columns, rows


def format_share(share: float) -> str:
    """Return a share with three digits, or - where there is nothing to share."""
    return "-" if math.isnan(share) else f"{share:.3f}"


def find_recipe_files(folder: Path) -> list[Path]:
    """Return the recipe files below a folder, in order; none where there is no such folder."""
    return [path for path in walk(folder) if _is_recipe(path)]


def _is_recipe(path: Path) -> bool:
    return fnmatch.fnmatch(path.name, "mixture_recipes_*.yaml")


def _is_meta(path: Path) -> bool:
    """Return whether a `meta.csv` is of this data set: others have files of that name, too."""
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        return {field.name for field in fields(MixtureRow)} <= set(next(csv.reader(file), []))


def _read_mixture(row: dict[str, str]) -> MixtureRow:
    is_present = {"True": True, "False": False}[row["event_present"]]
    return MixtureRow(
        mixture_audio_filename=row["mixture_audio_filename"],
        bg_classname=row["bg_classname"],
        bg_path=row["bg_path"],
        ebr=float(row["ebr"]) if is_present else -math.inf,
        event_present=is_present,
        event=row["event"] if is_present else "",
        event_length=float(row["event_length"]) if is_present else None,
    )


def _divide(part: int, whole: int) -> float:
    return part / whole if whole else math.nan
