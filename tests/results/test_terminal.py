"""What the terminal shows of a recognition."""

from __future__ import annotations

import pytest

from earwitness.recognition.pipeline import Recognition
from earwitness.results.terminal import print_recognition
from earwitness.settings import Settings


def test_words_that_were_not_heard_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    recognition = Recognition("[street].wav", 3.0, [], [], [], ["siren"], Settings(), "an encoder", "0" * 64)
    print_recognition(recognition)
    printed = capsys.readouterr().out
    assert "[street].wav" in printed
    assert "none of these was detected: siren" in printed
