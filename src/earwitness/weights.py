"""Encoder weights: how a file becomes an `Encoder`.

In: a name from `WEIGHTS` or a path. Out: a loaded `Encoder`, its `TagStats` where they are known, and the sha256 of
the file. Reading is strict: every missing or unknown key is named, a known file's hash is checked, and nothing in a
file is run.

Source: the layouts of M2D's released checkpoints, described at `KEY_RENAMES`.
"""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from earwitness.encoder import Encoder, EncoderSpec
from earwitness.errors import WeightsError
from earwitness.logmel import N_MELS
from earwitness.paths import hash_file
from earwitness.store import check_hash, find_weights
from earwitness.zoo import EMBEDDED, WEIGHTS, WeightsSpec

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
    known: WeightsSpec | None = None

    @property
    def spec(self) -> EncoderSpec:
        """The encoder's sizes and conventions."""
        return self.model.spec


def load_encoder(name_or_path: str | Path | None = None, *, commercial_only: bool = False) -> LoadedEncoder:
    """Load an encoder by name or from a .safetensors or .pth file; without an argument the embedded one.

    Args:
        name_or_path: a name of `WEIGHTS`, or the path of a file.
        commercial_only: refuse weights whose licence does not allow commercial use, or is not known.

    Raises:
        WeightsError: unknown name, weights that are not here, missing or damaged file, wrong hash, keys or shapes
            that do not fit, or a licence that is not wanted.
    """
    name_or_path = name_or_path or EMBEDDED
    known = WEIGHTS.get(str(name_or_path)) or identify_weights(Path(name_or_path))
    check_licence(known, name_or_path, commercial_only=commercial_only)
    path = locate_weights(name_or_path)
    try:
        sha256 = check_hash(known, path) if known else hash_file(path)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error})") from error
    state = rename_keys(read_state_dict(path))
    model = build_encoder(state, infer_spec(state, path))
    return LoadedEncoder(model, sha256, _read_tag_stats(path), known)


def locate_weights(name_or_path: str | Path) -> Path:
    """Return the file of weights that are here, by name or path.

    Raises:
        WeightsError: it is neither a file nor a known name, or the weights of that name have not been fetched.
    """
    known = WEIGHTS.get(str(name_or_path))
    path = find_weights(known) if known else Path(name_or_path)
    if known and known.url and (path is None or not path.is_file()):
        raise WeightsError(
            f"{known.name}: not here yet. Its licence is: {known.licence}. "
            f"To fetch it: earwitness weights get {known.name} --accept-licence"
        )
    if path is None or not path.is_file():
        raise WeightsError(f"{name_or_path}: neither a file nor a known encoder; known are: {', '.join(WEIGHTS)}")
    return path


def identify_weights(path: Path) -> WeightsSpec | None:
    """Return what is known of a file of weights by its name or its folder's; None if neither is a known name."""
    return WEIGHTS.get(path.stem) or WEIGHTS.get(path.absolute().parent.name)


def check_licence(known: WeightsSpec | None, name: str | Path, *, commercial_only: bool) -> None:
    """Refuse weights that may not be used commercially, where only such are wanted.

    Raises:
        WeightsError: the licence does not allow commercial use, or nothing says that it does.
    """
    if commercial_only and not (known and known.is_commercial_use_allowed):
        licence = known.licence if known else "nothing is known of its licence"
        raise WeightsError(
            f"{name}: not for commercial use ({licence}); choose another encoder, such as the embedded one, "
            "or leave out --commercial-only (commercial_only in settings)"
        )


def read_state_dict(path: Path) -> dict[str, torch.Tensor]:
    """Read the tensors of a .safetensors file, or of a .pth checkpoint as M2D publishes them, under the file's keys.

    A checkpoint is unpickled with tensors and plain containers only; the one class that is allowed besides is
    `argparse.Namespace`, in which M2D keeps its training options. Anything else in it is refused, not run.

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
    spec = EncoderSpec(
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
        broken = [key for key, tensor in model.state_dict().items() if not torch.isfinite(tensor.sum())]
    except (RuntimeError, TypeError, NotImplementedError) as error:
        raise WeightsError(f"{spec.name}: {error}") from error
    if broken:
        raise WeightsError(f"{spec.name}: {broken[0]} holds numbers that are not finite; fetch the file again")
    return model.requires_grad_(False).eval()


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
    part = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        save_file({key: tensor.contiguous() for key, tensor in state.items()}, part)
        part.replace(target)
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{target}: cannot be written ({error})") from error
    return target


def _read_tag_stats(path: Path) -> TagStats | None:
    stats_path = path.with_suffix(".tag_stats.npz")
    if not stats_path.is_file():
        return None
    with np.load(stats_path) as stats:
        return TagStats(mean=stats["mean"], std=stats["std"])


_NAME = re.compile(r"^[^-]+-(?P<bands>\d+)x(?P<frames>\d+)p(?P<patch>\d+x\d+)(?P<rate>p32k)?")
