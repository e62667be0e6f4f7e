"""One backend for several threads: what they ask for at the same time is computed as one batch.

In: windows from threads that each work on a recording of their own. Out: each thread's rows. While one batch is
computed the next one gathers, so that decoding overlaps with computing and short recordings fill batches together.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from earwitness.encoders.base import Backend, Floats

Wanted = Literal["features", "logits"]


@dataclass(eq=False)
class _Request:
    """Windows (W, S) that a thread waits for, then their rows or what went wrong."""

    wanted: Wanted
    windows: Floats
    is_trimmed: bool
    is_done: threading.Event = field(default_factory=threading.Event)
    rows: Floats | None = None
    error: BaseException | None = None

    def suits(self, other: _Request) -> bool:
        """Say whether both can be computed as one batch."""
        mine = (self.wanted, self.is_trimmed, self.windows.shape[1])
        return mine == (other.wanted, other.is_trimmed, other.windows.shape[1])


class SharedBackend:
    """A backend that any number of threads may call; see `Backend`."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.spec = backend.spec
        self.batch = backend.batch
        self.n_at_once = backend.n_at_once
        self.computed_on = backend.computed_on
        self._waiting: list[_Request] = []
        self._list_lock = threading.Lock()
        self._turns = threading.Semaphore(backend.n_at_once)

    def features(self, windows: Floats, *, is_trimmed: bool) -> Floats:
        """Return features (W, T, D)."""
        return self._ask(_Request("features", windows, is_trimmed))

    def logits(self, windows: Floats, *, is_trimmed: bool) -> Floats:
        """Return tag logits (W, T, C)."""
        return self._ask(_Request("logits", windows, is_trimmed))

    def attention(self, windows: Floats, *, is_trimmed: bool) -> Floats:
        """Return attention weights (W, layers, heads, N, N), computed alone: they are too large to gather."""
        with self._turns:
            return self.backend.attention(windows, is_trimmed=is_trimmed)

    def _ask(self, request: _Request) -> Floats:
        with self._list_lock:
            self._waiting.append(request)
        with self._turns:  # whose turn it is computes for all who wait outside
            if gathered := self._gather(request):
                self._compute(gathered)
        request.is_done.wait()
        if request.error is not None:
            raise request.error
        assert request.rows is not None
        return request.rows

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
        compute = getattr(self.backend, requests[0].wanted)
        try:
            windows = np.concatenate([each.windows for each in requests]) if len(requests) > 1 else requests[0].windows
            rows = compute(windows, is_trimmed=requests[0].is_trimmed)
            ends = np.cumsum([len(each.windows) for each in requests])
            for each, part in zip(requests, np.split(rows, ends[:-1]), strict=True):
                each.rows = part
        except BaseException as error:
            for each in requests:
                each.error = error
        finally:
            for each in requests:
                each.is_done.set()
