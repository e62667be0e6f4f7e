"""AudioSet's ontology: tags, groups, branches and descriptions."""

from __future__ import annotations

import pytest

from earwitness.errors import WordError
from earwitness.files import DATA_DIR
from earwitness.words.ontology import NO_SOUNDS, branch_of, descendants, first_sentence, ontology, tag_names


def test_all_nodes_are_there_and_all_tags_are_among_them() -> None:
    nodes = ontology()
    assert len(nodes) == 632
    assert {name for name, node in nodes.items() if node.is_tag} == set(tag_names())
    assert all(node.description for node in nodes.values())
    assert all(name in nodes[child].parents for name, node in nodes.items() for child in node.children)


def test_the_file_stays_small() -> None:
    assert (DATA_DIR / "ontology.json").stat().st_size < 150_000


def test_a_branch_leads_from_the_root_to_the_tag() -> None:
    assert branch_of("Meow") == ("Animal", "Domestic animals, pets", "Cat", "Meow")
    assert branch_of("Music") == ("Music",)
    assert branch_of("Growling")[-2:] == ("Dog", "Growling")  # the first of its four groups
    assert all(branch_of(tag)[-1] == tag for tag in tag_names())


def test_groups_gather_the_tags_below_them_once() -> None:
    assert descendants("Meow") == ("Meow",)
    assert descendants("Generic impact sounds")[:2] == ("Bang", "Slap, smack")  # itself no tag
    animals = descendants("Animal")
    assert {"Animal", "Dog", "Bark", "Growling", "Bird", "Hiss"} <= set(animals)
    assert len(animals) == len(set(animals))
    roots = [name for name, node in ontology().items() if not node.parents]
    assert {tag for root in roots for tag in descendants(root)} == set(tag_names())


def test_a_first_sentence_ends_at_its_stop_and_not_in_an_abbreviation() -> None:
    assert first_sentence("Snicker") == "A disrespectful laugh."
    assert first_sentence("Child speech, kid speaking").endswith("of an adult.")
    assert all(first_sentence(name)[-1] in ".!?)" or not node.children for name, node in ontology().items())


def test_what_is_no_sound_of_the_world_is_marked() -> None:
    nodes = ontology()
    assert set(tag_names()) >= NO_SOUNDS
    for name in ("Silence", "Inside, small room", "Field recording", "Human voice", "Natural sounds"):
        assert not nodes[name].is_sound, name
    for name in ("Dog", "Rain", "Siren", "Music", "White noise", "Television", "Hum"):
        assert nodes[name].is_sound, name
    assert nodes["Human voice"].is_abstract
    assert not nodes["Field recording"].is_abstract


def test_a_name_that_audioset_has_not_is_refused() -> None:
    with pytest.raises(WordError, match="'Dragon' is no class of AudioSet"):
        branch_of("Dragon")
