"""Words over a stream of tokens to events, each as soon as nothing later can change it.

In: `TagScores` of tokens in order of time, however they are batched, and `WordMeanings`. Out: `Event`s with reasons.

The rules are those of `evidence` and `events`, but for what a stream does not know yet:

- The background of a short sound is the upper quartile of the 30 s before it instead of 15 s on each side. So whatever
  lasts is a short sound at first, until the background has it.
- Therefore short and lasting sounds are joined: a word's score is the larger one, and its events are found once. The
  lasting score counts from where it reaches the threshold until it no longer holds.

Medians reach 0.3 s and 5 s ahead, as in a recording, so that the scores of a moment are known so much later. Where what
is known already keeps a lasting score below the threshold, nothing is waited for.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from earwitness.encoders import TagStats
from earwitness.recognition.events import Event, TrackEventFinder
from earwitness.recognition.evidence import (
    BACKGROUND_QUANTILE,
    LASTING_S,
    SMOOTH_S,
    Scorer,
    ScoreTrack,
    background_steps,
    count_rows,
    find_medians,
    smooth,
)
from earwitness.recognition.match import TagEvidence, find_reasons
from earwitness.recognition.tags import Logits, TagScores, sigmoid
from earwitness.settings import Settings
from earwitness.words import WordMeanings


class StreamEventFinder:
    """Finds the events of words while tokens come in; what it remembers does not grow with the stream.

    Args:
        meanings: the words.
        tag_stats: the encoder's.
        settings: see `find_events`.
        span_s: length of a token.
    """

    def __init__(self, meanings: WordMeanings, tag_stats: TagStats | None, settings: Settings, span_s: float) -> None:
        self._meanings, self._span_s = meanings, span_s
        self._scorer = StreamScorer(meanings, tag_stats, settings, span_s)
        self._finder = TrackEventFinder(settings)
        self._recent = TagScores(np.zeros((0, meanings.weights.shape[1]), np.float32), np.zeros(0), span_s)
        self._reasons: dict[tuple[str, float], tuple[TagEvidence, ...]] = {}  # of undecided peaks, by word and time

    def add(self, rows: TagScores) -> list[Event]:
        """Take the next tokens, none missing among them; return the events that nothing later can change."""
        if not self._meanings.words or not len(rows.start_s):
            return []
        self._recent = TagScores(
            np.concatenate([self._recent.logits, rows.logits]),
            np.concatenate([self._recent.start_s, rows.start_s]),
            self._span_s,
        )
        return self._find(self._scorer.add(rows))

    def foresee(self, batches: Iterable[TagScores] = ()) -> list[Event]:
        """Return the events under way or not decided yet, if these batches come next; this finder does not change.

        Their medians are of what came, not of the last row repeated as at the end of a stream: so one row alone is no
        event, and a sound that only lasts is among the events once it has done so for 5 s.
        """
        ahead = copy.copy(self)
        ahead._scorer, ahead._finder = self._scorer.copy(), self._finder.copy()
        events = [event for rows in batches for event in ahead.add(rows)]
        return [*events, *ahead._find(ahead._scorer.look_ahead()), *ahead._explain(ahead._finder.finish())]

    def finish(self) -> list[Event]:
        """Return what is left at the end of the stream."""
        events = self._find(self._scorer.finish())
        return events + self._explain(self._finder.finish())

    def _find(self, track: ScoreTrack) -> list[Event]:
        events = self._explain([event for part in _split_at_gaps(track) for event in self._finder.add(part)])
        self._reasons = {(each.word, each.peak_s): each.tags for each in self._explain(self._finder.undecided())}
        first = len(self._recent.start_s) - self._scorer.n_undecided
        self._recent = TagScores(self._recent.logits[first:], self._recent.start_s[first:], self._span_s)
        return events

    def _explain(self, events: Sequence[Event]) -> list[Event]:
        """Return events with their reasons, from the tokens of their peaks, or from when those were there."""
        return [replace(event, tags=self._find_reasons(event)) for event in events]

    def _find_reasons(self, event: Event) -> tuple[TagEvidence, ...]:
        known = self._reasons.get((event.word, event.peak_s))
        if known is not None:
            return known
        row = int(np.searchsorted(self._recent.start_s, event.peak_s))
        return find_reasons(self._recent.logits[row], self._meanings, self._meanings.words.index(event.word))


class StreamScorer:
    """Scores words while tokens come in; see `evidence.track_words`.

    Args:
        meanings, tag_stats, settings, span_s: see `StreamEventFinder`; of the settings, the thresholds.
    """

    def __init__(self, meanings: WordMeanings, tag_stats: TagStats | None, settings: Settings, span_s: float) -> None:
        self._words, self._span_s = meanings.words, span_s
        self._scorer = Scorer(meanings, tag_stats.of_tokens if tag_stats else None)
        self._background = TrailingBackground(span_s)
        self._threshold = _find_logits(map(settings.threshold_of, meanings.words))
        self._hold = _find_logits(map(settings.hold_of, meanings.words))
        self._is_lasting = np.zeros(len(meanings.words), bool)  # in the last row with a score
        self._short = DelayedMedian(count_rows(SMOOTH_S, span_s), len(meanings.words))
        self._lasting = DelayedMedian(count_rows(LASTING_S, span_s), len(meanings.words), self._hold)
        self._start_s = np.zeros(0)  # of the rows without a score
        self._short_logits = self._lasting_logits = self._short.none  # of the first of those rows, as far as known

    @property
    def n_undecided(self) -> int:
        """The number of rows without a score: the latest ones."""
        return len(self._start_s)

    def copy(self) -> StreamScorer:
        """Return a scorer in the same state."""
        other = copy.copy(self)  # arrays are replaced, never changed
        other._background = copy.copy(self._background)
        other._short, other._lasting = copy.copy(self._short), copy.copy(self._lasting)
        return other

    def add(self, rows: TagScores) -> ScoreTrack:
        """Take the next tokens, none missing among them; return the scores that nothing later can change."""
        short: list[Logits] = [self._short_logits]
        if len(self._start_s) and rows.start_s[0] - self._start_s[-1] > 1.5 * self._span_s:
            short.append(self._short.finish())  # what comes is not of the same moment
        standard = self._scorer.standardise(rows.logits[:, self._scorer.tags])
        background = self._background.add(standard, rows.start_s)
        short.append(self._short.add(self._scorer.score_short(standard, background)))
        self._start_s = np.concatenate([self._start_s, rows.start_s])
        return self._decide(short, self._lasting.add(self._scorer.score_lasting(standard)))

    def look_ahead(self) -> ScoreTrack:
        """Return the scores as short sounds of the next rows, as far as they are known, without taking them."""
        n_rows = len(self._short_logits)
        return ScoreTrack(sigmoid(self._short_logits), self._words, self._start_s[:n_rows], self._span_s)

    def finish(self) -> ScoreTrack:
        """Return the scores that are left at the end of the stream."""
        return self._decide([self._short_logits, self._short.finish()], self._lasting.finish())

    def _decide(self, short: Sequence[Logits], lasting: Logits) -> ScoreTrack:
        """Take the logits known by now of rows without a score; return those of which both are known."""
        self._short_logits = np.concatenate(short)
        self._lasting_logits = np.concatenate([self._lasting_logits, lasting])
        n_rows = min(len(self._short_logits), len(self._lasting_logits))
        logits = self._short_logits[:n_rows].copy()
        for row, lasting in zip(logits, self._lasting_logits, strict=False):
            self._is_lasting = (lasting >= self._threshold) | (self._is_lasting & (lasting >= self._hold))
            np.copyto(row, np.maximum(row, lasting), where=self._is_lasting)
        start_s, self._start_s = self._start_s[:n_rows], self._start_s[n_rows:]
        self._short_logits, self._lasting_logits = self._short_logits[n_rows:], self._lasting_logits[n_rows:]
        return ScoreTrack(sigmoid(logits), self._words, start_s, self._span_s)


def _split_at_gaps(track: ScoreTrack) -> Iterator[ScoreTrack]:
    """Yield the parts of a track, none empty, in which rows follow each other."""
    ends = [*(np.flatnonzero(np.diff(track.start_s) > 1.5 * track.span_s) + 1).tolist(), len(track.start_s)]
    for first, end in zip([0, *ends], ends, strict=False):
        if end > first:
            yield ScoreTrack(track.scores[first:end], track.words, track.start_s[first:end], track.span_s)


def _find_logits(scores: Iterable[float]) -> Logits:
    values = np.clip(np.fromiter(scores, np.float64), 1e-6, 1 - 1e-6)
    return np.log(values / (1 - values)).astype(np.float32)


class TrailingBackground:
    """`evidence.find_background` of rows (N, K) that come in batches, from the rows before: as many in all.

    Args:
        span_s: length of a row.
    """

    def __init__(self, span_s: float) -> None:
        self._span_s, (self._step, n_reach) = span_s, background_steps(span_s)
        self._n_back = 2 * n_reach * self._step
        self._few: list[tuple[int, Logits]] = []  # every `step`-th row, with its number
        self._level: Logits | None = None

    def add(self, standard: Logits, start_s: npt.NDArray[np.float64]) -> Logits:
        """Return the background (N, K) of the next rows (N, K)."""
        background = np.empty_like(standard)
        numbers = np.rint(start_s / self._span_s).astype(int)
        for index, number in enumerate(numbers.tolist()):
            if number % self._step == 0 or self._level is None:
                few = [each for each in self._few if each[0] >= number - self._n_back]
                self._few = [*few, (number, standard[index].copy())]
                level = np.quantile(np.stack([row for _, row in self._few]), BACKGROUND_QUANTILE, axis=0)
                self._level = level.astype(np.float32)
            background[index] = self._level
        return background


class DelayedMedian:
    """`evidence.smooth` of rows (N, V) that come in batches: a median is known `n_ahead` rows later.

    Args:
        n_rows: of a median, odd.
        n_columns: V.
        least: (V,) medians below these do not matter: where nothing that may come lifts any to its least value, the
            row's medians are given at once, some too high but below it.
    """

    def __init__(self, n_rows: int, n_columns: int, least: Logits | None = None) -> None:
        self._n_rows, self._n_ahead, self._least = n_rows, n_rows // 2, least
        self.none = np.zeros((0, n_columns), np.float32)
        self._rows, self._n_done = self.none, 0  # the last rows; how many of them have a median

    def add(self, logits: Logits) -> Logits:
        """Take rows (n, V); return the next medians."""
        self._rows = np.concatenate([self._rows, logits])
        n_left = len(self._rows) - self._n_done
        if not n_left:
            return self.none
        medians = self._find(mode="constant", constant_values=np.inf)
        n_ready = max(0, n_left - self._n_ahead)
        if self._least is not None:
            rows = np.flatnonzero((medians[n_ready:] >= self._least).any(axis=1))
            n_ready = n_ready + int(rows[0]) if len(rows) else n_left
        n_drop = max(0, self._n_done + n_ready - self._n_ahead)
        self._rows, self._n_done = self._rows[n_drop:], self._n_done + n_ready - n_drop
        return medians[:n_ready]

    def finish(self) -> Logits:
        """Return the medians that are left, the last row repeated; what comes next begins anew."""
        is_all = not self._n_done  # fewer rows than a median's: it is shorter
        medians = smooth(self._rows, self._n_rows) if is_all else self._find(mode="edge")
        self._rows, self._n_done = self.none, 0
        return medians

    def _find(self, **after: Any) -> Logits:
        """Return the medians of the rows that have none; see numpy.pad for what is after the last row."""
        if len(self._rows) == self._n_done:
            return self.none
        rows = np.pad(self._rows, ((self._n_ahead - self._n_done, 0), (0, 0)), mode="edge")
        return find_medians(np.pad(rows, ((0, self._n_ahead), (0, 0)), **after), self._n_rows)
