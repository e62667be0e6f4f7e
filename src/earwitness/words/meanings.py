"""The user's words: how similar each is to the 527 tags, and how it weights them.

In: words. Out: `WordMeanings`, each word's similarity to and weights over the tags.

A word's embedding comes from the shipped table, else from MPNet. Similarity is the cosine of embeddings; weights are
its softmax at temperature 0.05, so that a word close to one tag listens to that tag and a word between tags to all of
them.

Source: the word table is made by scripts/make_word_table.py with all-mpnet-base-v2; the rules by docs/results.md.
"""

from __future__ import annotations

import difflib
import logging
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from earwitness.errors import MissingExtraError, WordError
from earwitness.files import DATA_DIR
from earwitness.words.ontology import tag_names
from earwitness.words.text_model import embed_with_mpnet

logger = logging.getLogger(__name__)

Embeddings = npt.NDArray[np.float32]

TEMPERATURE = 0.05  # of the softmax over similarities
FAR_SIMILARITY = 0.4  # a word whose best tag is less similar than this is far from all the encoder knows
LONGEST_WORD = 200  # characters


@dataclass(frozen=True)
class WordMeanings:
    """What is understood by words: similarities and weights (V, C) to the tags; `words` as the user wrote them."""

    words: tuple[str, ...]
    similarities: Embeddings
    weights: Embeddings


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
            extra = dict(zip(unknown, embed_unknown(tuple(unknown)), strict=True))
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


def as_key(word: str) -> str:
    """Return a word without spaces and signs, so that "baby cry", "Baby_cry" and "babycry" are one."""
    return "".join(char for char in normalise_word(word) if char.isalnum()) if word else ""


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
def embed_unknown(words: tuple[str, ...]) -> Embeddings:
    """Return the embeddings, (words, 768), of words that the shipped table does not hold."""
    return embed_with_mpnet(words)


def _unknown_message(key: str, table: WordTable, error: MissingExtraError) -> str:
    parts = [key, *key.split()]
    close = dict.fromkeys(
        each for part in parts for each in difflib.get_close_matches(part, table.rows, n=4, cutoff=0.6)
    )
    nearest = f"the closest known words are: {', '.join(list(close)[:6])}" if close else "no known word is close to it"
    return f"{key!r} is not in the shipped word table; {nearest}. For any other word, {str(error).split('; ', 1)[1]}"
