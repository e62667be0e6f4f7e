"""The tables and folders that data sets come in.

In: a folder, a table. Out: recordings by file name, rows with their line. Errors name file and line.
"""

from __future__ import annotations

import csv
import logging
import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from earwitness.audio import is_audio_name
from earwitness.errors import DatasetError
from earwitness.metrics import LabelledEvent

logger = logging.getLogger(__name__)

SOURCES_DIR = "source_data"  # of the data set: backgrounds and single events, from which the mixtures were made


def find_files(folder: Path, skip: str = "") -> list[Path]:
    """Return the files below a folder, in order, without hidden ones and without folders of the name `skip`."""
    found = []
    for path in walk(folder):
        parts = path.relative_to(folder).parts
        if not any(part.startswith(".") for part in parts) and skip not in parts[:-1]:
            found.append(path)
    return found


def index_audio(files: Sequence[Path]) -> dict[str, Path]:
    """Return the recordings among files by name; of two of one name the first counts."""
    return {path.name: path for path in reversed(files) if is_audio_name(path)}


def read_headed(path: Path, needed: Sequence[str], delimiter: str = "\t") -> list[tuple[int, dict[str, str]]]:
    """Return the rows of a table with a header, each with its line.

    Raises:
        DatasetError: the table cannot be read, lacks a needed column, or a row is short of cells.
    """
    rows = _read(path, delimiter)
    _, header = next(rows, (1, []))
    header = [name.strip() for name in header]
    if lacking := [name for name in needed if name not in header]:
        raise DatasetError(
            f"{path}:1: no column {', '.join(lacking)}; the header is {', '.join(header) or 'empty'}; "
            "is it the published table, whole?"
        )
    found = []
    for line, cells in rows:
        if len(cells) > len(header):
            raise DatasetError(f"{path}:{line}: {len(cells)} cells, but the header has {len(header)}")
        row = dict.fromkeys(header, "") | dict(zip(header, cells, strict=False))
        found.append((line, row))
    return found


def read_plain(path: Path, least: int = 1, delimiter: str = "\t") -> list[tuple[int, list[str]]]:
    """Return the rows of a table without a header, each with its line.

    Raises:
        DatasetError: the table cannot be read, or a row has fewer cells than `least`.
    """
    rows = list(_read(path, delimiter))
    for line, cells in rows:
        if len(cells) < least:
            raise DatasetError(f"{path}:{line}: {len(cells)} cells, expected {least} or more, separated by tabs")
    return rows


def read_event(path: Path, line: int, label: str, onset: str, offset: str) -> LabelledEvent:
    """Return an event from the cells of a row, times in seconds.

    Raises:
        DatasetError: it has no label, a time is no number, or it does not end after it begins.
    """
    try:
        onset_s, offset_s = float(onset), float(offset)
    except ValueError as error:
        raise DatasetError(f"{path}:{line}: onset {onset!r} and offset {offset!r} must be seconds") from error
    if not (math.isfinite(offset_s) and 0 <= onset_s < offset_s):
        raise DatasetError(f"{path}:{line}: an event from {onset} to {offset} s; it must end after it begins")
    if not label.strip():
        raise DatasetError(f"{path}:{line}: an event from {onset} to {offset} s without a label")
    return LabelledEvent(label.strip(), onset_s, offset_s)


def _read(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not empty, with cells stripped, each with its line."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=delimiter)
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    yield reader.line_num, [cell.strip() for cell in cells]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path}: not readable as a table ({error})") from error


def walk(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder in order; linked folders are followed, each real folder once."""
    seen: set[str] = set()
    warn = lambda error: logger.warning("%s: cannot be read (%s)", error.filename, error.strerror)  # noqa: E731
    for here, folders, names in os.walk(folder, followlinks=True, onerror=warn if folder.is_dir() else None):
        real = os.path.realpath(here)
        folders[:] = [] if real in seen else sorted(folders)
        if real not in seen:
            yield from (Path(here, name) for name in sorted(names))
        seen.add(real)
