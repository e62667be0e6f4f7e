"""The M2D audio transformer: log-mel to features and tag logits.

In: log-mel (W, 1, M, F), not normalised. Out: features per token in time (W, T, D) and, with a tag head, logits per
clip (W, C) or per token (W, T, C). One code path serves the embedded ViT-Tiny and every M2D ViT-Base checkpoint: the
sizes are those of `M2DSpec`, and the parameter names are M2D's own, so that checkpoints load strictly.

Source: Vision Transformer (Dosovitskiy et al. 2021); M2D (Niizumi et al. 2024) for the grid, the chunks and the head.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from earwitness.audio import compute_log_mel
from earwitness.encoders.base import Output
from earwitness.encoders.m2d.spec import M2DSpec

FEW_TOKENS = 200  # up to this many, preparing a convolution costs more than it saves


class M2DModel(nn.Module):
    """An M2D encoder with its normalisation constants and, where the weights have one, its tag head."""

    def __init__(self, spec: M2DSpec) -> None:
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
        if spec.has_frame_head:
            self.frame_head = nn.Linear(spec.feature_dim, spec.n_tags)

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        """Return tag logits per token (W, T, C) of windows (W, S) at the encoder's rate; see `token_logits`."""
        return self.token_logits(self.token_features(self.log_mel(windows)))

    def encode(
        self, windows: torch.Tensor, wanted: Sequence[Output], *, is_trimmed: bool
    ) -> dict[Output, torch.Tensor]:
        """Return the wanted outputs of windows (W, S) at the encoder's rate; see `base.Encoder.encode`."""
        features = self.token_features(self.log_mel(windows, is_trimmed=is_trimmed))
        outputs: dict[Output, torch.Tensor] = {"features": features}
        if "token_logits" in wanted:
            outputs["token_logits"] = self.token_logits(features)
        if "window_logits" in wanted:
            outputs["window_logits"] = self.head(self.head_norm(features).mean(dim=1))
        return outputs

    def attend(self, windows: torch.Tensor, *, is_trimmed: bool) -> torch.Tensor:
        """Return attention weights (W, layers, heads, N, N) of windows (W, S) of at most a unit."""
        return self.attention(self.log_mel(windows, is_trimmed=is_trimmed))

    def log_mel(self, windows: torch.Tensor, *, is_trimmed: bool = False) -> torch.Tensor:
        """Return log-mel (W, 1, M, F), not normalised, of windows (W, S) at the encoder's rate."""
        log_mel = compute_log_mel(windows, self.spec.mel)
        return log_mel[..., : self.spec.count_frames(log_mel.shape[-1], is_trimmed)]

    def token_features(self, log_mel: torch.Tensor) -> torch.Tensor:
        """Return features (W, T, D), one per token in time, of log-mel (W, 1, M, F) that is not normalised.

        Input longer than a unit is cut into units, each encoded alone; the last one is padded with the mean of
        training (zero after normalising) to a whole patch, never beyond the unit. A whole unit of 1001 frames gives
        62 tokens and drops its last 9 frames, as M2D does.
        """
        tokens = [self._encode_unit(unit) for unit in self._cut_units(self._normalise(log_mel))]
        grid = torch.cat(tokens, dim=2)  # (W, bands, T, embed)
        if self.spec.bands == "mean":
            return grid.mean(dim=1, dtype=torch.float32)  # (W, T, embed)
        return grid.permute(0, 2, 1, 3).flatten(2).float()  # (W, T, bands * embed), lowest band first

    def flat_features(self, log_mel: torch.Tensor) -> torch.Tensor:
        """Return every token (W, N, embed): unit after unit, inside a unit the lowest band first, then time."""
        units = self._cut_units(self._normalise(log_mel))
        return torch.cat([self._encode_unit(unit).flatten(1, 2) for unit in units], dim=1).float()

    def token_logits(self, features: torch.Tensor) -> torch.Tensor:
        """Return tag logits (W, T, C) of features (W, T, D): of the frame head, or of the only one."""
        head = self.frame_head if self.spec.has_frame_head else self.head
        return head(self.head_norm(features))  # type: ignore[no-any-return]

    def clip_logits(self, log_mel: torch.Tensor) -> torch.Tensor:
        """Return tag logits (W, C) of whole clips: the head on the features averaged over time."""
        return self.head(self.head_norm(self.token_features(log_mel).mean(dim=1)))  # type: ignore[no-any-return]

    def attention(self, log_mel: torch.Tensor) -> torch.Tensor:
        """Return each layer's and head's attention (W, layers, heads, N, N) of log-mel (W, 1, M, F), at most a unit.

        Row i says how token i mixes all tokens: the class token, then the lowest band's in time, then the next band's.
        It costs memory that grows with N squared; listening itself never computes it.
        """
        (unit,) = self._cut_units(self._normalise(log_mel))
        tokens, weights = self._embed_unit(unit), []
        for block in self.blocks:
            assert isinstance(block, Block)
            weights.append(block.attn.weights(block.norm1(tokens)))
            tokens = block(tokens)
        return torch.stack(weights, dim=1)

    def to_bf16(self) -> None:
        """Compute in bfloat16 from now on, but for log-mel, norm stats and tag head, which stay in float32."""
        for part in (self.patch_embed, self.blocks, self.norm):
            part.to(torch.bfloat16)
        for parameter in (self.cls_token, self.pos_embed):
            parameter.data = parameter.data.to(torch.bfloat16)

    def compile_blocks(self) -> None:
        """Compile the transformer's blocks with torch.compile."""
        for block in self.blocks:
            block.compile()

    def _normalise(self, log_mel: torch.Tensor) -> torch.Tensor:
        mean, std = self.norm_stats
        return torch.as_tensor((log_mel - mean) / std, dtype=self.cls_token.dtype)

    def _cut_units(self, log_mel: torch.Tensor) -> list[torch.Tensor]:
        units = self.spec.cut_units(log_mel.shape[-1])
        return [functional.pad(log_mel[..., start:stop], (0, n_pad)) for start, stop, n_pad in units]

    def _encode_unit(self, log_mel: torch.Tensor) -> torch.Tensor:
        """Return the tokens (W, bands, T, embed) of normalised log-mel (W, 1, M, F) with F at most a unit."""
        tokens = self._embed_unit(log_mel)
        for block in self.blocks:
            tokens = block(tokens)
        return self.norm(tokens)[:, 1:].unflatten(1, (self.spec.grid[0], -1))  # type: ignore[no-any-return]

    def _embed_unit(self, log_mel: torch.Tensor) -> torch.Tensor:
        """Return what the first block is given: the class token and the grid (W, 1 + bands * T, embed), with places."""
        n_bands, n_columns = self.spec.grid
        patches = self.patch_embed(log_mel)  # (W, bands, T, embed)
        n_tokens = patches.shape[2]
        places = self.pos_embed[:, 1:].view(1, n_bands, n_columns, -1)[:, :, :n_tokens]
        cls = (self.cls_token + self.pos_embed[:, :1]).expand(len(patches), -1, -1)
        return torch.cat([cls, (patches + places).flatten(1, 2)], dim=1)


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

    def __init__(self, spec: M2DSpec) -> None:
        super().__init__()
        patch = (spec.patch_bands, spec.patch_frames)
        self.proj = nn.Conv2d(1, spec.embed_dim, kernel_size=patch, stride=patch)

    def forward(self, log_mel: torch.Tensor) -> torch.Tensor:
        # One matrix product, not a convolution, which GPUs compute in TF32 unless all of torch is set otherwise.
        height, width = self.proj.kernel_size
        patches = log_mel.unfold(2, height, height).unfold(3, width, width)  # (W, 1, bands, T, height, width)
        return functional.linear(patches[:, 0].flatten(3), self.proj.weight.flatten(1), self.proj.bias)


class Block(nn.Module):
    """One pre-norm transformer block: attention, then a two-layer network with exact GELU."""

    def __init__(self, dim: int, n_heads: int, mlp_ratio: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=eps)
        self.attn = SelfAttention(dim, n_heads)
        self.norm2 = nn.LayerNorm(dim, eps=eps)
        self.mlp = Mlp(dim, mlp_ratio * dim)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        tokens = tokens + self.attn(self.norm1(tokens))
        return tokens + self.mlp(self.norm2(tokens))  # type: ignore[no-any-return]


class SelfAttention(nn.Module):
    """Multi-head self-attention over all tokens (W, N, embed)."""

    def __init__(self, dim: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.qkv = Linear(dim, 3 * dim)
        self.proj = Linear(dim, dim)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        mixed = functional.scaled_dot_product_attention(*self._project(tokens))
        return self.proj(mixed.transpose(1, 2).flatten(2))  # type: ignore[no-any-return]

    def weights(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return with what weights (W, heads, N, N) `forward` mixes the values: softmax(q k / sqrt(head_dim))."""
        query, key, _ = self._project(tokens)
        scores: torch.Tensor = query.float() @ key.float().transpose(-1, -2) / query.shape[-1] ** 0.5
        return scores.softmax(-1)

    def _project(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return queries, keys and values (3, W, heads, N, head_dim)."""
        qkv: torch.Tensor = self.qkv(tokens).unflatten(-1, (3, self.n_heads, -1))  # (W, N, 3, heads, head_dim)
        return qkv.permute(2, 0, 3, 1, 4)


class Mlp(nn.Module):
    """The block's two-layer network."""

    def __init__(self, dim: int, hidden_dim: int) -> None:
        super().__init__()
        self.fc1 = Linear(dim, hidden_dim)
        self.fc2 = Linear(hidden_dim, dim)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.fc2(functional.gelu(self.fc1(tokens)))  # type: ignore[no-any-return]


class Linear(nn.Linear):
    """A linear layer over tokens: (W, N, in) -> (W, N, out).

    PyTorch leaves float32 matrices to MKL, but convolutions to oneDNN, which is twice as fast on AMD's processors. So
    where no gradients are wanted, the layer is computed on the CPU as the 1x1 convolution that it is; the results
    differ by rounding only.
    """

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        if torch.compiler.is_compiling() or not _is_faster_as_convolution(tokens):
            return super().forward(tokens)
        image = tokens.transpose(1, 2).unsqueeze(2)  # (W, in, 1, N), channels last: nothing is copied
        projected = functional.conv2d(image, self.weight[:, :, None, None], self.bias)  # (W, out, 1, N)
        return projected.squeeze(2).transpose(1, 2)


def _is_faster_as_convolution(tokens: torch.Tensor) -> bool:
    is_worth_it = tokens.ndim == 3 and tokens.shape[0] * tokens.shape[1] > FEW_TOKENS and not torch.is_grad_enabled()
    is_cpu_float32 = tokens.device.type == "cpu" and tokens.dtype == torch.float32
    has_both = torch.backends.mkl.is_available() and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return bool(is_worth_it and is_cpu_float32 and has_both)
