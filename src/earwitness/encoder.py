"""The M2D audio transformer: log-mel to features and tag logits.

In: log-mel (W, 1, M, F), not normalised. Out: features per token in time (W, T, D) and, with a tag head, logits per
clip (W, C) or per token (W, T, C). One code path serves the embedded ViT-Tiny and every M2D ViT-Base checkpoint: the
sizes are those of `EncoderSpec`, and the parameter names are M2D's own, so that checkpoints load strictly.

Source: Vision Transformer (Dosovitskiy et al. 2021); M2D (Niizumi et al. 2024) for the grid, the chunks and the head.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn
from torch.nn import functional

from earwitness.logmel import FRAMES_PER_S, N_MELS, compute_log_mel


@dataclass(frozen=True)
class EncoderSpec:
    """Sizes and conventions of one encoder.

    `unit_frames` is the longest input seen at once; longer input is cut into units. `bands` says what a time step's
    feature is: the "stack" of its frequency bands (lowest first) or their "mean". `n_tags` is 0 without a tag head.
    """

    name: str
    embed_dim: int = 768
    depth: int = 12
    n_heads: int = 12
    mlp_ratio: int = 4
    unit_frames: int = 1001
    patch_bands: int = 16
    patch_frames: int = 16
    sample_rate_hz: int = 16000
    n_mels: int = N_MELS
    n_tags: int = 0
    bands: Literal["stack", "mean"] = "stack"

    @property
    def grid(self) -> tuple[int, int]:
        """Patches in frequency and in time of a whole unit."""
        return self.n_mels // self.patch_bands, self.unit_frames // self.patch_frames

    @property
    def feature_dim(self) -> int:
        """Width D of the feature of one token in time."""
        return self.embed_dim * (self.grid[0] if self.bands == "stack" else 1)

    @property
    def token_s(self) -> float:
        """Seconds between tokens in time."""
        return self.patch_frames / FRAMES_PER_S


class Encoder(nn.Module):
    """An M2D encoder with its normalisation constants and, where the weights have one, its tag head."""

    def __init__(self, spec: EncoderSpec) -> None:
        super().__init__()
        self.spec = spec
        dim, (n_bands, n_columns) = spec.embed_dim, spec.grid
        self.norm_stats = nn.Parameter(torch.zeros(2), requires_grad=False)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + n_bands * n_columns, dim), requires_grad=False)
        self.patch_embed = PatchEmbed(spec)
        self.blocks = nn.ModuleList(Block(dim, spec.n_heads, spec.mlp_ratio) for _ in range(spec.depth))
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        if spec.n_tags:
            self.head_norm = Standardise(spec.feature_dim)
            self.head = nn.Linear(spec.feature_dim, spec.n_tags)

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        """Return tag logits per token (W, T, C) of windows (W, S) at the encoder's rate; see `token_logits`."""
        return self.token_logits(self.token_features(compute_log_mel(windows, self.spec.sample_rate_hz)))

    def token_features(self, log_mel: torch.Tensor) -> torch.Tensor:
        """Return features (W, T, D), one per token in time, of log-mel (W, 1, M, F) that is not normalised.

        Input longer than a unit is cut into units, each encoded alone; the last one is padded with the mean of
        training (zero after normalising) to a whole patch, never beyond the unit. A whole unit of 1001 frames gives
        62 tokens and drops its last 9 frames, as M2D does.
        """
        tokens = [self._encode_unit(unit) for unit in self._cut_units(self._normalise(log_mel))]
        grid = torch.cat(tokens, dim=2)  # (W, bands, T, embed)
        if self.spec.bands == "mean":
            return grid.mean(dim=1)  # (W, T, embed)
        return grid.permute(0, 2, 1, 3).flatten(2)  # (W, T, bands * embed), lowest band first

    def flat_features(self, log_mel: torch.Tensor) -> torch.Tensor:
        """Return every token (W, N, embed): unit after unit, inside a unit the lowest band first, then time."""
        units = self._cut_units(self._normalise(log_mel))
        return torch.cat([self._encode_unit(unit).flatten(1, 2) for unit in units], dim=1)

    def token_logits(self, features: torch.Tensor) -> torch.Tensor:
        """Return tag logits (W, T, C) of features (W, T, D), or (W, C) of features (W, D).

        The head is affine, so the logits of a clip are the mean over its tokens' logits.
        """
        return self.head(self.head_norm(features))  # type: ignore[no-any-return]

    def clip_logits(self, log_mel: torch.Tensor) -> torch.Tensor:
        """Return tag logits (W, C) of whole clips: the head on the features averaged over time."""
        return self.token_logits(self.token_features(log_mel).mean(dim=1))

    def _normalise(self, log_mel: torch.Tensor) -> torch.Tensor:
        mean, std = self.norm_stats
        return torch.as_tensor((log_mel - mean) / std)

    def _cut_units(self, log_mel: torch.Tensor) -> list[torch.Tensor]:
        unit, patch = self.spec.unit_frames, self.spec.patch_frames
        units = list(torch.split(log_mel, unit, dim=-1))
        rest = units[-1].shape[-1]
        if rest < unit:
            units[-1] = functional.pad(units[-1], (0, min(-rest % patch, unit - rest)))
        return units

    def _encode_unit(self, log_mel: torch.Tensor) -> torch.Tensor:
        """Return the tokens (W, bands, T, embed) of normalised log-mel (W, 1, M, F) with F at most a unit."""
        n_bands, n_columns = self.spec.grid
        patches = self.patch_embed(log_mel)  # (W, bands, T, embed)
        n_tokens = patches.shape[2]
        places = self.pos_embed[:, 1:].view(1, n_bands, n_columns, -1)[:, :, :n_tokens]
        cls = (self.cls_token + self.pos_embed[:, :1]).expand(len(patches), -1, -1)
        tokens = torch.cat([cls, (patches + places).flatten(1, 2)], dim=1)  # (W, 1 + bands * T, embed)
        for block in self.blocks:
            tokens = block(tokens)
        return self.norm(tokens)[:, 1:].unflatten(1, (n_bands, n_tokens))  # type: ignore[no-any-return]


class Standardise(nn.Module):
    """The head's batch normalisation as it is after training: (x - mean) / sqrt(variance + 1e-5), no affine part."""

    running_mean: torch.Tensor
    running_var: torch.Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.register_buffer("running_mean", torch.zeros(dim))
        self.register_buffer("running_var", torch.ones(dim))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return (features - self.running_mean) * (self.running_var + 1e-5).rsqrt()


class PatchEmbed(nn.Module):
    """Cuts a log-mel into patches and projects each: (W, 1, M, F) -> (W, bands, T, embed)."""

    def __init__(self, spec: EncoderSpec) -> None:
        super().__init__()
        patch = (spec.patch_bands, spec.patch_frames)
        self.proj = nn.Conv2d(1, spec.embed_dim, kernel_size=patch, stride=patch)

    def forward(self, log_mel: torch.Tensor) -> torch.Tensor:
        return self.proj(log_mel).permute(0, 2, 3, 1)  # type: ignore[no-any-return]


class Block(nn.Module):
    """One pre-norm transformer block: attention, then a two-layer network with exact GELU."""

    def __init__(self, dim: int, n_heads: int, mlp_ratio: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=1e-6)
        self.attn = Attention(dim, n_heads)
        self.norm2 = nn.LayerNorm(dim, eps=1e-6)
        self.mlp = Mlp(dim, mlp_ratio * dim)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        tokens = tokens + self.attn(self.norm1(tokens))
        return tokens + self.mlp(self.norm2(tokens))  # type: ignore[no-any-return]


class Attention(nn.Module):
    """Multi-head self-attention over all tokens (W, N, embed)."""

    def __init__(self, dim: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        qkv = self.qkv(tokens).unflatten(-1, (3, self.n_heads, -1))  # (W, N, 3, heads, head_dim)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # each (W, heads, N, head_dim)
        mixed = functional.scaled_dot_product_attention(query, key, value)
        return self.proj(mixed.transpose(1, 2).flatten(2))  # type: ignore[no-any-return]


class Mlp(nn.Module):
    """The block's two-layer network."""

    def __init__(self, dim: int, hidden_dim: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden_dim)
        self.fc2 = nn.Linear(hidden_dim, dim)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.fc2(functional.gelu(self.fc1(tokens)))  # type: ignore[no-any-return]
