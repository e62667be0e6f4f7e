"""WebVTT and SubRip."""

from __future__ import annotations

from dataclasses import replace

from earwitness.recognition.pipeline import Recognition
from earwitness.results.formats.subtitles import SRT, VTT
from made_recognitions import RECOGNITION, SILENT, encode


def with_event(onset_s: float, offset_s: float, word: str) -> Recognition:
    (event, *_) = RECOGNITION.events
    return replace(RECOGNITION, events=[replace(event, onset_s=onset_s, offset_s=offset_s, word=word)])


def test_webvtt_is_a_cue_an_event() -> None:
    cue = "\n00:00:00.160 --> 00:00:02.400\ndog bark (0.81)\n"
    assert encode(VTT, RECOGNITION).startswith(f"WEBVTT\n{cue}")
    assert encode(VTT, SILENT) == "WEBVTT\n"


def test_subrip_counts_its_cues() -> None:
    assert encode(SRT, RECOGNITION).split("\n\n")[1].splitlines()[:2] == ["2", "00:00:03,000 --> 00:00:03,500"]
    assert encode(SRT, SILENT) == ""


def test_times_of_hours_and_rounding_keep_their_form() -> None:
    assert "101:59:59.999 --> 102:00:00.000" in encode(VTT, with_event(367199.9994, 367199.9996, "dog"))


def test_marks_in_a_word_are_no_marks_of_the_format() -> None:
    assert encode(VTT, with_event(0, 1, "a <b> & -->\nc")).splitlines()[3] == "a &lt;b&gt; &amp; → c (0.81)"
    assert encode(SRT, with_event(0, 1, "a\n\n-->")).splitlines()[2] == "a → (0.81)"
