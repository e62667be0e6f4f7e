"""How fast the encoder is against M2D written out plainly: ViT-Base on the CPU, waveforms to tag logits of clips.

In: nothing; the weights are random. Out: a Markdown table, after a check that both give the same logits.

    python bench/eager.py                 # half a minute on 2 idle cores
    python bench/eager.py --runs 11       # for a steadier ratio

The plain way is this file's own: the published formulas one after the other, with the attention's matrix in memory.
Both sides take turns in one process and have the same weights, windows, threads and mode, so a busy machine slows both.

Source: Dosovitskiy et al. 2021 (ViT); Niizumi et al. 2024 (M2D) for the log-mel, the grid and the head.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from unittest import mock

import torch
from torch.nn import functional

from earwitness.audio.mel import MelSpec, compute_log_mel, mel_filters
from earwitness.encoders.m2d.model import M2DModel
from earwitness.encoders.m2d.spec import M2DSpec

VIT_BASE = M2DSpec("vit_base-80x1001p16x16", n_tags=527, bands="mean")  # as the published taggers are
WINDOW_S = 10
N_THREADS = 2
TOLERANCE = 5e-5
State = dict[str, torch.Tensor]


def main() -> None:
    """Check that both ways agree, time them in turns, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="timed runs of each way (5)")
    parser.add_argument("--windows", type=int, default=4, help=f"windows of {WINDOW_S} s at once (4)")
    options = parser.parse_args()
    torch.set_num_threads(N_THREADS)
    encoder = make_encoder(VIT_BASE)
    state, spec = encoder.state_dict(), encoder.spec
    windows = 0.1 * torch.randn(options.windows, WINDOW_S * spec.sample_rate_hz)

    def compute_ours() -> torch.Tensor:
        return encoder.clip_logits(compute_log_mel(windows, spec.mel))

    def compute_without_convolutions() -> torch.Tensor:
        with mock.patch("earwitness.encoders.m2d.model._is_faster_as_convolution", return_value=False):
            return compute_ours()

    ways = {
        "eager": lambda: clip_logits(state, spec, windows),
        "earwitness": compute_ours,
        "earwitness, linear layers left to MKL": compute_without_convolutions,
    }
    with torch.inference_mode():
        error = (ways["eager"]() - ways["earwitness"]()).abs().max().item()
        assert error < TOLERANCE, f"the two ways differ by {error:.1e}, which is more than {TOLERANCE:g}"
        times = time_in_turns(ways, options.runs)
    print(f"{options.windows} windows of {WINDOW_S} s, {N_THREADS} threads, {options.runs} runs; ", end="")
    print(f"the logits differ by {error:.1e} at most\n")
    print("| | best | median | best over eager's |\n|---|--:|--:|--:|")
    for name, seconds in times.items():
        ratio = min(seconds) / min(times["eager"])
        print(f"| {name} | {min(seconds):.3f} s | {statistics.median(seconds):.3f} s | {ratio:.2f} |")


def make_encoder(spec: M2DSpec, seed: int = 0) -> M2DModel:
    """Return an encoder with random weights; the statistics of the log-mel are those of M2D."""
    torch.manual_seed(seed)
    encoder = M2DModel(spec).eval()
    encoder.norm_stats.data = torch.tensor([-7.1, 4.2])
    for parameter in (encoder.cls_token, encoder.pos_embed):
        torch.nn.init.normal_(parameter, std=0.2)
    return encoder


def time_in_turns(ways: dict[str, Callable[[], object]], n_runs: int) -> dict[str, list[float]]:
    """Return `n_runs` wall times in seconds of each way, run one after the other, again and again."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(n_runs):
        for name, do in ways.items():
            started = time.perf_counter()
            do()
            times[name].append(time.perf_counter() - started)
    return times


def clip_logits(state: State, spec: M2DSpec, windows: torch.Tensor) -> torch.Tensor:
    """Return tag logits (W, C) of windows (W, S) of one unit or of whole patches, with an `Encoder`'s state."""
    mean, std = state["norm_stats"]
    tokens = encode(state, spec, (log_mel_of(windows, spec.sample_rate_hz) - mean) / std)  # (W, bands, T, embed)
    clips = tokens.mean(dim=(1, 2)) if spec.bands == "mean" else tokens.mean(dim=2).flatten(1)  # (W, D)
    scaled = (clips - state["head_norm.running_mean"]) / torch.sqrt(state["head_norm.running_var"] + 1e-5)
    return functional.linear(scaled, state["head.weight"], state["head.bias"])


def log_mel_of(windows: torch.Tensor, sample_rate_hz: int) -> torch.Tensor:
    """Return the log-mel (W, 1, M, F) of windows (W, S)."""
    n_fft, hop = sample_rate_hz // 40, sample_rate_hz // 100
    spectrum = torch.stft(windows, n_fft, hop, window=torch.hann_window(n_fft), return_complex=True)
    mel = torch.from_numpy(mel_filters(MelSpec.at(sample_rate_hz))) @ spectrum.abs() ** 2  # (W, M, F)
    return torch.log(mel + MelSpec.at(16000).floor)[:, None]


def encode(state: State, spec: M2DSpec, log_mel: torch.Tensor) -> torch.Tensor:
    """Return tokens (W, bands, T, embed) of normalised log-mel (W, 1, M, F)."""
    patch = (spec.patch_bands, spec.patch_frames)
    patches = functional.conv2d(log_mel, state["patch_embed.proj.weight"], state["patch_embed.proj.bias"], patch)
    grid = patches.shape[2:]  # (bands, T)
    places = state["pos_embed"][:, 1:].unflatten(1, spec.grid)[:, :, : grid[1]].flatten(1, 2)
    tokens = patches.flatten(2).transpose(1, 2) + places  # (W, bands * T, embed)
    cls = state["cls_token"] + state["pos_embed"][:, :1]
    tokens = torch.cat([cls.expand(len(tokens), -1, -1), tokens], dim=1)
    for i in range(spec.depth):
        block = {name.removeprefix(f"blocks.{i}."): value for name, value in state.items() if f"blocks.{i}." in name}
        tokens = tokens + attend(block, spec.n_heads, normalise(block, "norm1", tokens))
        tokens = tokens + feed_forward(block, normalise(block, "norm2", tokens))
    return normalise(state, "norm", tokens)[:, 1:].unflatten(1, grid)


def attend(block: State, n_heads: int, tokens: torch.Tensor) -> torch.Tensor:
    """Return what self-attention makes of tokens (W, N, embed)."""
    qkv = functional.linear(tokens, block["attn.qkv.weight"], block["attn.qkv.bias"])
    query, key, value = qkv.unflatten(2, (3, n_heads, -1)).permute(2, 0, 3, 1, 4)  # each (W, heads, N, head_dim)
    scores = (query @ key.transpose(2, 3)) * query.shape[-1] ** -0.5  # (W, heads, N, N)
    mixed = (torch.softmax(scores, dim=-1) @ value).transpose(1, 2).flatten(2)  # (W, N, embed)
    return functional.linear(mixed, block["attn.proj.weight"], block["attn.proj.bias"])


def feed_forward(block: State, tokens: torch.Tensor) -> torch.Tensor:
    """Return what the two-layer network makes of tokens (W, N, embed)."""
    hidden = functional.gelu(functional.linear(tokens, block["mlp.fc1.weight"], block["mlp.fc1.bias"]))
    return functional.linear(hidden, block["mlp.fc2.weight"], block["mlp.fc2.bias"])


def normalise(state: State, name: str, tokens: torch.Tensor) -> torch.Tensor:
    """Return layer-normalised tokens (W, N, embed)."""
    return functional.layer_norm(tokens, tokens.shape[-1:], state[f"{name}.weight"], state[f"{name}.bias"], eps=1e-6)


if __name__ == "__main__":
    main()
