"""One recording to pieces: the same whichever of them are still to be done, and as `analyse` hears it."""

from __future__ import annotations

import os
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from demo_recording import make_recording
from earwitness.archive import extract as hearing
from earwitness.archive.extract import ExtractTask, extract_file, pool_rows
from earwitness.archive.quantise import quantise_logits, quantise_scores
from earwitness.audio.read import load_audio
from earwitness.audio.windows import slide
from earwitness.encoders.load import LoadedEncoder
from earwitness.errors import AudioError, SettingsError
from earwitness.recognition.analysis import analyse
from earwitness.recognition.evidence import smooth
from earwitness.recognition.tags import score_windows
from earwitness.settings import Settings
from made_sounds import WriteWav, make_tone

ONNX = Settings(runtime="onnx")


@pytest.fixture
def demo(write_wav: WriteWav) -> Path:
    """Sounds of 90 s: with pieces of 32 s, two whole ones and a rest."""
    samples, _ = make_recording()
    return write_wav("demo.wav", np.tile(samples, 3))


@pytest.mark.slow
def test_a_short_recording_is_one_piece_with_the_tokens_that_analyse_hears(
    write_wav: WriteWav, onnx: LoadedEncoder
) -> None:
    path = write_wav("a.wav", make_recording()[0][: 12 * 16000])
    (chunk,) = extract_file(ExtractTask(str(path), ONNX, row_s=0.0), onnx)
    analysis = analyse(path, ONNX, onnx)
    assert (chunk.start_s, chunk.end_s, chunk.is_last, chunk.rate_hz) == (0.0, 12.0, True, 16000)
    assert np.array_equal(chunk.rows, quantise_scores(analysis.rows.logits[: len(chunk.rows)]))
    assert len(analysis.rows.logits) - len(chunk.rows) in (0, 1)  # a token that begins at the end
    assert np.abs(hearing.quantise_logits(analysis.clip.mean_logits) - chunk.clips.mean(axis=0)).max() <= 1


def test_a_row_holds_the_largest_logit_of_its_tokens() -> None:
    logits = np.arange(25, dtype=np.float32)[:, None]  # 4 s in tokens of 160 ms
    assert pool_rows(logits, 0.16, 1.0)[:, 0].tolist() == [5, 11, 18, 24]
    assert pool_rows(logits, 0.16, 0.16) is logits


@pytest.mark.slow
def test_pieces_lie_on_one_grid_and_hear_what_one_pass_hears(
    demo: Path, onnx: LoadedEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hearing, "CHUNK_S", 32.0)
    chunks = list(extract_file(ExtractTask(str(demo), ONNX, row_s=0.0), onnx))
    assert [(each.start_s, each.end_s, each.is_last) for each in chunks] == [
        *((0.0, 32.0, False), (32.0, 64.0, False)),
        (64.0, 90.0, True),
    ]
    assert [len(each.rows) for each in chunks] == [200, 200, 162]
    rows = np.concatenate([each.rows for each in chunks])
    whole = quantise_scores(analyse(demo, ONNX, onnx).rows.logits)
    assert (rows[:560] != whole[:560]).mean() < 0.001
    clips = np.concatenate([rows.logits for rows in score_windows(slide(load_audio(demo), 10.0, 5.0), onnx)])
    starts = np.concatenate([each.clip_start_s for each in chunks])
    assert starts.tolist() == [5.0 * number for number in range(17)], "each window once, by where it begins"
    assert [len(each.clips) for each in chunks] == [7, 6, 4]
    assert (np.concatenate([each.clips for each in chunks]) != quantise_logits(clips)).mean() < 0.001


@pytest.mark.slow
@pytest.mark.parametrize("settings", [ONNX, replace(ONNX, window_s=4.0, hop_s=1.5), replace(ONNX, clip_window_s=4.0)])
def test_rows_of_a_second_are_those_of_the_whole_recording(
    demo: Path, onnx: LoadedEncoder, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    (whole,) = extract_file(ExtractTask(str(demo), settings), onnx)
    tokens = analyse(demo, settings, onnx).rows.logits[...][:563]  # a token begins at 89.92 s
    assert (whole.rows != quantise_scores(pool_rows(smooth(tokens, 5), 0.16, 1.0))).mean() < 0.001
    monkeypatch.setattr(hearing, "CHUNK_S", 32.0)
    chunks = list(extract_file(ExtractTask(str(demo), settings), onnx))
    assert [len(each.rows) for each in chunks] == [32, 32, 26]
    assert (np.concatenate([each.rows for each in chunks]) != whole.rows).mean() < 0.001
    if settings.clip_window_s == settings.window_s:
        assert np.concatenate([each.clip_start_s for each in chunks]).tolist() == whole.clip_start_s.tolist()


def test_clips_of_another_length_lie_side_by_side(
    demo: Path, quick: LoadedEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hearing, "CHUNK_S", 32.0)
    chunks = list(extract_file(ExtractTask(str(demo), replace(ONNX, clip_window_s=4.0)), quick))
    starts = np.concatenate([each.clip_start_s for each in chunks])
    assert starts.tolist() == [4.0 * number for number in range(22)] + [86.0]


@pytest.mark.parametrize("duration_s", [0.3, 3.0, 10.0, 12.5, 51.9, 52.1, 64.0])
def test_every_second_has_a_row_and_a_window(
    write_wav: WriteWav, quick: LoadedEncoder, monkeypatch: pytest.MonkeyPatch, duration_s: float
) -> None:
    monkeypatch.setattr(hearing, "CHUNK_S", 32.0)
    path = write_wav("a.wav", np.resize(make_recording()[0], round(16000 * duration_s)))
    chunks = list(extract_file(ExtractTask(str(path), ONNX), quick))
    starts = np.concatenate([each.clip_start_s for each in chunks])
    n_rows = sum(len(each.rows) for each in chunks)
    assert duration_s - 0.16 <= n_rows <= np.ceil(duration_s), "the end of a window that fills no token has none"
    assert (np.diff(starts) > 0).all()
    assert (np.diff(starts) <= 5).all()
    assert starts[-1] == pytest.approx(max(0.0, duration_s - 10), abs=1e-3)
    assert len(chunks) == (2 if duration_s > 52 else 1), "what is left after 20 s more makes another chunk"


@pytest.mark.slow
@pytest.mark.parametrize("done", [{0}, {1}, {0, 1}, {2}])
def test_pieces_are_the_same_whichever_are_done_already(
    demo: Path, onnx: LoadedEncoder, monkeypatch: pytest.MonkeyPatch, done: set[int]
) -> None:
    monkeypatch.setattr(hearing, "CHUNK_S", 32.0)
    task = ExtractTask(str(demo), ONNX)
    whole = {each.number: each for each in extract_file(task, onnx)}
    rest = list(extract_file(replace(task, done=frozenset(done)), onnx))
    assert {each.number for each in rest} == {0, 1, 2} - done
    for each in rest:
        assert np.array_equal(each.rows, whole[each.number].rows)
        assert np.array_equal(each.clips, whole[each.number].clips)


def test_only_the_windows_across_a_joint_are_encoded_for_both_chunks(
    demo: Path, quick: LoadedEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hearing, "CHUNK_S", 40.0)
    list(extract_file(ExtractTask(str(demo), ONNX, row_s=0.0), quick))
    assert quick.backend.n_windows == 17 + 1  # type: ignore[attr-defined]
    list(extract_file(ExtractTask(str(demo), ONNX), quick))
    assert quick.backend.n_windows == 18 + 17 + 3, "a running median reaches past the joint"  # type: ignore[attr-defined]


def test_tasks_and_pieces_can_be_sent_to_other_machines(write_wav: WriteWav) -> None:
    task = pickle.loads(pickle.dumps(ExtractTask(str(write_wav("20260301_120000.wav", make_tone())), ONNX)))
    (chunk,) = map(pickle.loads, map(pickle.dumps, extract_file(task)))
    assert chunk.start_time == 1772366400
    assert chunk.file_id == replace(chunk, rows=chunk.rows[:0]).file_id > 0


def test_a_recording_that_changes_or_vanishes_meanwhile_is_not_kept(
    write_wav: WriteWav, quick: LoadedEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = hearing.read_blocks
    path = write_wav("a.wav", make_tone())

    def touch(*arguments: object, **named: object) -> object:
        yield from read(*arguments, **named)  # type: ignore[arg-type]
        os.utime(path, ns=(1, 1))

    monkeypatch.setattr(hearing, "read_blocks", touch)
    with pytest.raises(AudioError, match="changed while it was analysed"):
        list(extract_file(ExtractTask(str(path), ONNX), quick))

    def remove(*arguments: object, **named: object) -> object:
        yield from read(*arguments, **named)  # type: ignore[arg-type]
        path.unlink()

    monkeypatch.setattr(hearing, "read_blocks", remove)
    with pytest.raises(AudioError, match="vanished while it was analysed"):
        list(extract_file(ExtractTask(str(path), ONNX), quick))


def test_what_a_store_cannot_keep_is_refused(quick: LoadedEncoder) -> None:
    with pytest.raises(SettingsError, match="method='tmrl'"):
        list(extract_file(ExtractTask("a.wav", Settings(method="tmrl")), quick))
    with pytest.raises(SettingsError, match="clip_window_s=30.0: .* 16 s at most"):
        list(extract_file(ExtractTask("a.wav", Settings(clip_window_s=30.0)), quick))
    with pytest.raises(AudioError, match="nowhere.wav: cannot be read"):
        list(extract_file(ExtractTask("nowhere.wav", ONNX), quick))
