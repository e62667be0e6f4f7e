"""Tag logits over time to word scores over time: what stands out of a recording's own background, and what lasts.

In: `StoredRows`, `WordMeanings`, an encoder's statistics. Out: a `ScoreTrack`, in which each word has two scores in
[0, 1] for each row. A short sound is scored by how far its tags rise above their background, which is their
upper quartile within 15 s. A sound that lasts is its own background; it is scored by its tags as they are, where they
hold for most of 10 s. A score of 0.5 or more counts as detected in both. A word that is narrower than its tags, as
"bullfinch" is than Bird, needs more evidence, and what the user excludes ("siren, not music") takes evidence off.

Source: constants found on folds 1 and 2 of docs/benchmark.md's material.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from earwitness.encoders import TagStats
from earwitness.recognition.rows import StoredRows
from earwitness.recognition.tags import Logits, sigmoid
from earwitness.words import WordMeanings

USUAL_LOGIT, USUAL_SPREAD = -8.0, 1.7  # of encoders without statistics, and the scale that all logits are brought to
BACKGROUND_QUANTILE = 0.75
BACKGROUND_REACH_S = 15.0  # before and after
BACKGROUND_STEP_S = 0.96
ALLOWED_SPREADS = 0.5  # a background this many standard deviations above the usual takes nothing off
SMOOTH_S = 0.8
LASTING_S = 10.0
SHORT_OFFSET, LASTING_OFFSET = 3.9, 3.2  # logits that put 0.5 where background rarely comes
NARROW_SHORT, NARROW_LASTING = 0.5, 3.0  # logits less for a word that its tags stand for more than
LASTING_SLOPE = 0.5  # of logits above 0: louder is less of a proof than for a short sound
N_ROWS_AT_ONCE = 2016  # a multiple of the steps of the background


@dataclass(frozen=True)
class ScoreRule:
    """Where a background begins to count, and where 0.5 lies; rows that are no single tokens have a rule of their own.

    Attributes:
        allowed_spreads: a background this many standard deviations above the usual takes nothing off.
        short_offset, lasting_offset: logits that put 0.5 where background rarely comes.
    """

    allowed_spreads: float = ALLOWED_SPREADS
    short_offset: float = SHORT_OFFSET
    lasting_offset: float = LASTING_OFFSET


TOKEN_RULE = ScoreRule()


@dataclass(frozen=True)
class ScoreTrack:
    """Scores (N, V) in [0, 1] of each word over time: a row every `span_s` seconds, from `start_s` (N,).

    `scores` are those of short sounds; `lasting` those of sounds that last, where they are told apart.
    """

    scores: Logits
    words: tuple[str, ...]
    start_s: npt.NDArray[np.float64]
    span_s: float
    lasting: Logits | None = None

    @property
    def largest(self) -> Logits:
        """The larger of both scores (N, V), to show or to export as one curve."""
        return self.scores if self.lasting is None else np.maximum(self.scores, self.lasting)

    def select(self, index: int) -> ScoreTrack:
        """Return the track of one word."""
        part = slice(index, index + 1)
        lasting = None if self.lasting is None else self.lasting[:, part]
        return ScoreTrack(self.scores[:, part], self.words[part], self.start_s, self.span_s, lasting)


class Scorer:
    """Turns tag logits into the logits of words' evidence, by the few tags that the words weigh.

    Args:
        meanings: V words.
        stats: of the logits that will come; see `TagStats.of_tokens`.
        rule: where a background begins to count, and where 0.5 lies.

    Attributes:
        tags, weights: the numbers of the tags (K,), and how much each weighs for each word (K, V).
        short_offsets, lasting_offsets: logits (V,) that are added to the evidence.
        excluding: the numbers of the words that exclude something (E,).
    """

    def __init__(self, meanings: WordMeanings, stats: TagStats | None, rule: ScoreRule = TOKEN_RULE) -> None:
        n_words = len(meanings.words)
        excluded = np.zeros_like(meanings.weights) if meanings.excluded is None else meanings.excluded
        self.tags = np.flatnonzero(meanings.weights.any(axis=0) | excluded.any(axis=0))  # (K,)
        self.excluding = np.flatnonzero(excluded.any(axis=1))
        self._excluded = np.ascontiguousarray(excluded[self.excluding][:, self.tags].T)  # (K, E)
        self._rule = rule
        narrow = np.zeros(n_words, np.float32) if meanings.is_narrower is None else np.float32(meanings.is_narrower)
        self.short_offsets: Logits = np.asarray(rule.short_offset - NARROW_SHORT * narrow, np.float32)
        self.lasting_offsets: Logits = np.asarray(rule.lasting_offset - NARROW_LASTING * narrow, np.float32)
        n_tags = meanings.weights.shape[1]
        mean = stats.mean if stats else np.full(n_tags, USUAL_LOGIT, np.float32)
        spread = stats.std if stats else np.full(n_tags, USUAL_SPREAD, np.float32)
        self._mean, self._spread = mean[self.tags].astype(np.float32), spread[self.tags].astype(np.float32)
        self.weights = np.ascontiguousarray(meanings.weights[:, self.tags].T)  # (K, V)
        self.is_usable = meanings.weights.any(axis=1)  # (V,)

    def standardise(self, logits: Logits) -> Logits:
        """Return logits (N, K) of the words' tags, in standard deviations from their usual."""
        return (logits - self._mean) / self._spread

    def score_short(self, standard: Logits, background: Logits) -> Logits:
        """Return the logits (N, V) of the words' scores as short sounds, above a background (N, K) of the tags."""
        above = standard - np.maximum(0, background - self._rule.allowed_spreads)
        return self._score(above, standard, self.short_offsets)

    def score_lasting(self, standard: Logits) -> Logits:
        """Return the logits (N, V) of the words' scores as sounds that last."""
        return temper_lasting(self._score(standard, standard, self.lasting_offsets))

    def find_excluded(self, roots: Logits) -> Logits:
        """Return the logits (N, E) that what is excluded takes off, from the roots (N, K) of the tags' scores.

        These are the logits of what is excluded as a sound that lasts, where they are above 0.
        """
        return np.maximum(0, evidence_logits(roots @ self._excluded, self._rule.lasting_offset))

    def _score(self, above: Logits, standard: Logits, offsets: Logits) -> Logits:
        """Return the logits (N, V) of the words' scores.

        A word's evidence is the power mean (exponent 1/2) of its tags' scores under its weights: one strong tag is
        enough where weights are shared, as with "fire crackling".

        Args:
            above: standardised logits (N, K) that count for the words.
            standard: those that count for what is excluded.
            offsets: (V,).
        """
        logits = evidence_logits(find_roots(above) @ self.weights, offsets)
        if len(self.excluding):
            logits[:, self.excluding] -= self.find_excluded(find_roots(standard))
        logits[:, ~self.is_usable] = -np.inf  # a word that no tag hears
        return logits


def find_roots(standard: Logits) -> Logits:
    """Return the roots of the scores of tags, from standardised logits; their means under weights are evidence."""
    return np.sqrt(sigmoid(USUAL_SPREAD * standard + USUAL_LOGIT))


def temper_lasting(logits: Logits) -> Logits:
    """Return logits of sounds that last, those above 0 less so."""
    return np.where(logits > 0, np.float32(LASTING_SLOPE) * logits, logits)


def evidence_logits(means: Logits, offset: Logits | float) -> Logits:
    """Return the logits of words' scores, from the weighted means of their tags' roots."""
    evidence = np.clip(np.square(means), 1e-12, 1 - 1e-6)
    return np.asarray(np.log(evidence / (1 - evidence)) + offset, np.float32)


def track_words(
    rows: StoredRows, meanings: WordMeanings, tag_stats: TagStats | None, rule: ScoreRule = TOKEN_RULE
) -> ScoreTrack:
    """Return the words' scores over a whole recording; 180 kB an hour and word."""
    scorer = Scorer(meanings, tag_stats.of_tokens if tag_stats else None, rule)
    none = np.zeros((0, len(meanings.words)), np.float32)
    short, lasting = [none], [none]
    for standard, background in _read_with_background(rows, scorer):
        short.append(scorer.score_short(standard, background))
        lasting.append(scorer.score_lasting(standard))
    return ScoreTrack(
        sigmoid(smooth(np.concatenate(short), count_rows(SMOOTH_S, rows.span_s))),
        meanings.words,
        rows.start_s,
        rows.span_s,
        sigmoid(smooth(np.concatenate(lasting), count_rows(LASTING_S, rows.span_s))),
    )


def count_rows(length_s: float, span_s: float) -> int:
    """Return the odd number of rows that is nearest to a length."""
    return 2 * round((length_s / span_s - 1) / 2) + 1 if length_s > span_s else 1


def _read_with_background(rows: StoredRows, scorer: Scorer) -> Iterator[tuple[Logits, Logits]]:
    """Yield standardised logits (n, K) and their background (n, K), some rows at a time."""
    step, n_reach = background_steps(rows.span_s)
    n_at_once = N_ROWS_AT_ONCE // step * step
    for first in range(0, len(rows), n_at_once):
        begin = max(0, first - n_reach * step)
        end = min(len(rows), first + n_at_once + (n_reach + 1) * step)
        standard = scorer.standardise(rows.logits[begin:end][:, scorer.tags])
        own = slice(first - begin, min(first + n_at_once, len(rows)) - begin)
        yield standard[own], find_background(standard, step, n_reach)[own]


def background_steps(span_s: float) -> tuple[int, int]:
    """Return every how many-th row a background is found at, and over how many such steps on each side."""
    step = max(1, round(BACKGROUND_STEP_S / span_s))
    return step, max(1, round(BACKGROUND_REACH_S / span_s / step))


def find_background(standard: Logits, step: int, n_reach: int) -> Logits:
    """Return the upper quartile (N, K) of rows (N, K) around each, of every `step`-th row, linear between those.

    At the ends there are fewer rows, never others.
    """
    few = standard[::step]
    n_few, n_around = len(few), 2 * n_reach + 1
    levels = np.empty_like(few)
    if n_few >= n_around:
        around = np.lib.stride_tricks.sliding_window_view(few, n_around, axis=0)  # (n, K, n_around)
        rank = round(BACKGROUND_QUANTILE * (n_around - 1))
        for first in range(0, len(around), 256):
            part = around[first : first + 256]
            levels[n_reach + first : n_reach + first + len(part)] = np.partition(part, rank, axis=-1)[..., rank]
    for index in range(n_few):
        if index < n_reach or index >= n_few - n_reach:
            near = few[max(0, index - n_reach) : index + n_reach + 1]
            levels[index] = np.quantile(near, BACKGROUND_QUANTILE, axis=0)
    return interpolate_steps(levels, np.arange(len(standard)), step)


def interpolate_steps(levels: Logits, rows: npt.NDArray[np.integer], step: int) -> Logits:
    """Return what rows (N,) have between the levels (n, K) of every `step`-th row; after the last one, its level."""
    place = rows / step
    below = np.minimum(place.astype(int), len(levels) - 1)
    share = (place - below).astype(np.float32)[:, None]
    between: Logits = levels[below] * (1 - share) + levels[np.minimum(below + 1, len(levels) - 1)] * share
    return between


def smooth(logits: Logits, n_rows: int) -> Logits:
    """Return the running median over `n_rows` rows (odd) of logits (N, V); the ends are repeated."""
    if n_rows <= 1 or not len(logits):
        return logits
    n_rows = min(n_rows, 2 * ((len(logits) - 1) // 2) + 1)
    return find_medians(np.pad(logits, ((n_rows // 2, n_rows // 2), (0, 0)), mode="edge"), n_rows)


def find_medians(logits: Logits, n_rows: int) -> Logits:
    """Return the medians (N - n_rows + 1, V) of every `n_rows` rows that follow each other, of logits (N, V)."""
    n_medians = len(logits) - n_rows + 1
    if n_rows == 5:
        return _find_median_of_five(*(logits[first : first + n_medians] for first in range(5)))
    around = np.lib.stride_tricks.sliding_window_view(logits, n_rows, axis=0)  # (N - n_rows + 1, V, n_rows)
    medians = [np.median(around[first : first + 512], axis=-1) for first in range(0, n_medians, 512)]
    return np.concatenate(medians).astype(np.float32)


def _find_median_of_five(first: Logits, second: Logits, third: Logits, fourth: Logits, fifth: Logits) -> Logits:
    """Return the median of five arrays, element by element; ten times as fast as sorting."""
    low = np.maximum(np.minimum(first, second), np.minimum(third, fourth))  # at least the second lowest of four
    high = np.minimum(np.maximum(first, second), np.maximum(third, fourth))
    median: Logits = np.maximum(np.minimum(low, high), np.minimum(np.maximum(low, high), fifth))
    return median
