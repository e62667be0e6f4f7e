"""Kaleidoscope's table."""

from __future__ import annotations

import csv
import io

from earwitness.results.formats.kaleidoscope import KALEIDOSCOPE
from made_recognitions import RECOGNITION, SILENT, encode


def test_offset_and_duration_stand_beside_folder_and_file() -> None:
    first, second = csv.DictReader(io.StringIO(encode(KALEIDOSCOPE, RECOGNITION, SILENT)))
    assert (first["INDIR"], first["FOLDER"], first["IN FILE"]) == (".", "sounds", "yard.wav")
    assert (first["OFFSET"], first["DURATION"], first["TOP1MATCH"], first["TOP1DIST"]) == (
        *("0.160", "2.240", "dog bark", "0.1875"),
    )
    assert second["TOP1MATCH"] == 'a "quoted", word'
