"""The encoder's units, tokens and their times, and encoders of other shapes against a slow computation of their own.

The published shapes of 16 kHz are compared with the reference itself in test_golden.py.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from earwitness.encoders.load import LoadedEncoder, load_encoder
from earwitness.encoders.m2d.model import M2DModel
from earwitness.encoders.m2d.spec import M2DSpec
from golden_m2d import TOLERANCE, Arrays, make_arrays, spread_timestamps_ms
from made_sounds import make_noise, make_tone

NORM_STATS = (-7.3, 4.4)


@pytest.mark.parametrize(
    ("n_frames", "n_tokens"), [(16, 1), (101, 7), (401, 26), (995, 62), (1001, 62), (1002, 63), (2371, 148)]
)
def test_the_number_of_tokens_follows_m2ds_chunking(n_frames: int, n_tokens: int) -> None:
    spec = M2DSpec("tiny", embed_dim=64, depth=1, n_heads=1, unit_frames=1001, n_tags=3)
    encoder = M2DModel(spec).eval()
    encoder.norm_stats.data = torch.tensor([0.0, 1.0])
    with torch.inference_mode():
        features = encoder.token_features(torch.zeros(2, 1, 80, n_frames))
    assert features.shape == (2, n_tokens, 5 * 64)
    assert encoder.token_logits(features).shape == (2, n_tokens, 3)
    assert spec.frame_token_starts_s(n_frames).shape == (n_tokens,)


def test_a_batch_gives_what_its_windows_give_alone() -> None:
    torch.manual_seed(0)
    encoder = M2DModel(M2DSpec("tiny", embed_dim=64, depth=2, n_heads=1, n_tags=3)).eval()
    encoder.norm_stats.data = torch.tensor([-7.0, 4.0])
    log_mel = torch.randn(3, 1, 80, 64)
    with torch.inference_mode():
        together = encoder.clip_logits(log_mel)
        alone = torch.cat([encoder.clip_logits(each[None]) for each in log_mel])
    assert torch.allclose(together, alone, atol=1e-5)


def test_tokens_begin_where_their_frames_begin_also_in_later_units() -> None:
    spec = M2DSpec("m2d", unit_frames=1001)
    starts_s = spec.frame_token_starts_s(2371)
    assert starts_s[:3] == pytest.approx([0.0, 0.16, 0.32])
    assert starts_s[61:64] == pytest.approx([9.76, 10.01, 10.17])  # the last 9 frames of a unit are in no token
    assert starts_s[124] == pytest.approx(20.02)
    assert M2DSpec("m2d", unit_frames=608).frame_token_starts_s(1001)[37:40] == pytest.approx([5.92, 6.08, 6.24])


def test_the_references_timestamps_are_spread_and_not_where_tokens_begin() -> None:
    timestamps_ms = spread_timestamps_ms(160000, 16000, 62)
    assert timestamps_ms.dtype == np.float32
    assert timestamps_ms[1] == pytest.approx(161.29, abs=0.01)
    drift_ms = timestamps_ms - 1000 * M2DSpec("m2d", unit_frames=1001).frame_token_starts_s(1001)
    assert drift_ms[-1] == pytest.approx(78.7, abs=0.1)


def compute_log_mel_slowly(wave: np.ndarray, rate_hz: int) -> np.ndarray:
    """Return the log-mel (80, F) of one wave in float64, each band's triangle drawn bin by bin."""
    n_fft, hop = rate_hz // 40, rate_hz // 100
    padded = np.pad(wave.astype(np.float64), n_fft // 2, mode="reflect")
    turns = np.arange(n_fft) / n_fft
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * turns)
    frames = np.stack([padded[start : start + n_fft] * hann for start in range(0, len(wave) + 1, hop)])
    power = np.abs(np.fft.rfft(frames)) ** 2  # (F, bins)

    def to_mel(hz: float) -> float:
        return hz * 3 / 200 if hz < 1000 else 15 + 27 * math.log(hz / 1000) / math.log(6.4)

    def to_hz(mel: float) -> float:
        return mel * 200 / 3 if mel < 15 else 1000 * 6.4 ** ((mel - 15) / 27)

    low, high = to_mel(50), to_mel(rate_hz / 2)
    edges_hz = [to_hz(low + step * (high - low) / 81) for step in range(82)]
    bands = np.zeros((80, n_fft // 2 + 1))
    for band in range(80):
        left, centre, right = edges_hz[band : band + 3]
        for each in range(n_fft // 2 + 1):
            hz = each * rate_hz / n_fft
            height = min((hz - left) / (centre - left), (right - hz) / (right - centre))
            bands[band, each] = max(0.0, height) * 2 / (right - left)
    return np.log(bands @ power.T + 2.0**-23)


def encode_slowly(weights: Arrays, log_mel: np.ndarray, patch: tuple[int, int], unit: int) -> np.ndarray:
    """Return features (T, bands * D) of one log-mel (80, F) in float64: one head, one patch after the other."""
    normalised = (log_mel - NORM_STATS[0]) / NORM_STATS[1]
    n_bands, n_columns = 80 // patch[0], unit // patch[1]
    positions, rows = weights["pos_embed"][0].astype(np.float64), []
    for start in range(0, normalised.shape[1], unit):
        frames = normalised[:, start : start + unit]
        n_pad = min(-frames.shape[1] % patch[1], unit - frames.shape[1])
        frames = np.pad(frames, ((0, 0), (0, n_pad)))
        n_tokens = frames.shape[1] // patch[1]
        tokens = [weights["cls_token"][0, 0] + positions[0]]
        for band in range(n_bands):
            for column in range(n_tokens):
                cut = frames[band * patch[0] : (band + 1) * patch[0], column * patch[1] : (column + 1) * patch[1]]
                embedded = (weights["patch_embed.proj.weight"][:, 0] * cut).sum(axis=(1, 2))
                place = positions[1 + band * n_columns + column]
                tokens.append(embedded + weights["patch_embed.proj.bias"] + place)
        encoded = run_blocks_slowly(weights, np.stack(tokens))[1:].reshape(n_bands, n_tokens, -1)
        rows += [np.concatenate(list(encoded[:, column])) for column in range(n_tokens)]
    return np.stack(rows)


def run_blocks_slowly(weights: Arrays, x: np.ndarray) -> np.ndarray:
    """Return tokens (N, 64) after all blocks and the last normalisation."""

    def norm(name: str, x: np.ndarray) -> np.ndarray:
        centred = x - x.mean(axis=1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-6)
        return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def linear(name: str, x: np.ndarray) -> np.ndarray:
        return x @ weights[f"{name}.weight"].T.astype(np.float64) + weights[f"{name}.bias"]

    erf = np.vectorize(math.erf)
    for block in range(2):
        prefix = f"blocks.{block}"
        query, key, value = np.split(linear(f"{prefix}.attn.qkv", norm(f"{prefix}.norm1", x)), 3, axis=1)
        attention = np.exp(query @ key.T / 8)  # 8 is the square root of 64
        attention /= attention.sum(axis=1, keepdims=True)
        x = x + linear(f"{prefix}.attn.proj", attention @ value)
        hidden = linear(f"{prefix}.mlp.fc1", norm(f"{prefix}.norm2", x))
        x = x + linear(f"{prefix}.mlp.fc2", 0.5 * hidden * (1 + erf(hidden / math.sqrt(2))))
    return norm("norm", x)


def save_and_load(weights: Arrays, folder: Path) -> LoadedEncoder:
    folder.mkdir()
    state = {name: torch.from_numpy(array) for name, array in weights.items()}
    torch.save({**state, "norm_stats": torch.tensor(NORM_STATS)}, folder / "checkpoint.pth")
    return load_encoder(folder / "checkpoint.pth")


def test_a_speech_encoder_hears_every_20_ms_and_is_what_a_slow_computation_says(tmp_path: Path) -> None:
    weights = make_arrays((80, 2), 304)
    encoder = save_and_load(weights, tmp_path / "m2d_s_vit_base-80x608p80x2-230220")
    assert (encoder.spec.grid, encoder.spec.token_s, encoder.spec.feature_dim) == ((1, 304), 0.02, 64)
    windows = np.stack([make_noise(7.005), make_tone(7.005)])  # 701 frames: a unit, and 93 with one of padding
    features = encoder.token_features(windows, is_trimmed=False)
    assert features.shape == (2, 351, 64)
    for wave, got in zip(windows, features, strict=True):
        expected = encode_slowly(weights, compute_log_mel_slowly(wave, 16000), (80, 2), 608)
        assert np.abs(got - expected).max() < TOLERANCE
    assert encoder.spec.frame_token_starts_s(701)[[1, 303, 304, 350]] == pytest.approx([0.02, 6.06, 6.08, 7.0])


def test_an_encoder_of_32_khz_hears_what_a_slow_computation_says(tmp_path: Path) -> None:
    weights = make_arrays((16, 16), 5 * 38)
    encoder = save_and_load(weights, tmp_path / "m2d_as_vit_base-80x608p16x16p32k-240413_enconly")
    assert (encoder.spec.sample_rate_hz, encoder.spec.grid, encoder.spec.token_s) == (32000, (5, 38), 0.16)
    windows = np.stack([make_noise(6.5, rate_hz=32000), make_tone(6.5, rate_hz=32000, frequency_hz=12000)])
    features = encoder.token_features(windows, is_trimmed=False)
    assert features.shape == (2, 41, 5 * 64)
    for wave, got in zip(windows, features, strict=True):
        expected = encode_slowly(weights, compute_log_mel_slowly(wave, 32000), (16, 16), 608)
        assert np.abs(got - expected).max() < TOLERANCE
