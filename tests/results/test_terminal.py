"""What the terminal shows of recognitions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from earwitness.recognition import Event, Recognition, SceneScore
from earwitness.results.terminal import Printer, format_clock, print_recognition
from earwitness.settings import Settings


def test_words_that_were_not_heard_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    recognition = Recognition("[street].wav", 3.0, [], [], [], ["siren"], Settings(), "an encoder", "0" * 64)
    print_recognition(recognition)
    printed = capsys.readouterr().out
    assert "[street].wav" in printed
    assert "none of these was detected: siren" in printed


def make_recognition(source: str, scores: dict[str, float], scene: str = "") -> Recognition:
    """Return a recognition with one event a word."""
    events = [Event(65.04, 3725.5, word, score, 70.0, ()) for word, score in scores.items()]
    scenes = [SceneScore(scene, 1.0, is_winner=True)] if scene else []
    return Recognition(source, 4000.0, events, scenes, [], ["dog bark", "siren"], Settings(), "an encoder", "0" * 64)


def test_recognitions_are_summed_up(capsys: pytest.CaptureFixture[str]) -> None:
    printer = Printer(is_shown=False)
    assert printer.summarise() == "0 recordings: no result"
    printer.add(make_recognition("a.wav", {"siren": 0.5}, "park"))
    printer.add(make_recognition("b.wav", {"siren": 0.7}, "tram"))
    printer.add(make_recognition("c.wav", {}, "park"))
    assert printer.summarise() == "3 recordings: siren 2 (best 0.70), dog bark 0; park 2, tram 1"
    assert capsys.readouterr().out == ""


def test_a_summary_of_many_words_names_the_most_frequent() -> None:
    printer = Printer(is_shown=False)
    words = [f"word {number}" for number in range(12)]
    empty = make_recognition("a.wav", {})
    printer.add(replace(empty, event_words=words))
    assert printer.summarise().endswith("word 7 0, 4 more words")


def test_events_of_all_recordings_are_listed_best_first(capsys: pytest.CaptureFixture[str]) -> None:
    printer = Printer("score", top=2)
    printer.add(make_recognition("a.wav", {"siren": 0.5, "dog bark": 0.9}))
    printer.add(make_recognition("b.wav", {"siren": 0.7}))
    printer.print_table()
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("│")]
    assert [row.split("│")[1].strip() for row in rows] == ["0.90", "0.70"]
    assert "0:01:05.0 │ 1:02:05.5 │ a.wav" in rows[0]


def test_a_table_is_cut_to_the_rows_that_are_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    print_recognition(make_recognition("a.wav", {"siren": 0.5, "dog bark": 0.9}), top=1)
    printed = capsys.readouterr().out
    assert "a.wav  (1:06:40.0)" in printed
    assert "1 more" in printed
    assert "dog bark" not in printed


@pytest.mark.parametrize(("seconds", "text"), [(0.04, "0:00:00.0"), (59.96, "0:01:00.0"), (3661.25, "1:01:01.2")])
def test_seconds_are_shown_as_a_clock(seconds: float, text: str) -> None:
    assert format_clock(seconds) == text
