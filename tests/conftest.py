"""Sounds made here, the embedded encoder, and the way to the files that the repository does not hold."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: on clips this short threads only wait for each other

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import earwitness
from earwitness.runtime import LoadedEncoder

pytest_plugins = ["made_archives"]
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


def read_rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def read_run(folder: Path) -> dict[str, Any]:
    """Return the content of a result folder's `run.json`."""
    content: dict[str, Any] = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    return content


@pytest.fixture
def tone() -> np.ndarray:
    return make_tone()


@pytest.fixture
def noise() -> np.ndarray:
    return make_noise()


@pytest.fixture
def write_wav(tmp_path: Path) -> WriteWav:
    """Give a function that writes samples to a sound file in the test's folder and returns its path."""

    def write(name: str, samples: np.ndarray, rate_hz: int = RATE_HZ, **options: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, samples, rate_hz, **options)
        return path

    return write


@pytest.fixture
def hear_all(tmp_path: Path) -> Path:
    """Give a settings file with which every word is heard from beginning to end."""
    path = tmp_path / "hear_all.toml"
    path.write_text("event_threshold = 0.0\nevent_hold = 0.0\n")
    return path


@pytest.fixture(scope="session")
def encoder() -> LoadedEncoder:
    """Load the embedded encoder once."""
    return earwitness.load_encoder()


@pytest.fixture(scope="session")
def shared() -> Path:
    """Give the folder of files that the repository does not hold."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not here: it holds the data sets and golden files that cannot be shipped")
    return folder
