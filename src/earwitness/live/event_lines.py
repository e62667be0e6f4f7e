"""Events to lines: one when an event begins, one when it has ended.

In: at every step, the events that have ended and those that would be left if the sound ended now. Out: `EventLine`s.
A begun event rests on windows that later ones may still correct; where they do, a line withdraws it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from earwitness.recognition import Event


@dataclass(frozen=True)
class EventLine:
    """An event that began, ended, or is withdrawn; lines of one event share its `id`. Times are the stream's."""

    state: Literal["began", "ended", "withdrawn"]
    id: int
    event: Event


class EventReporter:
    """Remembers begun events, at most a few per word.

    Args:
        tolerance_s: how far an event may move, while it is corrected, and still be the same one: a window's length.
    """

    def __init__(self, tolerance_s: float) -> None:
        self._tolerance_s = tolerance_s
        self._begun: dict[int, Event] = {}  # by id, as they were last seen
        self._n_reported = 0

    def to_lines(self, ended: Iterable[Event], foreseen: Iterable[Event]) -> list[EventLine]:
        """Return what is new.

        Args:
            ended: events that later sound cannot change.
            foreseen: events that are under way or not yet settled.
        """
        lines: list[EventLine] = []
        left, seen = dict(self._begun), dict[int, Event]()
        for event in ended:
            lines.append(EventLine("ended", self._identify(event, left, lines), event))
        for event in foreseen:
            seen[self._identify(event, left, lines)] = event
        lines += [EventLine("withdrawn", number, event) for number, event in left.items()]
        self._begun = seen
        return lines

    def _identify(self, event: Event, begun: dict[int, Event], lines: list[EventLine]) -> int:
        """Take the begun event that this event is, the one with the nearest onset, and return its id, else a new id."""
        near = [
            number
            for number, known in begun.items()
            if known.word == event.word
            and known.onset_s <= event.offset_s + self._tolerance_s
            and event.onset_s <= known.offset_s + self._tolerance_s
        ]
        if near:
            nearest = min(near, key=lambda number: abs(begun[number].onset_s - event.onset_s))
            del begun[nearest]
            return nearest
        self._n_reported += 1
        lines.append(EventLine("began", self._n_reported, event))
        return self._n_reported
