"""DCASE's tables, with a header and without."""

from __future__ import annotations

from earwitness.results.formats.dcase import DCASE, DCASE_TXT
from made_recognitions import RECOGNITION, SILENT, encode


def test_with_a_header_a_file_without_events_has_empty_cells() -> None:
    lines = encode(DCASE, RECOGNITION, SILENT).splitlines()
    assert lines[:2] == ["filename\tonset\toffset\tevent_label", "yard.wav\t0.160\t2.400\tdog bark"]
    assert lines[-1] == "quiet.wav\t\t\t"


def test_without_a_header_a_file_without_events_is_its_name_alone() -> None:
    lines = encode(DCASE_TXT, RECOGNITION, SILENT).splitlines()
    assert (lines[0], lines[-1]) == ("yard.wav\t0.160\t2.400\tdog bark", "quiet.wav")
