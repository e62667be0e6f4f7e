"""Place knowledge: the shipped table, a user's own file, and scene words that it does not hold."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import numpy as np
import pytest

from earwitness.errors import PlaceError
from earwitness.files import DATA_DIR
from earwitness.words.embeddings import compare_with_tags
from earwitness.words.ontology import tag_names
from earwitness.words.places import PROFILES_PATH, Place, list_sounds, profile_scenes, read_places, weigh_sounds
from earwitness.words.word_table import known_words

TUT_AND_TAU = [
    *("beach", "bus", "cafe/restaurant", "car", "city_center", "forest_path", "grocery_store", "home", "library"),
    *("metro_station", "office", "park", "residential_area", "train", "tram", "airport", "metro", "public_square"),
    *("shopping_mall", "street_pedestrian", "street_traffic"),
]


@pytest.fixture(scope="module")
def places() -> list[Place]:
    return read_places()


def test_the_shipped_table_holds_hundreds_of_places_with_enough_sounds(places: list[Place]) -> None:
    assert len(places) >= 200
    for place in places:
        assert 8 <= len(place.expect) <= 15, place.name
        assert 2 <= len(place.unlikely) <= 5, place.name
        assert not set(place.expect) & set(place.unlikely), place.name
    names = [name for place in places for name in (place.name, *place.also)]
    assert len(names) == len(set(names))


def test_no_shipped_place_needs_the_text_model(places: list[Place]) -> None:
    for place in places:
        for text in (place.name, *place.also, *place.expect, *place.unlikely):
            assert text in known_words(), (place.name, text)


def test_the_scenes_of_tut_and_tau_are_known_by_name(places: list[Place]) -> None:
    profiles = profile_scenes(TUT_AND_TAU, places)
    assert [profile.scene for profile in profiles] == TUT_AND_TAU
    assert all(len(profile.understood_as) == 1 for profile in profiles)
    assert all(np.linalg.norm(profile.weights) == pytest.approx(1, abs=1e-5) for profile in profiles)


def test_shipped_profiles_are_those_of_the_shipped_file(places: list[Place]) -> None:
    some = [place for place in places if place.name in ("beach", "library", "bus", "kitchen", "forest path")]
    computed = weigh_sounds(some, compare_with_tags(list_sounds(some)))
    for profile, expected in zip(profile_scenes([place.name for place in some], places), computed, strict=True):
        assert profile.weights @ expected > 0.97  # what no tag is near to is approximated here
    digest = hashlib.sha256((DATA_DIR / "places.toml").read_bytes()).hexdigest()
    with np.load(PROFILES_PATH) as file:
        assert str(file["made_from"]) == digest, "places.toml has changed: run scripts/make_word_table.py"


def test_a_profile_speaks_for_what_one_expects_there(places: list[Place]) -> None:
    weights = dict(
        zip(("beach", "library"), [p.weights for p in profile_scenes(["beach", "library"], places)], strict=True)
    )
    names = tag_names()
    assert weights["beach"][names.index("Waves, surf")] > 0.1
    assert weights["library"][names.index("Waves, surf")] < 0.05
    assert weights["library"][names.index("Music")] < 0 < weights["library"][names.index("Silence")]


def test_an_unknown_scene_word_takes_its_nearest_places(places: list[Place]) -> None:
    (profile,) = profile_scenes(
        ["abandoned building"], [place for place in places if place.name != "abandoned building"]
    )
    assert len(profile.understood_as) == 3
    assert np.linalg.norm(profile.weights) == pytest.approx(1, abs=1e-5)


def test_a_users_own_places_are_added_and_win(tmp_path: Path) -> None:
    own = tmp_path / "places.toml"
    own.write_text(
        '["Engine Room"]\nalso = ["boiler deck"]\nexpect = ["engine idling", "hum"]\n["beach"]\nexpect = ["music"]\n'
    )
    places = {place.name: place for place in read_places(own)}
    assert places["engine room"].also == ("boiler deck",)
    assert places["beach"].expect == ("music",)
    (profile,) = profile_scenes(["boiler deck"], list(places.values()))
    assert profile.understood_as == ("engine room",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("not toml", "not readable as TOML"),
        ('beach = "waves"', "'beach' is not a place"),
        ('["a"]\nexpects = ["rain"]', "'a' has an unknown key 'expects'; known are: expect, unlikely, also"),
        ('["a"]\nexpect = "rain"', "expect of 'a' must be a list of words, not 'rain'"),
        ('["a"]\nunlikely = ["rain"]', "'a' expects no sound"),
        ('["a"]\nexpect = ["rain", ""]', "expect of 'a' must be a list of words"),
    ],
)
def test_a_bad_file_of_places_is_told(tmp_path: Path, text: str, message: str) -> None:
    own = tmp_path / "own.toml"
    own.write_text(text)
    with pytest.raises(PlaceError, match=re.escape(message)):
        read_places(own)


def test_a_file_of_places_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(PlaceError, match=r"none\.toml: not readable"):
        read_places(tmp_path / "none.toml")
