"""What a page shows of a recording: pictures, tags and curves that say what was heard."""

from __future__ import annotations

import base64
import itertools
import json
import struct
import zlib
from typing import Any

import numpy as np
import pytest

from demo_recording import make_recording
from earwitness.audio.read import Waveform
from earwitness.audio.spectrogram import Spectrogram, SpectrogramMaker
from earwitness.encoders.load import LoadedEncoder
from earwitness.recognition.analysis import Analysis, analyse
from earwitness.recognition.pipeline import ask
from earwitness.recognition.tags import sigmoid
from earwitness.reports.png import encode_png
from earwitness.reports.view import magma, make_answer, make_view, view_spectrogram

WORDS = ["telephone ringing", "dog bark", "gunshot"]


@pytest.fixture(scope="module")
def detected(encoder: LoadedEncoder) -> tuple[Analysis, Spectrogram]:
    """The demo: rain, a telephone at 2.1 s, a dog at 6.2 s, thunder at 9.1 s, and more."""
    samples, _ = make_recording()
    maker = SpectrogramMaker()
    analysis = analyse(Waveform(samples, 16000), encoder=encoder, on_block=maker.add)
    return analysis, maker.finish()


def read_png(content: bytes) -> np.ndarray:
    """Return the pixels (rows, columns) of a PNG with one byte a pixel and no filter."""
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    at, packed, shape = 8, b"", (0, 0)
    while at < len(content):
        size, kind = struct.unpack_from(">I4s", content, at)
        part = content[at + 8 : at + 8 + size]
        assert struct.unpack_from(">I", content, at + 8 + size)[0] == zlib.crc32(kind + part)
        if kind == b"IHDR":
            shape = struct.unpack_from(">II", part)[::-1]
        packed += part if kind == b"IDAT" else b""
        at += 12 + size
    lines = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(shape[0], shape[1] + 1)
    assert not lines[:, 0].any()
    return lines[:, 1:]


def read_bytes(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), np.uint8)


def test_a_png_holds_its_pixels() -> None:
    pixels = np.arange(60, dtype=np.uint8).reshape(6, 10)
    assert np.array_equal(read_png(encode_png(pixels, magma())), pixels)
    with pytest.raises(ValueError, match="need"):
        encode_png(pixels[0], magma())


def test_the_palette_goes_from_dark_to_light() -> None:
    lightness = magma().astype(float) @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(lightness) > -0.5).all()
    assert lightness[0] < 5
    assert lightness[-1] > 240


@pytest.mark.parametrize("amplitude", [0.0, 1e-3, 0.5])
def test_silence_is_dark_and_quiet_sound_is_light(amplitude: float) -> None:
    samples = np.zeros(32000, np.float32)
    samples[16000:] = amplitude * np.sin(np.arange(16000) * 0.4)
    maker = SpectrogramMaker()
    maker.add(Waveform(samples, 16000))
    view = view_spectrogram(maker.finish())
    pixels = read_png(base64.b64decode(view["overview"]["png"].partition(",")[2]))
    assert pixels[:, :80].max() <= 30
    assert (pixels.max() > 240) == (amplitude > 0)
    assert 20 <= view["range_db"] <= 70


def test_the_view_shows_the_whole_recording_without_words(detected: tuple[Analysis, Spectrogram]) -> None:
    view = make_view(*detected)
    json.dumps(view)
    picture = view["spectrogram"]["overview"]
    assert (picture["start_s"], picture["end_s"]) == (0.0, pytest.approx(30.0, abs=0.02))
    pixels = read_png(base64.b64decode(picture["png"].split(",", 1)[1]))
    assert pixels.shape == (80, 1500)
    assert pixels.max() == 255
    levels = detected[1].narrowed(1500).levels
    top_down = pixels[::-1].astype(int) * 140 / 255 + levels.max() - 140
    assert np.abs(top_down - np.maximum(levels, levels.max() - 140.0)).max() <= 1.0
    assert len(view["spectrogram"]["centres_hz"]) == 80


def test_the_strongest_tags_are_told_over_time(detected: tuple[Analysis, Spectrogram]) -> None:
    tags = make_view(*detected)["tags"]
    assert len(tags["names"]) == len(tags["scores"]) == 12
    at = tags["names"].index("Telephone bell ringing")
    loudest_s = int(read_bytes(tags["scores"][at]).argmax()) * tags["step_s"]
    assert 2.0 <= loudest_s <= 5.0
    largest = 1e-3 * 1000 ** (read_bytes(tags["scores"][0]).max() / 255)
    assert largest == pytest.approx(sigmoid(detected[0].rows.logits[...]).max(), rel=0.03)


def test_long_recordings_come_in_tiles_and_few_steps() -> None:
    maker = SpectrogramMaker()
    for start in range(0, 120, 30):
        maker.add(Waveform(0.1 * np.random.default_rng(start).standard_normal(480000, np.float32), 16000, start))
    shown: dict[str, Any] = view_spectrogram(maker.finish())
    edges = [(each["start_s"], each["end_s"]) for each in shown["tiles"]]
    assert edges[0][0] == 0.0
    assert edges[-1][1] == pytest.approx(120.0, abs=0.02)
    assert all(before[1] == pytest.approx(after[0]) for before, after in itertools.pairwise(edges))
    assert shown["overview"]["end_s"] == pytest.approx(120.0, abs=0.1)


def test_an_answer_holds_events_and_the_scores_they_come_from(detected: tuple[Analysis, Spectrogram]) -> None:
    answer = make_answer(detected[0], ask(detected[0], WORDS, ["storm", "library"]))
    json.dumps(answer)
    events = answer["recognition"]["events"]
    assert [event["word"] for event in events] == WORDS[:2]
    for event in events:
        curve = read_bytes(answer["curves"]["words"][event["word"]]) / 255
        assert curve.max() == pytest.approx(event["score"], abs=0.003)
        assert curve[round(event["peak_s"] / answer["curves"]["step_s"])] == curve.max()
        assert event["score"] >= answer["thresholds"][event["word"]][0]
    assert read_bytes(answer["curves"]["words"]["gunshot"]).max() < 128
