"""One backend for several threads: what they send at the same time is computed as one batch.

In: windows from threads that each work on a recording of their own. Out: each thread's rows. While one batch is
computed the next one gathers, so that decoding overlaps with computing and short recordings fill batches together.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from earwitness.encoders.base import Encoded, Encoder, Floats, Output


@dataclass(eq=False)
class _Request:
    """Windows (W, S) that a thread waits for, then their rows or what went wrong."""

    wanted: tuple[Output, ...]
    windows: Floats
    is_trimmed: bool
    is_done: threading.Event = field(default_factory=threading.Event)
    encoded: Encoded | None = None
    error: BaseException | None = None

    def suits(self, other: _Request) -> bool:
        """Say whether both can be computed as one batch."""
        mine = (self.wanted, self.is_trimmed, self.windows.shape[1])
        return mine == (other.wanted, other.is_trimmed, other.windows.shape[1])


class SharedBackend:
    """An encoder that any number of threads may call; see `Encoder`."""

    def __init__(self, backend: Encoder) -> None:
        self.backend = backend
        self.spec = backend.spec
        self.batch = backend.batch
        self.n_at_once = backend.n_at_once
        self.computed_on = backend.computed_on
        self._waiting: list[_Request] = []
        self._list_lock = threading.Lock()
        self._turns = threading.Semaphore(backend.n_at_once)

    @property
    def n_waiting(self) -> int:
        """The number of requests that wait for their turn."""
        return len(self._waiting)

    def encode(self, windows: Floats, wanted: Sequence[Output], *, is_trimmed: bool) -> Encoded:
        """Return the outputs that are wanted of windows (W, S)."""
        request = _Request(tuple(wanted), windows, is_trimmed)
        with self._list_lock:
            self._waiting.append(request)
        with self._turns:  # whose turn it is computes for all who wait outside
            if gathered := self._gather(request):
                self._compute(gathered)
        request.is_done.wait()
        if request.error is not None:
            raise request.error
        assert request.encoded is not None
        return request.encoded

    def attention(self, windows: Floats, *, is_trimmed: bool) -> Floats:
        """Return attention weights (W, layers, heads, N, N), computed alone: they are too large to gather."""
        with self._turns:
            return self.backend.attention(windows, is_trimmed=is_trimmed)

    def _gather(self, first: _Request) -> list[_Request]:
        """Take a request and those that suit it off the list, up to the backend's batch; none if another took it."""
        with self._list_lock:
            if first not in self._waiting:
                return []
            gathered, n_windows = [first], len(first.windows)
            for other in self._waiting:
                if other is not first and other.suits(first) and n_windows + len(other.windows) <= self.batch:
                    gathered.append(other)
                    n_windows += len(other.windows)
            self._waiting = [each for each in self._waiting if each not in gathered]
        return gathered

    def _compute(self, requests: list[_Request]) -> None:
        first, start = requests[0], 0
        try:
            windows = np.concatenate([each.windows for each in requests]) if len(requests) > 1 else first.windows
            encoded = self.backend.encode(windows, first.wanted, is_trimmed=first.is_trimmed)
            for each in requests:
                stop = start + len(each.windows)
                each.encoded = Encoded(**{name: getattr(encoded, name)[start:stop] for name in first.wanted})
                start = stop
        except BaseException as error:
            for each in requests:
                each.error = error
        finally:
            for each in requests:
                each.is_done.set()
