"""Stream time, which counts samples, against the time of day.

In: the stream's position whenever a chunk arrives. Out: the time of day of any position, and a `Drift` when both have
moved apart, because no two clocks run alike or because a source loses sound silently.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone

PERIOD_S = 60.0
MARK_S = 0.25  # smallest drift that is reported
TOO_FAST = 0.25  # of a period: no clock is so far off, but a pipe that is filled from a recording may be
SET_S = 1.0  # smallest step of the system's clock that counts as set
LARGEST_BEHIND_S = 1.0  # when more sound waits, arrival says when we read, not when it was made


@dataclass(frozen=True)
class Drift:
    """The time of day moved by `drift_s` against the stream at `at_s`; `ppm` is how fast, None for a step."""

    at_s: float
    drift_s: float
    ppm: float | None
    reason: str


class StreamClock:
    """Maps stream seconds to the time of day; `note` gives it the stream's position."""

    def __init__(
        self, now: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic, began: float = 0.0
    ) -> None:
        self._now, self._monotonic = now, monotonic
        self._between = now() - monotonic()
        self._epoch = began or now()  # time of day of stream second 0
        self._has_begun = bool(began)
        self._least_s: float | None = None  # smallest lag of this period: delays only ever add to it
        self._period_from: float | None = None
        self._usual_s: float | None = None  # lag of an earlier period, and when that was
        self._usual_at = 0.0
        self._held_s: float | None = None  # drift that is not reported yet: 0 while the source is not in real time

    def time_of_day(self, stream_s: float) -> datetime:
        """Return the time of day, UTC, of a position in the stream."""
        return datetime.fromtimestamp(self._epoch + stream_s, timezone.utc)

    def begin(self, duration_s: float) -> None:
        """Note that the first chunk, of this length, has just arrived: stream second 0 is when it began."""
        if not self._has_begun:
            self._epoch, self._has_begun = self._now() - duration_s, True

    def note(self, stream_s: float, arrived_s: float | None, behind_s: float) -> list[Drift]:
        """Note that the stream was at `stream_s` at `arrived_s` on the monotonic clock; return drifts to report."""
        marks = self._look_for_step(stream_s)
        if arrived_s is None or behind_s > LARGEST_BEHIND_S:
            return marks
        lag_s = arrived_s - stream_s
        if self._period_from is None:
            self._period_from = arrived_s
        self._least_s = lag_s if self._least_s is None else min(self._least_s, lag_s)
        if arrived_s - self._period_from >= PERIOD_S:
            marks += self._close_period(stream_s, arrived_s)
        return marks

    def _close_period(self, stream_s: float, arrived_s: float) -> list[Drift]:
        least_s, self._least_s, self._period_from = self._least_s, None, arrived_s
        assert least_s is not None
        if self._usual_s is None:
            self._usual_s, self._usual_at = least_s, arrived_s
            return []
        drift_s = least_s - self._usual_s
        if drift_s < -TOO_FAST * PERIOD_S:  # a backlog, if it happens once; else not real time
            self._held_s = drift_s if self._held_s is None else 0.0
            self._usual_s, self._usual_at = least_s, arrived_s
            return []
        drift_s, self._held_s = drift_s + (self._held_s or 0.0), None
        if abs(drift_s) < MARK_S:
            return []
        ppm = 1e6 * drift_s / max(1.0, arrived_s - self._usual_at)
        self._usual_s, self._usual_at = least_s, arrived_s
        self._epoch += drift_s
        reason = "the source's clock is slower" if drift_s > 0 else "the source's clock is faster"
        return [Drift(stream_s, drift_s, ppm, f"{reason}, or it lost or repeated sound silently")]

    def _look_for_step(self, stream_s: float) -> list[Drift]:
        between = self._now() - self._monotonic()
        step_s, self._between = between - self._between, between
        if abs(step_s) < SET_S:
            return []
        self._epoch += step_s
        return [Drift(stream_s, step_s, None, "the system's clock was set, or the system slept")]
