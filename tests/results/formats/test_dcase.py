"""DCASE's tables."""

from __future__ import annotations

from earwitness.results.formats.dcase import DCASE
from made_recognitions import RECOGNITION, SILENT, encode


def test_rows_name_a_file_without_events_alone() -> None:
    assert encode(DCASE, RECOGNITION).splitlines()[0] == "yard.wav\t0.160\t2.400\tdog bark"
    assert encode(DCASE, SILENT) == "quiet.wav\n"
