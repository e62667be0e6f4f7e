"""What a reader must find: the rows of events.csv, which stands in each folder of results.

Used by the scripts beside it, each of which runs in an environment that holds little but its reader: only the standard
library here. A script gets the folder of all results; each format's results are in a folder of its name.
"""

from __future__ import annotations

import csv
import sys
from dataclasses import dataclass
from pathlib import Path

TOLERANCE_S = 0.0051  # formats write milliseconds, some hundredths


@dataclass(frozen=True)
class Event:
    """A row of events.csv."""

    file: str
    onset_s: float
    offset_s: float
    word: str
    score: float

    @property
    def name(self) -> str:
        """The recording's name without folder."""
        return Path(self.file).name

    @property
    def stem(self) -> str:
        """The recording's name without folder and suffix."""
        return Path(self.file).stem


def results_of(format_name: str) -> Path:
    """Return the folder of a format's results."""
    return Path(sys.argv[1]) / format_name


def read_expected(folder: Path) -> list[Event]:
    """Return the events of a folder of results, in its order; there are some."""
    with (folder / "events.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    events = [
        Event(row["file"], float(row["onset_s"]), float(row["offset_s"]), row["word"], float(row["score"]))
        for row in rows
    ]
    assert events, f"{folder}: no event was found, so nothing can be compared"
    return events


def find_files(folder: Path, pattern: str, n: int | None = None) -> list[Path]:
    """Return the files of a pattern, at any depth, sorted; there are `n`, or at least one."""
    found = sorted(folder.rglob(pattern))
    assert len(found) == n if n is not None else found, f"{folder}: {pattern} gives {[each.name for each in found]}"
    return found


def select(events: list[Event], path: Path) -> list[Event]:
    """Return the events of the recording that a file of one recording is named after."""
    return [each for each in events if each.stem in path.name]


def check_events(found: list[tuple[float, float, str]], wanted: list[Event], where: object) -> None:
    """Check that (onset_s, offset_s, word) are those wanted, in any order."""
    left = sorted(found)
    right = sorted((each.onset_s, each.offset_s, each.word) for each in wanted)
    assert len(left) == len(right), f"{where}: {len(left)} events instead of {len(right)}: {left}"
    for one, other in zip(left, right, strict=True):
        is_near = max(abs(one[0] - other[0]), abs(one[1] - other[1])) <= TOLERANCE_S
        assert is_near, f"{where}: {one} instead of {other}"
        assert one[2] == other[2], f"{where}: {one} instead of {other}"
