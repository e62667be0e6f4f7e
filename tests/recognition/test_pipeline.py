"""The whole chain: a recording and words in, events, scenes, tags and clip scores out."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

import earwitness
from demo_recording import make_recording
from earwitness.audio.read import Waveform
from earwitness.encoders.load import LoadedEncoder, load_encoder
from earwitness.errors import SettingsError, WordError
from earwitness.recognition.pipeline import Recognition, calibrate_run
from earwitness.settings import Settings

WORDS = ["telephone ringing", "dog bark", "gunshot"]
SCENES = ["storm", "library", "bus"]


@pytest.fixture(scope="module")
def loaded() -> LoadedEncoder:
    return load_encoder()


@pytest.fixture(scope="module")
def waveform() -> Waveform:
    """The first 12 s of the demo: rain, a telephone at 2.1 s, a dog at 6.2 s, thunder at 9.1 s."""
    samples, _ = make_recording()
    return Waveform(samples[: 12 * 16000], 16000)


@pytest.fixture(scope="module")
def recognition(waveform: Waveform, loaded: LoadedEncoder) -> Recognition:
    return earwitness.recognize(waveform, WORDS, SCENES, encoder=loaded)


def test_events_scenes_and_tags_are_told_with_their_origin(recognition: Recognition, loaded: LoadedEncoder) -> None:
    assert [event.word for event in recognition.events] == ["telephone ringing"]
    assert recognition.events[0].onset_s == pytest.approx(2.1, abs=0.3)
    assert recognition.events[0].tags[0].tag == "Telephone bell ringing"
    assert recognition.scenes[0].scene == "storm"
    assert len(recognition.scenes) == 3
    assert len(recognition.tags) == recognition.settings.n_tags
    assert recognition.duration_s == 12.0
    assert recognition.weights_sha256 == loaded.sha256
    assert recognition.event_words == WORDS
    assert recognition.version == earwitness.__version__


@pytest.mark.slow
def test_a_file_a_stream_an_array_and_a_waveform_give_the_same(
    recognition: Recognition, waveform: Waveform, loaded: LoadedEncoder, tmp_path: Path
) -> None:
    path = tmp_path / "demo.wav"
    soundfile.write(path, waveform.samples, 16000, subtype="FLOAT")
    for source in (path, str(path), io.BytesIO(path.read_bytes()), (waveform.samples, 16000)):
        again = earwitness.recognize(source, WORDS, SCENES, encoder=loaded)
        assert again.events == recognition.events
        assert [each.scene for each in again.scenes] == [each.scene for each in recognition.scenes]


def test_silence_has_no_events(loaded: LoadedEncoder) -> None:
    silent = earwitness.recognize((np.zeros(16000 * 5, np.float32), 16000), WORDS, SCENES, encoder=loaded)
    assert silent.events == []
    assert silent.tags[0].tag == "Silence"


def test_progress_goes_from_nothing_to_all(waveform: Waveform, loaded: LoadedEncoder) -> None:
    shares: list[float] = []
    earwitness.recognize(waveform, WORDS, encoder=loaded, on_progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_classify_scores_every_word_best_first(waveform: Waveform, loaded: LoadedEncoder) -> None:
    clip = replace(waveform, samples=waveform.samples[32000:72000])
    scores = earwitness.classify(clip, ["chainsaw", "telephone ringing", "baby cry"], encoder=loaded)
    assert scores[0].word == "telephone ringing"
    assert scores[0].score > 0.5 > scores[1].score >= scores[2].score


@pytest.mark.slow
def test_a_long_clip_takes_each_words_best_window(loaded: LoadedEncoder) -> None:
    samples, _ = make_recording()
    whole = {s.word: s.score for s in earwitness.classify((samples, 16000), ["siren", "rain"], encoder=loaded)}
    parts = [
        {
            s.word: s.score
            for s in earwitness.classify((samples[at : at + 160000], 16000), ["siren", "rain"], encoder=loaded)
        }
        for at in (0, 160000, 320000)
    ]
    assert whole == {word: pytest.approx(max(part[word] for part in parts), abs=1e-4) for word in whole}


@pytest.mark.slow
def test_the_published_method_is_one_setting_away(waveform: Waveform, loaded: LoadedEncoder) -> None:
    published = earwitness.recognize(waveform, WORDS, SCENES, Settings(method="tmrl"), loaded)
    assert {event.word for event in published.events} >= {"telephone ringing", "dog bark"}
    assert all(event.onset_s == int(event.onset_s) for event in published.events)
    assert {each.scene for each in published.scenes} == set(SCENES)


@pytest.mark.slow
def test_noise_is_added_and_the_same_every_time(
    waveform: Waveform, loaded: LoadedEncoder, recognition: Recognition
) -> None:
    noisy = [earwitness.recognize(waveform, WORDS, (), Settings(noise_factor=0.3), loaded) for _ in range(2)]
    assert noisy[0].tags == noisy[1].tags
    assert noisy[0].tags != recognition.tags
    assert noisy[0].events != recognition.events


def test_a_word_that_cannot_be_understood_is_told_before_any_work(waveform: Waveform, loaded: LoadedEncoder) -> None:
    with pytest.raises(WordError, match="an empty word"):
        earwitness.recognize(waveform, [""], (), None, loaded)


def test_blind_calibration_gives_a_second_score_and_changes_no_answer(recognition: Recognition) -> None:
    shifted = [recognition] * 6
    with_bus = [replace(each, score=each.score + (each.scene == "bus")) for each in recognition.scenes]
    shifted[3] = replace(recognition, scenes=with_bus)
    calibrated = calibrate_run(shifted)
    assert max(calibrated[3].scenes, key=lambda each: each.run_score or 0.0).scene == "bus"
    assert [replace(each, run_score=None) for each in calibrated[3].scenes] == shifted[3].scenes
    assert calibrated[3].scenes[0].scene == "storm"
    with pytest.raises(SettingsError, match="2 clips are too few for blind calibration; .* listen to more recordings"):
        calibrate_run(shifted[:2])
    with pytest.raises(SettingsError, match="needs the same scene words"):
        calibrate_run([*shifted, replace(recognition, scenes=[])])
