"""What a format is, and what all writers share: numbers as text, words in cells, one schema.

In: `RecordingResult`s. Out: text or bytes. A format that grows by rows is on disk as soon as each recording is done.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from earwitness.errors import OutputError
from earwitness.recognition import Event, Recognition

SCHEMA = 1  # of the CSV tables, JSON and Parquet: a change that could break a reader raises it
ESCAPE = "backslashreplace"  # for the names of files that are not UTF-8
TSV = "text/tab-separated-values; charset=utf-8"
PLAIN = "text/plain; charset=utf-8"


@dataclass(frozen=True)
class TokenScores:
    """The scores of words in each token of a recording.

    Attributes:
        words: V words.
        edges_s: (T + 1,) where each token begins, and where the last one ends.
        scores: (T, V) in [0, 1].
    """

    words: tuple[str, ...]
    edges_s: np.ndarray
    scores: np.ndarray


@dataclass(frozen=True)
class RecordingResult:
    """What a writer gets of one recording.

    Attributes:
        recognition: events, scenes and tags.
        sample_rate_hz: of the encoder; half of it is the highest frequency that it takes in.
        scores: of the event words, for the formats that need them (`Format.needs_scores`).
    """

    recognition: Recognition
    sample_rate_hz: int = 16000
    scores: TokenScores | None = None

    @property
    def path(self) -> Path:
        """Where the recording lies, as the user named it."""
        return Path(self.recognition.source)

    @property
    def events(self) -> list[Event]:
        """The events, in order of their onsets."""
        return self.recognition.events


@dataclass(frozen=True)
class Format:
    """A form that results are written in; it grows by `rows`, or is written by `whole` once all is known.

    Attributes:
        name: as `--format` and the server's `?format=` call it.
        title: what it is, for help texts.
        suffix: how the file of one recording ends.
        media_type: for downloads.
        rows: what one recording adds below `head`.
        whole: the whole file of some recordings, where rows are not enough.
        run_file: the one file of all recordings of a run; "" where each recording has a file of its own.
        foot, between: what ends a file of rows, and what stands between them.
        also: formats that are written with it.
        needs_scores: whether it writes the scores of each token.
    """

    name: str
    title: str
    suffix: str
    media_type: str
    rows: Callable[[RecordingResult], str] | None = None
    whole: Callable[[Sequence[RecordingResult]], bytes] | None = None
    head: str = ""
    run_file: str = ""
    foot: str = ""
    between: str = ""
    also: tuple[str, ...] = ()
    needs_scores: bool = False

    def encode(self, results: Sequence[RecordingResult]) -> bytes:
        """Return a file of some recordings.

        Raises:
            MissingExtraError: the format needs an extra.
        """
        if self.whole:
            return self.whole(results)
        assert self.rows
        return f"{self.head}{self.between.join(map(self.rows, results))}{self.foot}".encode("utf-8", ESCAPE)


def round_time(time_s: float) -> float:
    """Return a time to a millisecond, which every file holds it to: a token lasts 160 of them."""
    return round(float(time_s), 3)


def round_score(score: float) -> float:
    """Return a score to four digits: encoders on other machines differ by less than the fifth."""
    return round(float(score), 4)


def show_time(time_s: float) -> str:
    """Return a time in seconds as tables hold it."""
    return f"{time_s:.3f}"


def show_score(score: float) -> str:
    """Return a score as tables hold it."""
    return f"{score:.4f}"


def show_clock(time_s: float, mark: str) -> str:
    """Return a time as subtitles have it, `hh:mm:ss` and milliseconds after a `mark`."""
    seconds, thousandths = divmod(round(time_s * 1000), 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{mark}{thousandths:03d}"


def as_json(value: object, indent: int | None = None) -> str:
    """Return JSON by the standard: no NaN in it."""
    return json.dumps(value, indent=indent, allow_nan=False)


def join_cells(*cells: object) -> str:
    """Return a row between tabs, which knows no quotes: tabs and line ends in cells become spaces."""
    return "\t".join(re.sub(r"[\t\r\n]+", " ", str(cell)) for cell in cells) + "\n"


def choose(names: Iterable[str], known: dict[str, Format]) -> tuple[Format, ...]:
    """Return the formats of some names, and those that are written with them, each once.

    Raises:
        OutputError: a name is not known; the message lists those that are.
    """
    chosen: dict[str, Format] = {}
    for name in names:
        if name not in known:
            raise OutputError(f"format {name!r}: choose from {', '.join(known)}")
        chosen |= {each: known[each] for each in (name, *known[name].also)}
    return tuple(chosen.values())
