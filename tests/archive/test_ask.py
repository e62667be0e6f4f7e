"""A store answers as the recordings would: the same events, by recording, by hour, by time and by condition."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

import earwitness
from archive_ask import WORDS, fill_store, hear_material, time_answer
from archive_fidelity import MORE_WORDS, compare, count_matches
from demo_recording import make_recording
from earwitness import Settings, open_store
from earwitness.archive import extract as hearing
from earwitness.archive import parquet_parts as parts
from earwitness.archive.index import index_recordings
from earwitness.archive.part_writer import IndexOptions
from earwitness.archive.tag_store import TagStore
from earwitness.audio.read import find_audio
from earwitness.encoders.load import LoadedEncoder
from earwitness.errors import ArchiveError, SettingsError, WordError
from earwitness.recognition.pipeline import Recognition
from earwitness.words.meanings import understand_words
from made_sounds import make_noise

ONNX = Settings(runtime="onnx")
EVENTS = ["telephone ringing", "dog bark", "thunder"]
SCENES = ["storm", "library", "bus"]


def analyse(paths: Sequence[Path], folder: Path, encoder: LoadedEncoder, **options: object) -> TagStore:
    index_recordings(paths, folder, ONNX, encoder, IndexOptions(**options))  # type: ignore[arg-type]
    return open_store(folder)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("asking") / "site"
    folder.mkdir()
    samples, _ = make_recording()
    soundfile.write(folder / "20260301_115950.wav", samples, 16000)
    soundfile.write(folder / "20260302_120000.wav", samples[: 8 * 16000], 16000)
    return folder


@pytest.fixture(scope="module")
def recognized(demo: Path, onnx: LoadedEncoder) -> Recognition:
    return earwitness.recognize(demo / "20260301_115950.wav", EVENTS, SCENES, ONNX, onnx)


@pytest.fixture(scope="module")
def store(demo: Path, onnx: LoadedEncoder) -> TagStore:
    return analyse(find_audio([demo]), demo.parent / "store", onnx)


@pytest.mark.slow
def test_a_store_of_tokens_answers_as_recognize_does(
    demo: Path, onnx: LoadedEncoder, recognized: Recognition, tmp_path: Path
) -> None:
    answer = analyse(find_audio([demo]), tmp_path / "store", onnx, is_by_token=True).ask(EVENTS, SCENES)
    events = [each.event for each in answer.events if each.path.endswith("115950.wav")]
    assert [each.word for each in events] == [each.word for each in recognized.events]
    for event, true in zip(events, recognized.events, strict=True):
        assert event.onset_s == pytest.approx(true.onset_s, abs=0.17)
        assert event.offset_s == pytest.approx(true.offset_s, abs=0.17)
        assert event.score == pytest.approx(true.score, abs=0.02)
        assert event.tags[0].tag == true.tags[0].tag
        assert event.tags[0].share == pytest.approx(true.tags[0].share, abs=0.03)


def test_rows_of_a_second_hear_the_demos_events_within_a_second(store: TagStore, recognized: Recognition) -> None:
    events = [each.event for each in store.ask(EVENTS).events if each.path.endswith("115950.wav")]
    assert count_matches(recognized.events, events) == len(recognized.events) == len(events)


@pytest.mark.slow
def test_eight_bits_lose_nothing_that_matters(shared: Path, onnx: LoadedEncoder, tmp_path: Path) -> None:
    paths = [*find_audio([shared / "data/tut/audio"]), *find_audio([shared / "data/esc10"])[::6]]
    words = understand_words([*WORDS, *MORE_WORDS]).words
    counts = compare([path.resolve() for path in paths], words, onnx, tmp_path)
    n_floats, n_stored, n_both = counts["8 bits"]
    assert n_floats > 60
    assert n_both >= 0.97 * max(n_floats, n_stored)
    n_true, n_tokens, n_both = counts["tokens"]
    assert n_both >= 0.97 * max(n_true, n_tokens), "against recognize; 99.7 % on all shared recordings"
    n_true, n_rows, n_both = counts["seconds"]
    assert n_both >= 0.78 * n_true, "a row of a second holds the largest of its tokens"
    assert n_both >= 0.78 * n_rows


@pytest.mark.slow
def test_an_event_goes_on_across_the_border_of_pieces(
    onnx: LoadedEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples, _ = make_recording()
    ringing = samples[int(2.1 * 16000) : int(4.5 * 16000)]
    quiet = 0.001 * make_noise(30.8)
    path = tmp_path / "a.wav"
    soundfile.write(path, np.concatenate([quiet, ringing, quiet]), 16000)
    whole = analyse([path], tmp_path / "whole", onnx, is_by_token=True).ask(["telephone ringing"]).events
    monkeypatch.setattr(hearing, "CHUNK_S", 32.0)
    cut = analyse([path], tmp_path / "cut", onnx, is_by_token=True).ask(["telephone ringing"]).events
    assert len(whole) == len(cut) == 1
    assert whole[0].event.onset_s < 32 < whole[0].event.offset_s
    assert cut[0].event.onset_s == pytest.approx(whole[0].event.onset_s, abs=0.17)
    assert cut[0].event.offset_s == pytest.approx(whole[0].event.offset_s, abs=0.17)


def test_hours_are_those_of_the_clock(store: TagStore) -> None:
    answer = store.ask(EVENTS, SCENES)
    assert [each.hour.start for each in answer.scenes] == [
        *("2026-03-01T11:00:00", "2026-03-01T12:00:00", "2026-03-02T12:00:00"),
    ]
    assert [each.n_windows for each in answer.scenes] == [2, 3, 1], "every 5 s one begins"
    assert sum(each.n_events for each in answer.hours) == len(answer.events) == sum(f.n_events for f in answer.files)
    assert {each.hour.start for each in answer.hours if each.word == "thunder"} <= {
        "2026-03-01T11:00:00",
        "2026-03-01T12:00:00",
    }


@pytest.mark.slow
def test_the_scenes_of_an_hour_are_those_that_recognize_ranks(
    demo: Path, onnx: LoadedEncoder, recognized: Recognition, tmp_path: Path
) -> None:
    whole = analyse([demo / "20260301_115950.wav"], tmp_path / "store", onnx, start_from="none").ask([], SCENES)
    (hour,) = whole.scenes
    assert (hour.hour.start, Path(hour.hour.path).name) == ("+0 h", "20260301_115950.wav")
    assert [each.scene for each in hour.ranked] == [each.scene for each in recognized.scenes]
    for each, true in zip(hour.ranked, recognized.scenes, strict=True):
        assert each.score == pytest.approx(true.score, abs=0.05)


@pytest.mark.slow
def test_times_paths_and_conditions_choose(store: TagStore) -> None:
    every = store.ask(EVENTS)
    assert every.n_files == 2
    assert {Path(e.path).name for e in store.ask(EVENTS, since="2026-03-02").events} <= {"20260302_120000.wav"}
    assert store.ask(EVENTS, since="2026-03-02").n_files == 1
    until = store.ask(EVENTS, until="2026-03-01T12:00")
    assert until.n_files == 1
    assert until.events == [e for e in every.events if e.start_time is not None and e.start_time < 1772366400]
    assert store.ask(EVENTS, path="*0302_*").n_files == 1
    assert store.ask(EVENTS, where="path like '%site%' and duration_s > 10").n_files == 1
    with pytest.raises(SettingsError, match=r"where='nonsense >': .*columns are file_id, path"):
        store.ask(EVENTS, where="nonsense >")
    assert store.ask(EVENTS, where="true -- and a remark").n_files == 2
    with pytest.raises(SettingsError, match="since='yesterday': give a time such as"):
        store.ask(EVENTS, since="yesterday")
    with pytest.raises(WordError, match="empty word"):
        store.ask([" "])


@pytest.mark.parametrize(
    "where",
    [
        "path in (select content from read_text('{folder}/secret'))",
        "path in (select file from glob('{folder}/*'))",
        "true); copy (select 1) to '{folder}/written'; select path from files where (true",
        "true); attach '{folder}/written'; select path from files where (true",
        "true); set enable_external_access = true; select path from files where (true",
        "path in (select path from entries)",
    ],
)
def test_a_condition_neither_reads_nor_writes_files(store: TagStore, tmp_path: Path, where: str) -> None:
    (tmp_path / "secret").write_text("secret", encoding="utf-8")
    with pytest.raises(SettingsError, match="^where=.*(Permission Error|give one query|does not exist)"):
        store.ask(EVENTS, where=where.format(folder=tmp_path))
    assert [each.name for each in tmp_path.iterdir()] == ["secret"]


@pytest.mark.slow
def test_a_damaged_part_is_told_and_the_rest_is_asked(demo: Path, onnx: LoadedEncoder, tmp_path: Path) -> None:
    opened = analyse(find_audio([demo]), tmp_path / "store", onnx, rows_a_part=1)
    record = opened.files[1].chunks[0]
    rows = opened.parts.part_path(record.part) / parts.ROWS
    rows.write_bytes(bytes(rows.stat().st_size))
    answer = opened.ask(EVENTS)
    assert {Path(each.path).name for each in answer.events} == {"20260301_115950.wav"}
    assert len(answer.problems) == 1
    assert "damaged" in answer.problems[0]
    assert list(opened.verify()) == [record.part]


@pytest.mark.slow
def test_a_recording_without_a_start_is_left_out_of_times_and_told(
    demo: Path, onnx: LoadedEncoder, tmp_path: Path
) -> None:
    opened = analyse(find_audio([demo]), tmp_path / "store", onnx, start_from="none")
    answer = opened.ask(EVENTS, since="2026-01-01")
    assert (answer.n_files, answer.events) == (0, [])
    assert answer.problems == ["2 recordings have no start time and were left out: since and until need one"]


@pytest.mark.slow
def test_days_of_scores_are_asked_in_a_moment(onnx: LoadedEncoder, tmp_path: Path) -> None:
    fill_store(tmp_path / "store", 1, onnx, hear_material(onnx, None))
    seconds, n_events, _ = time_answer(tmp_path / "store", WORDS, [])
    assert n_events > 50
    assert seconds < 5, "a day; bench/archive_ask.py asks a month"


def test_there_must_be_a_store(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="no store here"):
        open_store(tmp_path)
