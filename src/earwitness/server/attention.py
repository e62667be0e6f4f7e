"""Attention maps of a stored recording: of one time, or of a report's events.

In: a recording's folder, a time or events. Out: plain values for JSON. It runs in the server's threads, on the audio
that the worker wrote, never on an upload; the encoder is loaded when it is first needed.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import soundfile

from earwitness.audio import Waveform
from earwitness.encoders import LoadedEncoder, choose_encoder
from earwitness.errors import SettingsError
from earwitness.recognition import Event, choose_method, explain_peaks
from earwitness.reports import explain_events, show_map
from earwitness.server.problems import Refused
from earwitness.server.recording_files import AUDIO
from earwitness.settings import Settings


class Attender:
    """The server's own encoder, loaded once; any thread may call."""

    def __init__(self, settings: Settings) -> None:
        self.settings = replace(settings, n_threads=1)  # a single window gains nothing from more
        self._encoder: LoadedEncoder | None = None
        self._lock = threading.Lock()

    def attend(self, folder: Path, at_s: float) -> dict[str, Any]:
        """Return the attention map at a time: its weights, and as `map` the form that `report.js` draws.

        Raises:
            Refused: the time is outside the recording, or the method has no such maps.
            WeightsError: attention cannot be computed with this encoder.
        """
        if choose_method(self.settings).cut_rows(self.settings).per == "window":
            raise Refused("not-offered", "the published method scores whole windows, so it has no attention maps")
        around, start_s = read_around(folder / AUDIO, at_s, self.settings.window_s)
        try:
            (found,) = explain_peaks(around, [at_s - start_s], self.settings, self._load())
        except SettingsError as error:
            raise Refused("invalid", f"{at_s:g} s is not in the recording") from error
        shown = replace(found, start_s=found.start_s + start_s)
        return {
            "weights": shown.weights.tolist(),
            "start_s": shown.start_s,
            "token_s": shown.token_s,
            "edges_hz": shown.edges_hz.tolist(),
            "map": show_map(at_s, shown),
        }

    def explain(self, folder: Path, events: Sequence[Event]) -> dict[str, Any] | None:
        """Return the maps of events for a report."""
        return explain_events(folder / AUDIO, events, self.settings, self._load())

    def _load(self) -> LoadedEncoder:
        with self._lock:
            self._encoder = self._encoder or choose_encoder(self.settings)
        return self._encoder


def read_around(path: Path, at_s: float, window_s: float) -> tuple[Waveform, float]:
    """Return the audio for a window around a time, from a whole second on, and the time of its first sample.

    Raises:
        Refused: the time is outside the recording.
    """
    with soundfile.SoundFile(path) as sound:
        rate = sound.samplerate
        if not 0 <= at_s <= sound.frames / rate:
            raise Refused("invalid", f"at_s={at_s:g}: the recording lasts {sound.frames / rate:g} s")
        wanted_s = min(at_s, sound.frames / rate - window_s)  # near the end a window reaches back
        first_s = max(0, int(wanted_s - window_s))
        sound.seek(first_s * rate)
        samples = sound.read(round((at_s + window_s - first_s) * rate), dtype="float32")
    return Waveform(samples, rate), float(first_s)
