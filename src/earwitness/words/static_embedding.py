"""Any text to a vector without a text model: the weighted mean of a vector for each of its tokens.

In: texts. Out: embeddings (N, D) of unit length, whose cosines approximate those of MPNet, from which the vectors were
learnt. A text of ten words takes far less than a millisecond; word order and words' effects on each other are lost.

Source: scripts/make_static_embedding.py, after Tulkens and van Dongen 2024, "Model2Vec". Tokens are found as in Wu et
al. 2016, "Google's Neural Machine Translation System" (WordPiece): the longest known beginning first.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from earwitness.files import DATA_DIR

Vectors = npt.NDArray[np.float32]

TOKEN_VECTORS_PATH = DATA_DIR / "token_vectors.npz"
_WORD = re.compile(r"[a-z]+|[0-9]")
_LETTERS = str.maketrans({"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"})


@dataclass(frozen=True)
class TokenVectors:
    """What was learnt.

    Attributes:
        rows: token to row; "##" marks one that goes on with a word; "fire engine" is what two words mean beyond each.
        vectors: (T, D) int8, each as long as 8 bits allow.
        scales: (T,) what a token's vector is multiplied with: the step of its 8 bits times its weight in a mean.
        basis: (D, 768) the directions in MPNet's space, at right angles, that the D numbers stand for.
    """

    rows: Mapping[str, int]
    vectors: npt.NDArray[np.int8]
    scales: Vectors
    basis: npt.NDArray[np.float16]


def embed_static(texts: Sequence[str]) -> Vectors:
    """Return embeddings (N, D) of texts, each of unit length; 0 where a text has no letter or digit of English."""
    table = read_token_vectors()
    embeddings = np.zeros((len(texts), table.vectors.shape[1]), np.float32)
    for row, text in enumerate(texts):
        tokens = [table.rows[token] for token in split_tokens(text, table.rows)]
        embeddings[row] = table.scales[tokens] @ table.vectors[tokens].astype(np.float32)
    return _to_unit(embeddings)


def lift_to_mpnet(embeddings: Vectors) -> Vectors:
    """Return static embeddings (N, D) as vectors (N, 768) in MPNet's space, with the same cosines."""
    return embeddings @ read_token_vectors().basis.astype(np.float32)


def project_from_mpnet(embeddings: Vectors) -> Vectors:
    """Return MPNet's embeddings (N, 768) as (N, D) of unit length, to be compared with static ones."""
    return _to_unit(embeddings @ read_token_vectors().basis.astype(np.float32).T)


@lru_cache(maxsize=1)
def read_token_vectors() -> TokenVectors:
    """Return the shipped tokens and their vectors."""
    with np.load(TOKEN_VECTORS_PATH, allow_pickle=False) as file:
        tokens = file["tokens"].tobytes().decode("ascii").split("\n")
        rows = {token: row for row, token in enumerate(tokens)}
        return TokenVectors(rows, file["vectors"], file["scales"].astype(np.float32), file["basis"])


def split_tokens(text: str, known: Mapping[str, int]) -> list[str]:
    """Return the known tokens of a text: each word's longest known beginnings, then known pairs of words."""
    words = split_words(text)
    pairs = [f"{first} {second}" for first, second in itertools.pairwise(words)]
    return [token for word in words for token in _split_word(word, known)] + [pair for pair in pairs if pair in known]


def knows_words(text: str) -> bool:
    """Say whether every word of a text has a vector of its own: one that is put together of parts says little."""
    known, words = read_token_vectors().rows, split_words(text)
    return bool(words) and all(word in known for word in words)


def split_words(text: str) -> list[str]:
    """Return the words and digits of a text in lower case, without accents and signs."""
    plain = unicodedata.normalize("NFKD", text.lower().translate(_LETTERS))
    return _WORD.findall("".join(char for char in plain if not unicodedata.combining(char)))


def _split_word(word: str, known: Mapping[str, int]) -> list[str]:
    tokens, start, prefix = [], 0, ""
    while start < len(word):
        end = next((end for end in range(len(word), start, -1) if prefix + word[start:end] in known), 0)
        if end:
            tokens.append(prefix + word[start:end])
        start, prefix = end or start + 1, "##"
    return tokens


def _to_unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)
