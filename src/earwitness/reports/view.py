"""The data of a recording's page, as plain values for JSON: the view, which needs no words, and answers to queries.

In: an `Analysis`, its `Spectrogram`, a `Recognition` made from it. Out: dictionaries that `report.js` draws, both in a
report's file and from the server.
"""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import numpy.typing as npt

from earwitness.audio import DB_PER_STEP, FLOOR_DB, Spectrogram
from earwitness.recognition import Analysis, Logits, Recognition, choose_method, sigmoid, track_words, understand
from earwitness.reports.png import encode_png
from earwitness.results import to_dict
from earwitness.words import tag_names

SCHEMA = 1
N_OVERVIEW_COLUMNS = 2000
N_TILE_COLUMNS = 4096
LEVELS_SHOWN_DB = 70.0  # from the loudest point down, at most to the floor
N_TAGS = 12
N_TAG_COLUMNS = 2000
LEAST_SCORE = 1e-3  # where the scale of shown tags begins
# Points of matplotlib's "magma" (CC0), black over violet and orange to light yellow; between them colours are linear.
MAGMA = ((0, 0, 4), (28, 16, 68), (79, 18, 123), (129, 37, 129), (181, 54, 122), (229, 80, 100), (251, 135, 97))
MAGMA_END = ((254, 194, 135), (252, 253, 191))


def make_view(analysis: Analysis, spectrogram: Spectrogram) -> dict[str, Any]:
    """Return the part of a report that needs no words: spectrogram, strongest tags over time, provenance."""
    return {
        "schema": SCHEMA,
        "name": analysis.source,
        "duration_s": analysis.duration_s,
        "encoder": analysis.encoder,
        "weights_sha256": analysis.weights_sha256,
        "version": analysis.version,
        "settings": analysis.settings.to_dict(),
        "notes": analysis.notes,
        "spectrogram": view_spectrogram(spectrogram),
        "tags": view_tags(analysis),
    }


def make_answer(analysis: Analysis, recognition: Recognition) -> dict[str, Any]:
    """Return a recognition with each word's score over time and threshold."""
    settings = recognition.settings
    thresholds = {word: [settings.threshold_of(word), settings.hold_of(word)] for word in recognition.event_words}
    return {
        "schema": SCHEMA,
        "recognition": to_dict(recognition),
        "curves": trace_words(analysis, recognition.event_words) if choose_method(settings).has_word_scores else None,
        "thresholds": thresholds,
    }


def trace_words(analysis: Analysis, words: list[str]) -> dict[str, Any]:
    """Return each word's score over time: a byte for each row, 255 for a score of 1, in base64."""
    meanings = understand(tuple(words))
    scores = track_words(analysis.rows, meanings, analysis.tag_stats).largest  # (N, V)
    quantised = np.rint(255 * scores).astype(np.uint8)
    by_word = {word: encode_bytes(quantised[:, index].tobytes()) for index, word in enumerate(meanings.words)}
    return {"step_s": analysis.rows.span_s, "words": by_word}


def view_spectrogram(spectrogram: Spectrogram) -> dict[str, Any]:
    """Return a spectrogram as pictures: an overview, and adjacent tiles with all columns."""
    shown_db = spectrogram.shown_db(LEVELS_SHOWN_DB)
    overview = spectrogram.narrowed(N_OVERVIEW_COLUMNS)
    n_columns = spectrogram.levels.shape[1]
    tiles = [
        _draw(spectrogram, shown_db, first, first + N_TILE_COLUMNS) for first in range(0, n_columns, N_TILE_COLUMNS)
    ]
    return {
        "step_s": spectrogram.step_s,
        "centres_hz": [round(float(hz), 1) for hz in spectrogram.centres_hz],
        "top_db": shown_db[1],
        "range_db": shown_db[1] - shown_db[0],
        "overview": _draw(overview, shown_db, 0, overview.levels.shape[1]),
        "tiles": tiles if n_columns > N_OVERVIEW_COLUMNS else [],
    }


def view_tags(analysis: Analysis) -> dict[str, Any]:
    """Return the tags with the largest scores, strongest first, over time: a byte for each step.

    A byte b stands for a score of 0.001 x 1000 ** (b / 255), the largest in its step.
    """
    n_each = -(-len(analysis.rows.start_s) // N_TAG_COLUMNS)
    pooled: list[Logits] = []
    for first in range(0, len(analysis.rows.start_s), 64 * n_each):
        rows = np.asarray(analysis.rows.logits[first : first + 64 * n_each])
        pooled.append(np.maximum.reduceat(rows, np.arange(0, len(rows), n_each), axis=0))
    scores = sigmoid(np.concatenate(pooled))  # (n, C)
    strongest = np.argsort(-scores.max(axis=0), kind="stable")[:N_TAGS]
    shown = np.log(np.maximum(scores[:, strongest], LEAST_SCORE) / LEAST_SCORE) / -np.log(LEAST_SCORE)
    steps = np.rint(255 * shown).astype(np.uint8)
    starts_s = analysis.rows.start_s
    row_s = float(starts_s[1] - starts_s[0]) if len(starts_s) > 1 else analysis.rows.span_s
    return {
        "names": [tag_names()[tag] for tag in strongest],
        "step_s": n_each * row_s,
        "scores": [encode_bytes(steps[:, index].tobytes()) for index in range(len(strongest))],
    }


def magma() -> npt.NDArray[np.uint8]:
    """Return the palette (256, 3) of the spectrogram, from dark (quiet) to light (loud)."""
    points = np.array([*MAGMA, *MAGMA_END], np.float64)
    at = np.linspace(0, len(points) - 1, 256)
    channels = [np.interp(at, np.arange(len(points)), points[:, channel]) for channel in range(3)]
    colours: npt.NDArray[np.uint8] = np.rint(np.stack(channels, axis=1)).astype(np.uint8)
    return colours


def _draw(spectrogram: Spectrogram, shown_db: tuple[float, float], first: int, end: int) -> dict[str, Any]:
    """Return columns as a picture, the highest band on top; `shown_db` are the darkest and the lightest level."""
    faintest, loudest = ((db - FLOOR_DB) / DB_PER_STEP for db in shown_db)
    part = spectrogram.levels[::-1, first:end].astype(np.float32)
    pixels = np.clip((part - faintest) * (255 / (loudest - faintest)), 0, 255).astype(np.uint8)
    start_s = first * spectrogram.step_s
    return {
        "start_s": start_s,
        "end_s": start_s + pixels.shape[1] * spectrogram.step_s,
        "png": "data:image/png;base64," + encode_bytes(encode_png(pixels, magma())),
    }


def encode_bytes(content: bytes) -> str:
    """Return bytes as base64 for JSON."""
    return base64.b64encode(content).decode("ascii")
