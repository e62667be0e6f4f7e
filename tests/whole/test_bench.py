"""The benchmarks' own arithmetic: extrapolation by count, mixtures at a wanted ratio, and the counting of hits."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from calibration import leave_out
from earwitness.calibration.thresholds import WordTraces
from earwitness.recognition.events import Event
from earwitness.recognition.evidence import ScoreTrack
from earwitness.words.ontology import tag_names
from made_encoders import SMALL, make_encoder
from mixtures import EBR_DB, RATE_HZ, cut_loudest, cut_out, make_mixtures, measure_rms, mix
from published_way import Recorder, Stage, group_tags, name_events, rank_scenes, spread, time_stage
from speed import Line, write_noise, write_silence
from subprocesses import run_measured


def make_noise(seconds: float, seed: int, level: float = 0.01) -> np.ndarray:
    random = np.random.default_rng(seed)
    return (level * random.standard_normal(round(seconds * RATE_HZ))).astype(np.float32)


def make_event(word: str, onset_s: float) -> Event:
    return Event(onset_s, onset_s + 1.0, word, 0.9, onset_s, ())


def test_a_stage_is_extrapolated_by_count() -> None:
    assert Stage("pairs", n_measured=30, measured_s=3.0, n_needed=1800).total_s == pytest.approx(180.0)
    assert Stage("pairs", n_measured=0, measured_s=0.0, n_needed=0).total_s == 0.0
    with pytest.raises(ValueError, match="nothing was measured"):
        _ = Stage("pairs", n_measured=0, measured_s=0.0, n_needed=5).total_s


def test_a_timed_sample_is_spread_over_all_items_and_counted() -> None:
    assert spread(range(100), 4) == [12, 37, 62, 87]
    assert spread(range(3), 10) == [0, 1, 2]
    done: list[int] = []
    stage = time_stage("items", range(50), 5, done.append)
    assert (len(done), stage.n_measured, stage.n_needed) == (5, 5, 50)


def test_the_published_way_asks_for_every_pair_of_texts() -> None:
    tags = ["Speech", "Male speech, man speaking", "Dog", "Siren", "Music"]
    best = np.array([[tag_names().index(tag) for tag in row] for row in (tags[:3], tags[2:])])
    query: list[tuple[str, str]] = []

    def similarity(first: str, second: str) -> float:
        query.append((first, second))
        return 0.7 if "speech" in first and "speech" in second else 0.2

    assert name_events(best, ["male speech", "siren"], similarity) == [(0, "male speech"), (1, "siren")]
    assert len(query) == 2 * 3 * 2
    query.clear()
    groups = group_tags(best, similarity)
    assert len(query) == 5 * 4 / 2  # each of the five tags with each later one
    assert (2, "male speech, man speaking, speech") in groups
    query.clear()
    assert len(rank_scenes(groups, ["park", "bus"], similarity)) == 2
    assert len(query) == 2 * len(groups)


def test_a_group_never_holds_silence() -> None:
    silence = tag_names().index("Silence")
    assert group_tags(np.array([[silence, silence, 0]]), lambda first, second: 0.0) == [(1, tag_names()[0].lower())]


def test_the_recorder_keeps_every_pair_and_encodes_each_text_once() -> None:
    recorder = Recorder()
    assert recorder("siren", "siren") == pytest.approx(1.0, abs=1e-5)
    recorder("siren", "speech")
    assert recorder.pairs == [("siren", "siren"), ("siren", "speech")]
    assert set(recorder.known) == {"siren", "speech"}


@pytest.mark.parametrize("ebr_db", EBR_DB)
def test_the_requested_ratio_is_what_is_measured(ebr_db: float) -> None:
    background, event, start = make_noise(5, seed=1), make_noise(1, seed=2, level=0.3), 20_000
    mixed = mix(background, event, start, ebr_db)
    added, under = (mixed - background)[start : start + len(event)], background[start : start + len(event)]
    assert 20 * np.log10(measure_rms(added) / measure_rms(under)) == pytest.approx(ebr_db, abs=0.01)
    untouched = np.r_[0:start, start + len(event) : len(background)]
    np.testing.assert_array_equal(mixed[untouched], background[untouched])


def test_an_event_that_does_not_fit_or_a_silent_background_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        mix(make_noise(1, seed=1), make_noise(0.5, seed=2), 15_000, 0.0)
    with pytest.raises(ValueError, match="silent"):
        mix(np.zeros(RATE_HZ, np.float32), make_noise(0.5, seed=2), 0, 0.0)


def test_one_seed_gives_the_same_mixtures_and_another_seed_others() -> None:
    events = {"dog bark": [make_noise(1, seed) for seed in range(3)], "siren": [make_noise(2, seed=9)]}
    backgrounds = [make_noise(6, seed) for seed in (20, 21)]
    first, again = (make_mixtures(events, backgrounds, n=6, seed=3) for _ in range(2))
    other = make_mixtures(events, backgrounds, n=6, seed=4)
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.waveform.samples, two.waveform.samples)
        assert (one.word, one.onset_s, one.offset_s, one.ebr_db) == (two.word, two.onset_s, two.offset_s, two.ebr_db)
    assert [case.onset_s for case in first] != [case.onset_s for case in other]


def test_mixtures_hold_the_event_where_they_say_at_the_ratio_they_say() -> None:
    background = make_noise(8, seed=5)
    cases = make_mixtures({"a": [make_noise(1, seed=6)], "b": [make_noise(1.5, seed=7)]}, [background], n=6, seed=0)
    assert sorted((case.word, case.ebr_db) for case in cases) == [(word, ebr) for word in "ab" for ebr in EBR_DB]
    for case in cases:
        start, end = round(case.onset_s * RATE_HZ), round(case.offset_s * RATE_HZ)
        added = case.waveform.samples - background
        ratio_db = 20 * np.log10(measure_rms(added[start:end]) / measure_rms(background[start:end]))
        assert ratio_db == pytest.approx(case.ebr_db, abs=0.05)
        assert not added[:start].any()
        assert not added[end:].any()


@pytest.mark.slow
def test_every_word_meets_every_ratio_and_every_background() -> None:
    levels = [0.001 * (index + 1) for index in range(6)]
    backgrounds = [make_noise(4, seed=index, level=level) for index, level in enumerate(levels)]
    cases = make_mixtures({word: [make_noise(0.5, seed=8)] for word in "abcd"}, backgrounds, n=96, seed=0)
    nearest = [int(np.argmin([abs(np.median(np.abs(case.waveform.samples)) - 0.6745 * level) for level in levels]))
               for case in cases]  # fmt: skip
    met = {(case.word, case.ebr_db, background) for case, background in zip(cases, nearest, strict=True)}
    assert len(met) == 4 * 3 * 6


def test_the_loudest_stretch_is_found_without_its_quiet_ends() -> None:
    clip = make_noise(5, seed=1, level=1e-5)
    clip[2 * RATE_HZ : 3 * RATE_HZ] += make_noise(1, seed=2, level=0.5)
    event = cut_loudest(clip)
    assert len(event) == pytest.approx(RATE_HZ, abs=0.04 * RATE_HZ)
    assert event[0] == event[-1] == 0.0
    assert len(cut_loudest(make_noise(5, seed=3))) == 2 * RATE_HZ


def test_an_event_is_cut_out_without_a_step_at_the_joint() -> None:
    steady = np.full(3 * RATE_HZ, 0.1, np.float32)
    steady[RATE_HZ : 2 * RATE_HZ] = 0.9
    rest = cut_out(steady, 1.0, 2.0)
    assert len(rest) == 2 * RATE_HZ - 0.05 * RATE_HZ
    np.testing.assert_allclose(rest, 0.1, atol=1e-6)
    assert len(cut_out(steady, -0.2, 0.5)) == 2.5 * RATE_HZ


def test_a_goal_is_passed_on_its_better_side() -> None:
    assert Line("time", 0.2, "s", 0.3).verdict == "pass"
    assert Line("time", 0.4, "s", 0.3).verdict == "miss"
    assert Line("ratio", 250, "x", 200, is_more_better=True).verdict == "pass"
    assert Line("ratio", 150, "x", 200, is_more_better=True).verdict == "miss"
    assert Line("note", 1.0, "s").verdict == "-"


def test_generated_recordings_are_as_long_as_asked_and_silence_takes_no_room(tmp_path: Path) -> None:
    noise = soundfile.info(write_noise(tmp_path / "noise.wav", 2.5))
    assert (noise.duration, noise.samplerate, noise.channels) == (2.5, 44100, 1)
    silent = write_silence(tmp_path / "silent.wav", 3600.0)
    assert soundfile.info(silent).duration == 3600.0
    assert silent.stat().st_blocks * 512 < 1 << 20
    with pytest.raises(ValueError, match="at most"):
        write_silence(tmp_path / "endless.wav", 14 * 3600.0)


def test_a_commands_peak_memory_is_its_own() -> None:
    small = run_measured([sys.executable, "-c", "pass"])
    large = run_measured([sys.executable, "-c", "text = bytes(range(256)) * (1 << 18)"])  # 64 MiB
    assert 55 < large.peak_mib - small.peak_mib < 75
    with pytest.raises(RuntimeError, match="status 3"):
        run_measured([sys.executable, "-c", "raise SystemExit(3)"])


def test_a_promise_is_counted_on_the_source_that_is_left_out() -> None:
    def trace(n_beeps: int, score: float) -> WordTraces:
        scores = np.zeros((22500, 1), np.float32)  # an hour
        scores[np.arange(n_beeps) * 100] = score
        return WordTraces(ScoreTrack(scores, ("siren",), 0.16 * np.arange(22500), 0.16), 3600.0)

    traces = {"siren": [("quiet", trace(3, 0.6)), ("quiet", trace(3, 0.6)), ("loud", trace(9, 0.7))]}
    found = leave_out("loud", traces, 1.0, make_encoder(SMALL), may_lower=False)
    assert (found.n_events, found.word_hours, found.rate) == (9, 1.0, 9.0)
    assert found.bound == pytest.approx(3.0 / 2, rel=0.01)  # none in two hours, at a threshold above 0.6
    assert leave_out("quiet", traces, 1.0, make_encoder(SMALL), may_lower=False).rate == 0.0
