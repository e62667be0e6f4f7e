"""Hear once, ask later: an analysis answers as `recognize` does, without the audio."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

import earwitness
from demo_recording import make_recording
from earwitness.audio.read import Waveform
from earwitness.encoders.load import LoadedEncoder
from earwitness.errors import OutputError, SettingsError, WordError
from earwitness.recognition.analysis import analyse
from earwitness.recognition.pipeline import Recognition, ask
from earwitness.recognition.rows import N_ROWS_AT_ONCE, StoredRows
from earwitness.recognition.tags import ClipTags
from earwitness.settings import Settings

EVENTS = ["telephone ringing", "dog bark", "gunshot"]
SCENES = ["storm", "library", "bus"]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first 12 s of the demo: rain, a telephone at 2.1 s, a dog at 6.2 s, thunder at 9.1 s."""
    samples, _ = make_recording()
    path = tmp_path_factory.mktemp("analysis") / "demo.wav"
    soundfile.write(path, samples[: 12 * 16000], 16000)
    return path


def assert_same(left: Recognition, right: Recognition) -> None:
    assert left.events == right.events
    assert left.scenes == right.scenes
    assert left.tags == right.tags
    assert replace(left, events=[], scenes=[], tags=[]) == replace(right, events=[], scenes=[], tags=[])


@pytest.mark.slow
@pytest.mark.parametrize("method", ["earwitness", "tmrl"])
@pytest.mark.parametrize("is_in_file", [False, True])
def test_an_analysis_answers_as_recognize_does(
    path: Path, encoder: LoadedEncoder, tmp_path: Path, method: str, is_in_file: bool
) -> None:
    settings = Settings(method=method)  # type: ignore[arg-type]
    analysis = analyse(path, settings, encoder, logits_path=tmp_path / "rows.f32" if is_in_file else None)
    detected = earwitness.recognize(path, EVENTS, SCENES, settings, encoder)
    assert detected.events
    assert_same(ask(analysis, EVENTS, SCENES), detected)
    assert_same(ask(analysis, ["thunder"]), earwitness.recognize(path, ["thunder"], [], settings, encoder))


@pytest.mark.slow
def test_thresholds_can_be_chosen_when_words_are_asked(path: Path, encoder: LoadedEncoder) -> None:
    analysis = analyse(path, encoder=encoder)
    for settings in (Settings(event_threshold=0.9), Settings(thresholds={"dog bark": 0.99}, merge_gap_s=0.0)):  # type: ignore[arg-type]
        assert_same(
            ask(analysis, EVENTS, SCENES, settings), earwitness.recognize(path, EVENTS, SCENES, settings, encoder)
        )


def test_what_was_analysed_otherwise_is_not_asked(path: Path, encoder: LoadedEncoder) -> None:
    analysis = analyse(path, encoder=encoder)
    with pytest.raises(SettingsError, match=r"hop_s=0.5: the recording was analysed with 5.0"):
        ask(analysis, EVENTS, settings=Settings(hop_s=0.5))
    with pytest.raises(WordError, match="empty word"):
        ask(analysis, [" "])


def test_rows_come_in_batches_that_stay_small() -> None:
    n_rows = 2 * N_ROWS_AT_ONCE + 3
    rows = StoredRows(np.zeros((n_rows, 2), np.float32), np.arange(n_rows, dtype=np.float64), 1.0)
    batches = list(rows.batches())
    assert [len(each.logits) for each in batches] == [N_ROWS_AT_ONCE, N_ROWS_AT_ONCE, 3]
    assert np.array_equal(np.concatenate([each.start_s for each in batches]), rows.start_s)


def test_what_is_heard_is_given_on_the_way(path: Path, encoder: LoadedEncoder) -> None:
    blocks: list[Waveform] = []
    clips: list[ClipTags] = []
    shares: list[float] = []
    analysis = analyse(path, None, encoder, shares.append, blocks.append, clips.append)
    assert sum(len(each.samples) for each in blocks) == 12 * 16000
    assert [each.start_s for each in blocks] == sorted({each.start_s for each in blocks})
    assert np.array_equal(clips[0].mean_logits, analysis.clip.mean_logits)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_a_file_that_cannot_be_written_is_told(path: Path, encoder: LoadedEncoder, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        analyse(path, None, encoder, logits_path=tmp_path)
