"""The user's words: what the system understands by them, and how strongly tags speak for them.

In: words, and `TagScores` from the encoder. Out: `WordMeanings` (each word's similarity to and weights over the 527
tags) and `WordScores`, in [0, 1] for each row and word; 0.5 is where a word counts as heard.

A word's embedding comes from the shipped table, else from MPNet. Similarity is the cosine of embeddings; weights are
its softmax at temperature 0.05, so that a word close to one tag listens to that tag and a word between tags to all of
them.

Source: the word table is made by scripts/make_word_table.py with all-mpnet-base-v2; the rules by docs/results.md.
"""

from __future__ import annotations

import difflib
import logging
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from earwitness.errors import MissingExtraError, WordError
from earwitness.mpnet import embed_with_mpnet
from earwitness.paths import DATA_DIR
from earwitness.spec import TagStats
from earwitness.tags import Logits, TagScores, sigmoid, tag_names

logger = logging.getLogger(__name__)

Embeddings = npt.NDArray[np.float32]

TEMPERATURE = 0.05  # of the softmax over similarities
PRIOR_SHARE = 0.5  # how much of a tag's usual logit is taken off: 0 favours common sounds, 1 rare ones
OFFSET = 0.7  # logit above (1 - PRIOR_SHARE) of the usual at which a word counts as heard
USUAL_LOGIT = -8.0  # for encoders without tag statistics: the middle of the embedded encoder's
FAR_SIMILARITY = 0.4  # a word whose best tag is less similar than this is far from all the encoder knows
LONGEST_WORD = 200  # characters


@dataclass(frozen=True)
class WordMeanings:
    """What is understood by words: similarities and weights (V, C) to the tags; `words` as the user wrote them."""

    words: tuple[str, ...]
    similarities: Embeddings
    weights: Embeddings


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


def understand_words(words: Sequence[str], temperature: float = TEMPERATURE) -> WordMeanings:
    """Return each word's similarity to the tags and its weights over them; a repeated word is taken once.

    Raises:
        WordError: a word is empty, too long, not in English letters, or unknown while MPNet is missing.
    """
    distinct: dict[str, str] = {}
    for word in words:
        distinct.setdefault(normalise_word(word), word.strip())
    words = list(distinct.values())
    similarities = embed_words(words) @ embed_words(tag_names()).T  # (V, C)
    for word, best in zip(words, similarities.max(axis=1, initial=-1.0), strict=True):
        if best < FAR_SIMILARITY:
            logger.warning("%r is far from every tag (best similarity %.2f): expect little of it", word, best)
    raised = np.exp((similarities - 1) / temperature)
    return WordMeanings(tuple(words), similarities, raised / raised.sum(axis=1, keepdims=True))


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


def embed_words(words: Sequence[str]) -> Embeddings:
    """Return embeddings (V, 768) of unit length, from the shipped table where it holds the word, else from MPNet.

    Raises:
        WordError: a word is empty, too long, not in English letters, or unknown while MPNet is missing.
    """
    keys = [normalise_word(word) for word in words]
    table = word_table()
    unknown = list(dict.fromkeys(key for key in keys if key not in table.rows))
    extra: dict[str, Embeddings] = {}
    if unknown:
        try:
            extra = dict(zip(unknown, _embed_unknown(tuple(unknown)), strict=True))
        except MissingExtraError as error:
            raise WordError(_unknown_message(unknown[0], table, error)) from error
    rows = [extra[key] if key in extra else table.embeddings[table.rows[key]] for key in keys]
    embeddings = np.stack(rows).astype(np.float32) if rows else np.zeros((0, table.embeddings.shape[1]), np.float32)
    return np.asarray(embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True), dtype=np.float32)


def normalise_word(word: str) -> str:
    """Return a word as the text model reads it: lower case, without accents, `_` as a space, single spaces.

    Raises:
        WordError: the word is empty, too long, or has letters that are not Latin.
    """
    plain = "".join(char for char in unicodedata.normalize("NFKD", word) if not unicodedata.combining(char))
    key = " ".join(plain.replace("_", " ").lower().split())
    if not any(char.isalnum() for char in key):
        raise WordError(f"{word!r}: an empty word; give a word or a short phrase in English")
    if len(key) > LONGEST_WORD:
        raise WordError(f"{word[:40]!r}...: {len(key)} characters; give a word or a short phrase")
    for char in key:
        if char.isalpha() and not unicodedata.name(char, "").startswith("LATIN"):
            raise WordError(
                f"{word!r}: {char!r} is not a Latin letter; the text model knows English only, so translate it"
            )
    return key


@dataclass(frozen=True)
class WordTable:
    """The shipped words and their embeddings (N, 768) float16, read from disk where they are used."""

    rows: dict[str, int]
    embeddings: npt.NDArray[np.float16]


@lru_cache(maxsize=1)
def word_table() -> WordTable:
    """Return the shipped table of words."""
    words = (DATA_DIR / "words.txt").read_text(encoding="utf-8").splitlines()
    embeddings = np.load(DATA_DIR / "words.npy", mmap_mode="r", allow_pickle=False)
    return WordTable({word: row for row, word in enumerate(words)}, embeddings)


@lru_cache(maxsize=64)
def _embed_unknown(words: tuple[str, ...]) -> Embeddings:
    return embed_with_mpnet(words)


def _unknown_message(key: str, table: WordTable, error: MissingExtraError) -> str:
    parts = [key, *key.split()]
    close = dict.fromkeys(
        each for part in parts for each in difflib.get_close_matches(part, table.rows, n=4, cutoff=0.6)
    )
    nearest = f"the closest known words are: {', '.join(list(close)[:6])}" if close else "no known word is close to it"
    return f"{key!r} is not in the shipped word table; {nearest}. For any other word, {str(error).split('; ', 1)[1]}"
