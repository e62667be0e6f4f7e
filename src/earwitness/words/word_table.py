"""The shipped table of words: of each of 17,160 everyday words and phrases the tags nearest to it, by MPNet.

In: `data/words.txt`, `data/word_tags.npz`. Out: tags and cosine similarities.

Source: scripts/make_word_table.py with all-mpnet-base-v2. Each word has its 16 nearest tags, and all whose similarity
is at least `LEAST_LISTED`, so that the published method's comparison with 0.5 needs nothing else. Similarities are
kept in 16 bits: their error is below 0.00002.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from earwitness.files import DATA_DIR
from earwitness.words.spelling import normalise_word

Indices: TypeAlias = npt.NDArray[np.int16]
Similarities: TypeAlias = npt.NDArray[np.float32]

WORD_TAGS_PATH = DATA_DIR / "word_tags.npz"
N_NEAREST_TAGS = 16
LEAST_LISTED = 0.5  # tags as similar as this are listed, however many
STEPS = (
    32766  # of similarities from 0 to 1, rounded down: even, so that 0.5 is a step and stays apart from what is below
)


@dataclass(frozen=True)
class WordTable:
    """Words, and the tags that are listed for each.

    Attributes:
        rows: word to its row.
        tags, steps: (N, 16) indices of the nearest tags, the nearest first, and their similarities times `STEPS`.
        more: row to the further tags and their steps, for the few words that are near to more than 16.
    """

    rows: Mapping[str, int]
    tags: Indices
    steps: Indices
    more: Mapping[int, tuple[Indices, Indices]]


def nearest_tags(word: str) -> tuple[Indices, Similarities] | None:
    """Return the indices of the tags nearest to a word, the nearest first, and their similarities.

    None if the table does not hold the word, however it is spelt.

    Raises:
        WordError: the word is empty, too long, or has letters that are not Latin.
    """
    table = read_word_table()
    row = table.rows.get(normalise_word(word))
    if row is None:
        return None
    tags, steps = table.tags[row], table.steps[row]
    if row in table.more:
        tags, steps = np.append(tags, table.more[row][0]), np.append(steps, table.more[row][1])
    return tags, np.asarray(steps / STEPS, dtype=np.float32)


def known_words() -> Set[str]:
    """Return the words of the table, normalised."""
    return read_word_table().rows.keys()


@lru_cache(maxsize=1)
def read_word_table() -> WordTable:
    """Return the shipped table."""
    words = (DATA_DIR / "words.txt").read_text(encoding="utf-8").splitlines()
    with np.load(WORD_TAGS_PATH, allow_pickle=False) as file:
        tags, steps, rows = file["tags"], file["steps"], file["more_rows"]
        starts = np.flatnonzero(np.diff(rows, prepend=-1))
        parts = [np.split(file[name], starts[1:]) for name in ("more_tags", "more_steps")]
    more = dict(zip(rows[starts].tolist(), zip(*parts, strict=True), strict=True))
    return WordTable({word: row for row, word in enumerate(words)}, tags, steps, more)
