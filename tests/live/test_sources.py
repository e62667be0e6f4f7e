"""Pipes, files, streams and microphones as sources: what comes, what fails, what is told."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
import soundfile

from earwitness.errors import AudioError, MissingExtraError
from earwitness.live.ffmpeg import MediaSource
from earwitness.live.items import AudioChunk, Break, Gap, Item, Trouble
from earwitness.live.microphone import Microphone, list_devices
from earwitness.live.pcm import PcmFormat
from earwitness.live.reconnect import Patience, read_on
from earwitness.live.sources import ByteSource, choose_source
from made_sounds import WriteWav, make_noise, make_tone

QUICK = Patience(stall_s=0.3, first_wait_s=0.05, longest_wait_s=0.1)


def take(items: Iterator[Item | None], n_samples: int, limit_s: float = 10.0) -> list[Item]:
    """Return items until so many samples have come."""
    taken, n_came, until = list[Item](), 0, time.monotonic() + limit_s
    while n_came < n_samples and time.monotonic() < until:
        item = next(items)
        if item is not None:
            taken.append(item)
        n_came += len(item.samples) if isinstance(item, AudioChunk) else 0
    return taken


def samples_of(items: list[Item]) -> np.ndarray:
    return np.concatenate([item.samples for item in items if isinstance(item, AudioChunk)])


def open_stdin(monkeypatch: pytest.MonkeyPatch) -> int:
    """Put a pipe in place of standard input; return its other end."""
    read_end, write_end = os.pipe()
    monkeypatch.setattr(sys, "stdin", os.fdopen(read_end, "r"))
    return write_end


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    path = tmp_path / "sound.fifo"
    os.mkfifo(path)
    return path


def test_a_file_is_heard_to_its_end(write_wav: WriteWav) -> None:
    noise = make_noise(3.0)
    path = write_wav("noise.wav", noise, subtype="FLOAT")
    items = list(read_on(choose_source(str(path), PcmFormat(), 10.0)))
    np.testing.assert_array_equal(samples_of([item for item in items if item]), noise)
    assert all(isinstance(item, AudioChunk) and item.arrived_s is None for item in items), "its time is its samples"


def test_a_closed_pipe_ends_it_and_odd_bytes_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    write_end = open_stdin(monkeypatch)
    data = (make_tone(0.5) * 32767).astype("<i2").tobytes()

    def write() -> None:
        for at in range(0, len(data), 777):
            os.write(write_end, data[at : at + 777])
        os.write(write_end, b"\x01")  # half a sample at the end
        os.close(write_end)

    thread = threading.Thread(target=write)
    thread.start()
    detected = [item for item in choose_source("-", PcmFormat(), 10.0).open() if item is not None]
    thread.join()
    sys.stdin.close()
    np.testing.assert_array_equal(samples_of(detected), np.frombuffer(data, "<i2").astype(np.float32) / 32768)


@pytest.mark.slow
def test_a_pipe_that_stalls_says_so_only_where_time_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    for is_real_time in (False, True):
        write_end = open_stdin(monkeypatch)
        items = read_on(choose_source("-", PcmFormat(), 0.3, is_real_time=is_real_time), QUICK)
        os.write(write_end, bytes(3200))
        take(items, 1600)
        started = time.monotonic()
        while time.monotonic() - started < 0.9:
            item = next(items)
            if isinstance(item, Break):
                break
        assert isinstance(item, Break) == is_real_time
        os.write(write_end, bytes(3200))
        after = take(items, 1600)
        assert isinstance(after[0], Gap) == is_real_time
        os.close(write_end)
        assert not [item for item in items if item is not None]
        sys.stdin.close()


def test_a_fifo_whose_writer_dies_goes_on_with_the_next_one(fifo: Path) -> None:
    items = read_on(choose_source(str(fifo), PcmFormat(), 10.0))
    assert next(items) is None, "waiting for the first writer is neither an end nor a gap"
    with fifo.open("wb", buffering=0) as file:
        file.write(np.full(1600, 1000, "<i2").tobytes() + b"\x07")  # dies in the middle of a sample
        first = take(items, 1600)
    assert [type(item) for item in first] == [AudioChunk]
    while not isinstance(item := next(items), Break):
        assert item is None
    away_s = 0.6
    time.sleep(away_s)
    with fifo.open("wb", buffering=0) as file:
        file.write(np.full(1600, 2000, "<i2").tobytes())
        second = take(items, 1600)
    gap = second[0]
    assert isinstance(gap, Gap)
    assert gap.reason == "the pipe's writer went away"
    assert gap.lost_s == pytest.approx(away_s - 0.1, abs=0.2), "0.1 s of the time is the sound that came"
    assert set(samples_of(second)) == {np.float32(2000 / 32768)}


def test_a_fifos_next_writer_may_send_a_wav(fifo: Path, write_wav: WriteWav) -> None:
    items = choose_source(str(fifo), PcmFormat("s32", 8000, 2), 10.0).open()
    path = write_wav("tone.wav", make_tone(0.2, 22050), 22050)
    assert next(items) is None
    for _ in range(2):
        with fifo.open("wb", buffering=0) as file:
            file.write(path.read_bytes())
            detected = take(items, 4410)
        while not isinstance(next(items), Break):
            pass
        assert {item.sample_rate_hz for item in detected if isinstance(item, AudioChunk)} == {22050}


def test_samples_that_are_no_numbers_are_told(tmp_path: Path) -> None:
    path = tmp_path / "bad.raw"
    path.write_bytes(np.array([0.1, np.nan, 0.1, 0.1] * 16000, "<f4").tobytes())
    detected = list(ByteSource(str(path), PcmFormat("f32")).open())
    details = [item.reason for item in detected if isinstance(item, Trouble)]
    assert details == ["2000 samples are no numbers in [-1, 1]; they are taken as silence"], (
        "once a minute, not each time"
    )
    assert sum(isinstance(item, AudioChunk) for item in detected) == 8


def test_a_writer_that_sends_no_sound_does_not_end_a_fifo(fifo: Path) -> None:
    items = read_on(choose_source(str(fifo), PcmFormat(), 10.0))
    assert next(items) is None
    with fifo.open("wb", buffering=0) as file:
        file.write(b"RIFF\0\0\0\0AVI LIST\xff\xff\xff\x7f")
        while not isinstance(trouble := next(items), Trouble):
            pass
        file.write(b"more of it")
        assert next(items) is None, "told once"
    assert "not a wav" in trouble.reason
    for _ in range(5):
        next(items)
    with fifo.open("wb", buffering=0) as file:
        file.write(bytes(3200))
        assert len(samples_of(take(items, 1600))) == 1600


@pytest.mark.parametrize("name", ["/no/such/thing.wav", "."])
def test_what_is_no_source_is_refused(name: str) -> None:
    with pytest.raises(AudioError, match="no such file or pipe|neither a file nor a pipe"):
        choose_source(name, PcmFormat(), 10.0)


def test_compressed_files_and_devices_go_through_pyav(write_wav: WriteWav) -> None:
    noise = make_noise(1.0)
    path = write_wav("noise.flac", noise)
    detected = [item for item in read_on(choose_source(str(path), PcmFormat(), 10.0)) if item]
    np.testing.assert_allclose(samples_of(detected), noise, atol=1e-4)
    device = choose_source("lavfi:sine=frequency=440:sample_rate=16000:duration=1", PcmFormat(), 10.0)
    assert device.is_dropping
    items = read_on(device, QUICK)
    assert len(samples_of(take(items, 16000))) >= 16000


class StreamServer(BaseHTTPRequestHandler):
    """Sends a recording; breaks off mid-way or stalls as often as is asked."""

    data: ClassVar[bytes] = b""
    plan: ClassVar[list[str]] = []  # what becomes of each request in turn: "break", "stall", "refuse" or "whole"
    query: ClassVar[list[str]] = []
    is_over: ClassVar[threading.Event] = threading.Event()

    def do_GET(self) -> None:
        deed = self.plan.pop(0) if self.plan else "whole"
        self.query.append(deed)
        if deed == "refuse":
            self.send_error(503)
            return
        self.send_response(200)
        self.send_header("Content-Type", "audio/wav")
        self.send_header("Content-Length", str(len(self.data)))
        self.end_headers()
        half = len(self.data) // 2
        self.wfile.write(self.data if deed == "whole" else self.data[:half])
        if deed == "stall":
            self.is_over.wait(8.0)
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def stream(tmp_path: Path) -> Iterator[str]:
    path = tmp_path / "served.wav"
    soundfile.write(path, make_noise(30.0), 16000)  # more than FFmpeg reads before it says that it is open
    StreamServer.data, StreamServer.plan, StreamServer.query = path.read_bytes(), [], []
    server = ThreadingHTTPServer(("127.0.0.1", 0), StreamServer)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/sound.wav"
    StreamServer.is_over.set()
    server.shutdown()
    server.server_close()
    StreamServer.is_over.clear()


def test_a_whole_http_stream_is_heard_once(stream: str) -> None:
    source = choose_source(stream, PcmFormat(), 5.0)
    detected = [item for item in read_on(source, QUICK) if item]
    assert len(samples_of(detected)) == 480000
    assert not source.is_dropping, "a file that comes faster than it is heard can wait"
    assert StreamServer.query == ["whole"]


@pytest.mark.parametrize("deed", ["break", "stall"])
def test_an_http_stream_that_breaks_or_stalls_is_opened_again(stream: str, deed: str) -> None:
    StreamServer.plan = [deed, "refuse", "whole"]
    started = time.monotonic()
    detected = [item for item in read_on(choose_source(stream, PcmFormat(), 0.4), QUICK) if item]
    assert time.monotonic() - started < 5.0
    kinds = [type(item) for item in detected]
    first_break = kinds.index(Break)
    assert StreamServer.query == [deed, "refuse", "whole"]
    assert set(kinds[:first_break]) == {AudioChunk}
    assert 0.9 * 240000 <= len(samples_of(detected[:first_break])) <= 240000
    assert kinds[first_break + 1 :].count(Gap) == 1
    assert kinds.count(Trouble) == 2
    assert len(samples_of(detected[kinds.index(Gap) :])) == 480000


def test_a_stream_that_is_not_there_at_first_is_an_error(stream: str) -> None:
    StreamServer.plan = ["refuse"]
    with pytest.raises(AudioError, match="cannot be read"):
        list(read_on(choose_source(stream, PcmFormat(), 5.0), QUICK))


def test_a_stream_that_ends_before_its_length_broke_off(monkeypatch: pytest.MonkeyPatch) -> None:
    second = AudioChunk(np.zeros(16000, np.float32), 16000)
    monkeypatch.setattr(MediaSource, "_decode", lambda *_: iter([second] * 4))
    source = MediaSource("http://x", "http://x")
    with pytest.raises(AudioError, match=r"broke off after 4.0 of 10.0 s"):
        list(source._decode_to_end(None, SimpleNamespace(duration=10_000_000)))
    assert source.is_endless
    list(source._decode_to_end(None, SimpleNamespace(duration=4_010_000)))
    assert not source.is_endless


def test_a_jump_of_a_streams_time_stamps_is_sound_that_was_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = np.zeros((1, 160), np.float32)
    times = [0.0, 0.01, 0.02, 1.03, 1.04, None, 0.5]  # a jump of a second; no stamp; a jump back
    frames = [SimpleNamespace(time=each, samples=160, sample_rate=16000) for each in times]
    container = SimpleNamespace(
        streams=SimpleNamespace(audio=[SimpleNamespace(rate=16000)]), decode=lambda audio: iter(frames)
    )
    resampler = SimpleNamespace(resample=lambda each: [SimpleNamespace(to_ndarray=lambda: frame)])
    av = SimpleNamespace(AudioResampler=lambda **_: resampler)
    lost = [round(chunk.lost_s, 3) for chunk in MediaSource("rtsp://x", "rtsp://x")._decode(av, container)]
    assert lost == [0, 0, 0, 1.0, 0, 0, 0]


def test_a_missing_pyav_is_told_with_the_way_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'earwitness\[live\]'"):
        next(MediaSource("rtsp://x", "rtsp://x").open())


class FakePortAudio:
    """Stands in for sounddevice: gives blocks from a thread, some after an overflow."""

    PortAudioError = RuntimeError

    def __init__(self, blocks: list[tuple[float, bool]]) -> None:
        self.blocks, self.query = blocks, {}

    def InputStream(self, callback: Any, **query: Any) -> FakePortAudio:
        self.callback, self.query = callback, query
        return self

    def __enter__(self) -> None:
        for began_s, is_overflown in self.blocks:
            samples = np.full((1600, 2), 0.5, np.float32)
            self.callback(samples, 1600, SimpleNamespace(inputBufferAdcTime=began_s), _Flags(is_overflown))

    def __exit__(self, *_: object) -> None: ...

    def query_devices(self) -> list[dict[str, Any]]:
        return [
            {"name": "speaker", "max_input_channels": 0, "default_samplerate": 48000.0},
            {"name": "porch", "max_input_channels": 2, "default_samplerate": 44100.0},
        ]


class _Flags:
    def __init__(self, is_overflown: bool) -> None:
        self.input_overflow = is_overflown


def test_a_microphone_gives_pieces_and_tells_what_the_device_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakePortAudio([(5.0, False), (5.1, False), (5.7, True), (5.8, True)])
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    items = Microphone("mic:1", "1", PcmFormat("s16", 16000, 2)).open()
    detected = [next(items) for _ in range(6)]
    chunks = [item for item in detected if isinstance(item, AudioChunk)]
    assert [round(each.lost_s, 3) for each in chunks] == [0, 0, 0.5, 0]
    assert any(isinstance(item, Trouble) for item in detected), "dropped, but no time is missing"
    assert detected[-1] is None
    assert fake.query["device"] == 1
    assert fake.query["channels"] == 2
    assert list_devices() == ["mic:1\tporch\t2 channels\t44100 Hz"]


def test_a_missing_sounddevice_or_portaudio_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(MissingExtraError, match=r"earwitness\[live\]"):
        list_devices()
    real_import = __import__

    def no_portaudio(name: str, *rest: Any) -> Any:
        if name == "sounddevice":
            raise OSError("PortAudio library not found")
        return real_import(name, *rest)

    monkeypatch.setattr("builtins.__import__", no_portaudio)
    with pytest.raises(MissingExtraError, match="libportaudio2"):
        list_devices()


def test_a_device_that_cannot_be_opened_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakePortAudio([])

    def refuse(**_: Any) -> None:
        raise fake.PortAudioError("Invalid device")

    fake.InputStream = refuse  # type: ignore[method-assign, assignment]
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    with pytest.raises(AudioError, match=r"mic: cannot be recorded from \(Invalid device\)"):
        list(read_on(choose_source("mic", PcmFormat(), 1.0), QUICK))


def test_a_password_in_a_url_is_not_told() -> None:
    source = choose_source("rtsp://user:se@cret@camera.local:554/stream?channel=1", PcmFormat(), 5.0)
    assert source.name == "rtsp://camera.local:554/stream?channel=1"
    assert getattr(source, "url", "") == "rtsp://user:se@cret@camera.local:554/stream?channel=1"
    assert choose_source("http://camera.local/a@b", PcmFormat(), 5.0).name == "http://camera.local/a@b"


@pytest.mark.parametrize(("content", "message"), [(b"", "the file is empty"), (b"ID3\4 sound", "not a wav in spite")])
def test_a_file_named_as_a_wav_is_not_heard_as_raw_pcm(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "song.wav"
    path.write_bytes(content)
    with pytest.raises(AudioError, match=message):
        choose_source(str(path), PcmFormat(), 10.0)


@pytest.mark.parametrize(
    ("size", "message"), [(30, "ended within 30 bytes of a wav header"), (44 + 16000, "ended 0.5 s before its header")]
)
def test_a_wav_that_is_cut_off_is_told(write_wav: WriteWav, size: int, message: str) -> None:
    path = write_wav("cut.wav", make_noise(1.0))
    path.write_bytes(path.read_bytes()[:size])
    detected = list(choose_source(str(path), PcmFormat(), 10.0).open())
    (details,) = [item.reason for item in detected if isinstance(item, Trouble)]
    assert message in details


def test_infinities_on_two_channels_are_told_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "bad.raw"
    path.write_bytes(np.array([np.inf, -np.inf] * 8000, "<f4").tobytes())
    detected = list(ByteSource(str(path), PcmFormat("f32", 16000, 2)).open())
    assert [type(item) for item in detected] == [Trouble, AudioChunk]


def test_a_closed_standard_input_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(AudioError, match="standard input is closed"):
        list(choose_source("-", PcmFormat(), 10.0).open())
