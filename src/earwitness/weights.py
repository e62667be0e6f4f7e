"""Encoder weights: what there is, where it comes from, and how a file becomes an `Encoder`.

In: a name from `WEIGHTS` or a path. Out: a loaded `Encoder`, its `TagStats` where they are known, and the sha256 of
the file. Reading is strict: every missing or unknown key is named, a known file's hash is checked, and nothing in a
file is run.

Source: the layouts of M2D's released checkpoints, described at `KEY_RENAMES`.
"""

from __future__ import annotations

import argparse
import pickle
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from earwitness.encoder import Encoder, EncoderSpec
from earwitness.errors import WeightsError
from earwitness.logmel import N_MELS
from earwitness.paths import DATA_DIR, hash_file

EMBEDDED = "m2d_vit_tiny-80x1001p16x16-261122-distil_as"
DEFAULT_NORM_STATS = (-7.1, 4.2)  # of M2D's 2022 files, which hold none
HEAD_DIM = 64  # every M2D encoder splits its width into heads of 64

# M2D's released layouts, renamed to the encoder's own names. Fine-tuned files carry the whole fine-tuning model,
# pre-training files also the predictor, the target network and projections, which listening does not need.
KEY_RENAMES = (
    (r"^module\.ar\.runtime\.backbone\.", ""),
    (r"^module\.head\.norm\.", "head_norm."),
    (r"^module\.head\.mlp\.mlp\.0\.", "head."),
    (r"^backbone\.", ""),
)
KEYS_NOT_USED = re.compile(
    r"^(module\.ar\.runtime\.to_spec|decoder_|target_|mask_token|offline_predictor|logit_scale|audio_proj|text_proj"
    r"|text_encoder|head_norm\.num_batches_tracked)"
)


@dataclass(frozen=True)
class WeightsSpec:
    """What is known of one set of weights before it is read."""

    name: str
    sha256: str
    licence: str
    is_commercial_use_allowed: bool
    paper: str
    reported_map: float | None = None
    url: str | None = None


@dataclass(frozen=True)
class TagStats:
    """Mean and standard deviation (C,) of each tag's clip logit over varied audio."""

    mean: np.ndarray
    std: np.ndarray


@dataclass(frozen=True)
class LoadedEncoder:
    """An encoder ready to use, with where its weights came from."""

    model: Encoder
    sha256: str
    tag_stats: TagStats | None

    @property
    def spec(self) -> EncoderSpec:
        """The encoder's sizes and conventions."""
        return self.model.spec


WEIGHTS: dict[str, WeightsSpec] = {
    EMBEDDED: WeightsSpec(
        name=EMBEDDED,
        sha256="dacd7f819dfeb54aef83912807293c5141d7a0e70f9cc1707ae7793c354da948",
        licence="Apache-2.0",
        is_commercial_use_allowed=True,
        paper="distilled from EfficientAT mn04_as (Schmid et al. 2023, MIT) into M2D's shape; see the model card",
    ),
}


def load_encoder(name_or_path: str | Path | None = None) -> LoadedEncoder:
    """Load an encoder by name or from a .safetensors or .pth file; without an argument the embedded one.

    Raises:
        WeightsError: unknown name, missing or damaged file, wrong hash, keys or shapes that do not fit.
    """
    name_or_path = name_or_path or EMBEDDED
    known = WEIGHTS.get(str(name_or_path))
    path = DATA_DIR / f"{known.name}.safetensors" if known else Path(name_or_path)
    if not path.is_file():
        raise WeightsError(f"{name_or_path}: neither a file nor a known encoder; known are: {', '.join(WEIGHTS)}")
    sha256 = hash_file(path)
    known = known or WEIGHTS.get(path.stem)
    if known and sha256 != known.sha256:
        raise WeightsError(
            f"{path}: the sha256 is {sha256}, but {known.name} has {known.sha256}; "
            "the file is damaged or another one: install earwitness again, or rename the file if it is your own"
        )
    state = rename_keys(read_state_dict(path))
    model = build_encoder(state, infer_spec(state, path))
    return LoadedEncoder(model, sha256, _read_tag_stats(path))


def read_state_dict(path: Path) -> dict[str, torch.Tensor]:
    """Read the tensors of a .safetensors file, or of a .pth checkpoint as M2D publishes them, under the file's keys.

    A checkpoint is unpickled with tensors and plain containers only; the one class that is allowed besides is
    `argparse.Namespace`, in which M2D keeps its training options. Anything else in it is refused, not run.

    Raises:
        WeightsError: the file is neither, is damaged, or holds something else than tensors.
    """
    try:
        if path.suffix not in (".pth", ".pt"):
            return load_file(path)
        with torch.serialization.safe_globals([argparse.Namespace]):
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except (SafetensorError, OSError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError) as error:
        reason = str(error).split("\n", 1)[0][:200]
        raise WeightsError(f"{path}: not readable as weights ({reason}); fetch or convert the file again") from error
    state = content.get("model", content) if isinstance(content, dict) else None
    if not isinstance(state, dict) or not all(isinstance(tensor, torch.Tensor) for tensor in state.values()):
        raise WeightsError(f"{path}: not a checkpoint: it holds no dictionary of tensors")
    return state


def rename_keys(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the encoder's tensors under the encoder's names; drop what is for training only (`KEYS_NOT_USED`)."""
    renamed = {}
    for key, tensor in state.items():
        for pattern, replacement in KEY_RENAMES:
            key = re.sub(pattern, replacement, key)
        if not KEYS_NOT_USED.match(key):
            renamed[key] = tensor
    renamed.setdefault("norm_stats", torch.tensor(DEFAULT_NORM_STATS))
    return renamed


def infer_spec(state: dict[str, torch.Tensor], path: Path) -> EncoderSpec:
    """Return the spec of renamed weights: sizes from the tensors, unit and rate from the file's or folder's name.

    M2D names a checkpoint's folder `<model>-<bands>x<frames>p<patch bands>x<patch frames>[p32k]-...`.

    Raises:
        WeightsError: no name says the unit, a needed tensor is missing, or name and tensors disagree.
    """
    unit = next((match for name in (path.stem, path.parent.name) if (match := _NAME.match(name))), None)
    if unit is None:
        raise WeightsError(f"{path}: neither its name nor its folder's says the unit, such as '-80x1001p16x16-'")
    try:
        dim, _, patch_bands, patch_frames = state["patch_embed.proj.weight"].shape
        hidden_dim = state["blocks.0.mlp.fc1.weight"].shape[0]
        n_positions = state["pos_embed"].shape[1]
    except (KeyError, ValueError) as error:
        raise WeightsError(f"{path}: not an M2D encoder ({error})") from error
    n_tags, head_dim = state["head.weight"].shape if "head.weight" in state else (0, 0)
    spec = EncoderSpec(
        name=unit.string,
        embed_dim=dim,
        depth=1 + max(int(key.split(".")[1]) for key in state if key.startswith("blocks.")),
        n_heads=dim // HEAD_DIM,
        mlp_ratio=hidden_dim // dim,
        unit_frames=int(unit["frames"]),
        patch_bands=patch_bands,
        patch_frames=patch_frames,
        sample_rate_hz=32000 if unit["rate"] else 16000,
        n_tags=n_tags,
        bands="mean" if head_dim == dim else "stack",
    )
    n_bands, n_columns = spec.grid
    if int(unit["bands"]) != N_MELS or 1 + n_bands * n_columns != n_positions:
        raise WeightsError(
            f"{path}: the name says {unit['bands']}x{unit['frames']} (a grid of {n_bands}x{n_columns}), "
            f"but the file holds {n_positions - 1} positions; give the folder its published name"
        )
    return spec


def build_encoder(state: dict[str, torch.Tensor], spec: EncoderSpec) -> Encoder:
    """Return an encoder in evaluation mode with these weights as float32.

    Raises:
        WeightsError: keys are missing or unknown, or a shape does not fit; each is named.
    """
    with torch.device("meta"):
        model = Encoder(spec)
    try:
        model.load_state_dict({key: tensor.float() for key, tensor in state.items()}, strict=True, assign=True)
    except RuntimeError as error:
        raise WeightsError(f"{spec.name}: {error}") from error
    return model.requires_grad_(False).eval()


def _read_tag_stats(path: Path) -> TagStats | None:
    stats_path = path.with_suffix(".tag_stats.npz")
    if not stats_path.is_file():
        return None
    with np.load(stats_path) as stats:
        return TagStats(mean=stats["mean"], std=stats["std"])


_NAME = re.compile(r"^[^-]+-(?P<bands>\d+)x(?P<frames>\d+)p(?P<patch>\d+x\d+)(?P<rate>p32k)?")
