"""Events from score curves drawn by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from earwitness.recognition.events import Event, EventFinder, find_events
from earwitness.recognition.match import WordScores
from earwitness.recognition.tags import TagScores
from earwitness.settings import Settings
from earwitness.words.meanings import WordMeanings

SPAN_S = 0.16
MEANINGS = WordMeanings(("siren", "bark"), np.ones((2, 527), np.float32), np.full((2, 527), 1 / 527, np.float32))


def listen(siren: Sequence[float], n_rows: int = 1000, settings: Settings | None = None) -> list[Event]:
    """Find events of a curve for "siren", given in batches of `n_rows`; "bark" is never heard."""
    scores = np.stack([np.asarray(siren, np.float32), np.zeros(len(siren), np.float32)], axis=1)
    batches = []
    for first in range(0, len(scores), n_rows):
        part = scores[first : first + n_rows]
        start_s = SPAN_S * np.arange(first, first + len(part))
        batches.append(WordScores(part, MEANINGS, TagScores(np.zeros((len(part), 527), np.float32), start_s, SPAN_S)))
    return list(find_events(batches, settings or Settings()))


def make_rows(siren: Sequence[float], first: int = 0) -> WordScores:
    """Return rows of a curve for "siren" from token `first` on."""
    scores = np.stack([np.asarray(siren, np.float32), np.zeros(len(siren), np.float32)], axis=1)
    start_s = SPAN_S * np.arange(first, first + len(siren))
    return WordScores(scores, MEANINGS, TagScores(np.zeros((len(siren), 527), np.float32), start_s, SPAN_S))


def tokens(event: Event) -> tuple[int, int]:
    return round(event.onset_s / SPAN_S), round(event.offset_s / SPAN_S)


def test_an_event_starts_at_the_threshold_and_reaches_as_far_as_the_score_holds() -> None:
    (event,) = listen([0, 0, 0.4, 0.6, 0.7, 0.35, 0.2, 0])
    assert tokens(event) == (2, 6)
    assert (event.word, event.score) == ("siren", pytest.approx(0.7))
    assert event.peak_s == pytest.approx(4 * SPAN_S)
    assert len(event.tags) == 3


def test_none_of_these_is_an_answer() -> None:
    assert listen([0.49] * 50) == []
    assert listen([0.0] * 50) == []


def test_close_events_are_one_and_far_ones_are_two() -> None:
    gap = [0.0] * 6  # 0.96 s
    assert [tokens(e) for e in listen([0, *[0.6] * 3, *gap, *[0.6] * 3, 0])] == [(1, 13)]
    assert [tokens(e) for e in listen([0, *[0.6] * 3, *gap, 0, *[0.6] * 3, 0])] == [(1, 4), (11, 14)]


def test_a_stretch_that_only_holds_does_not_bridge_or_break_a_gap() -> None:
    assert [tokens(e) for e in listen([0.6, 0.6, 0, 0.4, 0, 0.6, 0.6, 0])] == [(0, 7)]


def test_the_smear_before_and_after_a_loud_event_is_cut_off() -> None:
    (event,) = listen([0.4, 0.4, 0.5, 0.98, 0.99, 0.98, 0.45, 0.4])
    assert tokens(event) == (3, 6)
    (event,) = listen([0.55, 0.2, 0.99, 0.99, 0.2, 0.55, 0])
    assert tokens(event) == (2, 4)


def test_a_faint_part_of_a_long_event_stays() -> None:
    (event,) = listen([*[0.99] * 20, *[0.5] * 20, *[0.99] * 3])
    assert tokens(event) == (0, 43)


@pytest.mark.parametrize("n_rows", [1, 2, 3, 5, 7, 100])
def test_batches_do_not_change_events(n_rows: int) -> None:
    rng = np.random.default_rng(3)
    curve = np.clip(np.convolve(rng.random(400), np.ones(4) / 4, "same") * 1.6 - 0.35, 0, 1)
    whole = listen(curve)
    assert len(whole) > 5
    assert [tokens(e) for e in listen(curve, n_rows)] == [tokens(e) for e in whole]
    assert [e.score for e in listen(curve, n_rows)] == [e.score for e in whole]


def test_short_events_are_dropped_on_request() -> None:
    curve = [0, 0.9, 0, *[0.0] * 10, 0.9, 0.9, 0.9, 0]
    assert len(listen(curve)) == 2
    assert [tokens(e) for e in listen(curve, settings=Settings(min_duration_s=0.3))] == [(13, 16)]


def test_an_event_that_lasts_to_the_end_is_told() -> None:
    assert [tokens(e) for e in listen([0, 0, 0.9, 0.9], n_rows=2)] == [(2, 4)]


def test_a_word_with_a_threshold_of_its_own_is_heard_by_it_and_holds_in_proportion() -> None:
    curve = [0, 0.45, 0.55, 0.7, 0.85, 0.55, 0.5, 0]
    own = Settings(thresholds=(("Siren", 0.8),))  # holds down to 0.33 / 0.5 * 0.8 = 0.528
    assert [tokens(e) for e in listen(curve)] == [(1, 7)]
    assert [tokens(e) for e in listen(curve, settings=own)] == [(2, 6)]
    assert listen(np.minimum(curve, 0.79).tolist(), settings=own) == []
    assert [tokens(e) for e in listen(curve, settings=Settings(thresholds=(("bark", 0.9),)))] == [(1, 7)]


def test_what_is_foreseen_is_what_would_be_if_the_recording_ended_and_changes_nothing() -> None:
    curve = [0, 0.6, 0.7, 0.4, 0.2, 0, 0.6, 0.6, 0, 0, 0.9, 0.4]
    finder, settled = EventFinder(Settings()), []
    for at in range(0, len(curve), 2):
        for _ in range(2):
            foreseen = finder.foresee([make_rows(curve[at : at + 2], at)])
            assert [*settled, *foreseen] == list(find_events([make_rows(curve[: at + 2])], Settings()))
        settled += finder.add(make_rows(curve[at : at + 2], at))
    assert [*settled, *finder.finish()] == listen(curve)
