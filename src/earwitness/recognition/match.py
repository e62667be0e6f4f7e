"""How strongly the tags of windows speak for words, and on which tags an answer rests.

In: `TagScores` of windows, `WordMeanings`. Out: `WordScores`, in [0, 1] for each row and word; from 0.5 a word counts
as detected. Scores over time, which need a background, are `evidence`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from earwitness.encoders import TagStats
from earwitness.recognition.evidence import USUAL_LOGIT, evidence_logits
from earwitness.recognition.rows import StoredRows
from earwitness.recognition.tags import Logits, TagScores, sigmoid
from earwitness.words import WordMeanings, tag_names

if TYPE_CHECKING:
    from earwitness.recognition.events import Event

PRIOR_SHARE = 0.9  # how much of a tag's usual logit is taken off: 0 favours common sounds, 1 rare ones
OFFSET = 3.6  # logit above (1 - PRIOR_SHARE) of the usual at which a word counts as detected
N_REASONS = 3


@dataclass(frozen=True)
class TagEvidence:
    """A tag on which a result rests: its similarity to the word, its score, and its share of the word's evidence."""

    tag: str
    similarity: float
    score: float
    share: float


@dataclass(frozen=True)
class WordScores:
    """Scores (N, V) in [0, 1] of each word in each row of `tag_scores`."""

    scores: Logits
    meanings: WordMeanings
    tag_scores: TagScores

    def explain(self, row: int, word: int, n_tags: int = N_REASONS) -> tuple[TagEvidence, ...]:
        """Return the tags that speak most for a word in a row, strongest first."""
        return find_reasons(self.tag_scores.logits[row], self.meanings, word, n_tags)


def match_words(
    tag_scores: Iterable[TagScores], meanings: WordMeanings, tag_stats: TagStats | None
) -> Iterator[WordScores]:
    """Yield the words' scores for each batch of windows.

    A word's evidence is the power mean (exponent 1/2) of the tags' scores under the word's weights: one strong tag is
    enough where weights are shared, as with "fire crackling". As a logit, it is compared with the tags' usual logits.
    What the user excludes takes off as much as it is detected itself.
    """
    n_tags = meanings.weights.shape[1]
    mean = np.full(n_tags, USUAL_LOGIT, np.float32)
    if tag_stats:
        mean = tag_stats.mean if tag_stats.clip_mean is None else tag_stats.clip_mean

    def weigh(logits: Logits, weights: Logits) -> Logits:
        tags = np.flatnonzero(weights.any(axis=0))  # (K,), those that words weigh
        usual = weights[:, tags] @ np.log(np.maximum(sigmoid(mean[tags]), 1e-12))  # (V,)
        means = np.sqrt(sigmoid(logits[:, tags])) @ weights[:, tags].T
        return evidence_logits(means, -PRIOR_SHARE * usual - OFFSET)

    for rows in tag_scores:
        logits = weigh(rows.logits, meanings.weights)
        if meanings.excluded is not None:
            logits -= np.where(meanings.excluded.any(axis=1), np.maximum(0, weigh(rows.logits, meanings.excluded)), 0)
        scores = np.where(meanings.weights.any(axis=1), sigmoid(logits), np.float32(0))
        yield WordScores(scores, meanings, rows)


def find_reasons(logits: Logits, meanings: WordMeanings, word: int, n_tags: int = N_REASONS) -> tuple[TagEvidence, ...]:
    """Return the tags that speak most for a word in a row of tag logits (C,), strongest first."""
    tag_scores = sigmoid(logits)
    parts = meanings.weights[word] * np.sqrt(tag_scores)
    parts = parts / max(float(parts.sum()), 1e-12)
    similarities, names = meanings.similarities[word], tag_names()
    best = [tag for tag in np.argsort(-parts, kind="stable")[:n_tags] if parts[tag] > 0]
    return tuple(
        TagEvidence(names[tag], float(similarities[tag]), float(tag_scores[tag]), float(parts[tag])) for tag in best
    )


def add_reasons(events: Iterable[Event], rows: StoredRows, meanings: WordMeanings) -> Iterator[Event]:
    """Yield events with the tags that speak most for them at their peaks."""
    numbers = {word: index for index, word in enumerate(meanings.words)}
    for event in events:
        row = min(int(np.searchsorted(rows.start_s, event.peak_s - 1e-6)), len(rows) - 1)
        yield replace(event, tags=find_reasons(rows.logits[row : row + 1][0], meanings, numbers[event.word]))
