"""What comes from a source of live sound, in order: pieces of sound, and what is to be known about them.

In: nothing. Out: `Piece`, `Break`, `Gap` and `Trouble`, which the reader hands to the listener.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias

from earwitness.audio import Samples


@dataclass(frozen=True)
class AudioChunk:
    """Mono samples (S,) float32 as they came.

    Attributes:
        samples: float32 in [-1, 1].
        sample_rate_hz: their rate.
        lost_s: sound that the source says was lost right before them.
        arrived_s: when the last of them came, on the monotonic clock; None where that says nothing, as for a file.
        behind_s: how much sound was already waiting when they came.
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
    """Nothing more comes for now: what is heard so far ends here. A `Gap` follows if sound comes again."""

    reason: str


@dataclass(frozen=True)
class Gap:
    """`lost_s` seconds of sound are missing here; time has gone on meanwhile."""

    lost_s: float
    reason: str


@dataclass(frozen=True)
class Trouble:
    """Something that the user should know at once; nothing is missing because of it so far."""

    reason: str


Item: TypeAlias = "AudioChunk | Break | Gap | Trouble"


class Items(Protocol):
    """An iterator of items that says how many seconds of sound wait in it, ready to be taken."""

    @property
    def waiting_s(self) -> float:
        """Seconds of sound that can be taken without waiting."""
        ...

    def __iter__(self) -> Items:
        """Return itself."""
        ...

    def __next__(self) -> Item:
        """Return the next item, however long it takes to come."""
        ...
