"""Parquet: numbers are numbers, and the schema is in the file."""

from __future__ import annotations

import io
from typing import Any

import pytest

from earwitness.recognition.pipeline import Recognition
from earwitness.results.formats.base import RecordingResult
from earwitness.results.formats.csv_tables import COLUMNS
from earwitness.results.formats.parquet import PARQUET
from made_recognitions import RECOGNITION, SILENT

parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow, the extra [archive], is not installed")


def read(*recognitions: Recognition) -> Any:
    return parquet.read_table(io.BytesIO(PARQUET.encode([RecordingResult(each) for each in recognitions])))


def test_numbers_and_the_schema_are_in_it() -> None:
    table = read(RECOGNITION, SILENT)
    assert tuple(table.column_names) == COLUMNS["events.csv"]
    assert table.schema.metadata == {b"earwitness_schema": b"1"}
    first, second = table.to_pylist()
    numbers = [first[name] for name in ("onset_s", "offset_s", "score")]
    assert (first["file"], numbers) == ("sounds/yard.wav", [0.16, 2.4, 0.8125])
    assert (second["word"], second["tags"]) == ('a "quoted", word', "Dog|0.800|0.250")


def test_without_an_event_it_is_an_empty_table() -> None:
    assert read(SILENT).shape == (0, len(COLUMNS["events.csv"]))
