"""The six layouts in which M2D is published, as real files: each is read as it is and gives the reference's numbers."""

from __future__ import annotations

import argparse
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from earwitness.encoders.load import LoadedEncoder, load_encoder
from earwitness.encoders.m2d.clap import load_clap
from earwitness.encoders.registry import WEIGHTS
from earwitness.encoders.weights_cache import take_weights
from earwitness.errors import WeightsError
from golden_m2d import (
    TOLERANCE,
    check_array,
    golden,
    make_bert,
    make_clap_2025_state,
    make_state,
    make_waves,
    write_text_model,
)

TAGGER = "m2d_vit_base-80x1001p16x16-221006-mr7_as_46ab246d"
FINE_STEPS = "m2d_vit_base-80x200p16x4-230529"
CLAP_2024 = "m2d_clap_vit_base-80x608p16x16-240128"
CLAP_2025 = "m2d_clap_vit_base-80x1001p16x16p16kpBpTI-2025"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Give a folder that is emptied afterwards: a checkpoint has 344 MB."""
    yield tmp_path
    shutil.rmtree(tmp_path)


def write_full(path: Path, model: dict[str, torch.Tensor]) -> Path:
    """Write a checkpoint as pre-training leaves it, with its optimizer and options."""
    optimizer = {"state": {0: {"step": torch.tensor(1.0), "exp_avg": torch.zeros(3)}}, "param_groups": [{"lr": 2.4e-3}]}
    options = argparse.Namespace(model="m2d_vit_base", input_size=[80, 608], blr=3e-4, resume=None)
    scaler = {"scale": 65536.0, "growth_tracker": 0}
    return write(path, {"model": model, "optimizer": optimizer, "epoch": 300, "scaler": scaler, "args": options})


def write(path: Path, content: object) -> Path:
    path.parent.mkdir()
    torch.save(content, path)
    return path


def check_features(encoder: LoadedEncoder, name: str, *tags: str) -> None:
    for tag in tags:
        features = encoder.token_features(make_waves(tag).numpy(), is_trimmed=False)
        for reduction in ("sub", "last", "tmean", "shape", "stats"):
            check_array(f"{name}/{tag}/encode/{reduction}", "encode", reduction, features)


@pytest.mark.slow
def test_a_fine_tuned_checkpoint_is_taken_from_its_zip(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARWITNESS_CACHE", str(folder / "cache"))
    state = make_state("asft_80x1001p16x16", (-7.25, 4.35))
    assert len(state) == 160
    known = WEIGHTS[TAGGER]
    path = write(folder / TAGGER / str(known.file_name), state)
    with zipfile.ZipFile(folder / f"{TAGGER}.zip", "w") as archive:
        archive.write(path, f"{TAGGER}/{path.name}")
    path.unlink()
    with pytest.raises(WeightsError, match="319076219"):  # these made-up weights are not the published ones
        take_weights(known, folder / f"{TAGGER}.zip", load_encoder)
    stored = take_weights(replace(known, zip_bytes=None), folder / f"{TAGGER}.zip", load_encoder)
    assert stored == folder / "cache" / "weights" / TAGGER / "weights_ep69it3124-0.47929.pth"
    encoder = load_encoder(TAGGER)
    assert (encoder.spec.n_tags, encoder.spec.bands, encoder.spec.unit_frames) == (527, "mean", 1001)
    for tag in ("1s", "4s"):
        waves = make_waves(tag).numpy()
        logits = encoder.token_logits(waves, is_trimmed=False)
        assert np.abs(logits.mean(axis=1) - golden()[f"asft1001/{tag}/logits"]).max() < TOLERANCE
        check_array(f"asft1001/{tag}/frames_logits/sub", "frames_logits", "sub", logits)
        features = encoder.token_features(waves, is_trimmed=False)
        check_array(f"asft1001/{tag}/encode_frame768/sub", "encode_frame768", "sub", features)


@pytest.mark.slow
def test_a_full_checkpoint_without_norm_stats_is_read(folder: Path) -> None:
    state = make_state("full_m2d_80x608p16x16", None)
    assert len(state) == 400
    path = write_full(folder / "m2d_vit_base-80x608p16x16-221006-mr7" / "checkpoint-300.pth", state)
    check_features(load_encoder(path), "enc608", "1s", "4s")


@pytest.mark.slow
def test_a_bare_checkpoint_of_the_encoder_alone_is_read(folder: Path) -> None:
    state = make_state("enconly_80x608p16x16", (-7.1, 4.2))
    assert len(state) == 151
    path = write(folder / "m2d_vit_base-80x608p16x16-221006-mr7_enconly" / "checkpoint-300.pth", state)
    check_features(load_encoder(path), "enc608", "1s")


@pytest.mark.slow
def test_a_full_checkpoint_of_narrow_patches_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = make_state("full_m2d_80x200p16x4", (-7.0, 4.1))
    assert len(state) == 401
    path = write_full(folder / FINE_STEPS / "checkpoint-300.pth", state)
    with pytest.raises(WeightsError, match="the sha256 is .* but .* has 63578974"):
        load_encoder(path)
    monkeypatch.setitem(WEIGHTS, FINE_STEPS, replace(WEIGHTS[FINE_STEPS], sha256=None))
    check_features(load_encoder(path), "enc200p16x4", "1s")


@pytest.mark.slow
def test_m2d_clap_of_2024_is_read_as_clap_and_as_an_encoder(folder: Path) -> None:
    state = make_state("full_m2d_clap_80x608p16x16", None)
    assert len(state) == 405
    path = write_full(folder / CLAP_2024 / "checkpoint-300.pth", state)
    clap = load_clap(path)
    for tag in ("1s", "4s"):
        embeddings = clap.embed_audio(make_waves(tag).numpy())
        assert embeddings.dtype == np.float32
        assert np.abs(embeddings - golden()[f"clap608/{tag}/encode_clap_audio"]).max() < TOLERANCE
    check_features(load_encoder(path), "enc608", "1s")


@pytest.mark.slow
def test_m2d_clap_of_2025_is_read_with_the_text_encoder_inside(folder: Path) -> None:
    bert = make_bert(768)
    state = {f"backbone.{key}": tensor for key, tensor in make_clap_2025_state().items()}
    assert len(state) == 166
    state |= {f"text_encoder.text_encoder.{key}": tensor for key, tensor in bert.state_dict().items()}
    path = write(folder / CLAP_2025 / "checkpoint-30.pth", {"model": state})
    clap = load_clap(path, text_model=write_text_model(folder / "bert-base-uncased"))
    for tag in ("1s", "4s"):
        embeddings = clap.embed_audio(make_waves(tag).numpy())
        assert np.abs(embeddings - golden()[f"clap2025/{tag}/encode_clap_audio"]).max() < TOLERANCE
    with torch.inference_mode():
        expected = bert(torch.tensor([[2, 9, 6, 7, 11, 3]])).last_hidden_state[0, 0]  # [CLS] dog can be heard [SEP]
    assert np.allclose(clap.embed_text(["Dog can be heard"])[0], expected, atol=1e-5)
    assert load_encoder(path).spec.unit_frames == 1001
