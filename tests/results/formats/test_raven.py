"""Raven's selection tables."""

from __future__ import annotations

from earwitness.results.formats.base import RecordingResult
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


def test_boxes_reach_up_to_half_of_the_encoders_sample_rate() -> None:
    table = RAVEN.encode([RecordingResult(RECOGNITION, sample_rate_hz=32000)]).decode()
    assert [line.split("\t")[5:7] for line in table.splitlines()[1:]] == [["0.0", "16000.0"]] * 2
