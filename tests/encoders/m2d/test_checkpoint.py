"""Weights: found by name or path, checked, renamed and loaded strictly."""

from __future__ import annotations

import argparse
import os
import pickle
import re
import shutil
import socket
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from earwitness.encoders.load import load_encoder
from earwitness.encoders.m2d.checkpoint import build_encoder, infer_spec, rename_keys
from earwitness.encoders.registry import EMBEDDED, WEIGHTS
from earwitness.errors import WeightsError
from earwitness.files.paths import DATA_DIR, hash_file
from golden_m2d import make_state, small_state

EMBEDDED_PATH = DATA_DIR / f"{EMBEDDED}.safetensors"


def test_the_embedded_encoder_loads_fast_and_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("a network was touched"))
    started = time.perf_counter()
    encoder = load_encoder()
    assert time.perf_counter() - started < 0.5
    assert encoder.sha256 == WEIGHTS[EMBEDDED].sha256
    assert encoder.spec.n_tags == 527
    assert encoder.spec.token_s == 0.16
    assert (encoder.spec.embed_dim, encoder.spec.depth, encoder.spec.n_heads, encoder.spec.bands) == (
        192,
        12,
        3,
        "stack",
    )
    assert encoder.tag_stats is not None
    assert encoder.tag_stats.mean.shape == encoder.tag_stats.std.shape == (527,)
    assert not encoder.model.training


def test_a_name_and_a_path_give_the_same_encoder(tmp_path: Path) -> None:
    copy = tmp_path / EMBEDDED_PATH.name
    shutil.copy(EMBEDDED_PATH, copy)
    by_path, by_name = load_encoder(copy), load_encoder(EMBEDDED)
    assert by_path.sha256 == by_name.sha256
    for ours, theirs in zip(by_path.model.parameters(), by_name.model.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_a_known_file_with_another_hash_is_refused(tmp_path: Path) -> None:
    content = bytearray(EMBEDDED_PATH.read_bytes())
    content[-1] ^= 1
    damaged = tmp_path / EMBEDDED_PATH.name
    damaged.write_bytes(content)
    with pytest.raises(WeightsError, match="the sha256 is .* but .* has 32d9d39f"):
        load_encoder(damaged)


def test_unknown_names_and_unreadable_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=f"m2d_huge: neither a file nor a known encoder; known are: {EMBEDDED}"):
        load_encoder("m2d_huge")
    text = tmp_path / "m2d_vit_base-80x608p16x16-x.safetensors"
    text.write_text("not weights")
    with pytest.raises(WeightsError, match="not readable as weights"):
        load_encoder(text)


def test_the_unit_must_be_in_a_name_and_fit_the_tensors(tmp_path: Path) -> None:
    state = {"norm_stats": torch.zeros(2)}
    save_file(state, tmp_path / "weights.safetensors")
    with pytest.raises(WeightsError, match="neither its name nor its folder's says the unit"):
        load_encoder(tmp_path / "weights.safetensors")
    save_file(state, tmp_path / "m2d-80x608p16x16-1.safetensors")
    with pytest.raises(WeightsError, match=r"not an M2D encoder \('patch_embed.proj.weight'\)"):
        load_encoder(tmp_path / "m2d-80x608p16x16-1.safetensors")
    other = tmp_path / "m2d-80x608p16x16-2.safetensors"
    shutil.copy(EMBEDDED_PATH, other)
    with pytest.raises(
        WeightsError, match=r"the name says 80x608 \(a grid of 5x38\), but the file holds 310 positions"
    ):
        load_encoder(other)


@pytest.mark.slow
def test_published_layouts_are_renamed_and_loaded_strictly() -> None:
    path = Path("m2d_vit_base-80x608p16x16-221006-mr7_enconly/checkpoint-300.pth")
    state = make_state("enconly_80x608p16x16", (-7.1, 4.2))
    renamed = rename_keys(state)
    spec = infer_spec(renamed, path)
    assert (spec.unit_frames, spec.embed_dim, spec.n_heads, spec.n_tags) == (608, 768, 12, 0)
    assert build_encoder(renamed, spec).spec is spec
    missing = {key: tensor for key, tensor in renamed.items() if key != "blocks.3.attn.proj.bias"}
    with pytest.raises(WeightsError, match="blocks.3.attn.proj.bias"):
        build_encoder(missing, spec)
    with pytest.raises(WeightsError, match="surprise"):
        build_encoder({**renamed, "surprise": torch.zeros(1)}, spec)


@pytest.mark.slow
def test_a_file_without_norm_stats_gets_those_of_2022() -> None:
    renamed = rename_keys(make_state("full_m2d_80x608p16x16", None))
    assert np.allclose(renamed["norm_stats"].numpy(), [-7.1, 4.2])
    assert not any(key.startswith(("decoder", "target", "mask_token")) for key in renamed)


def test_a_file_is_hashed_again_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"1")
    first = hash_file(path)
    path.write_bytes(b"22")
    assert hash_file(path) != first


@pytest.mark.parametrize("is_full", [False, True])
def test_a_published_checkpoint_is_loaded_from_its_pth(tmp_path: Path, is_full: bool) -> None:
    path = tmp_path / "m2d_vit_tiny-80x1001p16x16-1_AS-FT" / "weights_ep1.pth"
    path.parent.mkdir()
    full = {"model": small_state(), "optimizer": {"state": {}}, "epoch": 300, "args": argparse.Namespace(lr=0.1)}
    torch.save(full if is_full else small_state(), path)
    loaded = load_encoder(path)
    assert loaded.spec.name == "m2d_vit_tiny-80x1001p16x16-1_AS-FT"
    assert loaded.tag_stats is None
    embedded = load_encoder().model.state_dict()
    for key, tensor in loaded.model.state_dict().items():
        assert torch.equal(tensor, embedded[key]), key


class Malicious:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


def test_a_malicious_checkpoint_is_refused_and_not_run(tmp_path: Path) -> None:
    path = tmp_path / "m2d-80x1001p16x16-1.pth"
    torch.save({"model": small_state(), "args": Malicious(tmp_path / "done")}, path)
    with pytest.raises(WeightsError, match=r"m2d-80x1001p16x16-1\.pth: not readable as weights"):
        load_encoder(path)
    path.write_bytes(pickle.dumps(Malicious(tmp_path / "done")))
    with pytest.raises(WeightsError, match="not readable as weights"):
        load_encoder(path)
    assert not (tmp_path / "done").exists()


@pytest.mark.parametrize("content", [{"model": 3}, [torch.zeros(2)], {"epoch": 300}])
def test_a_checkpoint_without_tensors_is_told(tmp_path: Path, content: object) -> None:
    path = tmp_path / "m2d-80x1001p16x16-1.pth"
    torch.save(content, path)
    with pytest.raises(WeightsError, match="it holds no dictionary of tensors"):
        load_encoder(path)


def test_a_checkpoint_cut_anywhere_is_told(tmp_path: Path) -> None:
    path = tmp_path / "m2d-80x1001p16x16-1.pth"
    torch.save({"model": {"norm_stats": torch.arange(1000.0)}}, path)
    whole = path.read_bytes()
    for size in range(0, len(whole), max(1, len(whole) // 40)):
        path.write_bytes(whole[:size])
        with pytest.raises(WeightsError):
            load_encoder(path)


@pytest.mark.parametrize("name", WEIGHTS)
def test_sizes_are_read_from_every_known_name(name: str) -> None:
    frames, bands, columns = (int(size) for size in re.search(r"-80x(\d+)p(\d+)x(\d+)", name).groups())  # type: ignore[union-attr]
    n_positions = 1 + (80 // bands) * (frames // columns)
    state = {
        "patch_embed.proj.weight": torch.empty(64, 1, bands, columns),
        "blocks.0.mlp.fc1.weight": torch.empty(256, 64),
        "pos_embed": torch.empty(1, n_positions, 64),
    }
    spec = infer_spec(state, Path(name) / "weights.pth")
    assert (spec.name, spec.unit_frames, spec.sample_rate_hz) == (name, frames, WEIGHTS[name].sample_rate_hz)
