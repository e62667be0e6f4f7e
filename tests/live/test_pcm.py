"""Bytes to samples: the same as libsndfile reads, however they are cut, whatever a header says."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import soundfile

from earwitness.errors import AudioError
from earwitness.live.pcm import PcmDecoder, PcmFormat, parse_wav_header
from live_items import make_wav_header
from made_sounds import make_noise

SUBTYPES = {"u8": "PCM_U8", "s16": "PCM_16", "s24": "PCM_24", "s32": "PCM_32", "f32": "FLOAT"}


def write_bytes(samples: np.ndarray, subtype: str, form: str, rate_hz: int = 16000) -> bytes:
    file = io.BytesIO()
    endian = "LITTLE" if form == "RAW" else "FILE"
    soundfile.write(file, samples, rate_hz, format=form, subtype=subtype, endian=endian)
    return file.getvalue()


def decode_all(decoder: PcmDecoder, data: bytes, size: int) -> np.ndarray:
    return np.concatenate([decoder.decode(data[at : at + size]) for at in range(0, len(data), size)])


@pytest.mark.parametrize("sample", SUBTYPES)
@pytest.mark.parametrize("size", [1, 7, 4096])
def test_raw_bytes_in_any_cut_are_what_libsndfile_reads(sample: str, size: int) -> None:
    stereo = np.stack([make_noise(0.05), make_noise(0.05, seed=3)], axis=1)
    data = write_bytes(stereo, SUBTYPES[sample], "RAW")
    wanted, _ = soundfile.read(
        io.BytesIO(data),
        channels=2,
        samplerate=16000,
        format="RAW",
        subtype=SUBTYPES[sample],
        endian="LITTLE",
        dtype="float32",
    )
    detected = decode_all(PcmDecoder("-", PcmFormat(sample, 16000, 2)), data, size)
    np.testing.assert_array_equal(detected, wanted.mean(axis=1))


@pytest.mark.parametrize("subtype", SUBTYPES.values())
@pytest.mark.parametrize("form", ["WAV", "WAVEX"])
def test_a_wav_header_is_seen_and_wins_over_the_options(subtype: str, form: str) -> None:
    data = write_bytes(make_noise(0.05), subtype, form, 22050)
    decoder = PcmDecoder("-", PcmFormat("s16", 8000, 4))
    detected = decode_all(decoder, data, 5)
    wanted, _ = soundfile.read(io.BytesIO(data), dtype="float32")
    np.testing.assert_array_equal(detected, wanted)
    assert (decoder.format.sample_rate_hz, decoder.format.n_channels) == (22050, 1)


@pytest.mark.parametrize("length", [0, 0x7FFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF - 36, 0x7FFFFFFF - 44])
def test_a_made_up_length_does_not_end_the_sound(length: int) -> None:
    sound = b"\x01\x00" * 1000
    decoder = PcmDecoder("-", PcmFormat())
    detected = decode_all(decoder, make_wav_header(1, 1, 16000, 16, length) + sound, 100)
    assert len(detected) == 1000
    header = parse_wav_header("-", make_wav_header(1, 1, 16000, 16, length))
    assert header
    assert header[2] is None, "it may go on for weeks"


def test_what_follows_an_honest_wavs_sound_is_not_heard() -> None:
    data = make_wav_header(1, 1, 16000, 16, 200) + b"\x01\x00" * 100 + b"LIST" + struct.pack("<I", 500) + b"x" * 500
    decoder = PcmDecoder("-", PcmFormat())
    assert len(decode_all(decoder, data, 64)) == 100
    assert decoder._held == b""


def test_chunks_before_the_sound_are_passed_over() -> None:
    notes = b"LIST" + struct.pack("<I", 7) + b"1234567\x00"  # an odd length is padded
    data = make_wav_header(1, 1, 16000, 16, 0, notes) + b"\x00\x40" * 10
    np.testing.assert_array_equal(decode_all(PcmDecoder("-", PcmFormat()), data, 3), np.full(10, 0.5, np.float32))


def test_rf64_says_its_length_in_a_chunk_of_its_own() -> None:
    sizes = b"ds64" + struct.pack("<IQQQI", 28, 0, 20, 10, 0)
    header = make_wav_header(1, 1, 16000, 16, 0xFFFFFFFF)
    data = b"RF64" + header[4:12] + sizes + header[12:] + b"\x00\x40" * 10 + b"notes after it"
    assert len(decode_all(PcmDecoder("-", PcmFormat()), data, 9)) == 10


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (make_wav_header(2, 1, 16000, 4, 0), "-: a wav of format 2 with 4 bits"),
        (b"RIFF\0\0\0\0WAVEdata\0\0\0\0", "without a format before its sound"),
        (b"RIFF\0\0\0\0AVI LIST\xff\xff\xff\x7f", "not a wav"),
        (b"RIFF\0\0\0\0WAVEfmt \x02\0\0\0\0\0", "whose format takes 2 bytes"),
    ],
)
def test_what_is_no_pcm_wav_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(AudioError, match=message):
        PcmDecoder("-", PcmFormat()).decode(data)


def test_raw_sound_that_begins_like_a_header_is_sound() -> None:
    assert len(PcmDecoder("-", PcmFormat()).decode(b"RIFE" + b"\0" * 8)) == 6


def test_samples_that_are_no_numbers_become_silence_and_are_counted() -> None:
    decoder = PcmDecoder("-", PcmFormat("f32"))
    detected = decoder.decode(np.array([0.5, np.nan, np.inf, 1e30, -0.5], "<f4").tobytes())
    np.testing.assert_array_equal(detected, np.array([0.5, 0, 0, 0, -0.5], np.float32))
    assert decoder.n_bad == 3


def test_a_new_writer_begins_with_a_whole_frame_and_may_send_a_header() -> None:
    decoder = PcmDecoder("-", PcmFormat())
    decoder.decode(b"\x00\x40\x7f")
    decoder.restart()
    assert decoder.decode(b"\x00\x40").tolist() == [0.5]
    decoder.restart()
    assert len(decoder.decode(make_wav_header(1, 2, 8000, 16, 0) + b"\x00\x40" * 2)) == 1
    assert decoder.format.sample_rate_hz == 8000


@pytest.mark.parametrize(
    ("values", "message"),
    [(("s8", 16000, 1), "s8: choose from u8"), (("s16", 1, 1), "1 Hz"), (("s16", 16000, 0), "0 channels")],
)
def test_a_format_that_cannot_be_is_refused(values: tuple[str, int, int], message: str) -> None:
    with pytest.raises(AudioError, match=message):
        PcmFormat(*values)
