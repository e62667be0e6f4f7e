"""Tag logits of a whole recording: in memory while they are few, in a file beyond that.

In: `TagScores`, batch after batch. Out: `StoredRows`, read part by part, so that memory does not grow with a recording.
"""

from __future__ import annotations

import contextlib
import tempfile
import threading
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import EllipsisType
from typing import IO, TypeAlias

import numpy as np
import numpy.typing as npt

from earwitness.errors import OutputError
from earwitness.recognition.tags import Logits, TagScores

N_ROWS_AT_ONCE = 1024  # 2 MB of logits
N_IN_MEMORY = 4096  # rows, 11 minutes of tokens; more go to a file


class RowFile:
    """Rows (N, C) float32 in a file, one after another; `rows[first:end]` reads them. Several threads may read.

    Args:
        n_columns: C.
        path: the file to write; an unnamed temporary one if not given.
        folder: where the temporary file lies; the system's folder if not given.

    Raises:
        OutputError: the file cannot be written; `append` raises it, too.
    """

    def __init__(self, n_columns: int, path: Path | None = None, folder: Path | None = None) -> None:
        self._where = path or folder or Path(tempfile.gettempdir())
        self._lock = threading.Lock()
        self.shape = (0, n_columns)
        with self._problems_named():
            file = path.open("w+b", buffering=0) if path else tempfile.TemporaryFile(buffering=0, dir=folder)  # noqa: SIM115
        self._file: IO[bytes] = file
        self.close = weakref.finalize(self, file.close)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, part: slice | EllipsisType) -> Logits:
        first, end, _ = slice(None).indices(len(self)) if part is ... else part.indices(len(self))
        n_bytes = 4 * self.shape[1]  # of a row
        with self._lock:
            self._file.seek(first * n_bytes)
            content = self._file.read(max(0, end - first) * n_bytes)
        return np.frombuffer(content, np.float32).reshape(-1, self.shape[1])

    def append(self, rows: Logits) -> None:
        """Write rows (n, C) after those that are there."""
        left = np.ascontiguousarray(rows, np.float32).tobytes()
        with self._problems_named():
            while left:  # an unbuffered file may take less at once
                left = left[self._file.write(left) :]
        self.shape = (self.shape[0] + len(rows), self.shape[1])

    @contextlib.contextmanager
    def _problems_named(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OutputError(f"{self._where}: cannot be written ({error.strerror}); free some space") from error


AnyLogits: TypeAlias = "Logits | RowFile"


@dataclass(frozen=True)
class StoredRows:
    """Tag logits (N, C) of N spans of a recording, each `span_s` seconds long from `start_s` (N,), in order."""

    logits: AnyLogits
    start_s: npt.NDArray[np.float64]
    span_s: float

    def __len__(self) -> int:
        return len(self.start_s)

    def batches(self, n_rows: int = N_ROWS_AT_ONCE) -> Iterator[TagScores]:
        """Yield the rows in order, `n_rows` at a time."""
        for first in range(0, len(self), n_rows):
            part = slice(first, first + n_rows)
            yield TagScores(self.logits[part], self.start_s[part], self.span_s)


class RowWriter:
    """Collects batches of rows.

    Args:
        n_tags: columns C of the logits.
        path: write the logits to this file from the first row on, float32 row after row; what is in it is final.
        n_in_memory: without `path`, more rows than this go to an unnamed temporary file.

    Raises:
        OutputError: the file cannot be written; `add` raises it, too.
    """

    def __init__(self, n_tags: int, path: Path | None = None, n_in_memory: int = N_IN_MEMORY) -> None:
        self._n_tags, self._n_in_memory = n_tags, n_in_memory
        self._start_s: list[npt.NDArray[np.float64]] = []
        self._logits: list[Logits] = []  # not in the file yet
        self._n_rows, self._span_s = 0, 0.0
        self._file = RowFile(n_tags, path) if path else None

    def add(self, rows: TagScores) -> None:
        """Take the next rows."""
        self._start_s.append(rows.start_s)
        self._logits.append(rows.logits)
        self._n_rows, self._span_s = self._n_rows + len(rows.logits), rows.span_s
        if self._file is None and self._n_rows > self._n_in_memory:
            self._file = RowFile(self._n_tags)
        while self._file is not None and self._logits:
            self._file.append(self._logits.pop(0))

    def finish(self) -> StoredRows:
        """Return all rows."""
        none = np.zeros((0, self._n_tags), np.float32)
        logits: AnyLogits = np.concatenate([none, *self._logits]) if self._file is None else self._file
        return StoredRows(logits, np.concatenate([np.zeros(0), *self._start_s]), self._span_s)
