"""Views and answers made here, of any length, so that pages can be tested without hearing hours of audio."""

from __future__ import annotations

from typing import Any

import numpy as np

from earwitness.audio.spectrogram import MAX_COLUMNS, Spectrogram
from earwitness.reports.view import encode_bytes, view_spectrogram
from earwitness.settings import Settings

TOKEN_S = 0.16
WORDS = ("dog bark", "siren", "glass breaking", "gunshot")
TAGS = ("Bark", "Dog", "Siren", "Vehicle", "Glass", "Rain")


def make_event(onset_s: float, word: str = "dog bark", score: float = 0.8, length_s: float = 1.0) -> dict[str, Any]:
    """Return an event as `make_answer` tells it."""
    tags = [{"tag": "Bark", "similarity": 0.78, "score": 0.3, "share": 0.9}]
    tags.append({"tag": "Dog", "similarity": 0.6, "score": 0.6, "share": 0.1})
    peak_s = onset_s + 0.32
    return {
        "onset_s": onset_s,
        "offset_s": onset_s + length_s,
        "word": word,
        "score": score,
        "peak_s": peak_s,
        "tags": tags,
        "tier": "sure" if score >= 0.76 else "possible",
    }


def make_view_of(duration_s: float, name: str = "street.wav") -> dict[str, Any]:
    """Return a view of noise as long as one likes, as wide as the real one's."""
    generator = np.random.default_rng(3)
    step_s = 0.01
    while duration_s / step_s > MAX_COLUMNS:
        step_s *= 2
    levels = generator.integers(60, 140, (80, int(np.ceil(duration_s / step_s))), np.uint8)
    centres_hz = 700 * (10 ** (np.linspace(75, 2840, 80) / 2595) - 1)
    n_steps = min(2000, int(duration_s / TOKEN_S) + 1)
    rows = [generator.integers(0, 256, n_steps, np.uint8).tobytes() for _ in TAGS]
    return {
        "schema": 1,
        "name": name,
        "duration_s": duration_s,
        "encoder": "m2d",
        "weights_sha256": "0" * 64,
        "version": "0.1.0",
        "settings": Settings().to_dict(),
        "notes": [],
        "spectrogram": view_spectrogram(Spectrogram(levels, step_s, centres_hz, duration_s)),
        "tags": {"names": list(TAGS), "step_s": duration_s / n_steps, "scores": [encode_bytes(row) for row in rows]},
    }


def make_answer_of(
    duration_s: float, events: list[dict[str, Any]], words: tuple[str, ...] = WORDS, name: str = "street.wav"
) -> dict[str, Any]:
    """Return an answer with these events, and a curve for each word."""
    generator = np.random.default_rng(4)
    n_tokens = int(duration_s / TOKEN_S)
    curves = {word: encode_bytes(generator.integers(0, 256, n_tokens, np.uint8).tobytes()) for word in words}
    scenes = [
        {"scene": "park", "score": 1.4, "tags": ["Bark"], "tags_against": ["Vehicle"], "is_winner": True},
        {"scene": "office", "score": -0.6, "tags": [], "tags_against": ["Dog"], "is_winner": False},
    ]
    recognition = {
        "schema": 1,
        "source": name,
        "duration_s": duration_s,
        "events": sorted(events, key=lambda event: event["onset_s"]),
        "scenes": scenes,
        "tags": [],
        "event_words": list(words),
        "settings": Settings().to_dict(),
        "encoder": "m2d",
        "weights_sha256": "0" * 64,
        "version": "0.1.0",
        "notes": [],
    }
    thresholds = {word: [0.5, 0.33] for word in words}
    curves_told = {"step_s": TOKEN_S, "words": curves}
    return {"schema": 1, "recognition": recognition, "curves": curves_told, "thresholds": thresholds}


def make_map(peak_s: float) -> dict[str, Any]:
    """Return an attention map around a time."""
    weights = np.random.default_rng(5).integers(0, 256, 5 * 12, np.uint8).tobytes()
    edges_hz = [50.0, 400.0, 1000.0, 2000.0, 4000.0, 8000.0]
    return {
        **{"peak_s": peak_s, "start_s": max(0.0, peak_s - 1), "token_s": TOKEN_S, "n_bands": 5, "n_tokens": 12},
        **{"edges_hz": edges_hz, "weights": encode_bytes(weights)},
    }
