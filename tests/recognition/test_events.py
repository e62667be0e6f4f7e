"""Events from score curves drawn by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from earwitness.recognition.events import Event, TrackEventFinder, find_events
from earwitness.recognition.evidence import ScoreTrack
from earwitness.settings import Settings

SPAN_S = 0.16


def make_track(siren: Sequence[float], first: int = 0, lasting: Sequence[float] | None = None) -> ScoreTrack:
    """Return scores for "siren" from token `first` on; "bark" is never there."""

    def pair(scores: Sequence[float]) -> np.ndarray:
        return np.stack([np.asarray(scores, np.float32), np.zeros(len(scores), np.float32)], axis=1)

    start_s = SPAN_S * np.arange(first, first + len(siren))
    return ScoreTrack(pair(siren), ("siren", "bark"), start_s, SPAN_S, None if lasting is None else pair(lasting))


def find(siren: Sequence[float], n_rows: int = 1000, settings: Settings | None = None) -> list[Event]:
    """Find events of a curve for "siren", given in batches of `n_rows`."""
    finder = TrackEventFinder(settings or Settings())
    events = []
    for first in range(0, len(siren), n_rows):
        events += finder.add(make_track(siren[first : first + n_rows], first))
    return [*events, *finder.finish()]


def tokens(event: Event) -> tuple[int, int]:
    return round(event.onset_s / SPAN_S), round(event.offset_s / SPAN_S)


def test_an_event_starts_at_the_threshold_and_reaches_as_far_as_the_score_holds() -> None:
    (event,) = find([0, 0, 0.4, 0.6, 0.7, 0.35, 0.2, 0])
    assert tokens(event) == (2, 6)
    assert (event.word, event.score) == ("siren", pytest.approx(0.7))
    assert event.peak_s == pytest.approx(4 * SPAN_S)


def test_an_event_is_sure_by_its_largest_score() -> None:
    curve = [0, 0.6, 0.7, 0.75, 0, *[0.0] * 20, 0.6, 0.4, 0.77, 0.4, 0]
    assert [event.tier for event in find(curve)] == ["possible", "sure"]
    for n_rows in (1, 1000):
        (event,) = find(curve, n_rows, Settings(only_sure=True))
        assert tokens(event) == tokens(find(curve)[1])
    undecided = TrackEventFinder(Settings(only_sure=True))
    undecided.add(make_track([0, 0.6, 0.7]))
    assert undecided.undecided() == []


def test_none_of_these_is_an_answer() -> None:
    assert find([0.49] * 50) == []
    assert find([0.0] * 50) == []


def test_close_events_are_one_and_far_ones_are_two() -> None:
    gap = [0.0] * 6  # 0.96 s
    assert [tokens(e) for e in find([0, *[0.6] * 3, *gap, *[0.6] * 3, 0])] == [(1, 13)]
    assert [tokens(e) for e in find([0, *[0.6] * 3, *gap, 0, *[0.6] * 3, 0])] == [(1, 4), (11, 14)]


def test_a_segment_that_only_holds_does_not_bridge_or_break_a_gap() -> None:
    assert [tokens(e) for e in find([0.6, 0.6, 0, 0.4, 0, 0.6, 0.6, 0])] == [(0, 7)]


def test_the_smear_before_and_after_a_loud_event_is_cut_off() -> None:
    (event,) = find([0.4, 0.4, 0.5, 0.98, 0.99, 0.98, 0.45, 0.4])
    assert tokens(event) == (3, 6)
    (event,) = find([0.55, 0.2, 0.99, 0.99, 0.2, 0.55, 0])
    assert tokens(event) == (2, 4)


def test_a_faint_part_of_a_long_event_stays() -> None:
    (event,) = find([*[0.99] * 20, *[0.5] * 20, *[0.99] * 3])
    assert tokens(event) == (0, 43)


@pytest.mark.parametrize("n_rows", [1, 2, 3, 5, 7, 100])
def test_batches_do_not_change_events(n_rows: int) -> None:
    rng = np.random.default_rng(3)
    curve = np.clip(np.convolve(rng.random(400), np.ones(4) / 4, "same") * 1.6 - 0.35, 0, 1)
    whole = find(curve)
    assert len(whole) > 5
    assert [tokens(e) for e in find(curve, n_rows)] == [tokens(e) for e in whole]
    assert [e.score for e in find(curve, n_rows)] == [e.score for e in whole]


def test_short_events_are_dropped_on_request() -> None:
    curve = [0, 0.9, 0, *[0.0] * 10, 0.9, 0.9, 0.9, 0]
    assert len(find(curve)) == 2
    assert [tokens(e) for e in find(curve, settings=Settings(min_duration_s=0.3))] == [(13, 16)]


def test_an_event_that_lasts_to_the_end_is_reported() -> None:
    assert [tokens(e) for e in find([0, 0, 0.9, 0.9], n_rows=2)] == [(2, 4)]


def test_a_word_with_a_threshold_of_its_own_counts_by_it_and_holds_in_proportion() -> None:
    curve = [0, 0.45, 0.55, 0.7, 0.85, 0.55, 0.5, 0]
    own = Settings(thresholds=(("Siren", 0.8),))  # holds down to 0.33 / 0.5 * 0.8 = 0.528
    assert [tokens(e) for e in find(curve)] == [(1, 7)]
    assert [tokens(e) for e in find(curve, settings=own)] == [(2, 6)]
    assert find(np.minimum(curve, 0.79).tolist(), settings=own) == []
    assert [tokens(e) for e in find(curve, settings=Settings(thresholds=(("bark", 0.9),)))] == [(1, 7)]


def test_a_copy_of_a_finder_looks_ahead_and_changes_nothing() -> None:
    curve = [0, 0.6, 0.7, 0.4, 0.2, 0, 0.6, 0.6, 0, 0, 0.9, 0.4]
    finder, settled = TrackEventFinder(Settings()), []
    for at in range(0, len(curve), 2):
        for _ in range(2):
            ahead = finder.copy()
            foreseen = [*ahead.add(make_track(curve[at : at + 2], at)), *ahead.finish()]
            assert [*settled, *foreseen] == find(curve[: at + 2])
        settled += finder.add(make_track(curve[at : at + 2], at))
    assert [*settled, *finder.finish()] == find(curve)


def test_a_sound_that_lasts_counts_where_no_short_one_lies_in_it() -> None:
    short, lasting = [0.0] * 20, [0.0] * 2 + [0.7] * 15 + [0.0] * 3
    (event,) = find_events(make_track(short, lasting=lasting), Settings())
    assert (tokens(event), event.score) == ((2, 17), pytest.approx(0.7))
    short[5] = 0.9
    (event,) = find_events(make_track(short, lasting=lasting), Settings())
    assert (tokens(event), event.score) == ((5, 6), pytest.approx(0.9))
    assert find_events(make_track([], lasting=[]), Settings()) == []
