"""Sound through PyAV (FFmpeg): RTSP, HTTP and whatever else has a URL, devices that FFmpeg knows, compressed files.

In: a URL, device or path. Out: `AudioChunk`s; a jump of the stream's time stamps counts as lost sound.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from earwitness.audio import mix_down
from earwitness.errors import AudioError, MissingExtraError
from earwitness.live.items import AudioChunk, Item

OPEN_S = 15.0  # a server that does not answer within this is not there
LEAST_JUMP_S = 0.1  # time stamps jitter by less
# FFmpeg's own formats for devices, which take a device's name instead of a URL.
DEVICE_FORMATS = frozenset({"alsa", "pulse", "jack", "oss", "sndio", "avfoundation", "dshow", "lavfi"})


@dataclass
class MediaSource:
    """What PyAV can open; `format` names one of `DEVICE_FORMATS`, or is empty. See `sources.Source`."""

    name: str
    url: str
    format: str = ""
    stall_s: float = 10.0
    is_clocked: bool = True
    is_endless: bool = True
    is_dropping: bool = True

    def open(self) -> Iterator[Item | None]:
        """Yield what comes; a stream with a known end just ends there."""
        av = _import_av(self.name)
        options = {"rtsp_transport": "tcp"} if self.url.startswith("rtsp") else {}  # over UDP, loss is silent
        timeout = (OPEN_S, self.stall_s)
        try:
            with av.open(
                self.url, format=self.format or None, options=options, timeout=timeout, metadata_errors="ignore"
            ) as container:
                if not container.streams.audio:
                    raise AudioError(f"{self.name}: no sound in it")
                if self.is_endless and not self.format and container.duration:
                    yield from self._decode_to_end(av, container)
                else:
                    yield from self._decode(av, container)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise AudioError(f"{self.name}: cannot be read ({getattr(error, 'strerror', '') or error})") from error

    def _decode_to_end(self, av: Any, container: Any) -> Iterator[Item]:
        """Decode a stream of known length: it is over once all of it is decoded, and it can wait."""
        self.is_dropping = False
        promised_s, analysed_s = container.duration / 1e6, 0.0
        for chunk in self._decode(av, container):
            analysed_s += chunk.duration_s
            yield chunk
        if analysed_s < 0.98 * promised_s - 0.5:
            raise AudioError(f"{self.name}: broke off after {analysed_s:.1f} of {promised_s:.1f} s")
        self.is_endless = False

    def _decode(self, av: Any, container: Any) -> Iterator[AudioChunk]:
        rate = container.streams.audio[0].rate
        to_floats = av.AudioResampler(format="fltp", rate=rate)  # its own way to mono is louder than the mean
        expected_s: float | None = None
        for frame in container.decode(audio=0):
            lost_s = 0.0
            if frame.time is not None:
                ahead_s = frame.time - expected_s if expected_s is not None else 0.0
                lost_s = ahead_s if ahead_s > LEAST_JUMP_S else 0.0
                expected_s = frame.time + frame.samples / frame.sample_rate
            for out in to_floats.resample(frame):
                yield AudioChunk(mix_down(out.to_ndarray().T), rate, lost_s)
                lost_s = 0.0


def _import_av(name: str) -> Any:
    try:
        import av
    except ImportError as error:
        raise MissingExtraError(f"{name}: needs PyAV: pip install 'earwitness[live]'") from error
    return av
