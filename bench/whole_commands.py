"""Whole commands to time, and the recordings that they are given, all made in code.

In: a folder. Out: recordings in it, and `COMMANDS`: by name, the command lines that are run one after another and count
as one. Their options are those of 0.1.0, so that any later commit can be compared with any other.
"""

from __future__ import annotations

import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np

RATE_HZ = 16_000
EVENTS = "siren,telephone ringing,glass breaking,dog bark,engine"
SCENES = "street,office,park"
N_CLIPS = 8
CLIP_S = 5.0


@dataclass(frozen=True)
class Command:
    """Command lines that count as one; `{short}` and so on are replaced. `guess_s` is for the time left at first."""

    lines: tuple[str, ...]
    guess_s: float
    extras: tuple[str, ...] = ()


COMMANDS = {
    "help": Command(("--help",), 0.5),
    "words": Command(("words 'glass breaking' siren",), 0.7),
    "listen 30 s": Command((f"listen {{short}} -e '{EVENTS}' -s '{SCENES}' -o {{out}}",), 3),
    "listen 30 s, onnx": Command((f"listen {{short}} -e '{EVENTS}' -s '{SCENES}' -o {{out}} --runtime onnx",), 2),
    "listen 10 min": Command((f"listen {{long}} -e '{EVENTS}' -s '{SCENES}' -o {{out}}",), 12),
    "classify 8 clips": Command((f"classify {{clips}} -w '{EVENTS}' -o {{out}}",), 3),
    "tags": Command(("tags {short} -o {out}",), 3),
    "embed, per window": Command(("embed {clips} --per window -o {out}/features.npz",), 3),
    "index and ask": Command(
        (
            "index {short} {clips} --store {out}/store",
            f"ask {{out}}/store -e '{EVENTS}' -s '{SCENES}' -o {{out}}/answer",
        ),
        6,
        ("archive",),
    ),
    "report": Command((f"report {{short}} -e '{EVENTS}' -s '{SCENES}' -o {{out}}",), 4),
    "calibrate on 2 min": Command((f"calibrate {{background}} -e '{EVENTS}' -o {{out}}/calibrated.toml",), 5),
    "show spectrogram": Command((f"show spectrogram {{short}} -e '{EVENTS}' -o {{out}}/short.png",), 4, ("plot",)),
}
MEMORY = f"listen {{sound}} -e '{EVENTS}' -s '{SCENES}' -o {{out}}"


def make_recordings(folder: Path) -> dict[str, Path]:
    """Make the commands' inputs: `short` (30 s), `long` (10 min), `background` (2 min) and a folder of `clips`."""
    clips = folder / "clips"
    clips.mkdir(parents=True, exist_ok=True)
    for number in range(N_CLIPS):
        write_recording(clips / f"clip_{number}.wav", CLIP_S, seed=10 + number)
    return {
        "short": write_recording(folder / "short.wav", 30, seed=1),
        "long": write_recording(folder / "long.wav", 600, seed=2),
        "background": write_recording(folder / "background.wav", 120, seed=3, has_events=False),
        "clips": clips,
    }


def write_recording(path: Path, duration_s: float, seed: int, has_events: bool = True) -> Path:
    """Write noise whose level changes every second, with a siren, a bell or a breaking glass every third second."""
    rng = np.random.default_rng(seed)
    makers = (make_siren, make_bell, make_glass)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        for second in range(round(duration_s)):
            samples = rng.uniform(0.003, 0.02) * rng.standard_normal(RATE_HZ)
            if has_events and second % 3 == 1:
                samples += 0.4 * makers[second // 3 % len(makers)](rng)
            file.writeframes((32767 * np.clip(samples, -1, 1)).astype("<i2").tobytes())
    return path


def make_siren(rng: np.random.Generator) -> np.ndarray:
    """Return a second (RATE_HZ,) of a tone that rises and falls between 600 and 1200 Hz."""
    time_s = np.arange(RATE_HZ) / RATE_HZ
    frequency_hz = 900 - 300 * np.cos(2 * np.pi * time_s * rng.uniform(1, 3))
    return np.sin(2 * np.pi * np.cumsum(frequency_hz) / RATE_HZ)


def make_bell(rng: np.random.Generator) -> np.ndarray:
    """Return a second (RATE_HZ,) of two tones struck 20 times a second, as a telephone's bell is."""
    time_s = np.arange(RATE_HZ) / RATE_HZ
    strokes = np.exp(-12 * (time_s * 20 % 1))
    pitch_hz = rng.uniform(1200, 1500)
    return 0.5 * strokes * (np.sin(2 * np.pi * pitch_hz * time_s) + np.sin(2 * np.pi * 1.25 * pitch_hz * time_s))


def make_glass(rng: np.random.Generator) -> np.ndarray:
    """Return a second (RATE_HZ,) of a burst of noise and 30 high tones that begin by chance and die away."""
    time_s = np.arange(RATE_HZ) / RATE_HZ
    sound = rng.standard_normal(RATE_HZ) * np.exp(-60 * time_s)
    for begin_s, pitch_hz in zip(rng.exponential(0.1, 30), rng.uniform(2000, 7500, 30), strict=True):
        after_s = np.maximum(time_s - begin_s, 0)
        sound += 0.3 * (time_s >= begin_s) * np.exp(-25 * after_s) * np.sin(2 * np.pi * pitch_hz * after_s)
    return sound / np.abs(sound).max()
