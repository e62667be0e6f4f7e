"""Encoder weights: how a file becomes an `M2DModel`.

In: the path of a .safetensors file or of a checkpoint as M2D publishes it. Out: an `M2DModel`. Reading is strict: every
missing or unknown key is named, and nothing in a file is run.

Source: the layouts of M2D's released checkpoints, described at `KEY_RENAMES`.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from earwitness.encoders.m2d.model import M2DModel
from earwitness.encoders.m2d.spec import M2DSpec, parse_name
from earwitness.errors import WeightsError
from earwitness.files import write_errors_reported, written_whole

DEFAULT_NORM_STATS = (-7.1, 4.2)  # of M2D's 2022 files, which hold none
HEAD_DIM = 64  # every M2D encoder splits its width into heads of 64
LARGEST_WIDTH, LARGEST_DEPTH = 16384, 64  # far beyond any M2D encoder: what is larger is damage or malice

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


def read_encoder(path: Path) -> M2DModel:
    """Return the encoder of a .safetensors or .pth file, its sizes read from names and tensors.

    Raises:
        WeightsError: the file is damaged, or its keys or shapes do not fit.
    """
    state = rename_keys(read_state_dict(path))
    return build_encoder(state, infer_spec(state, path))


def read_state_dict(path: Path) -> dict[str, torch.Tensor]:
    """Read the tensors of a .safetensors file, or of a .pth checkpoint as M2D publishes them, under the file's keys.

    A checkpoint is unpickled with tensors and plain containers only; the one class that is allowed besides is
    `argparse.Namespace`, which holds M2D's training options. Anything else in it is refused, not run.

    Raises:
        WeightsError: the file is neither, is damaged, or holds something else than tensors.
    """
    try:
        content: object
        if path.suffix in (".pth", ".pt"):
            with torch.serialization.safe_globals([argparse.Namespace]):
                content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        else:
            content = load_file(path)
    except Exception as error:  # a damaged pickle can end in any exception: KeyError, struct.error, AttributeError ...
        reason = str(error).split("\n", 1)[0][:200]
        raise WeightsError(f"{path}: not readable as weights ({reason}); fetch or convert the file again") from error
    state = content.get("model", content) if isinstance(content, dict) else None
    if not isinstance(state, dict) or not all(isinstance(tensor, torch.Tensor) for tensor in state.values()):
        raise WeightsError(f"{path}: not a checkpoint: it holds no dictionary of tensors")
    for key, tensor in state.items():
        if not isinstance(key, str) or not _is_plain(tensor):
            raise WeightsError(f"{path}: {key!r} is not a tensor of real numbers under a name, as weights are")
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


def infer_spec(state: dict[str, torch.Tensor], path: Path) -> M2DSpec:
    """Return the spec of renamed weights: sizes from the tensors, unit and rate from the file's or folder's name.

    Raises:
        WeightsError: no name says the unit, a needed tensor is missing, or name and tensors disagree.
    """
    unit = parse_name(path)
    if unit is None:
        raise WeightsError(f"{path}: neither its name nor its folder's says the unit, such as '-80x1001p16x16-'")
    try:
        dim, _, patch_bands, patch_frames = state["patch_embed.proj.weight"].shape
        hidden_dim = state["blocks.0.mlp.fc1.weight"].shape[0]
        n_positions = state["pos_embed"].shape[1]
        n_tags, head_dim = state["head.weight"].shape if "head.weight" in state else (0, 0)
        depth = 1 + max(int(key.split(".")[1]) for key in state if key.startswith("blocks."))
    except (KeyError, ValueError, IndexError) as error:
        raise WeightsError(f"{path}: not an M2D encoder ({error})") from error
    sizes = {"dim": dim, "hidden": hidden_dim, "patch": min(patch_bands, patch_frames), "depth": depth, "tags": n_tags}
    if not (
        HEAD_DIM <= dim <= hidden_dim <= LARGEST_WIDTH
        and (dim % HEAD_DIM, hidden_dim % dim) == (0, 0)
        and sizes["patch"] > 0
        and depth <= LARGEST_DEPTH
        and n_tags <= LARGEST_WIDTH
    ):
        raise WeightsError(f"{path}: not an M2D encoder by its sizes: {sizes}")
    spec = M2DSpec(
        name=unit.string,
        embed_dim=dim,
        depth=depth,
        n_heads=dim // HEAD_DIM,
        mlp_ratio=hidden_dim // dim,
        unit_frames=int(unit["frames"]),
        patch_bands=patch_bands,
        patch_frames=patch_frames,
        sample_rate_hz=32000 if unit["rate"] else 16000,
        n_tags=n_tags,
        bands="mean" if head_dim == dim else "stack",
        has_frame_head="frame_head.weight" in state,
    )
    n_bands, n_columns = spec.grid
    if int(unit["bands"]) != spec.n_mels or 1 + n_bands * n_columns != n_positions:
        raise WeightsError(
            f"{path}: the name says {unit['bands']}x{unit['frames']} (a grid of {n_bands}x{n_columns}), "
            f"but the file holds {n_positions - 1} positions; give the folder its published name"
        )
    return spec


def build_encoder(state: dict[str, torch.Tensor], spec: M2DSpec) -> M2DModel:
    """Return an encoder in evaluation mode with these weights as float32.

    Raises:
        WeightsError: see `fill_module`.
    """
    with torch.device("meta"):
        model = M2DModel(spec)
    fill_module(model, state, spec.name)
    return model


def fill_module(module: nn.Module, state: dict[str, torch.Tensor], where: str) -> None:
    """Give a module these weights as float32, and put it in evaluation mode.

    Raises:
        WeightsError: keys are missing or unknown, or a shape does not fit; each is named after `where`.
    """
    try:
        module.load_state_dict({key: tensor.float() for key, tensor in state.items()}, strict=True, assign=True)
        broken = [key for key, tensor in module.state_dict().items() if not torch.isfinite(tensor.sum())]
    except (RuntimeError, TypeError, NotImplementedError) as error:
        raise WeightsError(f"{where}: {error}") from error
    if broken:
        raise WeightsError(f"{where}: {broken[0]} holds numbers that are not finite; fetch the file again")
    module.requires_grad_(False).eval()


def _is_plain(tensor: torch.Tensor) -> bool:
    """Say whether a tensor is dense, real, in memory, and no larger than what the file holds of it."""
    if tensor.layout != torch.strided or tensor.is_meta or tensor.is_complex() or tensor.is_quantized:
        return False
    return tensor.numel() * tensor.element_size() <= tensor.untyped_storage().nbytes()


def convert_weights(path: Path, out: Path) -> Path:
    """Write weights as float32 .safetensors under the encoder's own names; return where they are.

    Sizes are read from names. If neither `out`'s name nor its folder's is the unit's, the file goes into a folder of
    the published name beside it.

    Raises:
        WeightsError: the weights are not usable, or `out` cannot be written.
    """
    if out.suffix != ".safetensors":
        raise WeightsError(f"{out}: convert writes .safetensors; give a name that ends so")
    state = rename_keys(read_state_dict(path))
    spec = infer_spec(state, path)
    state = build_encoder(state, spec).state_dict()
    try:
        is_same = infer_spec(state, out.absolute()).unit_frames == spec.unit_frames
    except WeightsError:
        is_same = False
    target = out if is_same else out.parent / spec.name / out.name
    with write_errors_reported(target, WeightsError), written_whole(target) as scratch:
        try:
            save_file({key: tensor.contiguous() for key, tensor in state.items()}, scratch)
        except SafetensorError as error:  # what the file system refuses, too
            raise OSError(str(error)) from error
    return target
