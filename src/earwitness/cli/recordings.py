"""The recordings of a command: found, named, worked through one after another, and summarised.

In: paths, folders, patterns, or `-` for standard input. Out: `GivenRecordings`, and what came of each.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from earwitness.audio import FoundAudio
    from earwitness.results import Progress, Tally

STDIN_NAME, STDIN_PREFIX = "stdin", "earwitness-"  # where standard input is stored meanwhile
N_AT_ONCE = 4  # recordings, so that decoding overlaps with computing and short ones fill a batch together


@dataclass(frozen=True)
class GivenRecordings:
    """The recordings of a command, and how to show how the work goes.

    Attributes:
        paths: the recordings.
        progress: how to show progress.
        is_quiet: whether nothing but results and errors is printed.
        skipped: the files in folders that were left out, in words; empty if there are none.
    """

    paths: list[Path]
    progress: Progress = "auto"
    is_quiet: bool = False
    skipped: str = ""

    def tally(self) -> Tally:
        """Return what goes through the recordings and counts what becomes of them."""
        from earwitness.results import Tally

        return Tally(self.paths, show_name, self.progress, N_AT_ONCE)

    def print_summary(self, summary: str, out: Path | None) -> None:
        """Print what came of the recordings and where it is, and what was left out; nothing if quiet."""
        if self.is_quiet:
            return
        if out:
            print(f"{summary} -> {out}{'/' if out.is_dir() else ''}")
        if self.skipped:
            print(f"skipped {self.skipped}", file=sys.stderr)


def show_name(source: Path) -> str:
    """Return a recording's name for people and tables; the temporary file of standard input is "stdin"."""
    return STDIN_NAME if source.name == STDIN_NAME and source.parent.name.startswith(STDIN_PREFIX) else str(source)


def describe_skipped(found: FoundAudio) -> str:
    """Return the files in folders that were left out, in words; empty if there are none."""
    counts = ((found.n_hidden, "hidden file"), (found.n_dead, "link to nothing"))
    plurals = {"hidden file": "hidden files", "link to nothing": "links to nothing"}
    return " and ".join(f"{count} {what if count == 1 else plurals[what]}" for count, what in counts if count)


@contextlib.contextmanager
def open_recordings(
    paths: Sequence[str], progress: Literal["auto", "bar", "json", "none"] = "auto", quiet: bool = False
) -> Iterator[GivenRecordings]:
    """Give the recordings; what comes on standard input is stored in a temporary file meanwhile."""
    from earwitness.audio import search_audio

    if quiet and progress == "auto":
        progress = "none"
    with contextlib.ExitStack() as stack:
        taken = list(map(Path, paths))
        if "-" in paths:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix=STDIN_PREFIX))
            stdin_file = Path(folder) / STDIN_NAME
            with stdin_file.open("wb") as file:
                shutil.copyfileobj(sys.stdin.buffer, file)
            taken = [stdin_file if path == "-" else Path(path) for path in paths]
        found = search_audio(taken)
        yield GivenRecordings(found.paths, progress, quiet, describe_skipped(found))
