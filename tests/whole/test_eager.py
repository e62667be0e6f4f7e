"""The plain M2D that the encoder is timed against is the same function, so that the comparison is fair."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from eager import clip_logits, make_encoder, time_in_turns
from earwitness.audio.mel import MelSpec, compute_log_mel
from earwitness.encoders.m2d.model import FEW_TOKENS, Linear
from earwitness.encoders.m2d.spec import M2DSpec

TINY = M2DSpec("tiny", embed_dim=64, depth=2, n_heads=4, unit_frames=101, n_tags=7)


@pytest.mark.parametrize("bands", ["stack", "mean"])
@pytest.mark.parametrize("n_samples", [16000, 7520])
def test_the_plain_way_gives_what_the_encoder_gives(bands: str, n_samples: int) -> None:
    encoder = make_encoder(dataclasses.replace(TINY, bands=bands))
    encoder.head_norm.running_mean.normal_()
    encoder.head_norm.running_var.uniform_(0.5, 2.0)
    windows = 0.1 * torch.randn(3, n_samples)
    with torch.inference_mode():
        plain = clip_logits(encoder.state_dict(), encoder.spec, windows)
        ours = encoder.clip_logits(compute_log_mel(windows, MelSpec.at(16000)))
    assert plain.shape == (3, 7)
    assert ours.std() > 0.05
    assert torch.allclose(plain, ours, atol=5e-5, rtol=0)


def test_the_two_ways_take_turns() -> None:
    order: list[str] = []
    times = time_in_turns({"first": lambda: order.append("a"), "second": lambda: order.append("b")}, n_runs=3)
    assert order == list("ababab")
    assert [len(each) for each in times.values()] == [3, 3]


def test_a_linear_layer_gives_the_same_as_a_convolution_and_without_one() -> None:
    torch.manual_seed(0)
    layer, tokens = Linear(64, 96), torch.randn(3, FEW_TOKENS, 64)
    with torch.inference_mode():
        convolved, few = layer(tokens), layer(tokens[:1])
    plain = layer(tokens)
    assert plain.requires_grad
    assert convolved.is_contiguous()
    assert torch.allclose(convolved, plain, atol=1e-5)
    assert torch.allclose(few, plain[:1], atol=1e-5)
