"""`earwitness calibrate`, as it is typed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from demo_recording import RAIN_LEVEL, make_rain
from earwitness.cli.main import app
from earwitness.cli.options import change_settings
from earwitness.recognition.pipeline import check_words
from earwitness.settings import Settings, read_settings
from made_sounds import RATE_HZ, WriteWav, make_noise, make_tone
from results_read import read_run


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["calibrate", *map(str, arguments)])
    return result.exit_code, result.output


@pytest.fixture
def background(write_wav: WriteWav, tmp_path: Path) -> Path:
    for index in range(2):
        write_wav(f"background/{index}.wav", 0.3 * make_noise(31.0, seed=index))
    return tmp_path / "background"


@pytest.mark.slow
def test_settings_are_written_that_listen_takes(background: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "mine.toml"
    code, details = run(
        background, "--events", "siren,Dog bark", "--false-alarms-per-hour", "5", "--may-lower", "-o", out
    )
    assert code == 0, details
    assert "TOO LITTLE to verify that: no event in 0.02 hours excludes only 174 per hour" in details
    assert "5 per hour takes 0.6 hours" in details
    assert details.count("extrapolated") == 3
    text = out.read_text()
    for stated in ("0.02 hours in 2 recordings", "5 false alarms", "95 % upper bound 173.95 per hour", "sha256", "20"):
        assert stated in text.split("\n\n")[0]
    thresholds = read_settings(out).thresholds
    assert [word for word, _ in thresholds] == ["Dog bark", "siren"]
    arguments = ["listen", str(background), "--events", "siren,dog bark", "--settings", str(out)]
    result = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "heard")])
    assert result.exit_code == 0
    assert read_run(tmp_path / "heard")["settings"]["thresholds"] == dict(thresholds)
    assert len((tmp_path / "heard" / "events.csv").read_text().splitlines()) == 1  # the header


@pytest.mark.slow
def test_labelled_recordings_tell_what_is_still_found(background: Path, write_wav: WriteWav, tmp_path: Path) -> None:
    beep = np.concatenate([np.zeros(4 * RATE_HZ, np.float32), make_tone(1.0, frequency_hz=1000), np.zeros(4 * RATE_HZ)])
    write_wav("labelled/audio/beep.wav", beep + 0.03 * make_noise(9.0))
    table = tmp_path / "labelled" / "events.csv"
    table.write_text("file,onset_s,offset_s,label\nbeep.wav,4.0,5.0,BEEP\n")
    arguments = (background, "-e", "beep,siren", "--false-alarms-per-hour", "10", "--labelled", table)
    code, details = run(*arguments, "-o", tmp_path / "mine.toml")
    assert code == 0, details
    assert "beep: 1 of 1 events found (recall 1.00), 0 besides, F1 1.00" in details
    assert "siren: no event is labelled so" in details
    table.write_text("file,onset_s,offset_s,label\nbeep.wav,4.0,5.0,knock\n")
    code, details = run(*arguments, "-o", tmp_path / "mine.toml")
    assert (code, "its labels knock are none of the words beep, siren" in details) == (2, True)
    table.write_text("file,onset_s,offset_s,label\nnone.wav,4.0,5.0,beep\n")
    code, details = run(*arguments, "-o", tmp_path / "mine.toml")
    assert (code, "none.wav is neither in" in details) == (2, True)


def test_what_cannot_be_is_told_before_listening(background: Path, tmp_path: Path) -> None:
    for more, reason in (
        ([], "no words: give --events"),
        (["-e", "siren", "--false-alarms-per-hour", "0"], "give a rate above 0"),
    ):
        code, details = run(background, *more, "-o", tmp_path / "mine.toml")
        assert (code, reason in details) == (2, True), details


@pytest.mark.slow
def test_a_bad_recording_is_told_and_the_rest_used(background: Path, tmp_path: Path) -> None:
    (background / "bad.wav").write_bytes(b"RIFF")
    code, details = run(background, "-e", "siren", "-o", tmp_path / "mine.toml")
    assert code == 1
    assert "bad.wav" in details
    assert "in 2 recordings" in (tmp_path / "mine.toml").read_text()
    for path in background.glob("[01].wav"):
        path.unlink()
    code, details = run(background, "-e", "siren", "-o", tmp_path / "mine.toml")
    assert (code, "none of 1 recordings could be used" in details) == (2, True)


@pytest.mark.slow
def test_a_word_that_is_always_there_gets_none_and_exit_status_1(write_wav: WriteWav, tmp_path: Path) -> None:
    sound = RAIN_LEVEL * make_rain(np.random.default_rng(0), 70.0)
    code, details = run(write_wav("rain.wav", sound), "-e", "rain", "-o", tmp_path / "mine.toml")
    assert code == 1, details
    assert "'rain': no threshold up to 0.99 meets the promised rate" in details
    assert "rain: NO threshold" in (tmp_path / "mine.toml").read_text()
    assert read_settings(tmp_path / "mine.toml").thresholds == ()


def test_a_threshold_on_the_command_line_wins_over_those_of_words(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[thresholds]\nsiren = 0.9\n")
    assert read_settings(path).threshold_of("siren") == 0.9
    assert change_settings(read_settings(path), event_threshold=0.3).threshold_of("siren") == 0.3


def test_the_published_method_says_that_it_has_no_thresholds(caplog: pytest.LogCaptureFixture) -> None:
    check_words(["siren"], [], Settings(method="tmrl", thresholds=(("siren", 0.9),)))
    assert "the method 'tmrl' has no thresholds" in caplog.text
