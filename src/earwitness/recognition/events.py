"""Word scores over time to events, with onset and offset.

In: a `ScoreTrack`. Out: `Event`s. A word's event begins where its score reaches the threshold, extends back and on
while the score holds, and joins its neighbours across short gaps. Short sounds and sounds that last are found apart; a
lasting one counts where no short one of the same word lies in it. Where no word reaches its threshold there is none.
An event is "sure" from `SURE_SCORE` on: docs/explanation/scores.md says how often these are false.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from earwitness.recognition.evidence import ScoreTrack
from earwitness.recognition.match import TagEvidence, WordScores
from earwitness.recognition.tags import Logits
from earwitness.settings import Settings

NEAR_PEAK = 2.0  # logits: what is further below its next peak is the smear of the encoder, not the event
SMEAR_S = 2.0  # an event smears no further
SURE_SCORE = 0.76
Tier = Literal["", "sure", "possible"]


@dataclass(frozen=True)
class Event:
    """A word from `onset_s` to `offset_s`; `score` is its largest, at `peak_s`; `tags` are the reason.

    `tier` is how far to trust it; empty where the method has none.
    """

    onset_s: float
    offset_s: float
    word: str
    score: float
    peak_s: float
    tags: tuple[TagEvidence, ...]
    tier: Tier = ""


def find_events(track: ScoreTrack | Iterable[WordScores], settings: Settings) -> list[Event]:
    """Return the events of all words, without reasons, in order of their onsets.

    Args:
        track: scores of a whole recording; or batches of `match_words`, which know no background.
        settings: `event_threshold`, `event_hold`, `thresholds` (of single words), `merge_gap_s`, `min_duration_s` and
            `only_sure` are used.
    """
    track = track if isinstance(track, ScoreTrack) else join_scores(track)
    short = _find_runs(track, settings)
    if track.lasting is None:
        return sorted(short, key=_by_onset)
    lasting = _find_runs(replace(track, scores=track.lasting), settings)
    apart = [event for event in lasting if not any(_overlap(event, each) for each in short)]
    return sorted([*short, *apart], key=_by_onset)


def join_scores(batches: Iterable[WordScores]) -> ScoreTrack:
    """Return batches of scores, in order of time, as one track."""
    every = list(batches)
    rows = [each.tag_scores for each in every]
    return ScoreTrack(
        np.concatenate([each.scores for each in every]),
        every[0].meanings.words,
        np.concatenate([each.start_s for each in rows]),
        rows[0].span_s,
    )


def _find_runs(track: ScoreTrack, settings: Settings) -> list[Event]:
    if not len(track.scores):
        return []
    tracker = TrackEventFinder(settings)
    return [*tracker.add(track), *tracker.finish()]


def _overlap(one: Event, other: Event) -> bool:
    return one.word == other.word and one.onset_s < other.offset_s and other.onset_s < one.offset_s


def _by_onset(event: Event) -> tuple[float, str]:
    return event.onset_s, event.word


class TrackEventFinder:
    """Finds the events of all words in their scores alone, without reasons; see `find_events`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._tracks: dict[str, _Track] = {}

    def add(self, track: ScoreTrack) -> list[Event]:
        """Take the next rows; return the events that nothing later can change."""
        events: list[Event] = []
        holds = np.array([self._settings.hold_of(word) for word in track.words], np.float32)
        is_held = np.pad(track.scores >= holds, ((1, 1), (0, 0))).astype(np.int8)
        steps = np.diff(is_held, axis=0)  # (N + 1, V): 1 where a run begins, -1 after it ends
        for index, word in enumerate(track.words):
            if word not in self._tracks:
                self._tracks[word] = _Track(self._settings, word, track.span_s)
            firsts, ends = np.flatnonzero(steps[:, index] == 1), np.flatnonzero(steps[:, index] == -1)
            for first, end in zip(firsts, ends, strict=True):
                events += self._tracks[word].add(track, index, int(first), int(end) - 1)
            events += self._tracks[word].settle_until(float(track.start_s[-1]) + track.span_s)
        return events

    def undecided(self) -> list[Event]:
        """Return the events whose end or neighbours are not known yet, as they are now."""
        return [event for track in self._tracks.values() for event in track.undecided()]

    def finish(self) -> list[Event]:
        """Return what is left at the end of the recording."""
        return [event for track in self._tracks.values() for event in track.settle_until(float("inf"))]

    def copy(self) -> TrackEventFinder:
        """Return a tracker in the same state."""
        other = TrackEventFinder(self._settings)
        other._tracks = {word: copy.copy(track) for word, track in self._tracks.items()}
        return other


@dataclass(frozen=True)
class _Run:
    """Tokens in a row in which a word's score holds; `head` and `tail` are the logits of its first and last tokens."""

    event: Event
    n_tokens: int
    head: Logits
    tail: Logits

    def followed_by(self, after: _Run, n_ends: int) -> _Run:
        """Return this run and the one right after it as one."""
        head = np.concatenate([self.head, after.head])[:n_ends] if self.n_tokens < n_ends else self.head
        tail = np.concatenate([self.tail, after.tail])[-n_ends:] if after.n_tokens < n_ends else after.tail
        return _Run(_join(self.event, after.event), self.n_tokens + after.n_tokens, head, tail)

    def refined(self, span_s: float) -> Event:
        """Return the event with its onset and offset where the score first and last comes near its next peak."""
        late = int(np.argmax(self.head >= self.head.max() - NEAR_PEAK))
        early = int(np.argmax(self.tail[::-1] >= self.tail.max() - NEAR_PEAK))
        return replace(
            self.event, onset_s=self.event.onset_s + late * span_s, offset_s=self.event.offset_s - early * span_s
        )


class _Track:
    """What is undecided of a word: a run that may go on in the next batch, and an event that may yet be joined."""

    def __init__(self, settings: Settings, word: str, span_s: float) -> None:
        self.settings, self.threshold, self.span_s = settings, settings.threshold_of(word), span_s
        self.n_ends = max(1, round(SMEAR_S / span_s))
        self.open: _Run | None = None
        self.event: Event | None = None

    def add(self, track: ScoreTrack, index: int, first: int, last: int) -> Iterator[Event]:
        """Take the next run of rows in which the word's score holds: `first` to `last`."""
        run = _read_run(track, index, first, last, self.n_ends)
        if self.open and run.event.onset_s - self.open.event.offset_s < 0.5 * self.span_s:
            run, self.open = self.open.followed_by(run, self.n_ends), None
        yield from self._close()
        if last == len(track.scores) - 1:
            self.open = run
        else:
            yield from self._take(run)

    def undecided(self) -> list[Event]:
        """Return the event that may be joined, and the open run where it reaches the threshold."""
        run = [self.open.event] if self.open and self.open.event.score >= self.threshold else []
        return [event for event in [*([self.event] if self.event else []), *run] if self._is_wanted(event)]

    def settle_until(self, time_s: float) -> Iterator[Event]:
        """Yield what nothing after `time_s` can change."""
        if self.open and self.open.event.offset_s < time_s - 0.5 * self.span_s:
            yield from self._close()
        if self.event and not self.open and self.event.offset_s + self.settings.merge_gap_s < time_s:
            yield from self._emit()

    def _close(self) -> Iterator[Event]:
        if self.open:
            run, self.open = self.open, None
            yield from self._take(run)

    def _take(self, run: _Run) -> Iterator[Event]:
        if run.event.score < self.threshold:
            return
        event = run.refined(self.span_s)
        if self.event and event.onset_s - self.event.offset_s <= self.settings.merge_gap_s:
            self.event = self._merge(self.event, event)
            return
        yield from self._emit()
        self.event = event

    def _merge(self, before: Event, after: Event) -> Event:
        """Return two close events as one; a faint one that is the smear of a far louder one does not extend it."""
        is_near = after.offset_s - before.offset_s <= SMEAR_S
        if is_near and _logit(before.score) - _logit(after.score) > NEAR_PEAK:
            return before
        is_near = after.onset_s - before.onset_s <= SMEAR_S
        if is_near and _logit(after.score) - _logit(before.score) > NEAR_PEAK:
            return after
        return _join(before, after)

    def _emit(self) -> Iterator[Event]:
        is_long = self.event and self.event.offset_s - self.event.onset_s >= self.settings.min_duration_s
        if self.event and is_long and self._is_wanted(self.event):
            yield self.event
        self.event = None

    def _is_wanted(self, event: Event) -> bool:
        return event.tier == "sure" or not self.settings.only_sure


def _read_run(track: ScoreTrack, index: int, first: int, last: int, n_ends: int) -> _Run:
    logits = _logit(track.scores[first : last + 1, index])
    peak = first + int(logits.argmax())
    score = float(track.scores[peak, index])
    event = Event(
        onset_s=float(track.start_s[first]),
        offset_s=float(track.start_s[last]) + track.span_s,
        word=track.words[index],
        score=score,
        peak_s=float(track.start_s[peak]),
        tags=(),
        tier="sure" if score >= SURE_SCORE else "possible",
    )
    return _Run(event, len(logits), logits[:n_ends], logits[-n_ends:])


def _join(before: Event, after: Event) -> Event:
    louder = before if before.score >= after.score else after
    return replace(louder, onset_s=before.onset_s, offset_s=after.offset_s)


def _logit(scores: Logits | float) -> Logits:
    clipped = np.clip(np.asarray(scores, np.float32), 1e-6, 1 - 1e-6)
    return np.asarray(np.log(clipped / (1 - clipped)))
