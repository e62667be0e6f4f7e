"""Sizes and conventions of an M2D encoder, and what follows from them: units, tokens and their times.

In: numbers of frames or samples. Out: where the encoder cuts, how many tokens come out, and when each begins.

Source: M2D (Niizumi et al. 2024) for the grid and the units; the released runtime for its timestamps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from earwitness.audio import FRAMES_PER_S, N_MELS

Floats = npt.NDArray[np.float32]


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

    @property
    def unit_s(self) -> float:
        """Seconds of the longest window that is seen at once: its frames are those of a unit, and none more."""
        return (self.unit_frames - 1) / FRAMES_PER_S

    def cut_units(self, n_frames: int) -> list[tuple[int, int, int]]:
        """Return (start, stop, frames of padding) of each unit that an input of `n_frames` is cut into.

        The last unit is padded to a whole patch, never beyond the unit: 995 frames of 1001 become 1001, not 1008.
        """
        units = []
        for start in range(0, n_frames, self.unit_frames):
            stop = min(start + self.unit_frames, n_frames)
            rest = stop - start
            units.append((start, stop, min(-rest % self.patch_frames, self.unit_frames - rest)))
        return units

    def count_frames(self, n_frames: int, is_trimmed: bool) -> int:
        """Return how many of an input's frames to encode: all, or if trimmed only those that fill patches."""
        n_whole = n_frames - n_frames % self.patch_frames
        return n_whole if is_trimmed and n_whole else n_frames

    def token_starts_s(self, n_frames: int) -> npt.NDArray[np.float64]:
        """Return when each token (T,) begins, in seconds: its first frame's time.

        A whole unit of 1001 frames has 62 tokens, 992 frames: what follows begins 9 frames later.
        """
        starts = [
            start + self.patch_frames * np.arange((stop - start + n_pad) // self.patch_frames)
            for start, stop, n_pad in self.cut_units(n_frames)
        ]
        return np.concatenate(starts) / FRAMES_PER_S


@dataclass(frozen=True)
class TagStats:
    """Mean and standard deviation (C,) of each tag's clip logit over varied audio."""

    mean: np.ndarray
    std: np.ndarray


class Backend(Protocol):
    """What computes: windows (W, S) float32 at the encoder's rate in, one row per token in time out.

    Attributes:
        spec: sizes and conventions of the encoder.
        batch: the number of windows that it likes to be given at once.
        n_at_once: the number of threads that may compute at the same time.
        computed_on: what it computes on, for people and for the record.
    """

    spec: EncoderSpec
    batch: int
    n_at_once: int
    computed_on: str

    def features(self, windows: Floats, *, is_trimmed: bool) -> Floats:
        """Return features (W, T, D)."""
        ...

    def logits(self, windows: Floats, *, is_trimmed: bool) -> Floats:
        """Return tag logits (W, T, C)."""
        ...

    def attention(self, windows: Floats, *, is_trimmed: bool) -> Floats:
        """Return attention weights (W, layers, heads, N, N) of windows of at most a unit."""
        ...


def spread_timestamps_ms(n_samples: int, sample_rate_hz: int, n_tokens: int) -> Floats:
    """Return the reference's timestamps (T,) in milliseconds: the tokens spread evenly over the clip.

    They are not where the tokens begin (`EncoderSpec.token_starts_s`): 62 tokens of 10 s are 161.29 ms apart here,
    160 ms in truth.
    """
    step = n_samples / sample_rate_hz / n_tokens
    return (np.arange(n_tokens) * step * 1000).astype(np.float32)
