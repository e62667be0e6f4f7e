"""Stream time against the time of day: drift is found through jitter, steps are seen, and both are marked."""

from __future__ import annotations

from datetime import datetime, timezone

import numpy as np
import pytest

from earwitness.live.clock import StreamClock


class Clocks:
    """A system clock and a monotonic one, moved by hand."""

    def __init__(self) -> None:
        self.day_s, self.monotonic_s = 1_000_000.0, 50.0

    def pass_time(self, seconds: float) -> None:
        self.day_s += seconds
        self.monotonic_s += seconds

    def make(self) -> StreamClock:
        return StreamClock(lambda: self.day_s, lambda: self.monotonic_s)


def run(clocks: Clocks, clock: StreamClock, seconds: int, pace: float, from_s: float = 0.0, jitter_s: float = 0.0):  # type: ignore[no-untyped-def] # noqa: ANN201
    """Let `seconds` pass while the stream goes at `pace`; return what was marked."""
    random, marks = np.random.default_rng(0), []
    for second in range(1, seconds + 1):
        clocks.pass_time(1.0)
        marks += clock.note(from_s + pace * second, clocks.monotonic_s + jitter_s * random.random(), 0.0)
    return marks


def test_second_0_is_when_the_first_piece_began() -> None:
    clocks = Clocks()
    clock = clocks.make()
    clocks.pass_time(10.0)
    clock.begin(0.5)
    clock.begin(99.0)  # of later pieces nothing changes
    assert clock.time_of_day(2.0) == datetime.fromtimestamp(1_000_011.5, timezone.utc)


def test_an_even_stream_has_no_drift_however_much_arrival_jitters() -> None:
    clocks = Clocks()
    clock = clocks.make()
    clock.begin(0.0)
    assert run(clocks, clock, 3600, 1.0, jitter_s=1.0) == []


@pytest.mark.parametrize(("pace", "sign"), [(1 - 200e-6, 1), (1 + 200e-6, -1)])
def test_a_clock_that_runs_off_is_marked_and_the_time_of_day_stays_right(pace: float, sign: int) -> None:
    clocks = Clocks()
    clock = clocks.make()
    clock.begin(0.0)
    marks = run(clocks, clock, 4 * 3600, pace, jitter_s=0.05)
    assert len(marks) >= 5
    assert all(mark.ppm == pytest.approx(sign * 200, rel=0.3) for mark in marks)
    assert sum(mark.drift_s for mark in marks) == pytest.approx(sign * 200e-6 * 4 * 3600, abs=0.35)
    assert abs(clock.time_of_day(pace * 4 * 3600).timestamp() - clocks.day_s) < 0.35


def test_sound_that_is_lost_unsaid_is_marked() -> None:
    clocks = Clocks()
    clock = clocks.make()
    clock.begin(0.0)
    assert run(clocks, clock, 180, 1.0) == []
    clocks.pass_time(5.0)
    marks = run(clocks, clock, 180, 1.0, from_s=180.0)
    assert [round(mark.drift_s, 3) for mark in marks] == [5.0]
    assert abs(clock.time_of_day(360.0).timestamp() - clocks.day_s) < 0.01


def test_what_comes_late_because_nobody_read_is_no_drift() -> None:
    clocks = Clocks()
    clock = clocks.make()
    clock.begin(0.0)
    run(clocks, clock, 180, 1.0)
    clocks.pass_time(20.0)
    for second in range(180):
        clocks.pass_time(1.0)
        assert clock.note(181.0 + second, clocks.monotonic_s, behind_s=20.0) == []


def test_a_step_of_the_systems_clock_is_marked_and_followed() -> None:
    clocks = Clocks()
    clock = clocks.make()
    clock.begin(0.0)
    run(clocks, clock, 30, 1.0)
    clocks.day_s += 3600.0
    marks = run(clocks, clock, 1, 1.0, from_s=30.0)
    assert [(round(mark.drift_s, 3), mark.ppm) for mark in marks] == [(3600.0, None)]
    assert abs(clock.time_of_day(31.0).timestamp() - clocks.day_s) < 0.01


def test_a_file_has_no_clock_to_drift_from() -> None:
    clocks = Clocks()
    clock = clocks.make()
    clock.begin(0.0)
    for second in range(1000):
        clocks.pass_time(0.05)
        assert clock.note(float(second), None, 0.0) == []


@pytest.mark.parametrize("pace", [1.5, 20.0])
def test_a_writer_that_does_not_keep_to_time_has_no_drift(pace: float) -> None:
    clocks = Clocks()
    clock = clocks.make()
    clock.begin(0.0)
    began = clock.time_of_day(0.0)
    assert run(clocks, clock, 600, pace) == []
    assert clock.time_of_day(0.0) == began
    assert run(clocks, clock, 300, 1.0, from_s=600 * pace) == []


def test_sound_that_waited_somewhere_and_comes_at_once_is_marked() -> None:
    clocks = Clocks()
    clock = clocks.make()
    clock.begin(0.0)
    assert run(clocks, clock, 180, 1.0) == []
    marks = run(clocks, clock, 180, 1.0, from_s=220.0)
    assert [round(mark.drift_s, 3) for mark in marks] == [-40.0]
    assert abs(clock.time_of_day(400.0).timestamp() - clocks.day_s) < 0.01
