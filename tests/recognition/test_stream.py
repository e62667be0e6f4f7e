"""Events of a stream: the same however it is batched, from what is known by then, and close to a recording's."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest

from earwitness.encoders.base import TagStats
from earwitness.recognition.events import Event, find_events
from earwitness.recognition.evidence import smooth, track_words
from earwitness.recognition.rows import StoredRows
from earwitness.recognition.stream import DelayedMedian, StreamEventFinder, TrailingBackground
from earwitness.recognition.tags import Logits, TagScores
from earwitness.settings import Settings
from earwitness.words.meanings import understand_words
from earwitness.words.ontology import tag_names

SPAN_S = 0.16
STATS = TagStats(np.full(527, -8.0, np.float32), np.full(527, 2.0, np.float32))
TAGS = [tag_names().index(name) for name in ("Siren", "Dog")]
MEANINGS = understand_words(["siren", "dog bark"])
LOUD = 14.0  # logits above the usual


def make_rows(length_s: float, *sounds: tuple[int, float, float], seed: int = 0) -> TagScores:
    """Return tokens in which sounds (index of the tag, from, to) are loud."""
    n_rows = round(length_s / SPAN_S)
    logits = np.random.default_rng(seed).normal(-8.0, 0.5, (n_rows, 527)).astype(np.float32)
    for tag, from_s, to_s in sounds:
        logits[round(from_s / SPAN_S) : round(to_s / SPAN_S), TAGS[tag]] += LOUD
    return TagScores(logits, SPAN_S * np.arange(n_rows), SPAN_S)


def make_busy_rows(length_s: float, seed: int) -> TagScores:
    """Return tokens with sounds of all lengths, some near each other, some faint."""
    generator = np.random.default_rng(seed)
    rows = make_rows(length_s, seed=seed)
    for _ in range(round(length_s / 5)):
        first = generator.integers(0, len(rows.start_s))
        n_rows = round(generator.choice([1, 3, 8, 20, 60, 150]))
        rows.logits[first : first + n_rows, generator.choice(TAGS)] += generator.uniform(4, 14)
    return rows


def split(rows: TagScores, sizes: Sequence[int]) -> Iterator[TagScores]:
    first = index = 0
    while first < len(rows.start_s):
        part = slice(first, first + sizes[index % len(sizes)])
        yield TagScores(rows.logits[part], rows.start_s[part], rows.span_s)
        first, index = part.stop, index + 1


def make_finder(settings: Settings | None = None) -> StreamEventFinder:
    return StreamEventFinder(MEANINGS, STATS, settings or Settings(), SPAN_S)


def find(batches: Iterator[TagScores], settings: Settings | None = None) -> list[Event]:
    finder = make_finder(settings)
    return in_order([event for rows in batches for event in finder.add(rows)] + finder.finish())


def in_order(events: Sequence[Event]) -> list[Event]:
    """Return events by onset; scores of products of matrices, which differ in the last bits with the number of rows."""
    near = [
        replace(each, score=round(each.score, 5), tags=tuple(replace(tag, share=0.0) for tag in each.tags))
        for each in events
    ]
    return sorted(near, key=lambda each: (each.onset_s, each.word))


def spans(events: Sequence[Event]) -> list[tuple[str, float, float]]:
    return [(each.word, round(each.onset_s, 1), round(each.offset_s, 1)) for each in events]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("sizes", [(1,), (6,), (7, 1, 40), (300,)])
def test_events_do_not_depend_on_how_tokens_are_batched(seed: int, sizes: tuple[int, ...]) -> None:
    rows = make_busy_rows(200.0, seed)
    wanted = find(iter([rows]))
    assert len(wanted) > 10
    assert find(split(rows, sizes)) == wanted


def test_what_is_foreseen_does_not_change_the_events() -> None:
    rows = make_busy_rows(100.0, 9)
    finder, plain, ahead = make_finder(), make_finder(), make_rows(4.0, (0, 0, 4))
    events: list[Event] = []
    for batch in split(rows, (6,)):
        events += finder.add(batch)
        before = pickle.dumps(finder)
        finder.foresee([replace(ahead, start_s=ahead.start_s + batch.start_s[-1] + SPAN_S)])
        assert pickle.dumps(finder) == before
    wanted = [event for batch in split(rows, (6,)) for event in plain.add(batch)]
    assert events == wanted


def test_short_sounds_are_those_of_a_recording() -> None:
    rows = make_rows(120.0, (0, 40, 42), (1, 60.8, 61.4), (0, 90, 93))
    track = track_words(StoredRows(rows.logits, rows.start_s, SPAN_S), MEANINGS, STATS)
    assert spans(find(iter([rows]))) == spans(find_events(track, Settings()))
    assert spans(find(iter([rows]))) == [("siren", 40.0, 41.9), ("dog bark", 60.8, 61.4), ("siren", 89.9, 93.0)]


def test_a_sound_that_lasts_is_one_event_although_it_begins_as_a_short_one() -> None:
    rows = make_rows(200.0, (0, 40, 140))
    (event,) = find(iter([rows]))
    assert (event.onset_s, event.offset_s) == (pytest.approx(40, abs=0.2), pytest.approx(140, abs=0.2))


def test_what_sounds_from_the_beginning_lasts() -> None:
    (event,) = find(iter([make_rows(60.0, (0, 0, 60))]))
    assert spans([event]) == [("siren", 0.0, 60.0)]


def test_a_faint_lasting_sound_does_not_stretch_a_short_one() -> None:
    rows = make_rows(120.0, (0, 60, 61))
    rows.logits[:, TAGS[0]] += 5.5  # below the threshold
    assert [round(each.offset_s - each.onset_s) for each in find(iter([rows]))] == [1]


def test_an_event_is_known_as_soon_as_its_gap_and_its_medians_are_over() -> None:
    rows = make_rows(80.0, (0, 60, 61))
    finder, known_s = make_finder(), []
    for batch in split(rows, (1,)):
        known_s += [batch.start_s[0] + SPAN_S - each.offset_s for each in finder.add(batch)]
    assert len(known_s) == 1
    assert 1.0 + 2 * SPAN_S <= known_s[0] < 2.2  # until then it might have lasted
    finder = make_finder()
    foreseen_s = [batch.start_s[0] for batch in split(rows, (1,)) if [*finder.add(batch), *finder.foresee()]]
    assert foreseen_s[0] == pytest.approx(60 + 2 * SPAN_S)  # three loud rows of five


def test_a_sound_that_only_lasts_is_foreseen_after_half_of_its_median() -> None:
    rows = make_rows(120.0)
    slow = np.clip((rows.start_s - 40) / 20, 0, 1)  # too slow to stand out
    rows.logits[:, TAGS[0]] += (LOUD * slow).astype(np.float32)
    finder = make_finder()
    batches = list(split(rows, (1,)))
    first = next(batch.start_s[0] for batch in batches if [*finder.add(batch), *finder.foresee()])
    onset_s = finder.foresee()[0].onset_s
    assert 40 < onset_s < 60
    assert first - onset_s < 6.0


def test_reasons_are_the_tags_at_the_peak_even_of_events_that_go_on() -> None:
    rows = make_rows(200.0, (0, 40, 190), (1, 100, 101))
    events = find(split(rows, (6,)))
    assert [each.word for each in events] == ["siren", "dog bark"]
    for event in events:
        best = event.tags[0]
        index = round(event.peak_s / SPAN_S)
        assert best.score == pytest.approx(1 / (1 + np.exp(-rows.logits[index, tag_names().index(best.tag)])), abs=1e-4)
    assert [each.tags[0].tag for each in events] == ["Siren", "Dog"]


def test_rows_that_are_left_out_end_a_short_sound_and_no_median_reaches_over_them() -> None:
    rows = make_rows(100.0, (0, 40, 41), (0, 50.0, 52.0))
    parts = [slice(0, round(41 / SPAN_S)), slice(round(50 / SPAN_S), None)]
    batches = [TagScores(rows.logits[part], rows.start_s[part], SPAN_S) for part in parts]
    assert spans(find(iter(batches))) == [("siren", 40.0, 41.0), ("siren", 49.9, 52.0)]


def test_what_it_remembers_does_not_grow() -> None:
    finder, sizes = make_finder(), []
    for index in range(30):
        rows = make_busy_rows(60.0, index)
        rows.logits[:, TAGS[0]] += 9.0  # a siren without end
        for batch in split(TagScores(rows.logits, rows.start_s + 60.0 * index, SPAN_S), (6,)):
            finder.add(batch)
        sizes.append(len(pickle.dumps(finder)) - len(pickle.dumps(MEANINGS)))
    assert max(sizes[5:]) < 1.5 * max(sizes[:5])
    assert max(sizes) < 300_000


def test_without_words_there_is_nothing_to_find() -> None:
    finder = StreamEventFinder(understand_words([]), STATS, Settings(), SPAN_S)
    rows = make_rows(20.0)
    assert [finder.add(rows), finder.foresee([rows]), finder.finish()] == [[], [], []]


@pytest.mark.parametrize("n_rows", [1, 2, 40, 200])
@pytest.mark.parametrize("sizes", [(1,), (6,), (5, 90)])
def test_a_running_median_is_that_of_all_rows_at_once(n_rows: int, sizes: tuple[int, ...]) -> None:
    logits = np.random.default_rng(n_rows).normal(size=(n_rows, 2)).astype(np.float32)
    for n_median in (1, 5, 63):
        median, found = DelayedMedian(n_median, 2), []
        for batch in split(TagScores(logits, np.arange(n_rows), 1.0), sizes):
            found.append(median.add(batch.logits))
        given: Logits = np.concatenate([*found, median.finish()])
        assert given.shape == (n_rows, 2)
        if n_rows >= n_median or n_rows <= n_median // 2:
            assert np.array_equal(given, smooth(logits, n_median))


def test_a_running_median_does_not_wait_for_what_does_not_matter() -> None:
    median = DelayedMedian(63, 1, least=np.zeros(1, np.float32))
    assert len(median.add(np.full((40, 1), -1.0, np.float32))) == 40
    assert len(median.add(np.full((10, 1), 1.0, np.float32))) == 0
    assert len(median.add(np.full((40, 1), -1.0, np.float32))) == 50


def test_a_background_is_the_upper_quartile_of_what_came_before() -> None:
    rows = np.random.default_rng(2).normal(size=(600, 3)).astype(np.float32)
    background = TrailingBackground(SPAN_S)
    found = background.add(rows, SPAN_S * np.arange(600))
    assert found[0] == pytest.approx(rows[0])
    assert found[300] == pytest.approx(np.quantile(rows[300 - 192 : 301 : 6], 0.75, axis=0))  # 33 rows of 31 s
    assert found[305] == pytest.approx(found[300])
    again = TrailingBackground(SPAN_S)
    parts = [again.add(rows[[index]], SPAN_S * np.array([index])) for index in range(600)]
    assert np.array_equal(np.concatenate(parts), found)
