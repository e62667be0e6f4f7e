"""Files that are written whole or not at all, and one message where they cannot be written.

In: a path and what goes there. Out: the complete file. Whatever fails, an earlier file of that name stays as it was.
"""

from __future__ import annotations

import contextlib
import csv
import io
import os
import uuid
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from earwitness.errors import EarwitnessError, OutputError

ADVICE = "free some space or choose another folder"


def write_error(
    path: str | Path, failure: OSError, error: type[EarwitnessError] = OutputError, advice: str = ADVICE
) -> EarwitnessError:
    """Return what to raise where the file system refuses to write: it names the path, the reason and the next step."""
    return error(f"{path}: cannot be written ({failure.strerror or failure}); {advice}")


@contextlib.contextmanager
def write_errors_reported(
    path: str | Path, error: type[EarwitnessError] = OutputError, advice: str = ADVICE
) -> Iterator[None]:
    """Raise what the file system refuses as a `write_error`.

    Raises:
        EarwitnessError: the path cannot be written; of the type `error`.
    """
    try:
        yield
    except OSError as failure:
        raise write_error(path, failure, error, advice) from failure


@contextlib.contextmanager
def written_whole(path: Path, *, is_synced: bool = False) -> Iterator[Path]:
    """Give a path in the same folder to write to; it takes the place of `path` when the block ends without an error.

    Folders above it are made. A link is followed; a device or pipe, such as /dev/stdout, is written directly.

    Args:
        path: the file to write or replace.
        is_synced: wait until the content is on the disk before the file gets its name.

    Raises:
        OSError: the file cannot be written.
    """
    if path.exists() and not path.is_file():
        yield path
        return
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = target.with_name(f".{uuid.uuid4().hex[:12]}.part")
    try:
        yield scratch
        if is_synced:
            with scratch.open("rb+") as file:
                os.fsync(file.fileno())
        scratch.replace(target)
    finally:
        scratch.unlink(missing_ok=True)


def write_text(path: Path, text: str, error: type[EarwitnessError] = OutputError, advice: str = ADVICE) -> None:
    """Write a text as UTF-8, line ends as they are; half of a surrogate pair is escaped with a backslash.

    Raises:
        EarwitnessError: the path cannot be written; of the type `error`.
    """
    with write_errors_reported(path, error, advice), written_whole(path) as scratch:
        scratch.write_text(text, encoding="utf-8", errors="backslashreplace", newline="")


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole.

    Raises:
        OutputError: the path cannot be written.
    """
    with write_errors_reported(path), written_whole(path) as scratch:
        scratch.write_bytes(content)


def write_csv(path: Path, rows: Iterable[Sequence[object]], line_end: str = "\r\n") -> None:
    """Write rows, the first one usually the columns' names, as comma-separated values in UTF-8.

    Raises:
        OutputError: the path cannot be written.
    """
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=line_end).writerows(rows)
    write_text(path, text.getvalue())
