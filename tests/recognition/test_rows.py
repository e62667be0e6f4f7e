"""Rows of a recording: the same in memory and in a file, and memory that does not grow with the recording."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile

from earwitness.encoders.load import LoadedEncoder
from earwitness.errors import OutputError
from earwitness.recognition.pipeline import recognize
from earwitness.recognition.rows import RowFile, RowWriter, StoredRows
from earwitness.recognition.tags import TagScores
from earwitness.settings import Settings
from made_sounds import RATE_HZ, make_noise

LOGITS = np.arange(60, dtype=np.float32).reshape(20, 3)
START_S = 0.16 * np.arange(20)


def collect(writer: RowWriter, n_rows: int = 4) -> StoredRows:
    for first in range(0, 20, n_rows):
        part = slice(first, first + n_rows)
        writer.add(TagScores(LOGITS[part], START_S[part], 0.16))
    return writer.finish()


@pytest.mark.parametrize("n_in_memory", [0, 5, 19, 20, 100])
def test_rows_are_the_same_in_memory_and_in_a_file(n_in_memory: int) -> None:
    rows = collect(RowWriter(3, n_in_memory=n_in_memory))
    assert isinstance(rows.logits, RowFile) == (n_in_memory < 20)
    assert len(rows) == 20
    assert rows.span_s == 0.16
    assert np.array_equal(rows.start_s, START_S)
    assert np.array_equal(rows.logits[...], LOGITS)
    assert np.array_equal(rows.logits[3:7], LOGITS[3:7])
    assert rows.logits[18:30].shape == (2, 3)
    assert rows.logits[25:30].shape == (0, 3)
    batches = list(rows.batches(6))
    assert [len(each.logits) for each in batches] == [6, 6, 6, 2]
    assert np.array_equal(np.concatenate([each.logits for each in batches]), LOGITS)
    assert np.array_equal(np.concatenate([each.start_s for each in batches]), START_S)


def test_a_named_file_holds_each_row_as_soon_as_it_comes(tmp_path: Path) -> None:
    path = tmp_path / "rows.f32"
    writer = RowWriter(3, path)
    assert path.stat().st_size == 0
    writer.add(TagScores(LOGITS[:4], START_S[:4], 0.16))
    assert np.array_equal(np.fromfile(path, np.float32).reshape(-1, 3), LOGITS[:4])
    assert np.array_equal(writer.finish().logits[...], LOGITS[:4])


def test_no_rows_are_no_rows() -> None:
    rows = RowWriter(3).finish()
    assert len(rows) == 0
    assert rows.logits[...].shape == (0, 3)
    assert list(rows.batches()) == []


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=f"{tmp_path}: cannot be written .*; free some space"):
        RowWriter(3, tmp_path)
    if Path("/dev/full").exists():
        with pytest.raises(OutputError, match="/dev/full: cannot be written .No space left on device"):
            collect(RowWriter(3, Path("/dev/full")))


@pytest.mark.slow
def test_memory_does_not_grow_with_the_recording(tmp_path: Path, quick: LoadedEncoder) -> None:
    peaks = []
    for n_minutes in (1, 10, 30):  # the first loads what is loaded once
        path = tmp_path / f"{n_minutes}.flac"
        with soundfile.SoundFile(path, "w", RATE_HZ, 1) as file:
            for _ in range(n_minutes):
                file.write(make_noise(60.0))
        tracemalloc.start()
        recognize(path, ["siren", "rain"], ["park", "tram"], Settings(), quick)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] - peaks[1] < 10e6  # 20 minutes have 16 MB of logits and 77 MB of samples
