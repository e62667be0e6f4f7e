"""The recordings of the golden outputs, made in code or cut from the shared data sets."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import numpy as np
import soundfile
from golden_case import ROOT

RATE_HZ = 16000


@cache
def make_demo() -> np.ndarray:
    """Return the 30 s demo recording (480000,) float32: rain, and seven sounds from 2.1 s (telephone) to 27.2 s."""
    if str(ROOT / "scripts") not in sys.path:
        sys.path.insert(0, str(ROOT / "scripts"))
    from demo_recording import make_recording

    return np.asarray(make_recording()[0])


def cut_demo(path: str, start_s: float, end_s: float, gain: float = 1.0) -> Path:
    """Write a part of the demo as 16 bit wav and return the path."""
    return write(path, gain * make_demo()[round(start_s * RATE_HZ) : round(end_s * RATE_HZ)])


def write(path: str, samples: np.ndarray, rate_hz: int = RATE_HZ, subtype: str = "PCM_16") -> Path:
    """Write samples (S,) or (S, channels) as a sound file, with its folder."""
    out = Path(path)
    out.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(out, samples, rate_hz, subtype=subtype)
    return out


def make_tone(duration_s: float, frequency_hz: float = 440.0) -> np.ndarray:
    """Return a sine (S,) with an amplitude of 0.3."""
    return 0.3 * np.sin(2 * np.pi * frequency_hz * np.arange(round(duration_s * RATE_HZ)) / RATE_HZ)


def make_noise(duration_s: float, seed: int) -> np.ndarray:
    """Return white noise (S,) with a standard deviation of 0.1."""
    return 0.1 * np.random.default_rng(seed).standard_normal(round(duration_s * RATE_HZ))


def make_folder() -> Path:
    """Write `sounds/`: two good recordings, one in stereo at 44.1 kHz, one truncated, one that is no sound."""
    folder = Path("sounds")
    cut_demo("sounds/street.wav", 0, 12)
    cut_demo("sounds/20260301_120000.wav", 14, 22)
    low, high = make_tone(3.0, 300.0 * RATE_HZ / 44100), make_tone(3.0, 900.0 * RATE_HZ / 44100)
    write("sounds/stereo.flac", np.stack([low, 0.2 * high], axis=1), 44100, "PCM_24")
    whole = cut_demo("whole.wav", 21, 26).read_bytes()
    Path("sounds/truncated.wav").write_bytes(whole[: len(whole) * 3 // 5])
    Path("sounds/broken.wav").write_text("this is a text\n")
    return folder
