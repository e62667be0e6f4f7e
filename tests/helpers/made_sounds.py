"""Sounds made here: tones and noise, the same every time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

RATE_HZ = 16000
SEED = 20
WriteWav = Callable[..., Path]


def make_tone(duration_s: float = 1.5, rate_hz: int = RATE_HZ, frequency_hz: float = 440.0) -> np.ndarray:
    """Return a sine (S,) float32 with an amplitude of 0.3."""
    time_s = np.arange(round(duration_s * rate_hz)) / rate_hz
    return (0.3 * np.sin(2 * np.pi * frequency_hz * time_s)).astype(np.float32)


def make_noise(duration_s: float = 1.5, rate_hz: int = RATE_HZ, seed: int = SEED) -> np.ndarray:
    """Return white noise (S,) float32 with a standard deviation of 0.1."""
    generator = np.random.default_rng(seed)
    return 0.1 * generator.standard_normal(round(duration_s * rate_hz), dtype=np.float32)
