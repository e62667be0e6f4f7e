"""Word scores over time to events: what was heard, with onset, offset and the reason.

In: `WordScores` rows in order of time. Out: `Event`s in order of their offsets. A word's event begins where its score
reaches the threshold, reaches back and on while the score holds, joins its neighbours across short gaps, and carries
the tags it rests on at its peak. Where no word reaches its threshold there is no event: "none of these" is an answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from earwitness.settings import Settings
from earwitness.words import TagEvidence, WordScores


@dataclass(frozen=True)
class Event:
    """A word heard from `onset_s` to `offset_s`; `score` is its largest, at `peak_s`; `tags` are the reason."""

    onset_s: float
    offset_s: float
    word: str
    score: float
    peak_s: float
    tags: tuple[TagEvidence, ...]


def find_events(word_scores: Iterable[WordScores], settings: Settings) -> Iterator[Event]:
    """Yield the events of all words, each as soon as nothing later can change it.

    State does not grow with the recording: one open event per word is kept between batches.

    Args:
        word_scores: batches of rows (N, V) in order of time; rows follow each other every `span_s` seconds.
        settings: `event_threshold`, `event_hold`, `merge_gap_s` and `min_duration_s` are used.
    """
    tracks: dict[str, _Track] = {}
    for rows in word_scores:
        start_s, span_s = rows.tag_scores.start_s, rows.tag_scores.span_s
        held = np.pad(rows.scores >= settings.event_hold, ((1, 1), (0, 0))).astype(np.int8)
        steps = np.diff(held, axis=0)  # (N + 1, V): 1 where a stretch begins, -1 after it ends
        for index, word in enumerate(rows.meanings.words):
            track = tracks.setdefault(word, _Track(settings, span_s))
            firsts, ends = np.flatnonzero(steps[:, index] == 1), np.flatnonzero(steps[:, index] == -1)
            for first, end in zip(firsts, ends, strict=True):
                yield from track.add(_read_stretch(rows, index, int(first), int(end) - 1), is_open=end == len(start_s))
            yield from track.settle_until(float(start_s[-1]) + span_s)
    for track in tracks.values():
        yield from track.settle_until(float("inf"))


class _Track:
    """What is undecided of a word: a stretch that may go on in the next batch, and an event that may yet be joined."""

    def __init__(self, settings: Settings, span_s: float) -> None:
        self.settings, self.span_s = settings, span_s
        self.open: Event | None = None
        self.event: Event | None = None

    def add(self, stretch: Event, is_open: bool) -> Iterator[Event]:
        """Take the next stretch in which the word's score holds; `is_open` if it reaches the end of the batch."""
        if self.open and stretch.onset_s - self.open.offset_s < 0.5 * self.span_s:
            stretch, self.open = _join(self.open, stretch), None
        yield from self._close()
        if is_open:
            self.open = stretch
        else:
            yield from self._take(stretch)

    def settle_until(self, time_s: float) -> Iterator[Event]:
        """Yield what nothing after `time_s` can change."""
        if self.open and self.open.offset_s < time_s - 0.5 * self.span_s:
            yield from self._close()
        if self.event and not self.open and self.event.offset_s + self.settings.merge_gap_s < time_s:
            yield from self._emit()

    def _close(self) -> Iterator[Event]:
        if self.open:
            stretch, self.open = self.open, None
            yield from self._take(stretch)

    def _take(self, stretch: Event) -> Iterator[Event]:
        if stretch.score < self.settings.event_threshold:
            return
        if self.event and stretch.onset_s - self.event.offset_s <= self.settings.merge_gap_s:
            self.event = _join(self.event, stretch)
            return
        yield from self._emit()
        self.event = stretch

    def _emit(self) -> Iterator[Event]:
        if self.event and self.event.offset_s - self.event.onset_s >= self.settings.min_duration_s:
            yield self.event
        self.event = None


def _read_stretch(rows: WordScores, index: int, first: int, last: int) -> Event:
    peak = first + int(rows.scores[first : last + 1, index].argmax())
    start_s, span_s = rows.tag_scores.start_s, rows.tag_scores.span_s
    return Event(
        onset_s=float(start_s[first]),
        offset_s=float(start_s[last]) + span_s,
        word=rows.meanings.words[index],
        score=float(rows.scores[peak, index]),
        peak_s=float(start_s[peak]),
        tags=rows.explain(peak, index),
    )


def _join(before: Event, after: Event) -> Event:
    louder = before if before.score >= after.score else after
    return replace(louder, onset_s=before.onset_s, offset_s=after.offset_s)
