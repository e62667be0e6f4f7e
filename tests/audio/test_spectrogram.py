"""A recording as a picture of bounded size."""

from __future__ import annotations

import numpy as np
import pytest

from earwitness.audio.mel import MelSpec, compute_log_mel_in_numpy
from earwitness.audio.read import Waveform
from earwitness.audio.spectrogram import DB_PER_STEP, Spectrogram, SpectrogramMaker
from made_sounds import make_noise, make_tone

RATE_HZ = 16000


def draw(samples: np.ndarray, block_s: float = 3.0, max_columns: int = 1000) -> Spectrogram:
    maker = SpectrogramMaker(max_columns)
    step = round(block_s * RATE_HZ)
    for start in range(0, len(samples), step):
        maker.add(Waveform(samples[start : start + step], RATE_HZ, start / RATE_HZ))
    return maker.finish()


def test_levels_are_the_log_mel_in_decibels() -> None:
    samples = make_noise(2.0)
    drawn = draw(samples)
    log_mel = compute_log_mel_in_numpy(samples[None], MelSpec.at(RATE_HZ))[0, 0] * (10 / np.log(10))
    assert drawn.levels.shape == (80, 200)
    assert drawn.step_s == 0.01
    assert np.abs(drawn.levels_db - log_mel[:, :200]).max() <= DB_PER_STEP / 2 + 1e-3


def test_a_tone_is_drawn_at_its_frequency_and_time() -> None:
    samples = np.zeros(20 * RATE_HZ, np.float32)
    samples[5 * RATE_HZ : 6 * RATE_HZ] = make_tone(1.0, frequency_hz=1000.0)
    drawn = draw(samples)
    band, column = np.unravel_index(drawn.levels.argmax(), drawn.levels.shape)
    assert drawn.centres_hz[band] == pytest.approx(1000, rel=0.05)
    assert 5.0 <= column * drawn.step_s < 6.0


@pytest.mark.parametrize("block_s", [0.013, 0.5, 3.0, 40.0])
def test_however_long_it_is_the_picture_stays_within_its_columns(block_s: float) -> None:
    samples = np.zeros(37 * RATE_HZ, np.float32)
    for second in (0, 17, 36):
        samples[second * RATE_HZ : second * RATE_HZ + 1600] = make_tone(0.1, frequency_hz=1000.0)
    drawn = draw(samples, block_s, max_columns=500)
    assert 250 <= drawn.levels.shape[1] <= 500
    assert drawn.step_s * drawn.levels.shape[1] == pytest.approx(37.0, abs=2 * drawn.step_s)
    band = int(np.abs(drawn.centres_hz - 1000).argmin())
    loud_s = np.flatnonzero(drawn.levels[band] > 120) * drawn.step_s
    for second in (0, 17, 36):
        assert np.abs(loud_s - second).min() <= drawn.step_s + 1e-6, f"{second} s is drawn elsewhere"


def test_it_can_be_narrowed_further() -> None:
    drawn = draw(make_noise(4.0))
    narrow = drawn.narrowed(100)
    assert narrow.levels.shape == (80, 100)
    assert narrow.step_s == pytest.approx(0.04)
    assert np.array_equal(narrow.levels.max(axis=1), drawn.levels.max(axis=1))


def test_a_sound_of_one_window_is_drawn_and_nothing_is_told() -> None:
    assert draw(make_noise(0.03)).levels.shape[1] >= 1
    with pytest.raises(ValueError, match="no sound"):
        SpectrogramMaker().finish()
