"""Thresholds on background: the promise is kept on background that was not used to choose them."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from earwitness.audio.read import Waveform
from earwitness.calibration.poisson import bound_count, find_interval
from earwitness.calibration.thresholds import WordTraces, calibrate_thresholds, choose_thresholds, trace_words
from earwitness.encoders.load import LoadedEncoder
from earwitness.errors import SettingsError
from earwitness.recognition.evidence import ScoreTrack
from earwitness.recognition.pipeline import recognize
from earwitness.settings import Settings
from earwitness.words.meanings import understand_words
from made_sounds import RATE_HZ, make_noise, make_tone

pytestmark = pytest.mark.slow

SPAN_S = 0.16
WORDS = ("siren",)


def make_traces(scores: np.ndarray) -> WordTraces:
    """Return scores (N, 1) as those of a recording."""
    return WordTraces(ScoreTrack(scores, WORDS, SPAN_S * np.arange(len(scores)), SPAN_S), len(scores) * SPAN_S)


def make_heard(hours: float, seed: int, per_hour: float = 60.0, scale: float = 0.5, level: float = -3.0) -> WordTraces:
    """Make up an hour's scores: peaks come by chance, and reach exponentially above a level, in logits."""
    random = np.random.default_rng(seed)
    n_rows = round(hours * 3600 / SPAN_S)
    logits = random.normal(level - 6, 0.3, n_rows)
    at = random.integers(0, n_rows, random.poisson(per_hour * hours))
    np.maximum.at(logits, at, level + random.exponential(scale, len(at)))
    scores = (1 / (1 + np.exp(-logits))).astype(np.float32)[:, None]
    return make_traces(scores)


def count(detected: WordTraces, threshold: float) -> int:
    return len(detected.find(0, Settings(thresholds=(("siren", threshold),))))


def test_a_promise_that_can_be_counted_is_kept_on_other_background(encoder: LoadedEncoder) -> None:
    n_new, n_promised = 0, 0.0
    for seed in range(0, 20, 2):
        calibration = choose_thresholds([make_heard(4, seed)], 2.0, Settings(), encoder, may_lower=True)
        (word,) = calibration.words
        assert not word.is_extrapolated
        assert word.threshold is not None
        assert word.n_events == count(make_heard(4, seed), word.threshold)
        assert word.n_events <= 2.0 * 4 - 1
        assert word.upper_per_hour == pytest.approx(bound_count(word.n_events) / 4, rel=1e-3)
        n_new += count(make_heard(4, seed + 1), word.threshold)
        n_promised += 2.0 * 4
    low, high = find_interval(n_new)
    assert low <= n_promised
    assert high >= 0.6 * n_promised  # the lowest that keeps it: not a threshold that is never reached


def test_a_promise_that_cannot_be_counted_is_extrapolated_and_kept(encoder: LoadedEncoder) -> None:
    n_new = 0
    for seed in range(0, 40, 2):
        calibration = choose_thresholds([make_heard(0.5, seed)], 1.0, Settings(), encoder, may_lower=True)
        (word,) = calibration.words
        assert word.is_extrapolated
        assert word.threshold is not None
        assert word.n_events == 0
        assert word.upper_per_hour == pytest.approx(5.99, abs=0.01)
        assert (calibration.provable_per_hour, calibration.hours_needed) == pytest.approx((5.99, 3.0), abs=0.01)
        n_new += count(make_heard(5, seed + 1), word.threshold)
    assert 20 < n_new < 160  # 100 hours promise 100; thresholds from half an hour scatter


def test_a_lower_promise_needs_a_higher_threshold(encoder: LoadedEncoder) -> None:
    detected = [make_heard(3, 0), make_heard(3, 1)]
    chosen = [
        choose_thresholds(detected, rate, Settings(), encoder, may_lower=True).words[0]
        for rate in (0.1, 1.0, 10.0, 30.0)
    ]
    thresholds = [each.threshold or 1.0 for each in chosen]
    assert thresholds == sorted(thresholds, reverse=True)
    assert len(set(thresholds)) == 4
    assert chosen[0].looser == chosen[1].threshold
    assert count(detected[0], thresholds[1] * 0.8) + count(detected[1], thresholds[1] * 0.8) > 6


def test_a_word_that_is_always_heard_gets_no_threshold(encoder: LoadedEncoder) -> None:
    calibration = choose_thresholds([make_heard(4, 0, level=6.0)], 1.0, Settings(), encoder, may_lower=True)
    assert calibration.words[0].threshold is None
    assert calibration.words[0].n_events > 100
    assert calibration.settings.thresholds == ()


def test_a_word_that_is_never_heard_gets_the_lowest_threshold(encoder: LoadedEncoder) -> None:
    calibration = choose_thresholds([make_heard(4, 0, level=-9.0)], 1.0, Settings(), encoder, may_lower=True)
    assert calibration.settings.thresholds == (("siren", 0.01),)


def test_no_threshold_is_below_the_usual_one_unless_asked_for(encoder: LoadedEncoder) -> None:
    (word,) = choose_thresholds([make_heard(4, 0, level=-9.0)], 1.0, Settings(), encoder).words
    assert (word.threshold, word.n_events, word.is_extrapolated) == (0.5, 0, False)
    assert word.upper_per_hour == pytest.approx(3.0 / 4, rel=0.01)


def test_silence_gives_a_threshold_too(encoder: LoadedEncoder) -> None:
    detected = make_traces(np.full((2000, 1), 1e-7, np.float32))
    assert choose_thresholds([detected], 1.0, Settings(), encoder, may_lower=True).words[0].threshold == 0.01


@pytest.fixture(scope="module")
def halves(encoder: LoadedEncoder) -> list[WordTraces]:
    """Two recordings of noise with beeps, as they are heard: other noise, other beeps, the same chance."""
    meanings = understand_words(["beep"])
    return [trace_words(make_beeps(seed), meanings, Settings(), encoder) for seed in (1, 2)]


def make_beeps(seed: int, duration_s: float = 180.0, n_beeps: int = 36) -> Waveform:
    random = np.random.default_rng(seed)
    samples = 0.3 * make_noise(duration_s, seed=seed)
    for onset_s in random.uniform(0, duration_s - 1, n_beeps):
        beep = random.exponential(0.5) * make_tone(random.uniform(0.1, 0.6), frequency_hz=random.uniform(800, 3000))
        first = round(onset_s * RATE_HZ)
        samples[first : first + len(beep)] += beep
    return Waveform(samples, RATE_HZ)


def test_the_promise_holds_on_a_held_out_half_and_breaks_below_it(
    halves: list[WordTraces], encoder: LoadedEncoder
) -> None:
    first, second = halves
    promised = 80.0  # per hour: 4 in three minutes
    calibration = choose_thresholds([first], promised, Settings(), encoder, may_lower=True)
    (word,) = calibration.words
    assert not word.is_extrapolated
    n_new = len(second.find(0, calibration.settings))
    assert find_interval(n_new)[0] <= promised * second.duration_s / 3600
    too_low = Settings(thresholds=(("beep", 0.1 * (word.threshold or 1.0)),))
    n_new = len(second.find(0, too_low))
    assert find_interval(n_new)[0] > promised * second.duration_s / 3600


def test_listening_hears_on_the_background_what_was_counted(encoder: LoadedEncoder) -> None:
    sources = [make_beeps(3, 40.0, 8), make_beeps(4, 40.0, 8)]
    calibration = calibrate_thresholds(sources, ["beep", "Siren"], 200.0, Settings(), encoder)
    listen = partial(recognize, events=["beep", "siren"], settings=calibration.settings, encoder=encoder)
    events = [event.word for source in sources for event in listen(source).events]
    assert [events.count("beep"), events.count("siren")] == [each.n_events for each in calibration.words]
    assert calibration.hours == pytest.approx(80 / 3600)


def test_what_cannot_be_promised_is_refused(encoder: LoadedEncoder) -> None:
    choose = partial(choose_thresholds, encoder=encoder)
    with pytest.raises(SettingsError, match=r"40 s of background: give 60 s at least"):
        choose([make_heard(40 / 3600, 0)], 1.0, Settings())
    for rate in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(SettingsError, match=r"false_alarms_per_hour=.*: give a rate above 0"):
            choose([make_heard(1, 0)], rate, Settings())
    with pytest.raises(SettingsError, match="tmrl.*no thresholds to calibrate"):
        choose([make_heard(1, 0)], 1.0, Settings(method="tmrl"))


def test_thresholds_of_other_words_stay(encoder: LoadedEncoder) -> None:
    before = Settings(thresholds=(("bark", 0.7), ("SIREN", 0.6)))
    after = choose_thresholds([make_heard(4, 0)], 1.0, before, encoder, may_lower=True).settings
    assert [word for word, _ in after.thresholds] == ["bark", "siren"]
