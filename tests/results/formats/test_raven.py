"""Raven's selection tables."""

from __future__ import annotations

from earwitness.results.formats.raven import RAVEN
from made_recognitions import RECOGNITION, SILENT, read_cells


def test_every_heading_has_its_column() -> None:
    heading, *rows = read_cells(RAVEN, RECOGNITION)
    assert [len(row) for row in rows] == [len(heading)] * 2
    first = dict(zip(heading, rows[0], strict=True))
    assert first["Selection"] == "1"
    assert (first["Begin Time (s)"], first["End Time (s)"], first["Species"]) == ("0.160", "2.400", "dog bark")
    assert (first["Confidence"], first["Begin Path"]) == ("0.8125", "sounds/yard.wav")
    assert len(read_cells(RAVEN, SILENT)) == 1
