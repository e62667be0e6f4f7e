"""Synthetic M2D weights, waves and file layouts, rebuilt from tests/golden/README.md."""

from __future__ import annotations

import csv
import re
import zlib
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from earwitness.encoders.m2d.checkpoint import read_state_dict
from earwitness.encoders.registry import EMBEDDED
from earwitness.files.paths import DATA_DIR

GOLDEN_DIR = Path(__file__).parent.parent / "golden"
TOLERANCE = 5e-5  # a right encoder is within 1e-5; a wrong LayerNorm epsilon shows as 2.9e-4
N_SAMPLES = {"1s": 16000, "4s": 64000, "9p94s": 159040, "10s": 160000, "10p01s": 160160, "23p7s": 379200}

Arrays = dict[str, np.ndarray]
Reduction = Callable[[np.ndarray], np.ndarray]
STATISTICS = (np.mean, np.std, np.min, np.max)


@lru_cache(maxsize=1)
def golden() -> dict[str, np.ndarray]:
    """Return the golden arrays."""
    with np.load(GOLDEN_DIR / "golden.npz") as arrays:
        return dict(arrays)


@cache
def fill(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """Return the value that a tensor of this canonical name and shape has by the README's rule.

    Encoders of all units share their blocks, so each tensor is made once: do not write to it.
    """
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
    return torch.from_numpy(np.asarray(value, dtype=np.float32))


def make_state(kind: str, norm_stats: tuple[float, float] | None) -> dict[str, torch.Tensor]:
    """Return a checkpoint's state dict under its published keys; `kind` as in m2d_keys.tsv.

    What listening does not need (decoder, target network, front end) is there under its key, but tiny.
    """
    state: dict[str, torch.Tensor] = {}
    with (GOLDEN_DIR / "m2d_keys.tsv").open(newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            key, canonical = row["key"], row["key"].removeprefix("module.ar.runtime.backbone.").removeprefix("module.")
            if row["kind"] != kind or (canonical == "norm_stats" and norm_stats is None):
                continue
            shape = tuple(int(size) for size in row["shape"].split("x") if size != "scalar")
            if canonical == "norm_stats":
                state[key] = torch.tensor(norm_stats)
            elif re.search("to_spec|num_batches|decoder_|target_|mask_token", key):
                state[key] = torch.zeros(1)
            else:
                state[key] = fill(canonical, shape)
    return state


def make_clap_2025_state() -> dict[str, torch.Tensor]:
    """Return the 166 tensors that the checkpoint of M2D-CLAP 2025 keeps under `backbone.`, without that prefix."""
    prefix = "module.ar.runtime.backbone."
    state = make_state("asft_80x1001p16x16", (-7.261779308319092, 4.3511505126953125))
    state = {key.removeprefix(prefix): tensor for key, tensor in state.items() if key.startswith(prefix)}
    shapes = {"sem_token": (1, 1, 768), "norm.weight": (768,), "norm.bias": (768,)}
    for layer, width in {
        "norm1": 0,
        "attn.qkv": 2304,
        "attn.proj": 768,
        "norm2": 0,
        "mlp.fc1": 768,
        "mlp.fc2": 768,
    }.items():
        shapes[f"sem_blocks.0.{layer}.weight"] = (width, 768) if width else (768,)
        shapes[f"sem_blocks.0.{layer}.bias"] = (width or 768,)
    return state | {f"audio_proj.{name}": fill(f"audio_proj.{name}", shape) for name, shape in shapes.items()}


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


def sum_up(values: np.ndarray) -> np.ndarray:
    """Return mean, standard deviation, least and largest value of each item: (B, 4)."""
    each = values.astype(np.float64).reshape(len(values), -1)
    return np.stack([statistic(each, axis=1) for statistic in STATISTICS], axis=1)


def reductions(output: str, shape: tuple[int, ...]) -> Mapping[str, Reduction]:
    """Return how the README thins out an output of this shape, by the last part of the golden key."""
    whole: dict[str, Reduction] = {"shape": lambda each: np.array(each.shape), "stats": sum_up}
    if output == "log_mel":
        return whole | {
            "sub": lambda each: each[:, ::8, :: max(1, shape[2] // 40)],
            "edge": lambda each: each[:, :, [0, 1, -2, -1]],
        }
    if output == "frames_logits":
        return whole | {"sub": lambda each: each[:, :: max(1, shape[1] // 16), ::17]}
    if not output.startswith("encode") or output == "encode_clap_audio":
        return {"": lambda each: each}  # complete
    stride = 48 if shape[2] == 768 else 96
    return whole | {
        "sub": lambda each: each[:, :: max(1, shape[1] // 12), ::stride],
        "last": lambda each: each[:, -1, :: stride // 2],
        "tmean": lambda each: each.astype(np.float64).mean(axis=1)[:, :: stride // 8],
    }


def check_array(key: str, output: str, reduction: str, values: np.ndarray, tolerance: float = TOLERANCE) -> None:
    """Compare a computed output, thinned out as the golden array of this key was, with that array."""
    got, expected = reductions(output, values.shape)[reduction](values), golden()[key]
    assert got.shape == expected.shape, key
    assert np.abs(got - expected).max() <= (0 if reduction == "shape" else tolerance), key


def make_arrays(patch: tuple[int, int], n_patches: int, dim: int = 64, depth: int = 2) -> Arrays:
    """Return random weights of a narrow encoder under M2D's names."""
    shapes: dict[str, tuple[int, ...]] = {
        "cls_token": (1, 1, dim),
        "pos_embed": (1, 1 + n_patches, dim),
        "patch_embed.proj.weight": (dim, 1, *patch),
        "patch_embed.proj.bias": (dim,),
        "norm.weight": (dim,),
        "norm.bias": (dim,),
    }
    layers = {"attn.qkv": (3 * dim, dim), "attn.proj": (dim, dim), "mlp.fc1": (4 * dim, dim), "mlp.fc2": (dim, 4 * dim)}
    for block in range(depth):
        for name in ("norm1", "norm2"):
            shapes |= {f"blocks.{block}.{name}.weight": (dim,), f"blocks.{block}.{name}.bias": (dim,)}
        for name, shape in layers.items():
            shapes |= {f"blocks.{block}.{name}.weight": shape, f"blocks.{block}.{name}.bias": shape[:1]}
    generator = np.random.default_rng(7)
    arrays = {name: 0.1 * generator.standard_normal(shape) for name, shape in shapes.items()}
    return {name: np.float32(array + name.endswith(("norm.weight", "norm1.weight"))) for name, array in arrays.items()}


WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"a can be cat dog ##s heard rain , . !".split()]


def make_bert(dim: int, seed: int = 0) -> Any:
    """Return a random BERT of two layers that knows `WORDS`, with the layer on [CLS] that published ones have."""
    from transformers import BertConfig, BertModel

    torch.manual_seed(seed)
    sizes = {"hidden_size": dim, "num_hidden_layers": 2, "num_attention_heads": dim // 64, "intermediate_size": 96}
    config = BertConfig(vocab_size=len(WORDS), **sizes)
    return BertModel(config).eval()


def write_text_model(folder: Path, bert: Any = None, dtype: torch.dtype = torch.float32) -> Path:
    """Write a tokenizer of `WORDS`, and BERT where there is one, as a folder of transformers; return the folder."""
    folder.mkdir(parents=True)
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    if bert is not None:
        state = {key: tensor.to(dtype).contiguous() for key, tensor in bert.state_dict().items()}
        save_file(state, folder / "model.safetensors")
    return folder


def spread_timestamps_ms(n_samples: int, sample_rate_hz: int, n_tokens: int) -> np.ndarray:
    """Return the released runtime's timestamps (T,) in milliseconds: the tokens spread evenly over the clip."""
    step = n_samples / sample_rate_hz / n_tokens
    return (np.arange(n_tokens) * step * 1000).astype(np.float32)
