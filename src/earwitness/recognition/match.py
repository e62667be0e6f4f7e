"""How strongly tags speak for words: `TagScores` and `WordMeanings` to `WordScores`.

In: `TagScores` from the encoder, `WordMeanings`. Out: `WordScores`, in [0, 1] for each row and word; a word counts as
detected from 0.5.

Source: the rules are those of docs/results.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from earwitness.encoders import TagStats
from earwitness.recognition.rows import StoredRows
from earwitness.recognition.tags import Logits, TagScores, sigmoid
from earwitness.words import Embeddings, WordMeanings, tag_names

PRIOR_SHARE = 0.5  # how much of a tag's usual logit is taken off: 0 favours common sounds, 1 rare ones
OFFSET = 0.7  # logit above (1 - PRIOR_SHARE) of the usual at which a word counts as detected
USUAL_LOGIT = -8.0  # for encoders without tag statistics: the middle of the embedded encoder's


@dataclass(frozen=True)
class TagEvidence:
    """A tag on which a result rests: its similarity to the word, its score, and its share of the word's evidence."""

    tag: str
    similarity: float
    score: float
    share: float


@dataclass(frozen=True)
class ScoreTrack:
    """Scores (N, V) in [0, 1] of each word over time: a row every `span_s` seconds, from `start_s` (N,)."""

    scores: Logits
    words: tuple[str, ...]
    start_s: npt.NDArray[np.float64]
    span_s: float


@dataclass(frozen=True)
class WordScores:
    """Scores (N, V) in [0, 1] of each word in each row of `tag_scores`."""

    scores: Logits
    meanings: WordMeanings
    tag_scores: TagScores

    @property
    def track(self) -> ScoreTrack:
        """The scores alone."""
        return ScoreTrack(self.scores, self.meanings.words, self.tag_scores.start_s, self.tag_scores.span_s)

    def explain(self, row: int, word: int, n_tags: int = 3) -> tuple[TagEvidence, ...]:
        """Return the tags that speak most for a word in a row, strongest first."""
        tag_scores = sigmoid(self.tag_scores.logits[row])
        parts = self.meanings.weights[word] * np.sqrt(tag_scores)
        parts = parts / max(float(parts.sum()), 1e-12)
        similarities, names = self.meanings.similarities[word], tag_names()
        return tuple(
            TagEvidence(names[tag], float(similarities[tag]), float(tag_scores[tag]), float(parts[tag]))
            for tag in np.argsort(-parts, kind="stable")[:n_tags]
        )


def match_words(
    tag_scores: Iterable[TagScores], meanings: WordMeanings, tag_stats: TagStats | None
) -> Iterator[WordScores]:
    """Yield the words' scores for each batch of tag scores.

    A word's evidence is the power mean (exponent 1/2) of the tags' scores under the word's weights: one strong tag is
    enough where weights are shared, as with "fire crackling". As a logit, it is compared with the tags' usual logits.
    """
    usual = weigh_usual(meanings, tag_stats)
    for rows in tag_scores:
        yield WordScores(score_evidence(np.sqrt(rows.scores) @ meanings.weights.T, usual), meanings, rows)


def track_words(rows: StoredRows, meanings: WordMeanings, tag_stats: TagStats | None) -> ScoreTrack:
    """Return the words' scores over a whole recording; 90 kB an hour and word."""
    none = np.zeros((0, len(meanings.words)), np.float32)
    scores = [each.scores for each in match_words(rows.batches(), meanings, tag_stats)]
    return ScoreTrack(np.concatenate([none, *scores]), meanings.words, rows.start_s, rows.span_s)


def weigh_usual(meanings: WordMeanings, tag_stats: TagStats | None) -> Embeddings:
    """Return the usual logit (V,) of each word's tags, weighted as the word weights them."""
    usual = tag_stats.mean if tag_stats else np.full(meanings.weights.shape[1], USUAL_LOGIT, np.float32)
    return np.asarray(meanings.weights @ np.log(np.maximum(sigmoid(usual), 1e-12)))


def score_evidence(roots: Logits, usual: Embeddings) -> Logits:
    """Return the words' scores (N, V) from roots of tag scores, weighted by word (N, V); see `match_words`."""
    evidence = np.square(roots)
    evidence = np.clip(evidence, 1e-12, 1 - 1e-6)
    logits = np.log(evidence / (1 - evidence)) - PRIOR_SHARE * usual - OFFSET
    return sigmoid(logits.astype(np.float32))


def find_roots(scores: Logits, usual: Embeddings) -> Logits:
    """Return the root of the evidence (V,) at which each word has a score (V,): the inverse of `score_evidence`."""
    clipped = np.clip(scores.astype(np.float64), 1e-6, 1 - 1e-6)
    logits = np.log(clipped / (1 - clipped)) + PRIOR_SHARE * usual + OFFSET
    roots = np.sqrt(1 / (1 + np.exp(-logits)))
    return np.where(scores > 0, roots, 0.0).astype(np.float32)
