"""The command `earwitness live`: a pipe in, lines of JSON out, ended in good order whatever ends it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

import earwitness
from demo_recording import make_recording
from earwitness.cli.live import prefer_onnx
from earwitness.cli.main import app
from earwitness.encoders.load import load_encoder
from earwitness.settings import EncoderSettings, Settings
from made_sounds import make_noise

WORDS = "thunder,siren,glass breaking,dog bark"
SAMPLES = make_recording()[0]


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "street.wav"
    soundfile.write(path, SAMPLES, 16000, subtype="PCM_16")
    return path


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["live", *arguments, "--runtime", "onnx"])


def lines_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def start(*arguments: str, **options: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "earwitness", "live", *arguments, "-e", WORDS, "--runtime", "onnx"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


def ended(lines: Sequence[dict[str, Any]]) -> list[tuple[str, float, float]]:
    found = [line for line in lines if (line["kind"], line["state"]) == ("event", "ended")]
    return sorted((line["word"], line["onset_s"], line["offset_s"]) for line in found)


@pytest.mark.slow
def test_a_pipe_gives_events_close_to_the_files(recording: Path) -> None:
    process = start("-")
    out, err = process.communicate(recording.read_bytes())
    assert process.returncode == 0, err
    lines = lines_of(out.decode())
    encoder = load_encoder(compute=EncoderSettings(runtime="onnx"))
    events = earwitness.recognize(recording, events=WORDS.split(","), encoder=encoder).events
    wanted = sorted((each.word, each.onset_s, each.offset_s) for each in events)
    assert [word for word, *_ in ended(lines)] == [word for word, *_ in wanted]
    np.testing.assert_allclose([times for _, *times in ended(lines)], [times for _, *times in wanted], atol=0.3)
    assert [line["state"] for line in lines if line["kind"] == "status"] == ["listening", "ended"]
    assert {line["schema"] for line in lines} == {1}


def test_the_embedded_encoder_runs_on_onnx_unless_something_else_is_asked_for() -> None:
    assert prefer_onnx(Settings()).runtime == "onnx"
    for query in (Settings(runtime="torch"), Settings(device="cpu"), Settings(encoder="x"), Settings(precision="bf16")):
        assert prefer_onnx(query) == query


@pytest.mark.slow
@pytest.mark.parametrize("sample", ["s24", "f32le"])
def test_raw_pcm_of_another_kind_gives_the_same_events(tmp_path: Path, sample: str) -> None:
    stereo = np.repeat(SAMPLES, 3)[:, None].repeat(2, axis=1)
    path = tmp_path / "street.raw"
    soundfile.write(path, stereo, 48000, format="RAW", subtype={"s24": "PCM_24", "f32le": "FLOAT"}[sample])
    result = run(str(path), "-e", WORDS, "--rate", "48000", "--channels", "2", "--format", sample)
    assert result.exit_code == 0, result.output
    assert {line["word"] for line in lines_of(result.stdout) if line["kind"] == "event"} >= {"thunder", "siren"}


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_in_good_order(number: signal.Signals) -> None:
    process = start("-")
    assert process.stdin
    assert process.stdout
    pcm = (SAMPLES[4 * 16000 : 11 * 16000] * 32767).astype("<i2").tobytes()  # thunder at last, and then nothing comes
    first = json.loads(process.stdout.readline())
    assert first["state"] == "listening"
    process.stdin.write(pcm)
    process.stdin.flush()
    begun: list[str] = []
    while "thunder" not in begun:
        line = json.loads(process.stdout.readline())
        begun += [line["word"]] if line["state"] == "began" else []
    process.send_signal(number)
    rest = lines_of(process.stdout.read().decode())
    assert process.wait(10) == 0
    events = [line for line in rest if line["kind"] == "event"]
    assert {(line["word"], line["state"]) for line in events} >= {("thunder", "ended")}
    assert [line["state"] for line in events] == ["ended"] * len(begun)
    assert (rest[-1]["kind"], rest[-1]["state"]) == ("status", "ended")
    process.stdin.close()
    assert process.stderr
    assert process.stderr.read() == b""
    process.stdout.close()
    process.stderr.close()


@pytest.mark.slow
def test_a_reader_that_goes_away_ends_it_with_a_message(recording: Path) -> None:
    process = start(str(recording))
    assert process.stdout
    process.stdout.close()
    assert process.stderr
    details = process.stderr.read().decode()
    assert process.wait(20) == 2
    assert details.startswith("earwitness: standard output: cannot be written")
    assert "Traceback" not in details
    process.stderr.close()
    assert process.stdin
    process.stdin.close()


def test_it_stops_after_a_duration_of_an_endless_source(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def feed() -> None:
        noise = (make_noise(1.0) * 32767).astype("<i2").tobytes()
        try:
            with pipe.open("wb", buffering=0) as file:
                while True:
                    file.write(noise)
        except BrokenPipeError:
            pass

    thread = threading.Thread(target=feed)
    thread.start()
    result = run(str(pipe), "-e", "siren", "--duration", "5")
    thread.join(10)
    assert result.exit_code == 0, result.output
    assert 5 <= lines_of(result.stdout)[-1]["heard_s"] < 6


@pytest.mark.slow
def test_scenes_alone_are_ranked_and_privacy_is_taken(recording: Path) -> None:
    result = run(str(recording), "-s", "storm,office", "--scenes-every", "0.25", "--privacy")
    assert result.exit_code == 0, result.output
    scenes = [line for line in lines_of(result.stdout) if line["kind"] == "scene"]
    assert [(line["start_s"], line["end_s"]) for line in scenes] == [(0.0, 15.0), (15.0, 30.0)]
    assert scenes[0]["scenes"][0]["scene"] == "storm"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-"], "nothing to listen for"),
        (["/no/such.wav", "-e", "siren"], "no such file or pipe"),
        (["-", "-e", "siren", "--format", "s8"], "choose from u8, s16"),
        (["-", "-e", "siren", "--stall", "0"], "--stall 0"),
        (["-", "-e", "siren", "--scenes-every", "0"], "--scenes-every 0"),
        (["-", "-e", "siren", "--duration", "nan"], "--duration nan"),
        (["-", "-e", "siren", "--webhook", "x"], "--webhook x"),
        (["-", "-e", "siren", "--mqtt", "x"], "--mqtt x"),
        (["-", "-e", "{}"], "an empty word"),
        (["-", "-e", "siren", "--speech-threshold", "2"], "--speech-threshold 2"),
    ],
)
def test_what_cannot_be_is_told_at_once(arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
