"""Sound in: recordings read, cut into windows, turned into log-mel frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

from earwitness.lazy import load_on_use

if TYPE_CHECKING:
    from earwitness.audio.mel import (
        MelSpec, band_edges_hz, compute_log_mel, compute_power, mel_filters,
    )  # fmt: skip
    from earwitness.audio.read import (
        LARGEST_SAMPLE, MEDIA_SUFFIXES, SNDFILE_SUFFIXES, Samples, Source, Waveform, find_audio,
        find_truncation, is_audio_name, load_audio, measure_duration, mix_down, read_ahead, read_blocks,
        resample,
    )  # fmt: skip
    from earwitness.audio.spectrogram import DB_PER_STEP, FLOOR_DB, Spectrogram, SpectrogramMaker
    from earwitness.audio.windows import LEAST_S, Windows, slide

_HOMES = {
    "mel": "MelSpec band_edges_hz compute_log_mel compute_power mel_filters",
    "read": (
        "LARGEST_SAMPLE MEDIA_SUFFIXES SNDFILE_SUFFIXES Samples Source Waveform find_audio find_truncation "
        "is_audio_name load_audio measure_duration mix_down read_ahead read_blocks resample"
    ),
    "spectrogram": "DB_PER_STEP FLOOR_DB Spectrogram SpectrogramMaker",
    "windows": "LEAST_S Windows slide",
}

__getattr__ = load_on_use(__name__, _HOMES)
