"""Items from a source as unbroken segments of sound at the encoder's rate, each with its place in the stream.

In: items. Out: the blocks of each segment, and between segments what is missing. Positions are whole samples, so they
are as exact after weeks as in the first second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from earwitness.audio import LEAST_S, Samples, Waveform, resample
from earwitness.errors import EarwitnessError
from earwitness.live.buffer import WaitingSound
from earwitness.live.clock import Drift, StreamClock
from earwitness.live.items import AudioChunk, Break, Gap, Item, Trouble

BLOCK_S = 0.1  # chunks are gathered to this length before anything is computed


@dataclass(frozen=True)
class GapLine:
    """Sound is missing from `start_s` on, `lost_s` seconds of it; None while that is not known."""

    start_s: float
    lost_s: float | None
    reason: str


@dataclass(frozen=True)
class ErrorLine:
    """Something that the user should know, at `at_s` of the stream."""

    at_s: float
    reason: str


StatusLine = GapLine | ErrorLine | Drift


class Segments:
    """Reads items; `blocks` gives one segment, `wait` what is between segments.

    Attributes:
        start_samples: where the present segment begins, at the encoder's rate.
        n_samples: samples of the present segment so far, at the encoder's rate.
        lost_s, n_gaps: of the whole stream.
        level: the loudest sample of the latest block.
    """

    def __init__(
        self, items: WaitingSound, sample_rate_hz: int, clock: StreamClock, on_block: Callable[[Waveform], None]
    ) -> None:
        self.items, self.rate, self.clock = items, sample_rate_hz, clock
        self.start_samples = self.n_samples = self.n_gaps = 0
        self.lost_s = self.level = 0.0
        self._on_block = on_block
        self._pending: list[StatusLine] = []
        self._next: AudioChunk | None = None  # the first chunk of the next segment
        self._ending: Item | None = None  # what ended the present segment, if not the end of all
        self._error: EarwitnessError | None = None  # raised once all sound is given out
        self._n_came, self._came_rate = 0, sample_rate_hz  # of the segment, before resampling

    @property
    def start_s(self) -> float:
        """Where the present segment begins."""
        return self.start_samples / self.rate

    @property
    def now_s(self) -> float:
        """Where the stream is."""
        return (self.start_samples + self.n_samples) / self.rate

    def has_more_than(self, length_s: float) -> bool:
        """Return whether this much sound is waiting."""
        return self.items.waiting_s >= length_s + BLOCK_S

    def take_pending(self) -> list[StatusLine]:
        """Return the lines since the last call."""
        pending, self._pending = self._pending, []
        return pending

    @property
    def has_next(self) -> bool:
        """Whether `wait` found another segment."""
        return self._next is not None

    def wait(self) -> Iterator[StatusLine]:
        """Wait for the next segment and yield what happens meanwhile.

        Raises:
            EarwitnessError: the source failed; all sound before that has been given out.
        """
        self.start_samples, self.n_samples, self._n_came = self.start_samples + self.n_samples, 0, 0
        yield from self.take_pending()
        item, self._ending = self._ending or self._take(), None
        while item is not None and not isinstance(item, AudioChunk):
            self._note(item)
            yield from self.take_pending()
            item = self._take()
        if item is not None:
            self._begin(item)
            yield from self.take_pending()
        elif self._error:
            raise self._error

    def blocks(self) -> Iterator[Waveform]:
        """Yield the blocks of one unbroken segment."""
        if self._next is None:
            return
        for samples in resample("live", self._gather(), self.rate):
            if not len(samples):
                continue
            block = Waveform(samples, self.rate, self.n_samples / self.rate)
            self.n_samples += len(samples)
            self.level = float(np.abs(samples).max())
            self._on_block(block)
            yield block

    def is_too_short(self) -> bool:
        """Return whether the segment is too short to be analysed at all."""
        return self.n_samples < LEAST_S * self.rate

    def _begin(self, chunk: AudioChunk) -> None:
        """Begin the next segment with a chunk."""
        if chunk.lost_s:
            self._note(Gap(chunk.lost_s, "the source lost sound"))
        self.clock.begin(chunk.duration_s)
        self._next = chunk

    def _gather(self) -> Iterator[tuple[Samples, int]]:
        """Yield samples with their rate until the segment ends."""
        chunk, self._next = self._next, None
        held: list[Samples] = []
        n_held, rate = 0, chunk.sample_rate_hz if chunk else self.rate
        self._came_rate = rate
        while chunk is not None:
            held.append(chunk.samples)
            n_held += len(chunk.samples)
            self._n_came += len(chunk.samples)
            self._pending += self.clock.note(
                self.start_s + self._n_came / self._came_rate, chunk.arrived_s, chunk.behind_s
            )
            if n_held >= BLOCK_S * rate:
                yield np.concatenate(held), rate
                held, n_held = [], 0
            chunk = self._take_next(rate)
        if held:
            yield np.concatenate(held), rate

    def _take_next(self, rate: int) -> AudioChunk | None:
        """Return the next chunk of the same segment; None where it ends."""
        while isinstance(item := self._take(), Trouble):
            self._note(item)
        if isinstance(item, AudioChunk) and not item.lost_s and item.sample_rate_hz == rate:
            return item
        self._ending = item
        return None

    def _take(self) -> Item | None:
        """Return the next item, None at the end of all; a failure ends it too, and is raised later."""
        try:
            return next(self.items, None)
        except EarwitnessError as error:
            self._error = error
            return None

    def _note(self, item: Break | Gap | Trouble) -> None:
        """Make a line of an item, and let stream time pass over a gap."""
        if isinstance(item, Trouble):
            self._pending.append(ErrorLine(self.now_s, item.reason))
            return
        lost_s = item.lost_s if isinstance(item, Gap) else None
        self._pending.append(GapLine(self.now_s, lost_s, item.reason))
        if lost_s is not None:
            self.start_samples += round(lost_s * self.rate)
            self.lost_s += lost_s
            self.n_gaps += 1
