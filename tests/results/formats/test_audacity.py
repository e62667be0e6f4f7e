"""Audacity's labels."""

from __future__ import annotations

from earwitness.results.formats.audacity import AUDACITY
from made_recognitions import RECOGNITION, SILENT, encode


def test_labels_are_start_end_and_word() -> None:
    assert encode(AUDACITY, RECOGNITION).splitlines()[0] == "0.160\t2.400\tdog bark (0.81)"
    assert encode(AUDACITY, SILENT) == ""
