"""Events told once as begun and once as ended; what is corrected is withdrawn."""

from __future__ import annotations

from earwitness.live.event_lines import EventReporter
from earwitness.recognition.events import Event


def make(onset_s: float, offset_s: float, word: str = "siren", score: float = 0.9) -> Event:
    return Event(onset_s, offset_s, word, score, onset_s, ())


def details(lines: object) -> list[tuple[str, int]]:
    return [(line.state, line.id) for line in lines]  # type: ignore[attr-defined]


def test_an_event_is_told_once_when_it_begins_and_once_when_it_ends() -> None:
    tracker = EventReporter(2.0)
    assert details(tracker.to_lines([], [make(1, 2)])) == [("began", 1)]
    assert details(tracker.to_lines([], [make(1.16, 3)])) == []
    assert details(tracker.to_lines([], [make(1.16, 300)])) == []
    assert details(tracker.to_lines([make(1, 301)], [])) == [("ended", 1)]
    assert details(tracker.to_lines([], [])) == []


def test_an_event_that_ends_in_the_step_in_which_it_begins_is_told_as_both() -> None:
    assert details(EventReporter(2.0).to_lines([make(1, 2)], [])) == [("began", 1), ("ended", 1)]


def test_words_do_not_mix() -> None:
    tracker = EventReporter(2.0)
    assert details(tracker.to_lines([], [make(1, 2), make(1, 2, "dog bark")])) == [("began", 1), ("began", 2)]
    assert details(tracker.to_lines([make(1, 2, "dog bark")], [make(1, 3)])) == [("ended", 2)]


def test_what_later_windows_do_not_bear_out_is_withdrawn() -> None:
    tracker = EventReporter(2.0)
    tracker.to_lines([], [make(1, 2)])
    assert details(tracker.to_lines([], [])) == [("withdrawn", 1)]
    assert details(tracker.to_lines([], [make(2, 3)])) == [("began", 2)]


def test_two_that_become_one_end_once() -> None:
    tracker = EventReporter(2.0)
    assert details(tracker.to_lines([], [make(1, 2), make(6, 7)])) == [("began", 1), ("began", 2)]
    assert details(tracker.to_lines([make(1, 7)], [])) == [("ended", 1), ("withdrawn", 2)]


def test_the_next_event_of_a_word_is_another_one() -> None:
    tracker = EventReporter(2.0)
    tracker.to_lines([], [make(1, 2)])
    assert details(tracker.to_lines([make(1, 2)], [make(3.5, 4)])) == [("ended", 1), ("began", 2)]


def test_what_is_remembered_does_not_grow() -> None:
    tracker = EventReporter(2.0)
    for second in range(0, 5000, 5):
        tracker.to_lines([], [make(second, second + 1)])
        tracker.to_lines([make(second, second + 1)], [])
    assert tracker.to_lines([], []) == [], "what is remembered would be withdrawn"
