"""What a source of live sound gives, in order: chunks of sound, and what happens between them.

Out: `AudioChunk`, `Break`, `Gap` and `Trouble`, which the reader passes to the listener.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from earwitness.audio import Samples


@dataclass(frozen=True)
class AudioChunk:
    """Mono samples (S,) float32 as they arrived.

    Attributes:
        samples: float32 in [-1, 1].
        sample_rate_hz: their rate.
        lost_s: sound that was lost right before them, according to the source.
        arrived_s: when the last of them arrived, on the monotonic clock; None where that is meaningless, as for a file.
        behind_s: how much sound was already waiting when they arrived.
    """

    samples: Samples
    sample_rate_hz: int
    lost_s: float = 0.0
    arrived_s: float | None = None
    behind_s: float = 0.0

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.sample_rate_hz


@dataclass(frozen=True)
class Break:
    """Nothing more arrives for now: the segment ends here. A `Gap` follows if sound arrives again."""

    reason: str


@dataclass(frozen=True)
class Gap:
    """`lost_s` seconds of sound are missing here; stream time passes over them."""

    lost_s: float
    reason: str


@dataclass(frozen=True)
class Trouble:
    """Something that the user should know at once; nothing is missing because of it so far."""

    reason: str


Item: TypeAlias = "AudioChunk | Break | Gap | Trouble"
