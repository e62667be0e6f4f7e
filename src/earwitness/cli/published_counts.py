"""What was found in recordings, counted against the metadata of TUT Rare Sound Events.

In: `FileEvents`. Out: `WordCounts` of each word, and the tables that the published commands print and write.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from earwitness.datasets import CLASS_WORDS, MixtureRow
from earwitness.words import as_key


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


def _divide(part: int, whole: int) -> float:
    return part / whole if whole else math.nan
