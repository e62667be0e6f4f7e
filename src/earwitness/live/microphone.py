"""Sound from a microphone or line input, through sounddevice (PortAudio).

In: a device by name or number. Out: `AudioChunk`s as the device gives them; what PortAudio drops counts as lost.
"""

from __future__ import annotations

import queue
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from earwitness.audio import Samples, mix_down
from earwitness.errors import AudioError, MissingExtraError
from earwitness.live.items import AudioChunk, Item, Trouble
from earwitness.live.pcm import PcmFormat

MICROPHONE = "mic"
WAIT_S = 0.2
BLOCK_S = 0.1


@dataclass
class Microphone:
    """A device of PortAudio, the default one if `device` is empty. See `sources.Source`."""

    name: str
    device: str
    format: PcmFormat
    is_clocked: bool = True
    is_endless: bool = True
    is_dropping: bool = True

    def open(self) -> Iterator[Item | None]:
        """Yield what the device gives."""
        sounddevice = _import_sounddevice()
        came: queue.SimpleQueue[tuple[Samples, float, bool]] = queue.SimpleQueue()

        def put(samples: np.ndarray, n_frames: int, time: Any, status: Any) -> None:
            came.put((mix_down(samples), float(time.inputBufferAdcTime), bool(status.input_overflow)))

        rate = self.format.sample_rate_hz
        try:
            with sounddevice.InputStream(
                samplerate=rate,
                blocksize=round(BLOCK_S * rate),
                device=int(self.device) if self.device.isdigit() else self.device or None,
                channels=self.format.n_channels,
                dtype="float32",
                callback=put,
            ):
                expected_s: float | None = None
                while True:
                    try:
                        samples, began_s, is_overflown = came.get(timeout=WAIT_S)
                    except queue.Empty:
                        yield None
                        continue
                    lost_s = 0.0
                    if is_overflown and expected_s is not None:
                        lost_s = max(0.0, began_s - expected_s)
                    if is_overflown and not lost_s:
                        yield Trouble("the device dropped an unknown amount of sound")
                    expected_s = began_s + len(samples) / rate
                    yield AudioChunk(samples, rate, lost_s)
        except (sounddevice.PortAudioError, ValueError) as error:
            raise AudioError(
                f"{self.name}: cannot be recorded from ({error}); 'earwitness live --list-devices' shows what is here"
            ) from error


def list_devices() -> list[str]:
    """Return a line for each device that sound can be recorded from.

    Raises:
        MissingExtraError: sounddevice or PortAudio is missing.
    """
    sounddevice = _import_sounddevice()
    return [
        f"mic:{number}\t{each['name']}\t{each['max_input_channels']} channels\t{each['default_samplerate']:.0f} Hz"
        for number, each in enumerate(sounddevice.query_devices())
        if each["max_input_channels"] > 0
    ]


def _import_sounddevice() -> Any:
    try:
        import sounddevice
    except ImportError as error:
        raise MissingExtraError("a microphone needs sounddevice: pip install 'earwitness[live]'") from error
    except OSError as error:  # what sounddevice raises where the library that it binds is missing
        raise MissingExtraError(
            "a microphone needs the PortAudio library: apt install libportaudio2 (Debian, Ubuntu), or the like"
        ) from error
    return sounddevice
