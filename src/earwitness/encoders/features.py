"""What the encoder makes of a recording before any tag: features to train on, compare or search by.

In: a recording. Out: `Features`, a row for the clip, for each window, or for each token in time. Clip and token
features are the reference's numbers: the recording is cut into units as M2D does, its last token padded.

Source: M2D (Niizumi et al. 2024): the feature of a time step is its frequency bands stacked, or their mean where a tag
head was trained on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from earwitness.audio import Source, Waveform, measure_duration, read_ahead, read_blocks, slide
from earwitness.encoders.base import EncoderSpec, Floats
from earwitness.encoders.load import LoadedEncoder, choose_encoder
from earwitness.errors import SettingsError
from earwitness.settings import Settings

Per = Literal["clip", "window", "frame"]
UNITS_AT_ONCE = 60  # 10 minutes of 10 s units: longer recordings are encoded in segments, so that memory is bounded
LEAST_S = 1.0  # a shorter segment is added to the one before it


@dataclass(frozen=True)
class Features:
    """Features (N, D) of N segments of a recording, each from `start_s` (N,) to `end_s` (N,) in seconds."""

    values: Floats
    start_s: npt.NDArray[np.float64]
    end_s: npt.NDArray[np.float64]


def embed(
    source: Source,
    per: Per = "clip",
    settings: Settings | None = None,
    encoder: LoadedEncoder | None = None,
    *,
    is_trimmed: bool = False,
    on_progress: Callable[[float], None] | None = None,
) -> Features:
    """Return the encoder's features of a recording.

    Args:
        source: a path, a seekable file object, a pair (samples, rate in Hz), or a `Waveform`.
        per: "clip" for one row, the mean over time; "window" for a row every `hop_s`, the mean over `window_s`; "frame"
            for a row for each token in time, such as 160 ms.
        settings: which encoder, on what it computes, and the windows.
        encoder: an encoder that is already loaded, to use it for many recordings.
        is_trimmed: drop the end that does not fill a token instead of padding it.
        on_progress: called now and then with the share of the work that is done, 0 to 1.

    Raises:
        AudioError: the recording cannot be used.
        WeightsError: the encoder cannot be loaded.
        SettingsError: `per` is none of the three.
    """
    if per not in ("clip", "window", "frame"):
        raise SettingsError(f"per={per!r}: choose 'clip', 'window' or 'frame'")
    settings = settings or Settings()
    encoder = choose_encoder(settings, encoder)
    blocks = _report(read_ahead(read_blocks(source, encoder.spec.sample_rate_hz)), source, on_progress)
    if per == "window":
        return _embed_windows(blocks, settings, encoder, is_trimmed)
    rows = _embed_tokens(blocks, encoder, is_trimmed)
    return _join(list(rows)) if per == "frame" else _average(rows)


def _embed_tokens(blocks: Iterable[Waveform], encoder: LoadedEncoder, is_trimmed: bool) -> Iterator[Features]:
    """Yield the features of each segment's tokens; a recording of one segment has the reference's numbers."""
    rate = encoder.spec.sample_rate_hz
    for start, samples in _cut_segments(blocks, encoder.spec):
        values = encoder.token_features(samples[None], is_trimmed=is_trimmed)[0]
        start_s = start / rate + encoder.spec.token_starts_s(len(samples), is_trimmed=is_trimmed)
        yield Features(values, start_s, np.minimum(start_s + encoder.spec.token_s, (start + len(samples)) / rate))


def _embed_windows(
    blocks: Iterable[Waveform], settings: Settings, encoder: LoadedEncoder, is_trimmed: bool
) -> Features:
    rows = []
    for batch in slide(blocks, settings.window_s, settings.hop_s, n_batch=encoder.batch):
        values = encoder.token_features(batch.samples, is_trimmed=is_trimmed).mean(axis=1)  # (W, D)
        rows.append(Features(values, batch.start_s, batch.start_s + batch.n_valid / batch.sample_rate_hz))
    return _join(rows)


def _cut_segments(blocks: Iterable[Waveform], spec: EncoderSpec) -> Iterator[tuple[int, Floats]]:
    """Yield (start in samples, samples) of consecutive segments of whole units; the last one ends the recording."""
    hop, size = spec.segment_samples(UNITS_AT_ONCE)
    least = round(LEAST_S * spec.sample_rate_hz)
    start, held = 0, np.zeros(0, np.float32)
    for block in blocks:
        held = np.concatenate([held, block.samples])
        while len(held) >= hop + least:
            yield start, held[:size]
            start, held = start + hop, held[hop:]
    if len(held):
        yield start, held


def _average(rows: Iterable[Features]) -> Features:
    """Return one row: the mean of all."""
    total, n_rows, end_s = np.zeros(0), 0, 0.0
    for each in rows:
        total = each.values.sum(axis=0, dtype=np.float64) + (total if n_rows else 0)
        n_rows, end_s = n_rows + len(each.values), float(each.end_s[-1])
    return Features((total / n_rows).astype(np.float32)[None], np.zeros(1), np.array([end_s]))


def _join(rows: list[Features]) -> Features:
    return Features(
        np.concatenate([each.values for each in rows]),
        np.concatenate([each.start_s for each in rows]),
        np.concatenate([each.end_s for each in rows]),
    )


def _report(
    blocks: Iterator[Waveform], source: Source, on_progress: Callable[[float], None] | None
) -> Iterator[Waveform]:
    """Pass blocks on, and report the share that is done."""
    expected_s = measure_duration(source) if on_progress else None
    for block in blocks:
        yield block
        if on_progress and expected_s:
            on_progress(min(1.0, (block.start_s + block.duration_s) / expected_s))
