"""Bytes of a store's rows to word scores over time: what `recognition.track_words` gives, without a row in floats.

In: bytes (N, C), words, what the store was made with. Out: a `ChunkEvidence` for each chunk, then a `ScoreTrack` for
the recording that they make.

What rests on a row alone is looked up in tables, 256 numbers for each tag. What rests on the rows around it is found
only where an event may be: a background never raises a score, so rows whose evidence as it is does not reach a word's
hold have a score of 0. So has a running median of which fewer than half of the rows reach it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from earwitness.archive.provenance import Provenance
from earwitness.archive.quantise import Levels, logit_table, score_table
from earwitness.recognition import (
    BACKGROUND_QUANTILE,
    LASTING_S,
    LASTING_SLOPE,
    SMOOTH_S,
    TOKEN_RULE,
    Event,
    Logits,
    Scorer,
    ScoreRule,
    ScoreTrack,
    TagEvidence,
    background_steps,
    count_rows,
    evidence_logits,
    find_roots,
    interpolate_steps,
    sigmoid,
    smooth,
    temper_lasting,
)
from earwitness.settings import Settings
from earwitness.words import WordMeanings, tag_names

ALONE = 200_000  # products of a matrix multiplication, which OpenBLAS shares out to threads from 262,144 on
N_ROWS_AT_ONCE = 2048  # so that what is looked up stays in the processor's cache
N_PAIRS_AT_ONCE = 16384
N_REASONS = 3
# A row of several tokens holds the largest of each tag: its background, too, and what lasts, are louder than in tokens.
# Found so that as many seconds have a word as with tokens: docs/how-to/archive.md.
SMOOTHED_RULE = ScoreRule(allowed_spreads=0.75, lasting_offset=2.7)
LARGEST_RULE = ScoreRule(allowed_spreads=0.75, short_offset=3.7, lasting_offset=2.35)

Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.integer]


@dataclass(frozen=True)
class ChunkEvidence:
    """The words' evidence (N, V) in each row as it is, as means of roots, and the bytes (N, K) of the words' tags.

    What a word excludes is taken off.
    """

    means: Logits
    levels: Levels


def choose_rule(made: Provenance) -> ScoreRule:
    """Return where 0.5 lies in a store's rows: they are tokens, or the largest of smoothed ones, or of any."""
    if made.row_s <= made.token_s:
        return TOKEN_RULE
    return SMOOTHED_RULE if made.smooth_s else LARGEST_RULE


class RowScorer:
    """Scores words over time by the bytes of a store's rows.

    Args:
        meanings: the words.
        made: what the store was made with.
        settings: thresholds and holds: what reaches neither needs no score.
    """

    def __init__(self, meanings: WordMeanings, made: Provenance, settings: Settings) -> None:
        stats = made.tag_stats
        self.meanings, self.span_s, self._rule = meanings, made.row_s, choose_rule(made)
        self._scorer = Scorer(meanings, stats.of_tokens if stats else None, self._rule)
        self._standard = self._scorer.standardise(logit_table()[:, None])  # (256, K)
        self._roots = np.ravel(find_roots(self._standard), order="F")  # 256 of each tag
        self._firsts = 256 * np.arange(len(self._scorer.tags))
        thresholds = np.array([settings.threshold_of(word) for word in meanings.words], np.float32)
        holds = np.array([settings.hold_of(word) for word in meanings.words], np.float32)
        short, lasting = self._scorer.short_offsets, self._scorer.lasting_offsets
        self._short_limits = _least_means(holds, short), _least_means(thresholds, short)
        self._lasting_limits = tuple(_least_means(each, lasting, LASTING_SLOPE) for each in (holds, thresholds))

    def read(self, levels: Levels) -> ChunkEvidence:
        """Return the evidence in rows (N, C)."""
        few = np.empty((len(levels), len(self._firsts)), np.uint8)
        means = np.empty((len(levels), len(self.meanings.words)), np.float32)
        for first in range(0, len(levels), N_ROWS_AT_ONCE):
            part = slice(first, first + N_ROWS_AT_ONCE)
            few[part] = np.take(levels[part], self._scorer.tags, axis=1)
            roots = np.take(self._roots, few[part] + self._firsts)
            means[part] = multiply_alone(roots, self._scorer.weights)
            if len(words := self._scorer.excluding):
                logits = evidence_logits(means[part][:, words], 0.0) - self._scorer.find_excluded(roots)
                means[part, words] = np.sqrt(sigmoid(logits))
        return ChunkEvidence(means, few)

    def track(self, evidence: ChunkEvidence) -> ScoreTrack | None:
        """Return the scores of those words that may have an event in a recording; None if there are none."""
        least = np.minimum(self._short_limits[1], self._lasting_limits[1])
        words = np.flatnonzero(evidence.means.max(axis=0, initial=0.0) >= least)
        if not len(words):
            return None
        means = evidence.means[:, words]
        names = tuple(self.meanings.words[word] for word in words)
        start_s = self.span_s * np.arange(len(means), dtype=np.float64)
        short, lasting = self._score_short(evidence, means, words), self._score_lasting(means, words)
        return ScoreTrack(short, names, start_s, self.span_s, lasting)

    def explain(
        self, events: Sequence[Event], evidence: ChunkEvidence, n_tags: int = N_REASONS
    ) -> Iterator[tuple[TagEvidence, ...]]:
        """Yield the tags that speak most for each event at its peak, as `recognition.find_reasons` does."""
        names, tags = tag_names(), self._scorer.tags
        numbers = {word: index for index, word in enumerate(self.meanings.words)}
        for event in events:
            word = numbers[event.word]
            scores = score_table()[evidence.levels[round(event.peak_s / self.span_s)]]  # (K,)
            parts = self._scorer.weights[:, word] * np.sqrt(scores)
            parts = parts / max(float(parts.sum()), 1e-12)
            best = [tag for tag in np.argsort(-parts, kind="stable")[:n_tags] if parts[tag] > 0]
            similarities = self.meanings.similarities[word, tags[best]] if best else []
            yield tuple(
                TagEvidence(names[tags[tag]], float(similarity), float(scores[tag]), float(parts[tag]))
                for tag, similarity in zip(best, similarities, strict=True)
            )

    def _score_short(self, evidence: ChunkEvidence, means: Logits, words: Numbers) -> Logits:
        """Return the scores (N, W) of short sounds of some words, 0 where the evidence as it is is too weak."""
        holds, thresholds = (limits[words] for limits in self._short_limits)
        n_median = count_rows(SMOOTH_S, self.span_s)
        wanted = np.zeros(means.shape, bool)
        for index in np.flatnonzero(means.max(axis=0) >= thresholds):
            is_held = means[:, index] >= holds[index]
            near = _widen(is_held, n_median // 2)  # the median may close a gap
            wanted[:, index] = is_held & _choose_runs(near, means[:, index] >= thresholds[index])
        scores = np.zeros(means.shape, np.float32)
        rows = np.flatnonzero(wanted.any(axis=1))
        weights = np.ascontiguousarray(self._scorer.weights[:, words])  # (K, W)
        tags = np.arange(len(weights))
        _, places, excluding = np.intersect1d(words, self._scorer.excluding, return_indices=True)
        for first in range(0, len(rows), N_ROWS_AT_ONCE):
            some = rows[first : first + N_ROWS_AT_ONCE]
            needed = (wanted[some].astype(np.float32) @ weights.T) > 0  # (R, K)
            background = self._find_background(evidence.levels, some, needed)
            plain = self._standard[evidence.levels[some], tags]
            above = plain - np.maximum(0, background - self._rule.allowed_spreads)
            logits = evidence_logits(multiply_alone(find_roots(above), weights), self._scorer.short_offsets[words])
            if len(excluding):
                logits[:, places] -= self._scorer.find_excluded(find_roots(plain))[:, excluding]
            scores[some] = np.where(wanted[some], sigmoid(logits), 0)
        return smooth(scores, n_median)

    def _find_background(self, levels: Levels, rows: Numbers, needed: Mask) -> Logits:
        """Return the background (R, K) of rows where it is needed, as `recognition.find_background` finds it."""
        step, n_reach = background_steps(self.span_s)
        begin, end = max(0, rows[0] // step - n_reach), rows[-1] // step + n_reach + 2
        few = levels[::step][begin:end]
        wanted = np.zeros(few.shape, bool)
        below = rows // step - begin
        _mark(wanted, below, needed)
        if step > 1:
            _mark(wanted, np.minimum(below + 1, len(few) - 1), needed)
        padded = np.pad(few, ((n_reach, n_reach), (0, 0)), constant_values=255)  # these sort behind all others
        around = np.lib.stride_tricks.sliding_window_view(padded, 2 * n_reach + 1, axis=0)  # (n, K, 2 * n_reach + 1)
        steps, tags = np.nonzero(wanted)
        n_there = np.minimum(steps + n_reach, len(few) - 1) - np.maximum(steps - n_reach, 0) + 1
        found = np.zeros(few.shape, np.float32)
        for first in range(0, len(steps), N_PAIRS_AT_ONCE):
            part = slice(first, first + N_PAIRS_AT_ONCE)
            found[steps[part], tags[part]] = self._find_quantiles(
                around[steps[part], tags[part]], n_there[part], tags[part]
            )
        return interpolate_steps(found, rows - begin * step, step)

    def _find_quantiles(self, around: Levels, n_there: Numbers, tags: Numbers) -> Logits:
        """Return the upper quartile (P,) of the bytes (P, n), in standard deviations from the usual of their tags (P,).

        Where there are fewer than n, others stand behind them.
        """
        around.sort(axis=1)
        rank = BACKGROUND_QUANTILE * (n_there - 1)
        rank[n_there == around.shape[1]] = round(BACKGROUND_QUANTILE * (around.shape[1] - 1))
        below, pairs = rank.astype(int), np.arange(len(around))
        low = self._standard[around[pairs, below], tags]
        high = self._standard[around[pairs, np.minimum(below + 1, n_there - 1)], tags]
        return np.asarray(low + (rank - below) * (high - low), np.float32)

    def _score_lasting(self, means: Logits, words: Numbers) -> Logits:
        """Return the scores (N, W) of sounds that last, 0 where most rows around are too weak."""
        holds, thresholds = (limits[words] for limits in self._lasting_limits)
        n_median = min(count_rows(LASTING_S, self.span_s), 2 * ((len(means) - 1) // 2) + 1)
        scores = np.zeros(means.shape, np.float32)
        for index in np.flatnonzero(means.max(axis=0) >= thresholds):
            padded = np.pad(means[:, index], n_median // 2, mode="edge")
            is_held = _most(padded >= holds[index], n_median)
            rows = np.flatnonzero(_choose_runs(is_held, _most(padded >= thresholds[index], n_median)))
            around = np.lib.stride_tricks.sliding_window_view(padded, n_median)
            for first in range(0, len(rows), N_ROWS_AT_ONCE):
                some = rows[first : first + N_ROWS_AT_ONCE]
                medians = np.partition(around[some], n_median // 2, axis=1)[:, n_median // 2]
                logits = evidence_logits(medians, self._scorer.lasting_offsets[words[index]])
                scores[some, index] = sigmoid(temper_lasting(logits))
        return scores


def join_evidence(chunks: Sequence[ChunkEvidence]) -> ChunkEvidence:
    """Return the evidence of a recording's chunks as one."""
    return ChunkEvidence(
        np.concatenate([each.means for each in chunks]), np.concatenate([each.levels for each in chunks])
    )


def multiply_alone(rows: Logits, weights: Logits) -> Logits:
    """Return rows (N, C) times weights (C, V), in portions that are too small for BLAS to bring threads of its own.

    Those would wait for each other beside the threads here: five times as long on a busy machine.
    """
    product = np.empty((len(rows), weights.shape[1]), np.float32)
    n_rows = max(1, ALONE // max(1, weights.size))
    for first in range(0, len(rows), n_rows):
        np.matmul(rows[first : first + n_rows], weights, out=product[first : first + n_rows])
    return product


def _least_means(scores: Logits, offsets: Logits, slope: float = 1.0) -> Logits:
    """Return evidence, as means of roots, that is a little less than what gives these scores.

    `slope` is that of the logits above 0.
    """
    clipped = np.clip(scores, 1e-7, 1 - 1e-6).astype(np.float64)
    logits = np.log(clipped / (1 - clipped))
    logits = np.where(logits > 0, logits / slope, logits)
    limits: Logits = np.sqrt(1 / (1 + np.exp(offsets - logits))).astype(np.float32)
    return np.where(scores > 0, 0.9999 * limits, 0).astype(np.float32)


def _choose_runs(is_held: Mask, is_reached: Mask) -> Mask:
    """Return the rows (N,) of those runs of held rows in which any is reached."""
    edges = np.flatnonzero(np.diff(is_held.astype(np.int8), prepend=0, append=0))
    n_reached = np.concatenate([[0], np.cumsum(is_reached)])
    is_chosen = n_reached[edges[1::2]] > n_reached[edges[::2]]
    chosen = np.zeros(len(is_held) + 1, np.int8)
    chosen[edges[::2][is_chosen]], chosen[edges[1::2][is_chosen]] = 1, -1
    return np.cumsum(chosen[:-1]) > 0


def _widen(mask: Mask, n_rows: int) -> Mask:
    """Return the rows that have a marked one at most `n_rows` away."""
    if not n_rows:
        return mask
    n_marked = np.concatenate([[0], np.cumsum(np.pad(mask, n_rows))])
    return np.asarray(n_marked[2 * n_rows + 1 :] > n_marked[: -2 * n_rows - 1])


def _most(mask: Mask, n_rows: int) -> Mask:
    """Return for each window of rows whether more than half are marked: (N - n_rows + 1,)."""
    n_marked = np.concatenate([[0], np.cumsum(mask)])
    return np.asarray(n_marked[n_rows:] - n_marked[:-n_rows] > n_rows // 2)


def _mark(marks: Mask, places: Numbers, needed: Mask) -> None:
    """Mark what is needed (R, K) at places (R,), which are in order and may occur several times."""
    firsts = np.flatnonzero(np.diff(places, prepend=-1))
    marks[places[firsts]] |= np.logical_or.reduceat(needed, firsts, axis=0)
