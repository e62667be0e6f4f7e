"""The encoder against golden vectors of the reference M2D, with weights made by the golden README's rule."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from earwitness.encoder import Encoder, EncoderSpec
from earwitness.logmel import compute_log_mel
from earwitness.weights import build_encoder, infer_spec, rename_keys
from golden_m2d import N_SAMPLES, golden, make_state, make_waves

TOLERANCE = 5e-5  # a right encoder is within 1e-5; a wrong LayerNorm epsilon shows as 2.9e-4


def make_encoder(kind: str, norm_stats: tuple[float, float] | None, folder: str) -> Encoder:
    state = rename_keys(make_state(kind, norm_stats))
    return build_encoder(state, infer_spec(state, Path(folder) / "weights.pth"))


@pytest.fixture(scope="module")
def tagger() -> Encoder:
    return make_encoder("asft_80x1001p16x16", (-7.25, 4.35), "m2d_vit_base-80x1001p16x16-221006-mr7_as_46ab246d")


@pytest.mark.parametrize("tag", N_SAMPLES)
def test_the_tagger_is_the_reference_at_every_length(tagger: Encoder, tag: str) -> None:
    with torch.inference_mode():
        log_mel = compute_log_mel(make_waves(tag), 16000)
        features = tagger.token_features(log_mel)
        flat = tagger.flat_features(log_mel)
        clip, tokens = tagger.clip_logits(log_mel), tagger.token_logits(features)
    n_tokens, n_flat = features.shape[1], flat.shape[1]
    expected = golden()
    got = {
        f"asft1001/{tag}/encode_frame768/sub": features[:, :: max(1, n_tokens // 12), ::48],
        f"asft1001/{tag}/encode_frame768/last": features[:, -1, ::24],
        f"asft1001/{tag}/encode_flat/sub": flat[:, :: max(1, n_flat // 12), ::48],
        f"asft1001/{tag}/logits": clip,
        f"asft1001/{tag}/frames_logits/sub": tokens[:, :: max(1, n_tokens // 16), ::17],
    }
    for key, values in got.items():
        assert np.abs(values.numpy() - expected[key]).max() < TOLERANCE, key
    assert torch.allclose(tokens.mean(dim=1), clip, atol=1e-5)


@pytest.mark.parametrize(
    ("case", "kind", "norm_stats", "folder"),
    [
        ("enc608", "full_m2d_80x608p16x16", None, "m2d_vit_base-80x608p16x16-221006-mr7"),
        ("enc200p16x4", "full_m2d_80x200p16x4", (-7.0, 4.1), "m2d_vit_base-80x200p16x4-230529"),
    ],
)
def test_encoders_without_a_head_are_the_reference(
    case: str, kind: str, norm_stats: tuple[float, float] | None, folder: str
) -> None:
    encoder = make_encoder(kind, norm_stats, folder)
    for tag in ("1s", "4s"):
        with torch.inference_mode():
            features = encoder.token_features(compute_log_mel(make_waves(tag), 16000))
        step = max(1, features.shape[1] // 12)
        assert np.abs(features[:, ::step, ::96].numpy() - golden()[f"{case}/{tag}/encode/sub"]).max() < TOLERANCE
        assert np.abs(features[:, -1, ::48].numpy() - golden()[f"{case}/{tag}/encode/last"]).max() < TOLERANCE


@pytest.mark.parametrize(
    ("n_frames", "n_tokens"), [(16, 1), (101, 7), (401, 26), (995, 62), (1001, 62), (1002, 63), (2371, 148)]
)
def test_the_number_of_tokens_follows_m2ds_chunking(n_frames: int, n_tokens: int) -> None:
    spec = EncoderSpec("tiny", embed_dim=64, depth=1, n_heads=1, unit_frames=1001, n_tags=3)
    encoder = Encoder(spec).eval()
    encoder.norm_stats.data = torch.tensor([0.0, 1.0])
    with torch.inference_mode():
        features = encoder.token_features(torch.zeros(2, 1, 80, n_frames))
    assert features.shape == (2, n_tokens, 5 * 64)
    assert encoder.token_logits(features).shape == (2, n_tokens, 3)


def test_a_batch_gives_what_its_windows_give_alone() -> None:
    torch.manual_seed(0)
    encoder = Encoder(EncoderSpec("tiny", embed_dim=64, depth=2, n_heads=1, n_tags=3)).eval()
    encoder.norm_stats.data = torch.tensor([-7.0, 4.0])
    log_mel = torch.randn(3, 1, 80, 64)
    with torch.inference_mode():
        together = encoder.clip_logits(log_mel)
        alone = torch.cat([encoder.clip_logits(each[None]) for each in log_mel])
    assert torch.allclose(together, alone, atol=1e-5)
