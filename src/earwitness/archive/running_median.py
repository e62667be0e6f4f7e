"""The running median of rows that arrive a few at a time, as live sound does.

In: `TagScores`, in order. Out: the same rows as `recognition.smooth` gives of all of them, as soon as they are settled.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from earwitness.recognition import TagScores, smooth


class RunningMedian:
    """Smooths rows as they come; `finish` gives the last ones."""

    def __init__(self, n_rows: int) -> None:
        self._n_rows = n_rows  # odd
        self._rows: TagScores | None = None  # those that wait, after as many as their medians need
        self._n_done = 0  # of them

    def add(self, rows: TagScores) -> Iterator[TagScores]:
        """Take the next rows; yield those that nothing later changes."""
        if self._rows is None:
            self._rows = rows
        else:
            logits, start_s = (self._rows.logits, rows.logits), (self._rows.start_s, rows.start_s)
            self._rows = TagScores(np.concatenate(logits), np.concatenate(start_s), rows.span_s)
        if len(self._rows.logits) >= self._n_rows:
            yield from self._settle(len(self._rows.logits) - self._n_rows // 2)

    def finish(self) -> Iterator[TagScores]:
        """Yield what is left at the end; rows that come later begin anew."""
        if self._rows is not None:
            yield from self._settle(len(self._rows.logits))
        self._rows, self._n_done = None, 0

    def _settle(self, end: int) -> Iterator[TagScores]:
        assert self._rows is not None
        done, rows = self._n_done, self._rows
        if end > done:
            yield TagScores(smooth(rows.logits, self._n_rows)[done:end], rows.start_s[done:end], rows.span_s)
        drop = max(0, end - self._n_rows)  # so many stay that the last ones have a whole median
        self._rows = TagScores(rows.logits[drop:], rows.start_s[drop:], rows.span_s)
        self._n_done = end - drop
