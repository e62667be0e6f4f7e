"""A running median of rows that come in batches is that of all of them at once."""

from __future__ import annotations

import numpy as np
import pytest

from earwitness.archive.running_median import RunningMedian
from earwitness.recognition import TagScores, smooth


@pytest.mark.parametrize("n_rows", [1, 3, 5, 9])
@pytest.mark.parametrize("sizes", [(1,), (2, 2), (1, 1, 1, 1, 1, 1), (30,), (7, 1, 0, 12, 3)])
def test_batches_give_what_one_batch_gives(n_rows: int, sizes: tuple[int, ...]) -> None:
    logits = np.random.default_rng(1).normal(size=(sum(sizes), 3)).astype(np.float32)
    start_s, first, found = 0.16 * np.arange(len(logits)), 0, []
    median = RunningMedian(n_rows)
    for size in sizes:
        part = slice(first, first + size)
        found += median.add(TagScores(logits[part], start_s[part], 0.16))
        first += size
    found += median.finish()
    assert np.array_equal(np.concatenate([each.logits for each in found]), smooth(logits, n_rows))
    assert np.array_equal(np.concatenate([each.start_s for each in found]), start_s)
    assert list(median.finish()) == []


@pytest.mark.parametrize("n_rows", [3, 5, 7])
def test_a_median_of_rows_is_that_of_numpy(n_rows: int) -> None:
    logits = np.random.default_rng(2).normal(size=(40, 3)).astype(np.float32)
    padded = np.pad(logits, ((n_rows // 2, n_rows // 2), (0, 0)), mode="edge")
    around = np.lib.stride_tricks.sliding_window_view(padded, n_rows, axis=0)
    assert np.array_equal(smooth(logits, n_rows), np.median(around, axis=-1).astype(np.float32))
