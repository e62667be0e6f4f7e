"""The recordings of a command: found, named, and worked through one after another.

In: paths, folders, patterns, or `-` for standard input. Out: `Recordings`, and what came of each.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from earwitness.results import Progress, Tally

STDIN_NAME, STDIN_PREFIX = "stdin", "earwitness-"  # where standard input is stored meanwhile
N_AT_ONCE = 4  # recordings, so that decoding overlaps with computing and short ones fill a batch together


@dataclass(frozen=True)
class Recordings:
    """The recordings of a command, and how to show its progress."""

    paths: list[Path]
    progress: Progress = "auto"

    def tally(self) -> Tally:
        """Return what goes through the recordings and counts what becomes of them."""
        from earwitness.results import Tally

        return Tally(self.paths, show_name, self.progress, N_AT_ONCE)


def show_name(source: Path) -> str:
    """Return a recording's name for people and tables; the temporary file of standard input is "stdin"."""
    return STDIN_NAME if source.name == STDIN_NAME and source.parent.name.startswith(STDIN_PREFIX) else str(source)


@contextlib.contextmanager
def open_recordings(paths: Sequence[str], progress: Progress = "auto") -> Iterator[Recordings]:
    """Give the recordings; what comes on standard input is stored in a temporary file meanwhile."""
    from earwitness.audio import find_audio

    if "-" not in paths:
        yield Recordings(find_audio(paths), progress)
        return
    with tempfile.TemporaryDirectory(prefix=STDIN_PREFIX) as folder:
        stdin_file = Path(folder) / STDIN_NAME
        with stdin_file.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        yield Recordings(find_audio([stdin_file if path == "-" else Path(path) for path in paths]), progress)
