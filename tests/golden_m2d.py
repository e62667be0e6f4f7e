"""Synthetic M2D weights, waves and file layouts, rebuilt from tests/golden/README.md."""

from __future__ import annotations

import csv
import zlib
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from earwitness.paths import DATA_DIR
from earwitness.weights import read_state_dict
from earwitness.zoo import EMBEDDED

GOLDEN_DIR = Path(__file__).parent / "golden"
N_SAMPLES = {"1s": 16000, "4s": 64000, "9p94s": 159040, "10s": 160000, "10p01s": 160160, "23p7s": 379200}


@lru_cache(maxsize=1)
def golden() -> dict[str, np.ndarray]:
    """Return the golden arrays."""
    with np.load(GOLDEN_DIR / "golden.npz") as arrays:
        return dict(arrays)


def fill(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """Return the value that a tensor of this canonical name and shape has by the README's rule."""
    seed = zlib.crc32(name.encode())
    z = np.random.RandomState(seed).standard_normal(int(np.prod(shape))).reshape(shape)
    if name.endswith("running_var"):
        value = 1 + 0.5 * np.abs(z)
    elif name.endswith(("norm.weight", "norm1.weight", "norm2.weight")):
        value = 1 + 0.02 * z
    elif name.endswith("attn.qkv.weight"):
        value = 0.05 * z
    elif name.endswith(("pos_embed", "_token")):
        value = 0.2 * z
    elif name.startswith(("head.", "offline_predictor.")) and name.endswith(".weight"):
        value = 0.05 * z
    else:
        value = 0.02 * z
    return torch.from_numpy(value.astype(np.float32))


def make_state(kind: str, norm_stats: tuple[float, float] | None) -> dict[str, torch.Tensor]:
    """Return a checkpoint's state dict under its published keys; `kind` as in m2d_keys.tsv."""
    state: dict[str, torch.Tensor] = {}
    with (GOLDEN_DIR / "m2d_keys.tsv").open(newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            key, canonical = row["key"], row["key"].removeprefix("module.ar.runtime.backbone.").removeprefix("module.")
            if row["kind"] != kind or (canonical == "norm_stats" and norm_stats is None):
                continue
            shape = tuple(int(size) for size in row["shape"].split("x") if size != "scalar")
            if canonical == "norm_stats":
                state[key] = torch.tensor(norm_stats)
            elif "to_spec" in key or "num_batches" in key:
                state[key] = torch.zeros(1)
            else:
                state[key] = fill(canonical, shape)
    return state


def make_waves(tag: str, sample_rate_hz: int = 16000) -> torch.Tensor:
    """Return the two waves (2, S) of a length: a sweep with noise and a stretch of digital silence."""
    n = N_SAMPLES[tag] * sample_rate_hz // 16000
    duration_s, t = n / sample_rate_hz, np.arange(n) / sample_rate_hz
    waves = []
    for item in range(2):
        low, high = 100 + 50 * item, 0.4375 * sample_rate_hz
        phase = 2 * np.pi * (low * t + 0.5 * (high - low) / duration_s * t**2)
        noise = np.random.RandomState(1000 * item + 17).standard_normal(n)
        wave = 0.3 * np.sin(phase) + (0.1 - 0.09 * item) * noise
        wave[int(0.25 * n) : int(0.35 * n)] = 0
        waves.append(np.clip(wave, -1, 1).astype(np.float32))
    return torch.from_numpy(np.stack(waves))


def small_state() -> dict[str, torch.Tensor]:
    """The embedded encoder under the keys of a published fine-tuned file."""
    state = read_state_dict(DATA_DIR / f"{EMBEDDED}.safetensors")
    renamed = {}
    for key, tensor in state.items():
        head = key.replace("head_norm.", "module.head.norm.").replace("head.weight", "module.head.mlp.mlp.0.weight")
        head = head.replace("head.bias", "module.head.mlp.mlp.0.bias")
        renamed[head if key.startswith("head") else f"module.ar.runtime.backbone.{key}"] = tensor
    renamed["module.ar.runtime.to_spec.mel_basis"] = torch.zeros(80, 201)
    renamed["module.head.norm.num_batches_tracked"] = torch.tensor(218750)
    return renamed
