"""The user's words as weights over the 527 tags, with a grade that says how far to trust them.

In: words. Out: `WordMeanings`. A word is looked for in the lexicon, as it is, without its endings, in any order, then
by its parts; only what the lexicon does not know is placed beside the entries that a text model finds nearest. "siren,
not music" takes what is excluded as evidence against.

Source: docs/explanation/words.md.
"""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from earwitness.words.embeddings import Embeddings
from earwitness.words.languages import fold_letters, translate
from earwitness.words.lexicon import Entry, Grade, Lexicon, read_lexicon
from earwitness.words.ontology import tag_names
from earwitness.words.phrases import before_place, split_alternatives, split_phrase
from earwitness.words.spelling import LONGEST_WORD, normalise_word
from earwitness.words.static_embedding import embed_static, knows_words

logger = logging.getLogger(__name__)

PART_SHARE = 0.35  # weight of each further part of a phrase, against that of the part before it
LEAST_SIMILARITY = 0.5  # a word with no entry as near as this is not guessed
N_NEAREST = 3
NEAREST_TEMPERATURE = 0.05
_NOTHING = np.zeros(len(tag_names()), np.float32)
_WORST_FIRST: tuple[Grade, ...] = ("cannot be heard", "guess", "close", "exact")


@dataclass(frozen=True)
class Meaning:
    """What is understood by one word.

    Attributes:
        weights: (C,) over the tags; they sum to 1, or are all 0 where no tag hears the word.
        against: (C,), at most 1: tags whose presence speaks against it.
        grade: "exact", "close", "guess" or "cannot be heard".
        understood_as: names of the lexicon's entries that the weights come from.
        is_narrower: the tags stand for more than the word, as "Bird" does for "bullfinch".
        excluded: (C,), at most 1: tags of what the user excludes ("siren, not music").
    """

    weights: Embeddings
    against: Embeddings
    grade: Grade
    understood_as: tuple[str, ...]
    is_narrower: bool = False
    excluded: Embeddings | None = None


@dataclass(frozen=True)
class WordMeanings:
    """What is understood by words, as the user wrote them.

    Attributes:
        words: V words.
        similarities: (V, C), how near a tag is to the word: 1 for its main tag.
        weights: (V, C); the rows sum to 1, or are 0 where no tag hears the word.
        against: (V, C), tags that speak against a word.
        grades, understood_as: see `Meaning`; empty where nobody asked for them.
        is_narrower: (V,), see `Meaning`; None where nobody asked for it.
        excluded: (V, C), see `Meaning`; None where nothing is excluded.
    """

    words: tuple[str, ...]
    similarities: Embeddings
    weights: Embeddings
    against: Embeddings | None = None
    grades: tuple[Grade, ...] = ()
    understood_as: tuple[tuple[str, ...], ...] = field(default=())
    is_narrower: npt.NDArray[np.bool_] | None = None
    excluded: Embeddings | None = None

    @property
    def unusable(self) -> tuple[str, ...]:
        """The words that no tag hears."""
        return tuple(word for word, row in zip(self.words, self.weights, strict=True) if not row.any())


def understand_words(words: Sequence[str]) -> WordMeanings:
    """Return what is understood by words; a repeated word is taken once.

    A word that cannot be heard has no weights, so that it is never detected; the log says so.

    Raises:
        WordError: a word is empty or too long.
    """
    distinct: dict[str, str] = {}
    for word in words:
        distinct.setdefault(_read_key(word), word.strip())
    found = [understand_word(key) for key in distinct]
    for (key, word), meaning in zip(distinct.items(), found, strict=True):
        if not meaning.weights.any():
            logger.warning("%r cannot be heard: no tag of the encoder stands for it; try %s", word, _advise(key))
    n_tags = len(tag_names())
    weights = np.stack([np.zeros(n_tags, np.float32), *(each.weights for each in found)])[1:]
    against = np.stack([np.zeros(n_tags, np.float32), *(each.against for each in found)])[1:]
    largest = np.maximum(weights.max(axis=1, initial=0.0, keepdims=True), 1e-12)
    return WordMeanings(
        tuple(distinct.values()),
        weights / largest,
        weights,
        against,
        tuple(each.grade for each in found),
        tuple(each.understood_as for each in found),
        np.array([each.is_narrower for each in found], bool),
        np.stack([_NOTHING if each.excluded is None else each.excluded for each in found])
        if any(each.excluded is not None for each in found)
        else None,
    )


def _read_key(word: str) -> str:
    """Return a word as it is looked up: in English, where the table of languages knows it and English does not."""
    is_latin = all(unicodedata.name(char, "").startswith("LATIN") for char in word if char.isalpha())
    key = normalise_word(word) if is_latin or not word.strip() or len(word) > LONGEST_WORD else fold_letters(word)
    if key in read_lexicon().by_name:
        return key
    return translate(word) or key


@lru_cache(maxsize=4096)
def understand_word(key: str) -> Meaning:
    """Return what is understood by one normalised word."""
    phrase = split_phrase(key)
    lexicon = read_lexicon()
    if not key.isascii():  # a language that the table does not hold, and MPNet knows English only
        return Meaning(_NOTHING, _NOTHING, "cannot be heard", ())
    whole = lexicon.find(key)
    meaning = _from_entries([whole], whole.grade) if whole else _understand_phrase(phrase.meant, lexicon)
    if whole or not phrase.excluded:
        return meaning
    excluded = np.maximum.reduce([_understand_phrase(each, lexicon).weights for each in phrase.excluded])
    excluded = np.where(meaning.weights > 0, 0.0, excluded / max(float(excluded.max()), 1e-12)).astype(np.float32)
    return replace(meaning, against=np.maximum(meaning.against, excluded), excluded=excluded)


def _understand_phrase(phrase: str, lexicon: Lexicon) -> Meaning:
    if entry := lexicon.find(phrase):
        return _from_entries([entry], entry.grade)
    parts = split_alternatives(phrase)
    if len(parts) > 1:
        meanings = [_understand_phrase(part, lexicon) for part in parts]
        weights = np.mean([each.weights for each in meanings], axis=0)
        names = tuple(name for each in meanings for name in each.understood_as)
        grade = min((each.grade for each in meanings), key=_WORST_FIRST.index)
        is_narrower = all(each.is_narrower for each in meanings)
        return Meaning(_normalise(weights), np.zeros_like(weights), _at_most(grade, "close"), names, is_narrower)
    if entry := lexicon.find(before_place(phrase)):
        return _from_entries([entry], _at_most(entry.grade, "close"))
    entries, rest = lexicon.find_parts(phrase)
    if entries and not rest:
        return _from_entries(entries, _at_most(entries[0].grade, "close"))
    if entries:
        return _from_entries(entries, _at_most(entries[0].grade, "guess"))
    return _find_nearest(phrase, lexicon)


def _from_entries(entries: Sequence[Entry], grade: Grade) -> Meaning:
    """Return the meaning of entries together, the first one's weight the largest."""
    shares = [PART_SHARE**rank for rank in range(len(entries))]
    weights = sum(share * _to_row(entry.weights) for share, entry in zip(shares, entries, strict=True))
    against = _to_row(dict.fromkeys(entries[0].against, 1.0)) * (weights == 0)
    return Meaning(
        _normalise(np.asarray(weights)),
        against.astype(np.float32),
        grade,
        tuple(each.name for each in entries),
        is_narrower=entries[0].grade != "exact",
    )


def _find_nearest(phrase: str, lexicon: Lexicon) -> Meaning:
    """Return the meaning of the entries that a text model finds nearest to a phrase."""
    if not knows_words(phrase):
        return Meaning(_NOTHING, _NOTHING, "cannot be heard", ())
    (embedding,) = embed_static([phrase])
    names, embeddings = _embed_names()
    similarities = embeddings @ embedding
    nearest = np.argsort(-similarities)[:N_NEAREST]
    entries = [lexicon.by_name[names[index]] for index in nearest]
    best = float(similarities[nearest[0]])
    if best < LEAST_SIMILARITY:
        return Meaning(_NOTHING, _NOTHING, "cannot be heard", ())
    shares = np.exp((similarities[nearest] - best) / NEAREST_TEMPERATURE)
    weights = sum(share * _to_row(each.weights) for share, each in zip(shares, entries, strict=True))
    grade = _at_most(entries[0].grade, "guess")
    return Meaning(
        _normalise(np.asarray(weights)), _NOTHING, grade, tuple(dict.fromkeys(each.name for each in entries)), True
    )


@lru_cache(maxsize=1)
def _embed_names() -> tuple[list[str], Embeddings]:
    """Return the names of the lexicon's entries, without synonyms, and their static embeddings (N, D)."""
    names = [entry.name.lower() if entry.group == "tag" else entry.name for entry in read_lexicon().entries]
    known = [name for name in dict.fromkeys(names) if name in read_lexicon().by_name]
    return known, embed_static(known)


def _to_row(weights: dict[str, float]) -> Embeddings:
    row = np.zeros(len(tag_names()), np.float32)
    for tag, weight in weights.items():
        row[_tag_rows()[tag]] = weight
    return row


@lru_cache(maxsize=1)
def _tag_rows() -> dict[str, int]:
    return {tag: row for row, tag in enumerate(tag_names())}


def _normalise(weights: npt.NDArray[np.floating]) -> Embeddings:
    return np.asarray(weights / max(float(weights.sum()), 1e-12), np.float32)


def _at_most(grade: Grade, limit: Grade) -> Grade:
    return min(grade, limit, key=_WORST_FIRST.index)


def _advise(key: str) -> str:
    """Return better words to take, for a message."""
    entries, _ = read_lexicon().find_parts(key)
    usable = [each.name for each in entries if each.weights]
    return " or ".join(map(repr, usable[:3])) if usable else "another word, or `earwitness words` to see what is known"
