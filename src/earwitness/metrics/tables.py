"""Text tables of annotations: separator, header and columns are found, errors name the line.

In: a CSV or TSV file, and the `Layout`s that it may have. Out: a `Table` and its `Row`s as a stream, so that memory
does not grow with the file. A byte-order mark, Windows line ends and blank lines are accepted.
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from earwitness.errors import AnnotationError

SEPARATORS = {"\t": "tabs", ",": "commas", ";": "semicolons"}
HEAD_CHARS = 2**18  # of a file are looked at to find its separator
Row = tuple[int, list[str]]


@dataclass(frozen=True)
class Layout:
    """What a kind of table holds.

    Attributes:
        columns: what is needed -> the column names that are understood as it, in lower case.
        positions: the same names in the order they stand in a table without a header.
        numeric: those of them that are numbers.
        optional: further columns that a header may name.
        scored: whether a number, a score, may follow in a row without a header.
    """

    columns: Mapping[str, tuple[str, ...]]
    positions: tuple[str, ...]
    numeric: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    scored: bool = False

    def find(self, cells: Sequence[str]) -> dict[str, int]:
        """Return at which positions of a header the columns stand; those that are missing are left out."""
        names = [cell.strip().lower() for cell in cells]
        found = {}
        for column, known in self.columns.items():
            here = next((name for name in known if name in names), None)
            if here is not None:
                found[column] = names.index(here)
        return found | {name: names.index(name) for name in self.optional if name in names}

    def is_header(self, cells: Sequence[str]) -> bool:
        """Return whether cells are a header: the file's column is named, and nothing that must be a number is one."""
        first = self.positions[0]
        return first in self.find(cells) and not any(_is_number(cell) for cell in cells)

    def is_row(self, cells: Sequence[str]) -> bool:
        """Return whether cells are a row by position, with numbers where numbers stand."""
        places = [self.positions.index(name) for name in self.numeric]
        return len(cells) >= len(self.positions) and all(_is_number(cells[place]) for place in places)


@dataclass(frozen=True)
class Table:
    """A table on disk: where each column stands, and whether a header says so."""

    path: Path
    layout: Layout
    separator: str
    places: Mapping[str, int]
    has_header: bool

    def rows(self) -> Iterator[Row]:
        """Yield line number and cells of each row; without header and blank lines.

        Raises:
            AnnotationError: a line is not text in UTF-8, or a quotation mark is not closed.
        """
        is_first = self.has_header
        for line, cells in _read_rows(self.path, self.separator):
            if is_first:
                is_first = False
            else:
                yield line, cells

    def cell(self, cells: Sequence[str], column: str) -> str:
        """Return a cell of a row without blanks around it, or "" where the row is shorter or has no such column."""
        place = self.places.get(column)
        return cells[place].strip() if place is not None and place < len(cells) else ""

    def is_too_long(self, cells: Sequence[str]) -> bool:
        """Return whether a row by position has more cells than it should."""
        extra = [cell for cell in cells[len(self.layout.positions) :] if cell.strip()]
        if self.has_header or not extra:
            return False
        return not self.layout.scored or len(extra) > 1 or not _is_number(extra[0])

    @property
    def expected(self) -> str:
        """How a row should look, for messages."""
        return f"a row is {', '.join(self.layout.positions)} between {SEPARATORS[self.separator]}"

    def fail(self, line: int, reason: str) -> NoReturn:
        """Raise the error of a line."""
        raise AnnotationError(f"{self.path}: line {line}: {reason}")


def open_table(path: str | Path, *layouts: Layout) -> Table:
    """Find a table's separator, columns, and which of some layouts it has; the first where none fits.

    Raises:
        AnnotationError: the file cannot be read, is empty, or its header lacks a column.
    """
    path = Path(path)
    head = _read_head(path)
    separator, layout = _find_form(head, layouts)
    try:
        line, first = next(_rows_of(head, separator), (0, []))
    except csv.Error as error:
        raise _explain_quotes(path, 1, error) from error
    if not first:
        raise _explain_emptiness(path)
    if not layout.is_header(first):
        places = {name: place for place, name in enumerate(layout.positions)}
        return Table(path, layout, separator, places, has_header=False)
    places = layout.find(first)
    missing = [name for name in layout.columns if name not in places]
    if missing and len(first) > 1:
        names = ", ".join(repr(cell.strip()) for cell in first)
        known = " or ".join(layout.columns[missing[0]])
        raise AnnotationError(
            f"{path}: line {line}: no column for {missing[0]} among {names}; name one {known} (separated by "
            f"{SEPARATORS[separator]})"
        )
    return Table(path, layout, separator, places, has_header=True)


def sample_rows(path: str | Path, *layouts: Layout) -> list[list[str]]:
    """Return the first rows of a table, a header among them, to see what it holds.

    Raises:
        AnnotationError: the file cannot be read, or is empty.
    """
    path = Path(path)
    head = _read_head(path)
    try:
        return [cells for _, cells in _rows_of(head, _find_form(head, layouts)[0])]
    except csv.Error as error:
        raise _explain_quotes(path, 1, error) from error


def is_blank(path: str | Path) -> bool:
    """Return whether a file holds nothing but blanks, as the table of a recording without events.

    Raises:
        AnnotationError: it cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            return not any(line.strip(b"\xef\xbb\xbf \t\r\n") for line in file)
    except OSError as error:
        raise _explain_unreadable(Path(path), error) from error


def _read_head(path: Path) -> list[str]:
    """Return the first whole lines of a file, at least one that is not blank."""
    try:
        with path.open("rb") as raw:
            start = raw.read(2)
        if start.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise AnnotationError(f"{path}: the text is UTF-16; save the table as UTF-8 (in Excel: CSV UTF-8)")
        with path.open(encoding="utf-8-sig", newline="", errors="replace") as file:
            lines = file.readlines(HEAD_CHARS)
            if not any(line.strip() for line in lines):
                lines += itertools.islice((line for line in file if line.strip()), 1)
    except OSError as error:
        raise _explain_unreadable(path, error) from error
    if not any(line.strip() for line in lines):
        raise _explain_emptiness(path)
    return lines


def _find_form(head: list[str], layouts: Sequence[Layout]) -> tuple[str, Layout]:
    """Return what separates cells, and the layout: a header decides, then rows by position, then whatever occurs."""
    for separator in SEPARATORS:
        with suppress(csv.Error):
            _, cells = next(_rows_of(head, separator), (0, []))
            for layout in layouts:
                if layout.is_header(cells) and len(cells) > 1:
                    return separator, layout
    for separator in ("\t", ";", ","):
        with suppress(csv.Error):
            for layout in layouts:
                if any(layout.is_row(cells) for _, cells in _rows_of(head, separator)):
                    return separator, layout
    found = next((separator for separator in SEPARATORS if any(separator in line for line in head)), "\t")
    return found, layouts[0]


def _read_rows(path: Path, separator: str) -> Iterator[Row]:
    rows: Iterator[Row] = iter(())
    last = 0
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = _rows_of(file, separator)
            for line, cells in rows:
                last = line
                yield line, cells
    except UnicodeDecodeError as error:
        line, text = _find_undecodable(path)
        raise AnnotationError(f"{path}: line {line}: {text!r} is not UTF-8; save the table as UTF-8") from error
    except csv.Error as error:
        raise _explain_quotes(path, last + 1, error) from error
    except OSError as error:
        raise _explain_unreadable(path, error) from error


def _rows_of(lines: Iterable[str], separator: str) -> Iterator[Row]:
    """Yield line number and cells; in a table with tabs a quotation mark inside a cell is a letter like any other."""
    if separator == "\t":
        reader = csv.reader(lines, delimiter=separator, quoting=csv.QUOTE_NONE)
        for cells in reader:
            if any(cells):
                yield reader.line_num, [_unquote(cell) for cell in cells]
    else:
        reader = csv.reader(lines, delimiter=separator, strict=True, skipinitialspace=True)
        for cells in reader:
            if any(cells):
                yield reader.line_num, cells


def _explain_unreadable(path: Path, error: OSError) -> AnnotationError:
    return AnnotationError(f"{path}: cannot be read ({error.strerror}); give a CSV or TSV file")


def _explain_emptiness(path: Path) -> AnnotationError:
    return AnnotationError(f"{path}: the file is empty; list each file, those without an event by name alone")


def _explain_quotes(path: Path, line: int, error: csv.Error) -> AnnotationError:
    return AnnotationError(f"{path}: line {line}: {error}; close the quotation mark, or write the table with tabs")


def _find_undecodable(path: Path) -> tuple[int, bytes]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                return number, line[error.start : error.start + 10]
    return 0, b""


def _unquote(cell: str) -> str:
    return cell[1:-1].replace('""', '"') if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell


def _is_number(cell: str) -> bool:
    with suppress(ValueError):
        float(cell.strip().replace(",", "."))
        return True
    return False
