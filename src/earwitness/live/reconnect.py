"""A source that fails, ends or stalls is opened again.

In: a `Source`. Out: its items with arrival times; a `Break` when sound stops arriving, and a `Gap` of the right length
when it arrives again, so that stream time stays true.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from earwitness.errors import AudioError
from earwitness.live.items import AudioChunk, Break, Gap, Item, Trouble
from earwitness.live.sources import Source

FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 30.0  # before a source is opened again; doubles each time
STALL_S = 10.0


@dataclass(frozen=True)
class Patience:
    """How long to wait: for sound before it counts as stalled, and before a source is opened again."""

    stall_s: float = STALL_S
    first_wait_s: float = FIRST_WAIT_S
    longest_wait_s: float = LONGEST_WAIT_S


def read_on(
    source: Source,
    patience: Patience | None = None,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Item | None]:
    """Yield what a source gives, and open it again when it ends; None while nothing arrives.

    Raises:
        AudioError: the source cannot be opened the first time, or one that is not endless fails.
    """
    patience = patience or Patience()
    silence = _Silence(source.is_clocked, patience.stall_s, now)
    wait_s = patience.first_wait_s
    has_come = False
    while True:
        reason = "the source ended"
        items = source.open()
        try:
            for item in items:
                if isinstance(item, AudioChunk):
                    has_come, wait_s = True, patience.first_wait_s
                silence.is_clocked = source.is_clocked  # known of some streams only when they are open
                yield from silence.judge(item)
                if silence.is_stalled and source.is_endless:
                    raise AudioError(f"{source.name}: nothing came for {patience.stall_s:g} s")
        except AudioError as error:
            if not source.is_endless or not has_come:
                raise
            reason = str(error)
        finally:
            getattr(items, "close", lambda: None)()
        if not source.is_endless:
            return
        yield from silence.begin(reason)
        yield Trouble(f"{reason}; it is opened again in {wait_s:g} s")
        until = now() + wait_s
        while (left_s := until - now()) > 0:
            sleep(min(left_s, 0.2))
            yield None  # so that the reader can stop
        wait_s = min(2 * wait_s, patience.longest_wait_s)


class _Silence:
    """Knows since when nothing arrives, and how much sound is missing when it arrives again."""

    def __init__(self, is_clocked: bool, stall_s: float, now: Callable[[], float]) -> None:
        self.is_clocked, self.is_stalled = is_clocked, False
        self._stall_s, self._now = stall_s, now
        self._last_s: float | None = None  # when sound last came; None before the first
        self._reason: str | None = None  # why nothing comes

    def judge(self, item: Item | None) -> Iterator[Item | None]:
        """Yield an item after the break or gap before it."""
        self.is_stalled = False
        if isinstance(item, Break):
            yield from self.begin(item.reason)
        elif isinstance(item, AudioChunk):
            arrived_s = self._now()
            if self._reason is not None and self._last_s is not None and self.is_clocked:
                yield Gap(max(0.0, arrived_s - item.duration_s - self._last_s), self._reason)
            elif self._reason is not None:
                yield Gap(0.0, self._reason)
            self._reason, self._last_s = None, arrived_s
            yield replace(item, arrived_s=arrived_s if self.is_clocked else None)
        else:
            yield item
            is_late = self._last_s is not None and self._now() - self._last_s > self._stall_s
            if item is None and is_late and self.is_clocked and self._reason is None:
                self.is_stalled = True
                yield from self.begin(f"nothing came for {self._stall_s:g} s")

    def begin(self, reason: str) -> Iterator[Item]:
        """Yield one break; without any sound before, nothing is missing."""
        if self._reason is None and self._last_s is not None:
            self._reason = reason
            yield Break(reason)
