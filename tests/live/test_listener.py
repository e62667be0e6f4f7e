"""The chain on a stream: events close to the file's, gaps in their place, memory that stays."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

import earwitness
from demo_recording import make_recording
from earwitness.audio.windows import Windows, slide
from earwitness.encoders.load import LoadedEncoder, load_encoder
from earwitness.errors import AudioError, SettingsError
from earwitness.live.clock import StreamClock
from earwitness.live.event_lines import EventLine
from earwitness.live.items import AudioChunk, Break, Gap, Item, Trouble
from earwitness.live.listener import Listener, LiveQuery, gather, limit_windows
from earwitness.live.scenes import SceneLine
from earwitness.live.segments import ErrorLine, GapLine
from earwitness.live.session import describe_state
from earwitness.recognition.events import Event
from earwitness.recognition.methods import understand
from earwitness.recognition.stream import StreamEventFinder
from earwitness.recognition.tags import TagScores
from earwitness.settings import EncoderSettings, Settings
from earwitness.words.places import profile_scenes, read_places
from level_encoder import go_by_level, make_levels
from live_items import RATE_HZ, ListedItems, cut, events_of, listen
from made_sounds import make_noise

WORDS = ["siren", "thunder", "glass breaking", "dog bark", "smoke alarm"]
DEMO = make_recording()[0]


@pytest.fixture(scope="module")
def onnx() -> LoadedEncoder:
    """The encoder on ONNX Runtime, where no window feels the others of its batch."""
    return load_encoder(compute=EncoderSettings(runtime="onnx"))


def recognised(path: Path | tuple[np.ndarray, int], encoder: LoadedEncoder, words: list[str] = WORDS) -> list[Event]:
    return list(earwitness.recognize(path, events=words, encoder=encoder).events)


def in_order(lines: list[EventLine]) -> list[Event]:
    return sorted((line.event for line in lines), key=lambda event: (event.onset_s, event.word))


def find_live(samples: np.ndarray, encoder: LoadedEncoder, words: Sequence[str] = WORDS) -> list[Event]:
    """Return the events of samples that come in equal chunks."""
    return rounded(in_order(events_of(listen(cut(samples), words, encoder))))


def rounded(events: Sequence[Event]) -> list[Event]:
    """Round scores: a product of matrices adds a row in another order where there are fewer rows."""
    return [
        replace(
            each, score=round(each.score, 5), tags=tuple(replace(tag, share=round(tag.share, 5)) for tag in each.tags)
        )
        for each in events
    ]


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [(1, 15, 333, 70001), (160,), (16000 * 30,)])
@pytest.mark.parametrize("waiting_s", [0.0, 1e9])
def test_events_do_not_depend_on_how_sound_comes(onnx: LoadedEncoder, sizes: tuple[int, ...], waiting_s: float) -> None:
    wanted = find_live(DEMO, onnx)
    lines = listen(cut(DEMO, RATE_HZ, sizes), WORDS, onnx, waiting_s=waiting_s)
    assert len(wanted) >= 4
    assert rounded(in_order(events_of(lines))) == wanted


def is_near(event: Event, other: Event) -> bool:
    """Return whether two events of a word begin together; a stream's may end later, as its background is older."""
    is_same = event.word == other.word
    return is_same and abs(event.onset_s - other.onset_s) <= 0.5 and abs(event.offset_s - other.offset_s) <= 3.0


def time_in(events: Sequence[Event], others: Sequence[Event]) -> float:
    """Return the share of the time of events that lies in others."""
    steps = np.arange(0, 120, 0.01)
    inside, both = (
        np.any([(steps >= each.onset_s) & (steps < each.offset_s) for each in group], axis=0)
        for group in (events, others)
    )
    return float((inside & both).sum() / inside.sum())


@pytest.mark.slow
def test_a_streams_events_are_close_to_a_files(onnx: LoadedEncoder) -> None:
    sound = np.concatenate([np.roll(DEMO, round(shift_s * RATE_HZ)) for shift_s in (0.0, 0.72, 0.31, 0.0)])
    words = [*WORDS, "telephone ringing", "whistling", "rain"]
    file = recognised((sound, RATE_HZ), onnx, words)
    live = find_live(sound, onnx, words)
    short = [each for each in file if each.word != "rain"]
    found = [each for each in live if each.word != "rain"]
    assert len(short) >= 26
    assert all(any(is_near(each, other) for other in found) for each in short if each.onset_s > 20)
    assert sum(not any(is_near(each, other) for other in short) for each in found) <= 2
    rain = [[each for each in events if each.word == "rain"] for events in (file, live)]
    assert time_in(*rain) > 0.7
    assert time_in(*reversed(rain)) > 0.9


@pytest.mark.parametrize("seconds", [0.5, 1.7, 2.0, 3.3])
def test_short_streams_end_as_short_files_do(onnx: LoadedEncoder, seconds: float) -> None:
    part = DEMO[int(9.1 * RATE_HZ) : int((9.1 + seconds) * RATE_HZ)]  # thunder
    wanted = recognised((part, RATE_HZ), onnx)
    assert wanted
    assert [(e.word, e.onset_s, e.offset_s) for e in find_live(part, onnx)] == [
        (e.word, e.onset_s, e.offset_s) for e in wanted
    ]


@pytest.mark.slow
def test_real_recordings_as_streams_give_the_files_events(shared: Path, onnx: LoadedEncoder) -> None:
    words = ["baby cry", "glass break", "gunshot", "speech", "music"]
    for path in sorted((shared / "data" / "tut" / "audio").glob("*.wav")):
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        wanted = recognised(path, onnx, words)
        live = in_order(events_of(listen(cut(samples, rate, (4099, 1, 50000)), words, onnx)))
        assert [each.word for each in live] == [each.word for each in wanted], path.name
        assert all(is_near(*pair) for pair in zip(live, wanted, strict=True)), path.name


@pytest.mark.slow
def test_batches_change_nothing_but_rounding(encoder: LoadedEncoder, onnx: LoadedEncoder) -> None:
    windows = next(slide(earwitness.load_audio((DEMO, RATE_HZ)), 2.0, 1.0, n_batch=16)).samples
    for each, allowed in ((onnx, 0.0), (encoder, 1e-4)):
        one_by_one = np.concatenate([each.token_logits(windows[i : i + 1]) for i in range(len(windows))])
        assert np.abs(each.token_logits(windows) - one_by_one).max() <= allowed


def test_an_event_does_not_outlast_its_stretch(by_level: LoadedEncoder) -> None:
    (line,) = events_of(listen(cut(make_levels((0.9, 0.2))), ["siren"], by_level))
    assert (line.event.onset_s, line.event.offset_s) == (0.0, 0.9)  # its last token overhangs by 60 ms


def test_every_event_begins_before_it_ends_and_has_an_id_of_its_own(onnx: LoadedEncoder) -> None:
    lines = [line for line in listen(cut(DEMO), WORDS, onnx) if isinstance(line, EventLine)]
    open_ids: set[int] = set()
    seen: set[int] = set()
    for line in lines:
        if line.state == "began":
            assert line.id not in seen
            open_ids.add(line.id)
            seen.add(line.id)
        else:
            assert line.id in open_ids
            open_ids.remove(line.id)
    assert not open_ids


def test_an_event_is_reported_within_a_second_and_a_half(onnx: LoadedEncoder) -> None:
    taken_s = 0.0

    def chunks() -> Iterator[Item]:
        nonlocal taken_s
        for chunk in cut(DEMO, RATE_HZ, (800,)):
            yield chunk
            taken_s += 0.05

    query = LiveQuery(understand(("thunder", "siren")), Settings())
    states: list[str] = []
    for line in Listener(onnx, query, StreamClock()).listen(ListedItems(chunks())):
        assert isinstance(line, EventLine)
        states.append(line.state)
        if line.state == "began":
            assert taken_s - line.event.onset_s < 1.5
        elif line.state == "ended":  # a window, the longer median, the merge gap, a hop and a block
            assert taken_s - line.event.offset_s < 4.0 + 5.0 + 1.0 + 1.0 + 0.2
    assert sorted(states) == ["began", "began", "ended", "ended"]


@pytest.mark.slow
def test_a_gap_ends_what_is_heard_and_time_goes_on_over_it(onnx: LoadedEncoder) -> None:
    before, after = DEMO[: 10 * RATE_HZ], DEMO[8 * RATE_HZ :]
    items = [*cut(before), Break("unplugged"), Gap(100.0, "unplugged"), *cut(after)]
    lines = listen(items, WORDS, onnx)
    gaps = [line for line in lines if isinstance(line, GapLine)]
    assert gaps == [GapLine(10.0, None, "unplugged"), GapLine(10.0, 100.0, "unplugged")]
    first, second = find_live(before, onnx), find_live(after, onnx)
    detected = rounded(in_order(events_of(lines)))
    assert detected[: len(first)] == first
    assert [(e.word, round(e.onset_s - 110.0, 6)) for e in detected[len(first) :]] == [
        (e.word, round(e.onset_s, 6)) for e in second
    ]
    thunder_ends = next(i for i, line in enumerate(lines) if isinstance(line, EventLine) and line.state == "ended")
    assert thunder_ends < lines.index(gaps[1]), "what was under way ends when the sound does, not when it comes again"


def test_sound_that_a_source_lost_is_a_gap(onnx: LoadedEncoder) -> None:
    items = [*cut(DEMO[:32000]), AudioChunk(DEMO[32000:64000], RATE_HZ, lost_s=1.5)]
    lines = listen(items, WORDS, onnx)
    assert [line for line in lines if isinstance(line, GapLine)] == [GapLine(2.0, 1.5, "the source lost sound")]


def test_another_rate_begins_another_stretch_without_loss(onnx: LoadedEncoder) -> None:
    listener = Listener(onnx, LiveQuery(understand(("siren",)), Settings()), StreamClock())
    items = [*cut(DEMO[:48000]), *cut(np.repeat(DEMO[48000:96000], 3), 3 * RATE_HZ)]
    list(listener.listen(ListedItems(items)))
    assert listener.analysed_s == pytest.approx(6.0, abs=0.01)
    assert listener.segments
    assert listener.segments.now_s == pytest.approx(6.0, abs=0.01)


def test_a_failing_source_ends_events_before_it_is_told(onnx: LoadedEncoder) -> None:
    def items() -> Iterator[Item]:
        yield from cut(DEMO[: 10 * RATE_HZ])
        raise AudioError("the cable is cut")

    query = LiveQuery(understand(("thunder",)), Settings())
    detected: list[object] = []
    with pytest.raises(AudioError, match="the cable is cut"):
        detected.extend(Listener(onnx, query, StreamClock()).listen(ListedItems(items())))
    assert [line.state for line in detected if isinstance(line, EventLine)] == ["began", "ended"]


@pytest.mark.slow
def test_trouble_is_told_and_changes_nothing(onnx: LoadedEncoder) -> None:
    chunks = cut(DEMO)
    lines = listen([*chunks[:20], Trouble("odd samples"), *chunks[20:]], WORDS, onnx)
    assert ErrorLine(pytest.approx(10.0, abs=0.6), "odd samples") in lines  # type: ignore[arg-type]
    assert rounded(in_order(events_of(lines))) == find_live(DEMO, onnx)


def test_a_stretch_too_short_to_hear_is_passed_over(onnx: LoadedEncoder) -> None:
    lines = listen([*cut(DEMO[:160]), Break("off"), Gap(1.0, "off"), *cut(DEMO)], WORDS, onnx, Settings())
    assert len(events_of(lines)) >= 4


@pytest.mark.slow
def test_scenes_are_ranked_for_each_period(onnx: LoadedEncoder) -> None:
    profiles = profile_scenes(["park", "storm", "office"], read_places(""))
    lines = listen(cut(np.tile(DEMO, 3)), [], onnx, profiles=profiles, scenes_every_s=30.0)
    periods = [line for line in lines if isinstance(line, SceneLine)]
    assert [(line.start_s, line.end_s) for line in periods] == [(0.0, 30.0), (30.0, 60.0), (60.0, 90.0)]
    wanted = earwitness.recognize((DEMO, RATE_HZ), scenes=["park", "storm", "office"], encoder=onnx)
    assert [each.scene for each in periods[0].scenes] == [each.scene for each in wanted.scenes]
    for period in periods:  # a file's windows are longer
        assert period.scenes[0].score == pytest.approx(wanted.scenes[0].score, abs=1.5)


def test_scenes_of_less_than_a_window_are_ranked_too(onnx: LoadedEncoder) -> None:
    profiles = profile_scenes(["park", "storm"], read_places(""))
    lines = listen(cut(DEMO[: 3 * RATE_HZ]), [], onnx, profiles=profiles)
    assert [(line.start_s, line.end_s) for line in lines if isinstance(line, SceneLine)] == [(0.0, 3.0)]


@pytest.fixture
def by_level(onnx: LoadedEncoder) -> LoadedEncoder:
    """An encoder that hears by level only."""
    return go_by_level(onnx)


@pytest.mark.slow
@pytest.mark.parametrize("words", [["siren"], []])
def test_memory_stays_flat_over_half_an_hour(by_level: LoadedEncoder, words: list[str]) -> None:
    second = AudioChunk(make_levels((0.7, 0.2), (0.3, 0.0)), RATE_HZ)  # a siren that never ends
    profiles = profile_scenes(["park"], read_places(""))
    peaks: list[int] = []

    def half_an_hour() -> Iterator[Item]:
        for index in range(1801):
            if index % 300 == 0:
                gc.collect()
                peaks.append(tracemalloc.get_traced_memory()[0])
            yield second if index % 100 else replace(second, lost_s=1.0)

    query = LiveQuery(understand(tuple(words)), Settings(), profiles, 60.0, 0.9)
    tracemalloc.start()
    try:
        for _ in Listener(by_level, query, StreamClock()).listen(ListedItems(half_an_hour())):
            pass
    finally:
        tracemalloc.stop()
    assert peaks[-1] - peaks[1] < 100_000


def test_an_event_without_end_is_told_when_it_begins(by_level: LoadedEncoder) -> None:
    lines = listen(cut(make_levels((3, 0.0), (300, 0.2))), ["siren"], by_level)
    assert [(line.state, round(line.event.onset_s)) for line in lines if isinstance(line, EventLine)] == [
        ("began", 3),
        ("ended", 3),
    ]


def test_every_token_of_a_long_stream_is_there_once(by_level: LoadedEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    starts: list[float] = []
    add = StreamEventFinder.add

    def spy(self: StreamEventFinder, rows: TagScores) -> list[Event]:
        starts.extend(rows.start_s)
        return add(self, rows)

    monkeypatch.setattr(StreamEventFinder, "add", spy)
    monkeypatch.setattr(StreamEventFinder, "foresee", lambda self, rows: [])
    listen(cut(make_noise(600.3), sizes=(5000, 40000)), ["siren"], by_level, waiting_s=1e9)
    np.testing.assert_allclose(starts, 0.16 * np.arange(len(starts)), atol=1e-6)
    assert len(starts) == pytest.approx(600.3 / 0.16, abs=2)


def test_windows_are_short_and_one_kind_serves_everything() -> None:
    asked = Settings(window_s=10.0, hop_s=5.0, clip_window_s=10.0)
    for given, wanted in ((asked, (4.0, 1.0)), (replace(asked, window_s=2.0, hop_s=0.5), (2.0, 0.5))):
        limited = LiveQuery(understand(("siren",)), given).settings
        assert (limited.window_s, limited.hop_s, limited.clip_window_s) == (*wanted, wanted[0])
    assert limit_windows(replace(asked, window_s=0.5, hop_s=0.5)).hop_s == 0.5


def test_windows_are_gathered_only_while_more_can_be_had() -> None:
    one = Windows(np.zeros((1, 8), np.float32), np.zeros(1), np.full(1, 8), RATE_HZ)
    sizes = [len(each.samples) for each in gather(iter([one] * 20), lambda: False, 16)]
    assert sizes == [1] * 20
    sizes = [len(each.samples) for each in gather(iter([one] * 20), lambda: True, 16)]
    assert sizes == [16, 4]


def test_what_is_for_recordings_only_is_refused(onnx: LoadedEncoder) -> None:
    for settings in (Settings(method="tmrl"), Settings(noise_factor=0.1)):
        with pytest.raises(SettingsError, match="live listening takes method='earwitness' without noise"):
            listen([], ["siren"], onnx, settings)


@pytest.mark.slow
def test_people_see_level_time_and_how_far_behind_it_is(onnx: LoadedEncoder) -> None:
    listener = Listener(onnx, LiveQuery(understand(("siren",)), Settings()), StreamClock())
    items = ListedItems(cut(make_levels((75, 0.1))))
    list(listener.listen(items))
    assert listener.segments
    items.ready_s = 12.0
    details = describe_state(listener.segments, listener)
    assert details.startswith("0:01:15  0 events    -20 dB [#############")
    assert details.endswith("12.0 s behind")
