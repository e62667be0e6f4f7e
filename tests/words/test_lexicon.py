"""The lexicon: its form, what it knows, and that it differs from the likeness of texts."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest

from earwitness.errors import WordError
from earwitness.files.paths import DATA_DIR
from earwitness.settings import read_toml
from earwitness.words.languages import translate
from earwitness.words.lexicon import read_entries, read_lexicon
from earwitness.words.meanings import understand_words
from earwitness.words.ontology import tag_names

PAIRS = Path(__file__).with_name("minimal_pairs.tsv")


def test_every_entry_names_tags_that_are_there_with_weights_that_sum_to_one() -> None:
    tags, lexicon = set(tag_names()), read_lexicon()
    for entry in lexicon.entries:
        assert set(entry.weights) <= tags, entry.name
        assert set(entry.against) <= tags - set(entry.weights), entry.name
        assert entry.weights or entry.grade == "cannot be heard", entry.name
        assert not entry.weights or sum(entry.weights.values()) == pytest.approx(1), entry.name


def test_no_name_stands_for_two_entries() -> None:
    entries = [entry for entry in read_lexicon().entries if entry.group != "tag"]
    names = [name for entry in entries for name in (entry.name, *entry.also)]
    assert len(names) == len(set(names))
    assert len(entries) >= 1500
    assert all(
        read_lexicon().by_name[name].name == entry.name for entry in entries for name in (entry.name, *entry.also)
    )


def test_at_least_150_animals_are_known() -> None:
    groups = {"pet", "farm animal", "wild mammal", "bird", "insect", "amphibian and reptile", "water animal"}
    assert sum(entry.group in groups for entry in read_lexicon().entries) >= 150


def test_the_compiled_tables_are_those_that_people_edit() -> None:
    for name in ("sounds", "languages", "places"):
        compiled = json.loads((DATA_DIR / f"{name}.json").read_text(encoding="utf-8"))
        assert compiled == read_toml(DATA_DIR / f"{name}.toml"), f"run scripts/make_lexicon.py: {name} has changed"
    assert read_entries({"a": {"b": {"tags": {"Dog": 2}}}})[0].weights == {"Dog": 1.0}


def test_a_modifier_that_changes_the_sound_changes_the_best_tag() -> None:
    pairs = [line.split("\t") for line in PAIRS.read_text(encoding="utf-8").splitlines()]
    assert len(pairs) >= 200
    same = []
    for first, second in pairs:
        weights = understand_words([first, second]).weights
        if len(weights) < 2 or weights[0].argmax() == weights[1].argmax():
            same.append((first, second))
    assert same == []


def test_every_word_of_the_languages_is_a_known_sound() -> None:
    languages = json.loads((DATA_DIR / "languages.json").read_text(encoding="utf-8"))
    assert sorted(languages) == ["de", "es", "fr", "it", "ja", "nl", "pl", "pt", "tr", "zh"]
    for names in languages.values():
        assert len(names) >= 300
        assert [english for english in names if read_lexicon().find(english) is None] == []
    assert translate("Hundegebell") == "dog bark"
    assert translate("xyz") is None
    assert understand_words(["狗叫"]).understood_as == (("dog bark",),)


def test_nonsense_ends_in_a_grade_or_a_clear_line() -> None:
    chance = random.Random(3)
    letters = "abcxyz '-_,.;!?()[]{}<>\\/\"%$#@*&|~`0189àßø赤ж\t\n\u200b\u202e😀"
    for _ in range(500):
        word = "".join(chance.choice(letters) for _ in range(chance.choice((0, 1, 3, 8, 40, 300))))
        try:
            meanings = understand_words([word])
        except WordError:  # empty, or too long
            continue
        assert meanings.grades[0] in ("exact", "close", "guess", "cannot be heard"), word
        assert np.isfinite(meanings.weights).all()
