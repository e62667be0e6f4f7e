"""A small encoder with random weights."""

from __future__ import annotations

import numpy as np
import torch

from earwitness.encoders.base import TagStats
from earwitness.encoders.load import LoadedEncoder
from earwitness.encoders.m2d.model import M2DModel
from earwitness.encoders.m2d.spec import M2DSpec
from earwitness.encoders.torch_backend import TorchBackend

SMALL = M2DSpec("m2d_small-80x100p16x16-0", embed_dim=128, depth=2, n_heads=2, unit_frames=100, n_tags=7)


def make_encoder(spec: M2DSpec) -> LoadedEncoder:
    torch.manual_seed(1)
    model = M2DModel(spec).eval().requires_grad_(False)
    for name, parameter in model.named_parameters():
        parameter.data = 0.3 * torch.randn_like(parameter) / (parameter.shape[-1] ** 0.5 if parameter.ndim == 2 else 1)
        if name.endswith("norm.weight") or "norm1.weight" in name or "norm2.weight" in name:
            parameter.data += 1
    model.norm_stats.data = torch.tensor([-7.0, 4.0])
    stats = TagStats(np.arange(spec.n_tags, dtype=np.float32), np.ones(spec.n_tags, np.float32))
    return LoadedEncoder(TorchBackend(model, "cpu"), "0", stats if spec.n_tags else None)
