"""Events to lines: one when an event begins, one when it has ended.

In: at every step, the events that have ended and those that would be left if the sound ended now. Out: `EventLine`s.
A begun event rests on windows that later ones may still correct; where they do, a line withdraws it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from earwitness.recognition import Event


@dataclass(frozen=True)
class EventLine:
    """An event that began, ended, or is withdrawn; lines of one event share its `id`. Times are the stream's."""

    state: Literal["began", "ended", "withdrawn"]
    id: int
    event: Event


@dataclass(frozen=True)
class _Begun:
    """A begun event, as it was last seen."""

    id: int
    event: Event


class EventReporter:
    """Remembers begun events, at most a few per word.

    Args:
        tolerance_s: how far an event may move, while it is corrected, and still be the same one: a window's length.
    """

    def __init__(self, tolerance_s: float) -> None:
        self._tolerance_s = tolerance_s
        self._begun: list[_Begun] = []
        self._n_reported = 0

    def to_lines(self, ended: Iterable[Event], foreseen: Iterable[Event]) -> list[EventLine]:
        """Return what is new.

        Args:
            ended: events that later sound cannot change.
            foreseen: events that are under way or not yet settled.
        """
        lines: list[EventLine] = []
        for event in ended:
            begun = self._match(event, self._begun) or self._begin(event, lines)
            self._begun = [each for each in self._begun if each.id != begun.id]
            lines.append(EventLine("ended", begun.id, event))
        left, seen = list(self._begun), []
        for event in foreseen:
            begun = self._match(event, left) or self._begin(event, lines)
            left = [each for each in left if each.id != begun.id]
            seen.append(replace(begun, event=event))
        lines += [EventLine("withdrawn", each.id, each.event) for each in left]
        self._begun = seen
        return lines

    def _begin(self, event: Event, lines: list[EventLine]) -> _Begun:
        self._n_reported += 1
        lines.append(EventLine("began", self._n_reported, event))
        return _Begun(self._n_reported, event)

    def _match(self, event: Event, begun: list[_Begun]) -> _Begun | None:
        """Return the begun event that this event is, the one with the nearest onset; None if it is new."""
        near = [
            each
            for each in begun
            if each.event.word == event.word
            and each.event.onset_s <= event.offset_s + self._tolerance_s
            and event.onset_s <= each.event.offset_s + self._tolerance_s
        ]
        return min(near, key=lambda each: abs(each.event.onset_s - event.onset_s), default=None)
