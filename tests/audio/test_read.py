"""Recordings in every form that people have, and what is said of those that cannot be used."""

from __future__ import annotations

import io
import struct
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile

from earwitness.audio.read import Waveform, find_audio, find_truncation, load_audio, measure_duration, read_blocks
from earwitness.errors import AudioError, MissingExtraError
from made_sounds import RATE_HZ, WriteWav, make_noise, make_tone


def loudest_hz(waveform: Waveform) -> float:
    """Return the frequency with the most power."""
    spectrum = np.abs(np.fft.rfft(waveform.samples))
    return float(spectrum.argmax() * waveform.sample_rate_hz / len(waveform.samples))


def wav_header(n_bytes: int, rate_hz: int = RATE_HZ, n_bits: int = 16) -> bytes:
    """Return the header of a mono PCM wav file that promises `n_bytes` of samples."""
    bytes_per_sample = n_bits // 8
    form = struct.pack("<IHHIIHH", 16, 1, 1, rate_hz, rate_hz * bytes_per_sample, bytes_per_sample, n_bits)
    riff = struct.pack("<I", min(n_bytes + 36, 0xFFFFFFFF))
    return b"RIFF" + riff + b"WAVEfmt " + form + b"data" + struct.pack("<I", n_bytes)


def write_sparse_wav(path: Path, duration_s: int, rate_hz: int = 8000) -> Path:
    """Write an 8-bit wav file of `duration_s` seconds that takes no room on the disk."""
    header = wav_header(duration_s * rate_hz, rate_hz, n_bits=8)
    with path.open("wb") as file:
        file.write(header)
        file.truncate(len(header) + duration_s * rate_hz)
    return path


def write_media(path: Path, channels: np.ndarray, codec: str, rate_hz: int = 48000, title: str = "") -> Path:
    """Encode stereo samples (2, S) with PyAV."""
    av = pytest.importorskip("av", reason="PyAV, the extra [media], is not installed")
    with av.open(str(path), "w") as container:
        container.metadata.update({"title": title} if title else {})
        stream = container.add_stream(codec, rate=rate_hz, layout="stereo")
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(channels), format="fltp", layout="stereo")
        frame.sample_rate = rate_hz
        fifo = av.AudioFifo()
        fifo.write(frame)
        size = stream.codec_context.frame_size or 960
        while (part := fifo.read(size, partial=True)) is not None:
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(("suffix", "codec"), [(".m4a", "aac"), (".avi", "mp3"), (".mka", "aac")])
def test_a_title_in_another_encoding_is_no_reason_to_refuse_a_recording(
    tmp_path: Path, suffix: str, codec: str
) -> None:
    path = write_media(
        tmp_path / f"titled{suffix}", np.stack([make_tone(1.0, 48000)] * 2), codec, title="CafXX titleXX"
    )
    content = path.read_bytes()
    assert b"CafXX" in content
    path.write_bytes(content.replace(b"CafXX", b"Caf\xe9\xff"))
    assert load_audio(path).duration_s == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize(
    ("subtype", "step"),
    [("PCM_U8", 2**-7), ("PCM_16", 2**-15), ("PCM_24", 2**-23), ("PCM_32", 2**-23), ("FLOAT", 0), ("DOUBLE", 0)],
)
def test_every_kind_of_wav_sample_gives_the_same_sound(
    write_wav: WriteWav, noise: np.ndarray, subtype: str, step: float
) -> None:
    detected = load_audio(write_wav("a.wav", noise, subtype=subtype))
    assert detected.samples.dtype == np.float32
    np.testing.assert_allclose(detected.samples, noise, rtol=0, atol=step)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.flac", {}),
        ("a.ogg", {}),
        ("a.mp3", {}),
        ("a.opus", {"format": "OGG", "subtype": "OPUS"}),
        ("a.aiff", {}),
        ("A.WAV", {}),
    ],
)
def test_compressed_and_other_forms_are_read(write_wav: WriteWav, name: str, options: dict[str, str]) -> None:
    detected = load_audio(write_wav(name, make_tone(1.5, 48000), 48000, **options))
    assert detected.duration_s == pytest.approx(1.5, abs=0.1)
    assert loudest_hz(detected) == pytest.approx(440, abs=2)
    assert np.abs(detected.samples).max() == pytest.approx(0.3, abs=0.05)


@pytest.mark.parametrize("rate_hz", [8000, 11025, 44100, 192000])
def test_every_rate_is_brought_to_that_of_the_encoder(write_wav: WriteWav, rate_hz: int) -> None:
    detected = load_audio(write_wav("a.wav", make_tone(1.5, rate_hz), rate_hz, subtype="FLOAT"))
    assert detected.sample_rate_hz == RATE_HZ
    assert len(detected.samples) == pytest.approx(1.5 * RATE_HZ, abs=1)
    inner = slice(800, 23000)  # the resampler rings at the abrupt ends
    np.testing.assert_allclose(detected.samples[inner], make_tone(1.5)[inner], atol=2e-3)


def test_eight_channels_are_averaged(write_wav: WriteWav) -> None:
    channels = np.stack([make_noise(0.5, seed=seed) for seed in range(8)], axis=1)
    detected = load_audio(write_wav("a.wav", channels, subtype="FLOAT"))
    np.testing.assert_allclose(detected.samples, channels.mean(axis=1), atol=1e-6)


@pytest.mark.parametrize(("name", "codec"), [("a.m4a", "aac"), ("a.mp4", "aac"), ("a.webm", "libopus")])
def test_media_files_are_read_and_their_channels_averaged(tmp_path: Path, name: str, codec: str) -> None:
    left = make_tone(1.5, 48000)
    detected = load_audio(write_media(tmp_path / name, np.stack([left, 0 * left]), codec))
    assert detected.duration_s == pytest.approx(1.5, abs=0.1)
    assert loudest_hz(detected) == pytest.approx(440, abs=2)
    inner = detected.samples[4000:-4000]
    assert np.sqrt(2 * np.mean(np.square(inner))) == pytest.approx(0.15, rel=0.05)  # the mean of 0.3 and 0


def test_a_media_file_that_is_none_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.m4a"
    path.write_text("no sound at all")
    with pytest.raises(AudioError, match=r"a\.m4a: not readable as audio or video \(Invalid data"):
        load_audio(path)


def test_without_pyav_a_media_file_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.m4a"
    path.write_bytes(b"anything")
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtraError, match=r"\.m4a needs PyAV: pip install 'earwitness\[media\]'"):
        load_audio(path)


def test_arrays_streams_and_waveforms_are_heard_like_files(write_wav: WriteWav, noise: np.ndarray) -> None:
    path = write_wav("a.wav", noise, subtype="FLOAT")
    for source in (str(path), (noise, RATE_HZ), Waveform(noise, RATE_HZ), io.BytesIO(path.read_bytes())):
        np.testing.assert_array_equal(load_audio(source).samples, noise)


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        (np.zeros(1000, np.int16), "the samples are int16; give floating-point"),
        (np.zeros((2, 1000), np.float32), r"the shape is \(2, 1000\); give \(samples,\) or \(samples, channels\)"),
        (np.zeros((10, 2, 2), np.float32), "the shape is"),
        (np.zeros(0, np.float32), "the recording has no samples"),
        (np.zeros(399, np.float32), r"24\.9 ms is too short; at least 25 ms are needed"),
    ],
)
def test_an_array_that_is_no_sound_is_refused(samples: np.ndarray, reason: str) -> None:
    with pytest.raises(AudioError, match=reason):
        load_audio((samples, RATE_HZ))


def test_a_rate_of_zero_is_refused(noise: np.ndarray) -> None:
    with pytest.raises(AudioError, match="the sample rate is 0 Hz"):
        load_audio((noise, 0))


@pytest.mark.parametrize(("value", "shown"), [(np.nan, "nan"), (np.inf, "inf"), (-np.inf, "-inf"), (1e30, r"1e\+30")])
def test_a_sample_that_is_no_number_is_told_with_its_time(
    write_wav: WriteWav, noise: np.ndarray, value: float, shown: str
) -> None:
    noise[8000] = value
    with pytest.raises(AudioError, match=rf"a\.wav: the sample at 0\.500 s is {shown}, not a number in"):
        load_audio(write_wav("a.wav", noise, subtype="FLOAT"))


@pytest.mark.parametrize("rate_hz", [8000, 22050, 44100, 48000])
@pytest.mark.parametrize("block_s", [0.013, 0.1, 0.777])
def test_resampling_in_blocks_equals_resampling_at_once(rate_hz: int, block_s: float) -> None:
    samples = make_noise(1.2, rate_hz, seed=rate_hz)
    blocks = list(read_blocks((samples, rate_hz), block_s=block_s))
    whole = load_audio((samples, rate_hz))
    np.testing.assert_allclose(np.concatenate([block.samples for block in blocks]), whole.samples, atol=1e-4)
    starts = np.cumsum([0, *(len(block.samples) for block in blocks[:-1])]) / RATE_HZ
    np.testing.assert_allclose([block.start_s for block in blocks], starts)


def test_memory_does_not_grow_with_the_length_of_a_recording(tmp_path: Path) -> None:
    peaks = []
    for duration_s in (600, 3600):
        path = write_sparse_wav(tmp_path / f"{duration_s}.wav", duration_s)
        tracemalloc.start()
        n_samples = 0
        for block in read_blocks(path):
            assert block.duration_s < 40
            n_samples += len(block.samples)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert n_samples == pytest.approx(duration_s * RATE_HZ, abs=RATE_HZ)
    assert peaks[1] < 1.1 * peaks[0]
    assert peaks[1] < 20e6


def test_a_file_of_ten_hours_gives_its_first_block_at_once(tmp_path: Path) -> None:
    path = write_sparse_wav(tmp_path / "long.wav", 36000)
    assert measure_duration(path) == 36000
    assert next(read_blocks(path)).start_s == 0


@pytest.mark.parametrize("name", ["a.wav", "a.aiff", "a.au", "a.w64", "a.rf64"])
def test_a_file_that_ends_early_is_heard_and_told(write_wav: WriteWav, tmp_path: Path, name: str) -> None:
    options = {"format": "RF64"} if name == "a.rf64" else {}
    path = write_wav(name, make_noise(2.0), subtype="PCM_16", **options)
    assert find_truncation(path) is None
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert load_audio(path).duration_s == pytest.approx(1.0, abs=0.01)
    assert "header promises 2.00 s, it holds 1.00 s" in (find_truncation(path) or "")


@pytest.mark.parametrize("n_bytes", [0x7FFFF000, 0x7FFFFF00, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
def test_the_length_of_a_recorder_that_cannot_seek_back_is_no_truncation(tmp_path: Path, n_bytes: int) -> None:
    path = tmp_path / "streamed.wav"
    path.write_bytes(wav_header(n_bytes) + bytes(32000))
    assert find_truncation(path) is None
    assert load_audio(path).duration_s == 1.0


def test_only_a_file_can_be_truncated(noise: np.ndarray, tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no sound at all")
    assert find_truncation((noise, RATE_HZ)) is None
    assert find_truncation(tmp_path / "text.wav") is None
    assert find_truncation(tmp_path / "nothing.wav") is None


def test_a_duration_is_known_without_decoding(write_wav: WriteWav, noise: np.ndarray, tmp_path: Path) -> None:
    path = write_wav("a.wav", noise)
    assert [measure_duration(each) for each in (path, str(path), (noise, RATE_HZ), Waveform(noise, RATE_HZ))] == [
        1.5
    ] * 4
    assert measure_duration(tmp_path / "nothing.wav") is None


def test_a_raw_file_is_refused_with_the_reason(write_wav: WriteWav, noise: np.ndarray) -> None:
    path = write_wav("a.raw", noise, format="RAW", subtype="PCM_16")
    assert measure_duration(path) is None
    with pytest.raises(AudioError, match=r"a\.raw: not readable as audio \(samplerate must be specified\)"):
        load_audio(path)


def test_a_stream_that_is_no_sound_is_told() -> None:
    with pytest.raises(AudioError, match=r"stream: not readable as audio \(Format not recognised\)"):
        load_audio(io.BytesIO(b"no sound at all"))


def test_folders_are_searched_in_depth_and_other_files_left_out(write_wav: WriteWav, tmp_path: Path) -> None:
    paths = [write_wav(name, make_tone(0.1)) for name in ("b/c/deep.wav", "a.wav", "b/x.flac")]
    (tmp_path / "notes.txt").write_text("not a sound")
    (tmp_path / "folder.wav").mkdir()
    assert find_audio([tmp_path]) == sorted(paths)


def test_a_file_named_twice_is_found_once(write_wav: WriteWav, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_wav("a.wav", make_tone(0.1))
    monkeypatch.chdir(tmp_path)
    assert find_audio([path, "a.wav", "./a.wav", tmp_path, tmp_path / "*.wav"]) == [path]


def test_a_pattern_finds_what_fits_it(write_wav: WriteWav, tmp_path: Path) -> None:
    paths = [write_wav(name, make_tone(0.1)) for name in ("a1.wav", "a2.wav", "sub/a3.wav", "b.wav")]
    assert find_audio([tmp_path / "a*.wav"]) == paths[:2]
    assert find_audio([tmp_path / "**" / "a*.wav"]) == paths[:3]
    with pytest.raises(AudioError, match=r"z\*\.wav: no recording in it"):
        find_audio([tmp_path / "z*.wav"])


def test_a_name_with_the_letters_of_a_pattern_is_itself(write_wav: WriteWav, tmp_path: Path) -> None:
    path = write_wav("take[1].wav", make_tone(0.1))
    assert find_audio([path]) == [path]


def test_a_path_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"nothing\.wav: no such file or folder"):
        find_audio([tmp_path / "nothing.wav"])
    with pytest.raises(AudioError, match="cannot be read"):
        find_audio(["x" * 5000])


def test_a_folder_without_a_recording_is_told(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a sound")
    with pytest.raises(AudioError, match=r"no recording in it; looked for names ending in .*\.flac.*\.wav"):
        find_audio([tmp_path])


def test_a_link_to_nothing_counts_only_where_it_is_named(tmp_path: Path) -> None:
    path = tmp_path / "gone.wav"
    path.symlink_to(tmp_path / "nothing.wav")
    with pytest.raises(AudioError, match="no recording in it"):
        find_audio([tmp_path])
    assert find_audio([path]) == [path], "one that is named counts"
    with pytest.raises(AudioError, match=r"gone\.wav: cannot be read \(No such file"):
        load_audio(path)


def test_a_folder_is_no_recording(tmp_path: Path) -> None:
    (tmp_path / "x.wav").mkdir()
    with pytest.raises(AudioError, match=r"x\.wav: a folder, not a recording"):
        load_audio(tmp_path / "x.wav")


def test_libsndfile_writes_the_forms_that_these_tests_need() -> None:
    assert {"MP3", "FLAC", "OGG", "RF64", "W64"} <= set(soundfile.available_formats())
