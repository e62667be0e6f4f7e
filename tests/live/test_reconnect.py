"""Sources that fail, end and stall: opened again after a growing wait, gaps of the right length, no storm of tries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest

from earwitness.errors import AudioError
from earwitness.live.items import AudioChunk, Break, Gap, Item, Trouble
from earwitness.live.reconnect import Patience, read_on

SECOND = AudioChunk(np.zeros(16000, np.float32), 16000)


@dataclass
class PlannedTime:
    """A clock that only sleeping and waiting move."""

    now_s: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        self.slept.append(seconds)


@dataclass
class PlannedSource:
    """Gives what is planned at each opening: seconds of sound, ("wait", seconds), an error, or the end."""

    time: PlannedTime
    plan: list[list[object]]
    name: str = "planned"
    is_clocked: bool = True
    is_endless: bool = True
    is_dropping: bool = True
    n_closed: int = 0
    opened: list[object] = field(default_factory=list)  # kept, so that nothing is closed by being forgotten

    def open(self) -> Iterator[Item | None]:
        self.opened.append(items := self._play())
        return items

    def _play(self) -> Iterator[Item | None]:
        try:
            for deed in self.plan.pop(0):
                if isinstance(deed, AudioError):
                    raise deed
                if isinstance(deed, float):
                    until = self.time.now_s + deed
                    while self.time.now_s < until - 1e-6:
                        self.time.now_s += 0.5
                        yield None
                elif isinstance(deed, AudioChunk):
                    self.time.now_s += deed.duration_s
                    yield deed
        finally:
            self.n_closed += 1


def read(plan: list[list[object]], **about: object) -> tuple[list[Item], PlannedTime, PlannedSource]:
    time = PlannedTime()
    source = PlannedSource(time, plan, **about)  # type: ignore[arg-type]
    items: list[Item] = []
    try:
        for item in read_on(source, Patience(), time.now, time.sleep):
            if item is not None:
                items.append(item)
    except IndexError:  # the plan is over
        pass
    return items, time, source


def kinds(items: list[Item]) -> list[type]:
    return [type(item) for item in items]


def test_a_source_that_ends_is_opened_again_and_the_gap_is_as_long_as_it_was_away() -> None:
    items, _, source = read([[SECOND, SECOND], [3.0, SECOND], []])
    assert kinds(items[:6]) == [AudioChunk, AudioChunk, Break, Trouble, Gap, AudioChunk]
    gap = items[4]
    assert isinstance(gap, Gap)
    assert gap.lost_s == pytest.approx(0.5 + 3.0)  # the wait before the next try, and what it took to come
    assert gap.reason == "the source ended"
    assert source.n_closed >= 2


def test_failures_are_tried_again_after_a_wait_that_grows_to_a_limit_and_starts_anew() -> None:
    failure = AudioError("planned: gone")
    items, time, _ = read([[SECOND], *[[failure]] * 9, [SECOND, failure], []])
    waits = [item.reason.rsplit("again in ", 1)[1] for item in items if isinstance(item, Trouble)]
    assert waits == [f"{each:g} s" for each in (0.5, 1, 2, 4, 8, 16, 30, 30, 30, 30, 0.5, 1)]
    assert kinds(items).count(Break) == 2, "an outage is told once, however often it is tried"
    gaps = [item.lost_s for item in items if isinstance(item, Gap)]
    assert gaps == [pytest.approx(0.5 + 1 + 2 + 4 + 8 + 16 + 30 * 4)]
    assert max(time.slept) <= 0.2, "a stop is seen at once"


def test_a_source_that_stalls_is_closed_and_opened_again() -> None:
    items, _, source = read([[SECOND, 600.0, SECOND], [SECOND], []])
    assert kinds(items[:5]) == [AudioChunk, Break, Trouble, Gap, AudioChunk]
    gap = items[3]
    assert isinstance(gap, Gap)
    assert gap.lost_s == pytest.approx(10.5 + 0.5)
    assert "nothing came for 10 s" in gap.reason
    assert source.n_closed >= 2


def test_a_short_silence_is_no_stall() -> None:
    items, _, _ = read([[SECOND, 9.0, SECOND], []])
    assert kinds(items[:2]) == [AudioChunk, AudioChunk]


def test_a_stalled_pipe_is_a_gap_but_is_not_opened_again() -> None:
    items, _, _ = read([[SECOND, 60.0, SECOND]], is_endless=False)
    assert kinds(items) == [AudioChunk, Break, Gap, AudioChunk]
    assert items[2] == Gap(60.0, "nothing came for 10 s")


def test_a_slow_file_has_no_gaps() -> None:
    items, _, _ = read([[SECOND, 60.0, SECOND]], is_endless=False, is_clocked=False)
    assert kinds(items) == [AudioChunk, AudioChunk]


def test_a_file_ends_once_and_its_failure_is_an_error() -> None:
    items, _, source = read([[SECOND]], is_endless=False)
    assert (kinds(items), source.n_closed) == ([AudioChunk], 1)
    with pytest.raises(AudioError, match="torn"):
        read([[SECOND, AudioError("torn")]], is_endless=False)


def test_what_cannot_be_opened_the_first_time_is_an_error() -> None:
    with pytest.raises(AudioError, match="no such device"):
        read([[AudioError("no such device")]])


def test_a_source_is_closed_when_nobody_reads_it_any_more() -> None:
    time = PlannedTime()
    source = PlannedSource(time, [[SECOND, SECOND]])
    items = read_on(source, None, time.now, time.sleep)
    next(items)
    close: Callable[[], None] = items.close  # type: ignore[attr-defined]
    close()
    assert source.n_closed == 1
