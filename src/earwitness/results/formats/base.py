"""What a format is, and what all writers share: numbers as text, words in cells, one schema.

In: `RecordingResult`s. Out: text or bytes. A format that grows by rows is on disk as soon as each recording is done.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from earwitness.errors import OutputError
from earwitness.recognition import Recognition

SCHEMA = 1  # of the CSV tables, JSON and Parquet: a change that could break a reader raises it
ESCAPE = "backslashreplace"  # for the names of files that are not UTF-8
TSV = "text/tab-separated-values; charset=utf-8"
PLAIN = "text/plain; charset=utf-8"


@dataclass(frozen=True)
class RecordingResult:
    """What a writer gets of one recording."""

    recognition: Recognition

    @property
    def path(self) -> Path:
        """Where the recording lies, as the user named it."""
        return Path(self.recognition.source)


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
    """

    name: str
    title: str
    suffix: str
    media_type: str
    rows: Callable[[RecordingResult], str] | None = None
    whole: Callable[[Sequence[RecordingResult]], bytes] | None = None
    head: str = ""
    run_file: str = ""

    def encode(self, results: Sequence[RecordingResult]) -> bytes:
        """Return a file of some recordings.

        Raises:
            MissingExtraError: the format needs an extra.
        """
        if self.whole:
            return self.whole(results)
        assert self.rows
        return "".join([self.head, *map(self.rows, results)]).encode("utf-8", ESCAPE)


def show_time(time_s: float) -> str:
    """Return a time in seconds as tables hold it: to a millisecond; a token lasts 160 of them."""
    return f"{time_s:.3f}"


def show_score(score: float) -> str:
    """Return a score as tables hold it."""
    return f"{score:.4f}"


def join_cells(*cells: object) -> str:
    """Return a row between tabs, which knows no quotes: tabs and line ends in cells become spaces."""
    return "\t".join(re.sub(r"[\t\r\n]+", " ", str(cell)) for cell in cells) + "\n"


def write_file(path: Path, content: bytes) -> None:
    """Write a file and the folders above it.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise explain_failure(path, error) from error


def explain_failure(path: Path, error: OSError) -> OutputError:
    """Return the error of a file that cannot be written, with the next step."""
    where, why = error.filename or path, error.strerror or error
    return OutputError(f"{where}: cannot be written ({why}); free some space or choose another --out")


def choose(names: Iterable[str], known: dict[str, Format]) -> tuple[Format, ...]:
    """Return the formats of some names, each once.

    Raises:
        OutputError: a name is not known; the message lists those that are.
    """
    chosen = {}
    for name in names:
        if name not in known:
            raise OutputError(f"format {name!r}: choose from {', '.join(known)}")
        chosen[name] = known[name]
    return tuple(chosen.values())
