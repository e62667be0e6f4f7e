"""The lexicon: everyday sounds as weights over tags, from knowledge rather than from likeness of texts.

In: `data/sounds.json`, which scripts/make_lexicon.py makes of `data/sounds.toml`, since JSON is read 20 times as fast.
Out: a `Lexicon`, which finds entries by name, by inflected or reordered name, and by parts.

Source: written from common sense, never from labelled recordings; the names of AudioSet's tags count as entries, too.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Literal, TypeAlias

from earwitness.files import DATA_DIR
from earwitness.words.ontology import tag_names
from earwitness.words.phrases import EMPTY, WEAK, find_lemma, read_tokens

Grade: TypeAlias = Literal["exact", "close", "guess", "cannot be heard"]
_GRADES: dict[str, Grade] = {"exact": "exact", "close": "close", "unheard": "cannot be heard"}


@dataclass(frozen=True)
class Entry:
    """An everyday sound.

    Attributes:
        name: as it is shown.
        group: the section of the file that it stands in; "tag" for the name of a tag.
        weights: tag to weight; they sum to 1.
        against: tags that speak against it.
        also: other names.
        grade: how well tags hear it.
    """

    name: str
    group: str
    weights: dict[str, float]
    against: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    grade: Grade = "exact"


@dataclass(frozen=True)
class Lexicon:
    """Entries by each of their names."""

    entries: tuple[Entry, ...]
    by_name: dict[str, Entry] = field(repr=False)

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        """Every word that stands in a name."""
        return frozenset(token for name in self.by_name for token in read_tokens(name))

    @cached_property
    def by_tokens(self) -> dict[tuple[str, ...], Entry]:
        """Entries by the words of their names, without articles."""
        return {read_tokens(name): entry for name, entry in reversed(self.by_name.items())}

    @cached_property
    def by_lemmas(self) -> dict[frozenset[str], dict[str, Entry]]:
        """Entries by the lemmas of their names, and by name, since some names share all lemmas."""
        found: dict[frozenset[str], dict[str, Entry]] = {}
        for name, entry in self.by_name.items():
            found.setdefault(self.lemmas(read_tokens(name)), {})[name] = entry
        return found

    @cached_property
    def _by_lemma(self) -> dict[str, list[frozenset[str]]]:
        """The sets of lemmas that hold a lemma."""
        found: dict[str, list[frozenset[str]]] = {}
        for lemmas in self.by_lemmas:
            for lemma in lemmas:
                found.setdefault(lemma, []).append(lemmas)
        return found

    @cached_property
    def _lemmas(self) -> dict[str, str]:
        """The plain form of each word of the vocabulary."""
        return {token: find_lemma(token, self.vocabulary) for token in self.vocabulary}

    def lemmas(self, tokens: Sequence[str]) -> frozenset[str]:
        """Return the plain forms of words."""
        known = self._lemmas
        return frozenset(known.get(token) or find_lemma(token, self.vocabulary) for token in tokens)

    def find(self, phrase: str) -> Entry | None:
        """Return the entry of a phrase, whatever its articles, endings and order of words; None if there is none."""
        if phrase in self.by_name:
            return self.by_name[phrase]
        tokens = read_tokens(phrase)
        strong = tuple(token for token in tokens if token not in WEAK)
        for some in (tokens, strong):
            if some in self.by_tokens:
                return self.by_tokens[some]
            if some and (entries := self.by_lemmas.get(self.lemmas(some))):
                return entries[nearest_name(phrase, list(entries))]
        joined = "".join(tokens)
        return self.by_name.get(joined) if len(tokens) == 2 else self.by_tokens.get(_split_compound(joined, self))

    def find_parts(self, phrase: str) -> tuple[list[Entry], frozenset[str]]:
        """Return entries that together name most of a phrase, the largest first, and the lemmas that none names."""
        tokens = [token for token in read_tokens(phrase) if token not in WEAK]
        order = {lemma: place for place, token in enumerate(tokens) for lemma in self.lemmas([token])}
        rest, entries = frozenset(order), []
        while rest:
            fits = {each for lemma in rest for each in self._by_lemma.get(lemma, ()) if each <= rest}
            fits = {each for each in fits if not each <= EMPTY | WEAK}
            if not fits:
                break
            best = max(fits, key=lambda each: (len(each), max(order[lemma] for lemma in each), sorted(each)))
            known = self.by_lemmas[best]
            entries.append(known[nearest_name(phrase, list(known))])
            rest -= best
        return entries, rest


def nearest_name(phrase: str, names: Sequence[str]) -> str:
    """Return the name that is written most like a phrase."""
    if len(names) == 1:
        return names[0]
    return max(names, key=lambda name: (difflib.SequenceMatcher(None, phrase, name).ratio(), -len(name), name))


def _split_compound(word: str, lexicon: Lexicon) -> tuple[str, ...]:
    """Return a word as the two known words that it is written of, as "dogbark"; empty if it is not."""
    places = [at for at in range(3, len(word) - 2) if {word[:at], word[at:]} <= lexicon.vocabulary]
    return next(((word[:at], word[at:]) for at in places if (word[:at], word[at:]) in lexicon.by_tokens), ())


@lru_cache(maxsize=1)
def read_lexicon() -> Lexicon:
    """Return the shipped lexicon."""
    table = json.loads((DATA_DIR / "sounds.json").read_text(encoding="utf-8"))
    entries = read_entries(table)
    by_name = {name: entry for entry in entries for name in (entry.name, *entry.also)}
    for tag in tag_names():
        entry = Entry(tag, "tag", {tag: 1.0})
        parts = [tag.lower(), *tag.lower().split(", ")]
        for name in parts:
            by_name.setdefault(" ".join(name.replace("(", "").replace(")", "").split()), entry)
        entries.append(entry)
    return Lexicon(tuple(entries), by_name)


def read_entries(table: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> list[Entry]:
    """Return the entries of a table in the form of `data/sounds.toml`: group, name, then what is said of it."""
    entries = []
    for group, sounds in table.items():
        for name, each in sounds.items():
            grade = _GRADES[each.get("grade", "exact")]
            tags = each.get("tags", {}) if grade != "cannot be heard" else {}
            total = sum(tags.values())
            weights = {tag: weight / total for tag, weight in tags.items()}
            against, also = tuple(each.get("against", ())), tuple(each.get("also", ()))
            entries.append(Entry(name, group, weights, against, also, grade))
    return entries
