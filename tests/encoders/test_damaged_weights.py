"""Damaged and hostile weight files: each ends in a WeightsError, soon, whatever is wrong with it."""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save, save_file

from earwitness.encoders.load import load_encoder
from earwitness.encoders.m2d.checkpoint import build_encoder, rename_keys
from earwitness.encoders.registry import WEIGHTS
from earwitness.encoders.weights_cache import check_hash, weights_dir
from earwitness.errors import WeightsError

NAME = "m2d_as_vit_base-80x1001p16x16-240213_AS-FT_enconly"
FILE = WEIGHTS[NAME].file_name or ""
DIM = 64
State = dict[str, torch.Tensor]


def tiny_state() -> State:
    """Return an encoder of one narrow block under its own names."""
    shapes = {
        "norm_stats": (2,),
        "cls_token": (1, 1, DIM),
        "pos_embed": (1, 311, DIM),
        "patch_embed.proj.weight": (DIM, 1, 16, 16),
        "patch_embed.proj.bias": (DIM,),
        "blocks.0.norm1.weight": (DIM,),
        "blocks.0.norm1.bias": (DIM,),
        "blocks.0.attn.qkv.weight": (3 * DIM, DIM),
        "blocks.0.attn.qkv.bias": (3 * DIM,),
        "blocks.0.attn.proj.weight": (DIM, DIM),
        "blocks.0.attn.proj.bias": (DIM,),
        "blocks.0.norm2.weight": (DIM,),
        "blocks.0.norm2.bias": (DIM,),
        "blocks.0.mlp.fc1.weight": (4 * DIM, DIM),
        "blocks.0.mlp.fc1.bias": (4 * DIM,),
        "blocks.0.mlp.fc2.weight": (DIM, 4 * DIM),
        "blocks.0.mlp.fc2.bias": (DIM,),
        "norm.weight": (DIM,),
        "norm.bias": (DIM,),
    }
    return {key: torch.full(shape, 0.5) for key, shape in shapes.items()}


def safetensors_file(header: object, body: bytes = b"", declared: int | None = None) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text) if declared is None else declared) + text + body


@pytest.fixture
def keep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[State], Path]:
    """Give a function that puts weights into the cache under a known name, with their hash recorded."""
    monkeypatch.setenv("EARWITNESS_CACHE", str(tmp_path))

    def put(state: State) -> Path:
        path = weights_dir(WEIGHTS[NAME]) / FILE
        path.parent.mkdir(parents=True)
        torch.save(state, path)
        check_hash(WEIGHTS[NAME], path)
        return path

    return put


def test_the_tiny_encoder_itself_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "tiny-80x1001p16x16-1.safetensors"
    save_file(tiny_state(), path)
    assert load_encoder(path).spec.depth == 1


def test_sixty_flipped_bytes_in_kept_weights_are_all_found(keep: Callable[[State], Path]) -> None:
    path = keep(tiny_state())
    assert load_encoder(NAME).spec.name == NAME
    whole, generator = path.read_bytes(), random.Random(1)
    for _ in range(60):
        content = bytearray(whole)
        content[generator.randrange(len(whole))] ^= 1 << generator.randrange(8)
        path.write_bytes(content)
        with pytest.raises(WeightsError, match="the sha256 is"):
            load_encoder(NAME)


@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
def test_sixty_truncations_of_files_without_a_hash_are_all_told(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"tiny-80x1001p16x16-1.{suffix}"
    torch.save(tiny_state(), path)
    whole, generator = save(tiny_state()) if suffix == "safetensors" else path.read_bytes(), random.Random(2)
    for _ in range(30):
        path.write_bytes(whole[: generator.randrange(len(whole))])
        with pytest.raises(WeightsError):
            load_encoder(path)


@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
def test_scrambled_structure_ends_in_a_weights_error_and_nothing_else(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"tiny-80x1001p16x16-1.{suffix}"
    torch.save(tiny_state(), path)
    whole = save(tiny_state()) if suffix == "safetensors" else path.read_bytes()
    first = 8 if suffix == "safetensors" else whole.index(b"data.pkl")
    n_refused, generator = 0, random.Random(3)
    for _ in range(120):
        content = bytearray(whole)
        for _ in range(3):
            content[first + generator.randrange(1500)] ^= 1 << generator.randrange(8)
        path.write_bytes(content)
        try:
            load_encoder(path)  # spaces in JSON, or a date in a zip, may change and harm nothing
        except WeightsError:
            n_refused += 1
    assert n_refused > 60


def test_wrong_shapes_types_and_keys_are_told(tmp_path: Path) -> None:
    path = tmp_path / "tiny-80x1001p16x16-1.safetensors"
    generator = random.Random(4)
    for key, tensor in tiny_state().items():
        wider = [size + generator.randrange(1, 3) for size in tensor.shape]
        for wrong in (torch.zeros(wider), torch.zeros(0), torch.full_like(tensor, torch.nan)):
            save_file({**tiny_state(), key: wrong}, path)
            with pytest.raises(WeightsError):
                load_encoder(path)
    for key in ("blocks.x.norm", "blocks", "blocks.", "blocks.999999999.norm1.weight", "blocks.2.norm1.bias", "x"):
        save_file({**tiny_state(), key: torch.zeros(1)}, path)
        with pytest.raises(WeightsError):
            load_encoder(path)


HUGE = 1 << 62
ENTRY = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
HEADERS = [
    safetensors_file({"norm_stats": ENTRY}, bytes(8), HUGE),
    safetensors_file({"norm_stats": ENTRY}, bytes(8), (1 << 64) - 1),
    safetensors_file({"norm_stats": ENTRY}, bytes(8), 99_000_000),
    safetensors_file({"norm_stats": {**ENTRY, "shape": [HUGE]}}, bytes(8)),
    safetensors_file({"norm_stats": {**ENTRY, "shape": [HUGE, HUGE]}}, bytes(8)),
    safetensors_file({"norm_stats": {**ENTRY, "data_offsets": [0, HUGE]}}, bytes(8)),
    safetensors_file({"norm_stats": {**ENTRY, "data_offsets": [8, 0]}}, bytes(8)),
    safetensors_file({"norm_stats": {**ENTRY, "data_offsets": [-8, 0]}}, bytes(8)),
    safetensors_file({"norm_stats": {**ENTRY, "dtype": "X9"}}, bytes(8)),
    safetensors_file({"a": ENTRY, "b": ENTRY}, bytes(8)),
    safetensors_file([1, 2], b""),
    safetensors_file({}, b""),
    safetensors_file({"a": 1}, b""),
    b"\x08\0\0\0\0\0\0\0{{{{{{{{",
    bytes(8),
    b"",
]


@pytest.mark.parametrize("index", range(len(HEADERS)))
def test_a_header_that_lies_is_told_without_taking_memory(tmp_path: Path, index: int) -> None:
    path = tmp_path / "tiny-80x1001p16x16-1.safetensors"
    path.write_bytes(HEADERS[index])
    with pytest.raises(WeightsError):
        load_encoder(path)


STRANGE: dict[str, State] = {
    "wide positions": {"pos_embed": torch.zeros(1).expand(1, 311, 1 << 40)},
    "wide patches": {"patch_embed.proj.weight": torch.zeros(1).expand(1 << 40, 1, 16, 16)},
    "wide layer": {"blocks.0.mlp.fc1.weight": torch.zeros(1).expand(1 << 40, 64)},
    "wide head": {"head.weight": torch.zeros(1).expand(1 << 40, 64)},
    "no memory": {"norm.weight": torch.zeros(64, device="meta")},
    "sparse": {"norm.weight": torch.zeros(64).to_sparse()},
    "complex": {"norm.weight": torch.zeros(64, dtype=torch.complex64)},
    "empty patches": {"patch_embed.proj.weight": torch.zeros(0, 1, 0, 0)},
}


@pytest.mark.parametrize("name", STRANGE)
def test_strange_tensors_in_a_checkpoint_are_told(tmp_path: Path, name: str) -> None:
    path = tmp_path / "tiny-80x1001p16x16-1.pth"
    torch.save({**tiny_state(), **STRANGE[name]}, path)
    with pytest.raises(WeightsError):
        load_encoder(path)


def test_checkpoints_that_are_no_dictionary_of_named_tensors_are_told(tmp_path: Path) -> None:
    path = tmp_path / "tiny-80x1001p16x16-1.pth"
    for content in ([], {}, {"model": {}}, {1: torch.zeros(1)}, {"model": {(): torch.zeros(1)}}, torch.zeros(3), None):
        torch.save(content, path)
        with pytest.raises(WeightsError):
            load_encoder(path)


def test_building_from_renamed_weights_needs_no_file() -> None:
    from earwitness.encoders.m2d.spec import M2DSpec

    spec = M2DSpec("tiny", embed_dim=DIM, depth=1, n_heads=1)
    assert build_encoder(rename_keys(tiny_state()), spec).spec is spec
