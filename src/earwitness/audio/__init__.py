"""Sound in: recordings read, cut into windows, turned into log-mel frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

from earwitness.lazy import load_on_use

if TYPE_CHECKING:
    from earwitness.audio.mel import (
        MelSpec, band_edges_hz, compute_log_mel, compute_power, mel_filters,
    )  # fmt: skip
    from earwitness.audio.read import (
        LARGEST_SAMPLE, LEAST_S, MEDIA_SUFFIXES, SNDFILE_SUFFIXES, FoundAudio, Samples, Source, Waveform, find_audio,
        find_truncation, is_audio_name, load_audio, measure_duration, mix_down, read_ahead, read_blocks,
        resample, search_audio,
    )  # fmt: skip
    from earwitness.audio.spectrogram import DB_PER_STEP, FLOOR_DB, Spectrogram, SpectrogramMaker
    from earwitness.audio.windows import SHORTEST_S, WindowCutter, Windows, slide

__getattr__ = load_on_use(__name__)
