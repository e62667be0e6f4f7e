"""An encoder that goes by the level of its samples only, and sounds at levels for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from earwitness.encoders.base import Encoded, EncoderSpec, Floats, Output
from earwitness.encoders.batching import SharedBackend
from earwitness.encoders.load import LoadedEncoder
from earwitness.words.ontology import tag_names

RATE_HZ = 16000


@dataclass
class LoudBackend:
    """Gives tags by the level of a token's samples: 0.1 and more is a siren, 0.5 and more also speech."""

    spec: EncoderSpec
    batch: int = 16
    n_at_once: int = 1
    computed_on: str = "made up"

    def encode(self, windows: Floats, wanted: Sequence[Output], *, is_trimmed: bool) -> Encoded:
        names, n_tokens = tag_names(), windows.shape[1] // 2560
        rows = np.full((len(windows), n_tokens, len(names)), -12.0, np.float32)
        loud = np.abs(windows[:, : n_tokens * 2560].reshape(len(windows), n_tokens, 2560)).max(axis=2)  # (W, T)
        rows[loud >= 0.1, names.index("Siren")] = 5.0
        rows[loud >= 0.5, names.index("Child speech, kid speaking")] = 5.0
        return Encoded(token_logits=rows, window_logits=rows.mean(axis=1))

    def attention(self, windows: Floats, *, is_trimmed: bool) -> Floats:
        raise NotImplementedError


def go_by_level(encoder: LoadedEncoder) -> LoadedEncoder:
    """Return an encoder like another one that goes by level only."""
    return replace(encoder, backend=SharedBackend(LoudBackend(encoder.spec)))


def make_levels(*parts: tuple[float, float]) -> np.ndarray:
    """Return seconds at a level, one after another."""
    return np.concatenate([np.full(round(seconds * RATE_HZ), level, np.float32) for seconds, level in parts])
