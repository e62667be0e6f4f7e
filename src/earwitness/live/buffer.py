"""A bounded buffer of sound between the thread that reads and the one that listens.

In: items from a reader. Out: the same items in order. When it is full, a source that can wait waits; of one that
cannot, the oldest sound is dropped and a `Gap` says how much.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import replace

from earwitness.live.items import AudioChunk, Break, Gap, Item, Trouble
from earwitness.live.sources import Source

LIMIT_S = 30.0
MOST_TROUBLES = 100  # that stay when sound is dropped
MOST_ITEMS = 10_000  # chunks of one sample each would take far more memory than their sound
POLL_S = 0.1
OVERRUN = "sound came faster than it could be analysed"


class WaitingSound:
    """A bounded queue of items, ordered, for one thread that puts and one that iterates.

    `close` may be called from a signal handler: it takes no lock.
    """

    def __init__(self, limit_s: float = LIMIT_S) -> None:
        self.limit_s = limit_s
        self._items: deque[Item] = deque()
        self._waiting_s = 0.0
        self._changed = threading.Condition()
        self._is_closed = False  # nothing more is accepted; what waits is still given out
        self._error: BaseException | None = None

    @property
    def waiting_s(self) -> float:
        """Seconds of sound that can be taken without waiting."""
        return self._waiting_s

    @property
    def is_closed(self) -> bool:
        """Whether nothing more is accepted."""
        return self._is_closed

    def close(self, error: BaseException | None = None) -> None:
        """Accept nothing more; the iterator ends, or raises `error`, after what waits."""
        self._error = self._error or error
        self._is_closed = True

    def stop(self) -> None:
        """Accept nothing more, and discard what waits."""
        with self._changed:
            self._is_closed = True
            self._items.clear()
            self._waiting_s = 0.0

    def put(self, item: Item, *, is_dropping: bool) -> None:
        """Add an item; where it does not fit, drop the oldest sound or wait until there is room."""
        length_s = item.duration_s if isinstance(item, AudioChunk) else 0.0
        with self._changed:
            while not is_dropping and self._is_full(length_s) and not self._is_closed:
                self._changed.wait(POLL_S)
            is_repeated = isinstance(item, Trouble) and bool(self._items) and self._items[-1] == item
            if self._is_closed or is_repeated:
                return
            if self._is_full(length_s):
                self._drop_oldest(length_s)
            if isinstance(item, AudioChunk):
                item = replace(item, behind_s=self._waiting_s)
            self._items.append(item)
            self._waiting_s += length_s
            self._changed.notify_all()

    def __iter__(self) -> WaitingSound:
        return self

    def __next__(self) -> Item:
        with self._changed:
            while not self._items:
                if self._is_closed:
                    if self._error:
                        raise self._error
                    raise StopIteration
                self._changed.wait(POLL_S)
            item = self._items.popleft()
            if isinstance(item, AudioChunk):
                self._waiting_s -= item.duration_s
            if not self._items:
                self._waiting_s = 0.0  # sums of fractions do not come back to zero exactly
            self._changed.notify_all()
            return item

    def _is_full(self, length_s: float) -> bool:
        is_long = self._waiting_s > 0 and self._waiting_s + length_s > self.limit_s
        return is_long or len(self._items) >= MOST_ITEMS

    def _drop_oldest(self, length_s: float) -> None:
        """Replace the oldest sound by one gap, so that half of the room is free again: few large gaps, not many."""
        lost_s, reason = 0.0, OVERRUN
        troubles: dict[Item, None] = {}  # troubles, each once
        while self._items and (self._waiting_s + length_s > self.limit_s / 2 or len(self._items) > MOST_ITEMS // 2):
            item = self._items.popleft()
            if isinstance(item, AudioChunk):
                self._waiting_s -= item.duration_s
                lost_s += item.duration_s + item.lost_s
            elif isinstance(item, Gap):
                lost_s += item.lost_s
                reason = item.reason if item.reason != OVERRUN else reason
            elif isinstance(item, Trouble):
                troubles[item] = None
        self._items.extendleft(reversed([Break(reason), Gap(lost_s, reason), *list(troubles)[-MOST_TROUBLES:]]))


def start_reading(items: Iterator[Item | None], source: Source, waiting: WaitingSound) -> threading.Thread:
    """Start a thread that puts a source's items into `waiting` until it ends, fails, or `waiting` is closed."""

    def read() -> None:
        try:
            for item in items:
                if waiting.is_closed:
                    break
                if item is not None:
                    waiting.put(item, is_dropping=source.is_dropping)
            waiting.close()
        except BaseException as error:  # raised again where the items are taken
            waiting.close(error)
        finally:
            getattr(items, "close", lambda: None)()

    thread = threading.Thread(target=read, name="read live", daemon=True)
    thread.start()
    return thread
