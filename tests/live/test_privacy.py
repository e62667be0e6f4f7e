"""Which windows hold speech, rows without them, and what a listener leaves out."""

from __future__ import annotations

import numpy as np
import pytest

from earwitness.encoders.load import LoadedEncoder, load_encoder
from earwitness.live.clock import StreamClock
from earwitness.live.listener import DroppedLine, Listener, LiveQuery
from earwitness.live.privacy import SPEECH_TAGS, Span, find_speech, join_span, leave_out
from earwitness.live.scenes import SceneLine
from earwitness.recognition.methods import understand
from earwitness.recognition.tags import TagScores
from earwitness.settings import EncoderSettings, Settings
from earwitness.words.ontology import tag_names
from earwitness.words.places import profile_scenes, read_places
from level_encoder import go_by_level, make_levels
from live_items import ListedItems, cut, events_of, listen


@pytest.mark.parametrize("tag", SPEECH_TAGS)
def test_one_token_of_any_tag_of_speech_makes_a_window_one_of_speech(tag: str) -> None:
    logits = np.full((3, 12, 527), -5.0, np.float32)
    logits[1, 7, tag_names().index(tag)] = 0.0  # a score of 0.5
    logits[2, :, tag_names().index("Dog")] = 5.0
    assert find_speech(logits, 0.5).tolist() == [False, True, False]
    assert find_speech(logits, 0.51).tolist() == [False, False, False]


def test_rows_that_touch_a_span_are_left_out_and_others_stay_together() -> None:
    rows = TagScores(np.arange(10, dtype=np.float32)[:, None], np.arange(10, dtype=float), 1.0)
    parts = leave_out(rows, [Span(2.5, 4.0), Span(7.0, 7.5)])
    assert [part.start_s.tolist() for part in parts] == [[0, 1], [4, 5, 6], [8, 9]]
    assert [part.logits[:, 0].tolist() for part in parts] == [[0, 1], [4, 5, 6], [8, 9]]
    assert leave_out(rows, [Span(0, 10)]) == []
    assert len(leave_out(rows, [])[0].start_s) == 10


def test_spans_that_meet_are_one() -> None:
    spans: list[Span] = []
    for start_s in (0.0, 1.0, 2.0, 9.0):
        spans = join_span(spans, Span(start_s, start_s + 2))
    assert spans == [Span(0.0, 4.0), Span(9.0, 11.0)]


def test_the_tags_of_speech_exist() -> None:
    assert set(SPEECH_TAGS) <= set(tag_names())


@pytest.fixture(scope="module")
def by_level() -> LoadedEncoder:
    """An encoder that hears by level only."""
    return go_by_level(load_encoder(compute=EncoderSettings(runtime="onnx")))


def test_privacy_drops_windows_with_speech_and_nothing_else(by_level: LoadedEncoder) -> None:
    sound = make_levels((20, 0.0), (4, 0.2), (16, 0.0), (1, 0.9), (19, 0.0), (4, 0.2), (10, 0.0))
    open_ear = listen(cut(sound), ["siren"], by_level)
    assert [round(line.event.onset_s) for line in events_of(open_ear)] == [20, 40, 60]
    private = listen(cut(sound), ["siren"], by_level, speech_threshold=0.2)
    wanted = [line.event for line in events_of(open_ear) if round(line.event.onset_s) != 40]
    assert [line.event for line in events_of(private)] == wanted
    dropped = [line for line in private if isinstance(line, DroppedLine)]
    assert [(line.start_s, line.end_s) for line in dropped] == [(37.0, 44.0)]
    assert not [line for line in events_of(private, "began") if 37 < line.event.onset_s < 44]


def test_what_began_before_speech_is_heard_is_withdrawn(by_level: LoadedEncoder) -> None:
    sound = make_levels((9, 0.0), (2, 0.2), (2, 0.9), (12, 0.0))
    lines = list(listen(cut(sound), ["siren"], by_level, speech_threshold=0.2))
    (began,) = events_of(lines, "began")
    (withdrawn,) = events_of(lines, "withdrawn")
    assert (began.id, events_of(lines)) == (withdrawn.id, [])
    (dropped,) = [line for line in lines if isinstance(line, DroppedLine)]
    assert dropped.start_s <= began.event.onset_s
    assert lines.index(began) < lines.index(withdrawn) < lines.index(dropped)


def test_no_token_that_touches_a_dropped_window_is_kept(by_level: LoadedEncoder) -> None:
    stored: list[tuple[float, float]] = []

    class Keep:
        def begin(self, start_time: float) -> None: ...
        def add_windows(self, rows: TagScores) -> None: ...
        def end(self, duration_s: float) -> None: ...
        def add_rows(self, rows: TagScores) -> None:
            stored.extend((start_s, start_s + rows.span_s) for start_s in rows.start_s.tolist())

    sound = make_levels((9, 0.0), (0.5, 0.9), (11.5, 0.0), (0.5, 0.9), (12, 0.0))
    query = LiveQuery(understand(()), Settings(), speech_threshold=0.2)
    listener = Listener(by_level, query, StreamClock(), recorder=Keep())
    spans = [line for line in listener.listen(ListedItems(cut(sound))) if isinstance(line, DroppedLine)]
    assert len(spans) == 2
    assert len(stored) > 100
    for span in spans:
        assert not [each for each in stored if each[1] > span.start_s + 1e-9 and each[0] < span.end_s - 1e-9]


def test_privacy_leaves_speech_out_of_scenes(by_level: LoadedEncoder) -> None:
    profiles = profile_scenes(["park"], read_places(""))
    sound = make_levels((20, 0.0), (20, 0.9))
    lines = listen(cut(sound), [], by_level, profiles=profiles, scenes_every_s=20.0, speech_threshold=0.2)
    assert [(line.start_s, line.end_s) for line in lines if isinstance(line, SceneLine)] == [(0.0, 20.0)]


def test_hours_of_speech_are_one_span(by_level: LoadedEncoder) -> None:
    lines = listen(cut(make_levels((6, 0.0), (60, 0.9), (8, 0.0))), ["siren"], by_level, speech_threshold=0.2)
    assert [(line.start_s, line.end_s) for line in lines if isinstance(line, DroppedLine)] == [(3.0, 69.0)]
