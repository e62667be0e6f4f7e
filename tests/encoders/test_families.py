"""A family of encoders is a folder and one line in the registry: a made-up one, at 48 kHz, works everywhere."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import nn

from earwitness.audio.mel import MelSpec, compute_log_mel
from earwitness.audio.read import read_blocks
from earwitness.audio.windows import slide
from earwitness.encoders import registry
from earwitness.encoders.base import EncoderSpec, Family, Output, WeightsSpec
from earwitness.encoders.features import embed
from earwitness.encoders.load import export_encoder, load_encoder
from earwitness.errors import SettingsError, WeightsError
from earwitness.recognition.explain import read_attention
from earwitness.recognition.tags import score_tokens, score_windows
from earwitness.settings import EncoderSettings, Settings

RATE_HZ = 48000
MEL = MelSpec(RATE_HZ, n_fft=2048, hop=480, n_mels=64, low_hz=0.0, floor=1e-5)


@dataclass(frozen=True)
class ToneSpec(EncoderSpec):
    """Sizes of a convolutional network with tokens of 40 ms."""

    @property
    def feature_dim(self) -> int:
        return 64

    @property
    def token_s(self) -> float:
        return 0.04

    @property
    def unit_s(self) -> float:
        return 10.0

    def token_starts_s(self, n_samples: int, *, is_trimmed: bool) -> npt.NDArray[np.float64]:
        return self.token_s * np.arange(MEL.count_frames(n_samples) // 4)


class ToneNet(nn.Module):
    """Pools four frames to a token; a window's logits are the largest of its tokens, not their mean."""

    def __init__(self) -> None:
        super().__init__()
        self.spec = ToneSpec("tone_net", RATE_HZ, 3)
        self.pool = nn.AvgPool1d(4)
        self.head = nn.Linear(64, 3)

    def encode(
        self, windows: torch.Tensor, wanted: Sequence[Output], *, is_trimmed: bool
    ) -> dict[Output, torch.Tensor]:
        features = self.pool(compute_log_mel(windows, MEL)[:, 0]).transpose(1, 2)  # (W, T, 64)
        logits = self.head(features)
        return {"features": features, "token_logits": logits, "window_logits": logits.amax(dim=1)}

    def attend(self, windows: torch.Tensor, *, is_trimmed: bool) -> torch.Tensor:
        raise WeightsError("tone_net: this network has no attention")

    def to_bf16(self) -> None:
        self.head.to(torch.bfloat16)

    def compile_blocks(self) -> None:
        self.head.compile()


def read_tone_net(path: Path) -> ToneNet:
    model = ToneNet()
    model.load_state_dict(torch.load(path, weights_only=True))
    return model.eval().requires_grad_(False)


def refuse(*arguments: Any, **options: Any) -> Any:
    raise WeightsError("tone_net: not for this family")


TONES = Family(
    name="tone_net",
    weights=(WeightsSpec("tone_net_published", "MIT", True, "made up", sample_rate_hz=RATE_HZ),),
    licences={},
    spec=ToneSpec,
    match=lambda path: path.stem.startswith("tone_net"),
    read=read_tone_net,
    convert=refuse,
    export=refuse,
    run=refuse,
)


@pytest.fixture
def tone_net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the weights of a family that the registry has one line more for."""
    monkeypatch.setattr(registry, "FAMILIES", (*registry.FAMILIES, TONES))
    torch.manual_seed(0)
    torch.save(ToneNet().state_dict(), tmp_path / "tone_net.pt")
    return tmp_path / "tone_net.pt"


def test_a_convolutional_family_at_48_khz_is_loaded_and_used_like_any_other(tone_net: Path) -> None:
    encoder = load_encoder(tone_net, compute=EncoderSettings(device="cpu", precision="fp32"))
    assert (encoder.spec.name, encoder.spec.sample_rate_hz) == ("tone_net", RATE_HZ)
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, round(3.2 * RATE_HZ)).astype(np.float32)
    whole = embed((samples, RATE_HZ), "clip", encoder=encoder)
    tokens = embed((samples, RATE_HZ), "frame", encoder=encoder)
    assert (whole.values.shape, tokens.values.shape) == ((1, 64), (80, 64))
    assert tokens.start_s[:3] == pytest.approx([0.0, 0.04, 0.08])
    windows = list(slide(read_blocks((samples, RATE_HZ), RATE_HZ), 2.0, 1.0))
    rows = list(score_windows(windows, encoder))
    per_token = encoder.token_logits(windows[0].samples)
    assert np.allclose(rows[0].logits, per_token.max(axis=1), atol=1e-6)
    assert not np.allclose(rows[0].logits, per_token.mean(axis=1), atol=1e-3)
    on_grid = list(score_tokens(windows, encoder))
    assert sum(len(each.logits) for each in on_grid) == 80
    assert on_grid[0].span_s == 0.04


def test_a_family_without_attention_or_export_says_so(tone_net: Path) -> None:
    encoder = load_encoder(tone_net, compute=EncoderSettings(device="cpu"))
    silence = np.zeros(4 * RATE_HZ, np.float32)
    with pytest.raises(WeightsError, match="tone_net: this network has no attention"):
        list(read_attention((silence, RATE_HZ), [1.0], Settings(), encoder))
    with pytest.raises(WeightsError, match="not for this family"):
        export_encoder(encoder, tone_net.with_suffix(".onnx"))
    with pytest.raises(SettingsError, match="at most 10 s; choose a shorter window"):
        encoder.attention(np.zeros((1, 11 * RATE_HZ), np.float32))


def test_nothing_outside_its_folder_knows_patches_or_the_number_of_tags() -> None:
    package = Path(registry.__file__).parents[1]
    private = {"patch_frames", "patch_bands", "unit_frames", "cut_units", "M2DSpec", "M2DModel"}
    for path in package.rglob("*.py"):
        if "m2d" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = getattr(node, "attr", None) or getattr(node, "id", None)
            assert name not in private, f"{path}: {name}"
            assert not (isinstance(node, ast.Constant) and node.value == 527), f"{path}: 527"
