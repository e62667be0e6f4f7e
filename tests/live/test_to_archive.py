"""What is heard live, kept in a store and asked later: the events of the stream, none of what privacy drops."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from pathlib import Path

import pytest
from typer.testing import CliRunner

from demo_recording import make_recording
from earwitness.archive.tag_store import open_store
from earwitness.cli.main import app
from earwitness.encoders.load import LoadedEncoder, load_encoder
from earwitness.errors import ArchiveError
from earwitness.live import to_archive as keeping
from earwitness.live.clock import StreamClock
from earwitness.live.items import Break, Gap, Item
from earwitness.live.listener import Listener, LiveQuery
from earwitness.live.to_archive import TagRecorder
from earwitness.recognition.pipeline import understand
from earwitness.settings import EncoderSettings, Settings
from live_items import ListedItems, cut, events_of

DEMO = make_recording()[0]
WORDS = ["thunder", "siren"]


@pytest.fixture(scope="module")
def onnx() -> LoadedEncoder:
    return load_encoder(compute=EncoderSettings(runtime="onnx"))


def keep(folder: Path, items: list[Item], encoder: LoadedEncoder, **query: float) -> list[object]:
    """Listen with a store; return the events that were told."""
    recorder = TagRecorder(folder, "porch", Settings(), encoder)
    clock = StreamClock(lambda: 1_000_000_000.0, lambda: 0.0, began=1_000_000_000.0)
    listener = Listener(encoder, LiveQuery(understand(tuple(WORDS)), Settings(), **query), clock, recorder=recorder)  # type: ignore[arg-type]
    return [line.event for line in events_of(listener.listen(ListedItems(items)))]


@pytest.mark.slow
def test_words_asked_later_are_answered_like_those_asked_live(tmp_path: Path, onnx: LoadedEncoder) -> None:
    details = keep(tmp_path / "store", cut(DEMO), onnx)
    (entry,) = open_store(tmp_path / "store").files
    assert entry.path.startswith("live/porch/")
    assert entry.duration_s == pytest.approx(30.0)
    answer = open_store(tmp_path / "store").ask([*WORDS, "glass breaking"], scenes=["storm", "office"])
    detected = {each.event.word: each.event for each in answer.events}
    assert set(detected) == {*WORDS, "glass breaking"}
    for event in details:
        assert detected[event.word].onset_s == pytest.approx(event.onset_s, abs=1.1)  # type: ignore[attr-defined]
        assert detected[event.word].score == pytest.approx(event.score, abs=0.15)  # type: ignore[attr-defined]
    assert [each.scene for each in answer.scenes[0].ranked] == ["storm", "office"]


@pytest.mark.slow
def test_a_gap_and_the_end_of_an_hour_begin_another_recording(
    tmp_path: Path, onnx: LoadedEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "PERIOD_S", 16.0)
    keep(tmp_path / "store", [*cut(DEMO), Break("off"), Gap(100.0, "off"), *cut(DEMO[: 5 * 16000])], onnx)
    entries = sorted(open_store(tmp_path / "store").files, key=lambda each: each.start_time or 0)
    assert [round(each.duration_s, 3) for each in entries] == [16.0, 14.0, 5.0]
    starts = [each.start_time for each in entries]
    assert [round(each - starts[0], 3) for each in starts if each is not None and starts[0] is not None] == [0, 16, 130]
    events = open_store(tmp_path / "store").ask(["siren"]).events
    onsets = [(each.start_time or 0) - (starts[0] or 0) for each in events]
    assert onsets == [pytest.approx(22, abs=1.1)]


@pytest.mark.slow
def test_what_privacy_drops_is_not_kept(tmp_path: Path, onnx: LoadedEncoder) -> None:
    keep(tmp_path / "open", cut(DEMO), onnx)
    keep(tmp_path / "private", cut(DEMO), onnx, speech_threshold=0.0)
    assert open_store(tmp_path / "open").ask(["thunder"]).events
    assert not open_store(tmp_path / "private").ask(["thunder"]).events
    rows = open_store(tmp_path / "private").files[0]
    assert rows.chunks[0].n_clips == 0


def test_the_hour_that_comes_twice_when_clocks_are_set_back_is_kept_twice(
    tmp_path: Path, onnx: LoadedEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    try:
        recorder = TagRecorder(tmp_path / "store", "porch", Settings(), onnx)
        recorder.begin(datetime(2026, 10, 25, 0, 30, tzinfo=timezone.utc).timestamp())  # 2:30 of summer
        recorder.end(7200.0)
    finally:
        monkeypatch.undo()
        time.tzset()
    entries = open_store(tmp_path / "store").files
    assert [each.path[-24:] for each in entries] == ["20261025-023000.000+0100", "20261025-023000.000+0200"]


def test_another_encoders_store_is_refused(tmp_path: Path, onnx: LoadedEncoder) -> None:
    TagRecorder(tmp_path / "store", "porch", Settings(), onnx)
    with pytest.raises(ArchiveError, match="window_s"):
        TagRecorder(tmp_path / "store", "porch", Settings(window_s=3.0, hop_s=1.0), onnx)


@pytest.mark.slow
def test_the_command_keeps_without_any_word(tmp_path: Path) -> None:
    path = tmp_path / "street.raw"
    path.write_bytes((DEMO * 32767).astype("<i2").tobytes())
    result = CliRunner().invoke(app, ["live", str(path), "--store", str(tmp_path / "store"), "--runtime", "onnx"])
    assert result.exit_code == 0, result.output
    assert {each.event.word for each in open_store(tmp_path / "store").ask(WORDS).events} == set(WORDS)
