"""Sizes of an M2D encoder, read from its published name, and what follows from them: units, tokens and their times.

In: a name such as m2d_vit_base-80x1001p16x16-221006-mr7, and numbers of samples or frames. Out: `M2DSpec`.

Source: M2D (Niizumi et al. 2024) for the grid and the units.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from earwitness.audio import MelSpec, band_edges_hz
from earwitness.encoders.base import EncoderSpec

# <model>-<bands>x<frames of a unit>p<patch bands>x<patch frames>[p32k]-...
_NAME = re.compile(r"^[^-]+-(?P<bands>\d+)x(?P<frames>\d+)p(?P<patch>\d+x\d+)(?P<rate>p32k)?")


@dataclass(frozen=True)
class M2DSpec(EncoderSpec):
    """Sizes and conventions of one M2D encoder.

    `unit_frames` is the longest input encoded at once; longer input is cut into units. `bands` says what the feature
    of a token is: the "stack" of its frequency bands (lowest first) or their "mean". `has_frame_head`: a second head
    gives the logits of tokens.
    """

    embed_dim: int = 768
    depth: int = 12
    n_heads: int = 12
    mlp_ratio: int = 4
    unit_frames: int = 1001
    patch_bands: int = 16
    patch_frames: int = 16
    n_mels: int = 80
    bands: Literal["stack", "mean"] = "stack"
    has_frame_head: bool = False

    @property
    def mel(self) -> MelSpec:
        """The log-mel front end, the same at each rate."""
        return MelSpec.at(self.sample_rate_hz)

    @property
    def grid(self) -> tuple[int, int]:
        """Patches in frequency and in time of a whole unit."""
        return self.n_mels // self.patch_bands, self.unit_frames // self.patch_frames

    @property
    def feature_dim(self) -> int:
        """Width D of the feature of one token."""
        return self.embed_dim * (self.grid[0] if self.bands == "stack" else 1)

    @property
    def token_s(self) -> float:
        """Seconds between tokens."""
        return self.patch_frames * self.mel.hop / self.sample_rate_hz

    @property
    def unit_s(self) -> float:
        """Seconds of the longest window that is encoded at once: its frames are those of a unit, and none more."""
        return (self.unit_frames - 1) * self.mel.hop / self.sample_rate_hz

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

    def token_starts_s(self, n_samples: int, *, is_trimmed: bool) -> npt.NDArray[np.float64]:
        """Return when each token (T,) of so many samples begins, in seconds."""
        return self.frame_token_starts_s(self.count_frames(self.mel.count_frames(n_samples), is_trimmed))

    def frame_token_starts_s(self, n_frames: int) -> npt.NDArray[np.float64]:
        """Return when each token (T,) of an input of `n_frames` begins, in seconds: its first frame's time.

        A whole unit of 1001 frames has 62 tokens, 992 frames: what follows begins 9 frames later.
        """
        starts = [
            start + self.patch_frames * np.arange((stop - start + n_pad) // self.patch_frames)
            for start, stop, n_pad in self.cut_units(n_frames)
        ]
        return np.concatenate(starts) * self.mel.hop / self.sample_rate_hz

    def is_one_unit(self, n_samples: int, *, is_trimmed: bool) -> bool:
        """Say whether the frames of a window are those of one unit."""
        return self.count_frames(self.mel.count_frames(n_samples), is_trimmed) <= self.unit_frames

    def segment_samples(self, n_units: int) -> tuple[int, int]:
        """Return (hop, length) in samples of whole units; one sample more would begin a frame of the next unit."""
        n_samples = n_units * self.unit_frames * self.mel.hop
        return n_samples, n_samples - 1

    @property
    def attention_edges_hz(self) -> npt.NDArray[np.float64]:
        """Edges (bands + 1,) in Hz of the bands that attention weights are of."""
        return band_edges_hz(self.mel, self.grid[0])

    def count_attention_weights(self, window_s: float) -> int:
        """Return the number of attention weights (layers x heads x N x N) of a window, at most."""
        n_tokens = 1 + self.grid[0] * int(window_s / self.token_s + 1)
        return self.depth * self.n_heads * n_tokens**2


def parse_name(path: Path) -> re.Match[str] | None:
    """Return bands, frames, patch and rate that a file's name says, or else its folder's; None if neither does."""
    return next((match for name in (path.stem, path.parent.name) if (match := _NAME.match(name))), None)
