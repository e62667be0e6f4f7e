"""Embeddings of texts in MPNet's space, with or without MPNet, and how similar texts are to the tags.

In: words. Out: embeddings (V, 768) of unit length, whose products are cosine similarities.

What is nearest to MPNet answers: its own embeddings of the tags, of places and of data sets' classes are shipped
("anchors"); other texts go to MPNet itself where it is installed; without it, their static embedding stands in, turned
so that its similarities to the nearest tags are those of the table of words, where that holds the word.

Source: anchors are made by scripts/make_word_table.py with all-mpnet-base-v2.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from earwitness.errors import MissingExtraError
from earwitness.files import DATA_DIR
from earwitness.words.ontology import tag_names
from earwitness.words.spelling import normalise_word
from earwitness.words.static_embedding import embed_static, lift_to_mpnet
from earwitness.words.text_model import embed_with_mpnet
from earwitness.words.word_table import LEAST_LISTED, nearest_tags

logger = logging.getLogger(__name__)

Embeddings: TypeAlias = npt.NDArray[np.float32]

ANCHORS_PATH = DATA_DIR / "anchors.npz"
RIDGE = 1e-4  # tags that nearly say the same must not pull an embedding apart


@dataclass(frozen=True)
class Anchors:
    """Texts whose embeddings (N, 768) by MPNet are shipped."""

    rows: Mapping[str, int]
    embeddings: npt.NDArray[np.float16]


def embed_words(words: Sequence[str], *, is_approximated: bool = True) -> Embeddings:
    """Return embeddings (V, 768) of unit length: shipped ones, else MPNet's, else approximations of them.

    Raises:
        WordError: a word is empty, too long, or not in English letters.
        MissingExtraError: MPNet is missing where it is needed, and nothing is to be approximated.
    """
    keys = [normalise_word(word) for word in words]
    anchors = read_anchors()
    others = tuple(dict.fromkeys(key for key in keys if key not in anchors.rows))
    extra = dict(zip(others, embed_others(others, is_approximated), strict=True)) if others else {}
    rows = [extra[key] if key in extra else anchors.embeddings[anchors.rows[key]] for key in keys]
    embeddings = np.stack(rows).astype(np.float32) if rows else np.zeros((0, anchors.embeddings.shape[1]), np.float32)
    return np.asarray(embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True), dtype=np.float32)


def compare_with_tags(words: Sequence[str]) -> Embeddings:
    """Return the similarities (V, C) of words to the tags; near tags of the table's words have exactly those of MPNet.

    Raises:
        WordError: a word is empty, too long, or not in English letters.
    """
    names = [normalise_word(name) for name in tag_names()]
    tags = embed_words(names)
    listed = [None if normalise_word(word) in read_anchors().rows else nearest_tags(word) for word in words]
    similarities = np.zeros((len(words), len(tags)), np.float32)
    open_rows = [row for row, each in enumerate(listed) if each is None]
    similarities[open_rows] = embed_words([words[row] for row in open_rows]) @ tags.T
    for row, each in enumerate(listed):
        if each is not None:
            similarities[row] = _complete(normalise_word(words[row]), *each, tags)
    return similarities


@lru_cache(maxsize=1)
def read_anchors() -> Anchors:
    """Return the shipped embeddings."""
    with np.load(ANCHORS_PATH, allow_pickle=False) as file:
        texts = file["texts"].tobytes().decode("utf-8").split("\n")
        return Anchors({text: row for row, text in enumerate(texts)}, file["embeddings"])


@lru_cache(maxsize=64)
def embed_others(words: tuple[str, ...], is_approximated: bool = True) -> Embeddings:
    """Return the embeddings, (words, 768), of normalised words that are no anchors.

    Raises:
        MissingExtraError: MPNet is missing, and nothing is to be approximated.
    """
    try:
        return embed_with_mpnet(words)
    except MissingExtraError:
        if not is_approximated:
            raise
        if unknown := [word for word in words if nearest_tags(word) is None]:
            logger.warning("MPNet is missing: what is similar to %s is approximated", ", ".join(map(repr, unknown)))
        return np.stack([_approximate(word) for word in words])


def _approximate(word: str) -> Embeddings:
    """Return a static embedding (768,), turned so that its products with the nearest tags are those of the table."""
    (static,) = lift_to_mpnet(embed_static([word]))
    found = nearest_tags(word)
    if found is None:
        return np.asarray(static, np.float32) if static.any() else _nowhere()
    near = embed_words([tag_names()[tag] for tag in found[0]])  # (near, 768)
    inverse = np.linalg.inv(near @ near.T + RIDGE * np.eye(len(near)))
    inside = near.T @ (inverse @ found[1])  # the part of the embedding that the similarities determine
    outside = static - near.T @ (inverse @ (near @ static))
    length = float(np.sqrt(np.maximum(1 - inside @ inside, 0.0)))
    return np.asarray(inside + length * outside / max(float(np.linalg.norm(outside)), 1e-12), dtype=np.float32)


def _complete(word: str, tags: npt.NDArray[np.int16], similarities: Embeddings, embeddings: Embeddings) -> Embeddings:
    """Return the similarities (C,) of a word of the table: the listed ones, and approximations below them."""
    row = np.minimum(embeddings @ _approximate(word), min(float(similarities.min()), LEAST_LISTED - 1e-6))
    row[tags] = similarities
    return np.asarray(row, dtype=np.float32)


def _nowhere() -> Embeddings:
    """Return the embedding of a text without any English letter or digit, as far from all tags as from each other."""
    flat = -np.mean(read_anchors().embeddings.astype(np.float32), axis=0)
    return np.asarray(flat / np.linalg.norm(flat), dtype=np.float32)
