"""Whatever is wrong with what is given, it is told in a sentence, the rest is done, and nothing is lost."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner, Result

import earwitness
from earwitness.cli.main import app
from earwitness.encoders.load import LoadedEncoder, load_encoder
from earwitness.encoders.registry import EMBEDDED
from earwitness.errors import WeightsError, WordError
from earwitness.files.paths import DATA_DIR
from earwitness.words.meanings import understand_words
from earwitness.words.word_table import known_words
from made_sounds import RATE_HZ, WriteWav, make_noise, make_tone
from results_read import read_rows, read_run


def listen(*arguments: object) -> Result:
    """Return what came of `earwitness listen` for the word rain."""
    return CliRunner().invoke(app, ["listen", *map(str, arguments), "-e", "rain"])


def make_bad(path: Path, kind: str) -> str:
    """Put something that is no recording at `path`; return what is to be said of it."""
    good = make_tone(0.5)
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("not a sound, whatever its name says\n" * 50)
    elif kind == "header only":
        path.write_bytes(b"RIFF\x24\x00\x00\x00WAVE")
    else:
        samples = {"zero samples": good[:0], "too short": good[:399], "nan": np.append(good, np.float32("nan"))}[kind]
        soundfile.write(path, samples, RATE_HZ, subtype="FLOAT")
    return {
        "empty": "the file is empty (0 bytes)",
        "text": "not readable as audio (Format not recognised)",
        "header only": "not readable as audio",
        "zero samples": "the recording has no samples",
        "too short": "24.9 ms is too short; at least 25 ms are needed",
        "nan": "the sample at 0.500 s is nan, not a number in [-1, 1]",
    }[kind]


@pytest.mark.parametrize("kind", ["empty", "text", "header only", "zero samples", "too short", "nan"])
def test_one_bad_recording_among_three_is_told_and_the_others_are_heard(
    write_wav: WriteWav, tmp_path: Path, extract_all: Path, kind: str
) -> None:
    first, last = write_wav("in/1.wav", make_tone(1.0)), write_wav("in/3.wav", make_noise(1.0))
    bad, out = tmp_path / "in" / "2.wav", tmp_path / "out"
    reason = make_bad(bad, kind)
    result = listen(tmp_path / "in", "-o", out, "--settings", extract_all)
    assert result.exit_code == 1
    assert [row["file"] for row in read_rows(out / "events.csv")] == [str(first), str(last)]
    [error] = read_rows(out / "errors.csv")
    assert error["file"] == str(bad)
    assert reason in error["reason"]
    assert reason in result.stderr
    assert f"1 of 3 files could not be read; the reasons are in {out / 'errors.csv'}" in result.stderr
    assert (read_run(out)["state"], read_run(out)["n_done"], read_run(out)["n_failed"]) == ("complete", 2, 1)


def test_a_truncated_wav_is_told_and_what_is_left_is_heard(
    write_wav: WriteWav, tmp_path: Path, extract_all: Path
) -> None:
    path, out = write_wav("a.wav", make_noise(4.0)), tmp_path / "out"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    result = listen(path, "-o", out, "--settings", extract_all)
    assert result.exit_code == 1
    [event] = read_rows(out / "events.csv")
    assert float(event["offset_s"]) == pytest.approx(2.0, abs=0.17)
    [error] = read_rows(out / "errors.csv")
    assert error["file"] == str(path)
    assert "truncated: its header promises 4.00 s, it holds 2.00 s" in error["reason"]


def test_a_truncated_wav_is_told_when_classifying_too(write_wav: WriteWav, tmp_path: Path) -> None:
    path, out = write_wav("a.wav", make_noise(2.0)), tmp_path / "out"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    result = CliRunner().invoke(app, ["classify", str(path), "-w", "rain", "-o", str(out)])
    assert result.exit_code == 1
    assert len(read_rows(out / "clips.csv")) == 1
    assert "header promises 2.00 s" in read_rows(out / "errors.csv")[0]["reason"]


def test_a_name_that_is_not_utf8_does_not_stop_the_run(write_wav: WriteWav, tmp_path: Path, extract_all: Path) -> None:
    good, out = write_wav("in/z.wav", make_tone(1.0)), tmp_path / "out"
    try:
        shutil.copy(good, os.fsencode(tmp_path / "in") + b"/caf\xe9.wav")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    result = listen(tmp_path / "in", "-o", out, "--settings", extract_all)
    assert result.exit_code == 1
    assert [row["file"] for row in read_rows(out / "events.csv")] == [str(good)]
    assert r"caf\udce9.wav" in read_rows(out / "errors.csv")[0]["file"]


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read every file")
def test_a_recording_that_may_not_be_read_is_told(write_wav: WriteWav) -> None:
    path = write_wav("a.wav", make_tone(0.5))
    path.chmod(0)
    result = listen(path)
    assert result.exit_code == 2
    assert "a.wav: cannot be read (Permission denied)" in result.stderr


@pytest.mark.slow
def test_silence_works_and_holds_no_event(write_wav: WriteWav, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert listen(write_wav("a.wav", np.zeros(2 * RATE_HZ)), "-s", "park", "-o", out).exit_code == 0
    assert read_rows(out / "events.csv") == []
    assert len(read_rows(out / "scenes.csv")) == 1


@pytest.mark.parametrize(("rate_hz", "n_channels"), [(8000, 1), (192000, 1), (48000, 8)])
def test_odd_rates_and_channels_are_heard_like_the_plain_recording(
    write_wav: WriteWav, encoder: LoadedEncoder, rate_hz: int, n_channels: int
) -> None:
    samples = make_tone(2.0, rate_hz, 1000.0)
    odd = write_wav("odd.wav", np.stack([samples] * n_channels, axis=1), rate_hz, subtype="FLOAT")
    plain = write_wav("plain.wav", make_tone(2.0, RATE_HZ, 1000.0), subtype="FLOAT")
    scores = [earwitness.classify(path, ["beep"], encoder=encoder)[0].score for path in (odd, plain)]
    assert scores[0] == pytest.approx(scores[1], abs=0.1)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["{dir}/none.wav"], "none.wav: no such file or folder"),
        (["{dir}/empty"], "empty: no recording in it"),
        (["{dir}/x.wav"], "x.wav: no recording in it"),
        (["{dir}/*.mp3"], "*.mp3: no recording in it"),
        (["{wav}", "-e", "rain,,dog"], "an empty word in 'rain,,dog'"),
        (["{wav}", "-e", " "], "an empty word in ' '"),
        (["{wav}", "-s", "公園"], "'公' is not a Latin letter"),
        (["{wav}", "--threshold", "1.5"], "--threshold 1.5: give a score from 0 to 1"),
        (["{wav}", "--method", "magic"], "choose 'earwitness' or 'tmrl'"),
        (["{wav}", "--settings", "{dir}/none.toml"], "none.toml: not readable as TOML"),
        pytest.param(
            ["{wav}", "--encoder", "{dir}/none.safetensors"],
            "none.safetensors: neither a file nor a known encoder",
            marks=pytest.mark.needs("torch"),
        ),
        (["{wav}", "--places", "{dir}/none.toml"], "none.toml: not readable as TOML"),
        (["{wav}", "-f", "xml", "-o", "{dir}/out"], "format 'xml': choose from csv"),
        (["{wav}", "-o", "{wav}/out"], "cannot be written (Not a directory)"),
        (["{wav}", "-o", "{wav}"], "cannot be written (File exists)"),
    ],
)
def test_what_cannot_be_done_at_all_is_one_line_and_exit_status_2(
    write_wav: WriteWav, tmp_path: Path, arguments: list[str], reason: str
) -> None:
    wav = write_wav("a.wav", make_tone(0.5))
    (tmp_path / "empty").mkdir()
    (tmp_path / "x.wav").mkdir()
    result = listen(*(each.format(dir=tmp_path, wav=wav) for each in arguments))
    assert result.exit_code == 2
    assert reason in result.stderr
    assert result.stderr.startswith("earwitness: ")
    assert len(result.stderr.splitlines()) == 1
    assert wav.stat().st_size > 8000


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_told_before_anything_is_heard(write_wav: WriteWav, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "events.csv").symlink_to("/dev/full")
    result = listen(write_wav("a.wav", make_tone(0.5)), "-o", out)
    assert result.exit_code == 2
    assert "events.csv: cannot be written (No space left on device); free some space" in result.stderr
    assert result.stdout == ""


def test_five_hundred_words_are_heard_at_once(encoder: LoadedEncoder) -> None:
    words = [word for word in sorted(known_words()) if word.isalpha()][:500]
    settings = earwitness.Settings(event_threshold=0.0, event_hold=0.0)
    recognition = earwitness.recognize((make_noise(1.0), RATE_HZ), words, settings=settings, encoder=encoder)
    meanings = understand_words(words)
    assert len(meanings.words) - len(meanings.unusable) > 450
    assert {event.word for event in recognition.events} == set(meanings.words)


def test_a_repeated_word_counts_once_and_the_order_is_kept() -> None:
    assert understand_words(["dog", "cat", "dog", "Cat", "rain"]).words == ("dog", "cat", "rain")


def test_a_repeated_word_is_one_row(write_wav: WriteWav, tmp_path: Path, extract_all: Path) -> None:
    path, out = write_wav("a.wav", make_tone(0.5)), tmp_path / "out"
    listen(path, "-e", "Rain,rain,dog", "-e", "dog", "--settings", extract_all, "-o", out)
    words = [row["word"].lower() for row in read_rows(out / "events.csv")]
    assert sorted(words) == ["dog", "rain"]


@pytest.mark.parametrize("word", ["собака", "лай", "dog лай", "σκύλος", "qwrtz"])
def test_a_word_that_nobody_knows_cannot_be_heard_and_the_others_can(
    word: str, caplog: pytest.LogCaptureFixture
) -> None:
    meanings = understand_words([word, "rain"])
    assert meanings.unusable == (word,)
    assert meanings.grades == ("cannot be heard", "exact")
    assert f"{word!r} cannot be heard" in caplog.text


def test_a_word_of_a_language_that_the_table_has_is_understood() -> None:
    foreign, english = understand_words(["犬の鳴き声"]), understand_words(["dog bark"])
    np.testing.assert_array_equal(foreign.weights, english.weights)
    assert foreign.words == ("犬の鳴き声",)


def test_a_word_that_cannot_be_heard_is_told_and_the_others_are_listened_for(
    write_wav: WriteWav, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out = tmp_path / "out"
    result = listen(write_wav("a.wav", make_noise(1.0)), "-e", "собака", "--threshold", "1e-6", "-o", out)
    assert result.exit_code == 1
    assert "'собака' cannot be heard" in caplog.text
    assert {row["word"] for row in read_rows(out / "events.csv")} == {"rain"}


def test_accents_do_not_change_a_word() -> None:
    with_accent, without = understand_words(["café"]), understand_words(["cafe"])
    np.testing.assert_array_equal(with_accent.similarities, without.similarities)
    assert with_accent.words == ("café",)


@pytest.mark.parametrize("word", ["", "  ", "?!", "x" * 201])
def test_a_word_that_says_nothing_or_too_much_is_refused(word: str) -> None:
    with pytest.raises(WordError, match=r"an empty word; give a word|201 characters; give a word or a short phrase"):
        understand_words([word])


@pytest.mark.needs("torch")
def test_damaged_weights_are_told_by_their_hash(tmp_path: Path) -> None:
    path = tmp_path / f"{EMBEDDED}.safetensors"
    content = bytearray((DATA_DIR / path.name).read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"the sha256 is [0-9a-f]{64}, but .* the file is damaged or another one"):
        load_encoder(path)


@pytest.mark.needs("torch")
def test_weights_that_are_not_there_are_told(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=f"neither a file nor a known encoder; known are: {EMBEDDED}"):
        load_encoder(tmp_path / "none.safetensors")


@pytest.mark.needs("torch")
def test_weights_that_are_text_are_told(tmp_path: Path) -> None:
    path = tmp_path / "m2d_vit_base-80x608p16x16-text.safetensors"
    path.write_text("these are not weights at all\n" * 10)
    with pytest.raises(WeightsError, match="not readable as weights"):
        load_encoder(path)
