"""Place knowledge: the sounds that one expects, and does not expect, at everyday places.

In: `data/places.toml`, a user's own file of the same form, and scene words. Out: `PlaceProfile`, a scene word as
weights over tags: positive for expected sounds, negative for unlikely ones. Shipped places have theirs in
`data/place_profiles.npz`; those of other places are computed.

Source: the shipped table was written from common sense, never from labelled recordings. scripts/make_word_table.py
makes its profiles with all-mpnet-base-v2.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from earwitness.errors import PlaceError, SettingsError, WordError
from earwitness.files import DATA_DIR
from earwitness.settings import read_toml
from earwitness.words.embeddings import Embeddings, compare_with_tags, embed_words
from earwitness.words.meanings import understand_word
from earwitness.words.spelling import normalise_word

PROFILES_PATH = DATA_DIR / "place_profiles.npz"
SOUND_TEMPERATURE = 0.07  # softer than for words: a place is a bed of related sounds
LEAST_SIMILARITY = 0.45  # a sound less similar to its best tag than this says nothing
UNLIKELY_SHARE = 0.5
N_NEAREST = 3  # places that stand for a scene word without an entry
NEAREST_TEMPERATURE = 0.05


@dataclass(frozen=True)
class Place:
    """A place: its name, other names, and sounds, the most typical first."""

    name: str
    expect: tuple[str, ...]
    unlikely: tuple[str, ...] = ()
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class PlaceProfile:
    """A scene word as weights over tags, and the places that it was understood as.

    Attributes:
        scene: the word.
        weights: (C,), of unit length: what is expected there, and what is not.
        understood_as: names of places.
        sound_weights: (C,), of the word as a sound, see `Meaning`: "stream" is one, "office" may be none.
    """

    scene: str
    weights: npt.NDArray[np.float32]
    understood_as: tuple[str, ...]
    sound_weights: npt.NDArray[np.float32]


def read_places(own_path: str | Path | None = None) -> list[Place]:
    """Return the shipped places and those of the user's own file, which replace shipped ones of the same name.

    Raises:
        PlaceError: the user's file is not TOML, or an entry is not of the form ["name"] with expect, unlikely, also.
    """
    shipped = DATA_DIR / "places.json"  # scripts/make_lexicon.py makes it of places.toml, since JSON is read faster
    tables = [(shipped, json.loads(shipped.read_text(encoding="utf-8")))]
    if own_path:
        try:
            tables.append((Path(own_path), read_toml(own_path)))
        except SettingsError as error:
            raise PlaceError(str(error)) from error
    places: dict[str, Place] = {}
    for path, table in tables:
        for name, entry in table.items():
            place = _check_place(path, name, entry)
            places[place.name] = place
    return list(places.values())


def profile_scenes(scenes: Sequence[str], places: Sequence[Place]) -> list[PlaceProfile]:
    """Return the profile of each scene word: of the place of that name, else of the nearest places by MPNet.

    Raises:
        WordError: a scene word, or a sound of a place that is needed, cannot be embedded.
    """
    by_name = {name: place for place in places for name in (*place.also, place.name)}
    mixtures = {scene: _find_places(scene, by_name, places) for scene in dict.fromkeys(scenes)}
    needed = {place.name: place for mixture in mixtures.values() for place, _ in mixture}
    profiles = dict(zip(needed, _profile_places(list(needed.values())), strict=True))
    result = []
    for scene, mixture in mixtures.items():
        weights = sum(share * profiles[place.name] for place, share in mixture)
        unit = np.asarray(weights / np.linalg.norm(weights), dtype=np.float32)
        names = tuple(place.name for place, _ in mixture)
        result.append(PlaceProfile(scene, unit, names, understand_word(normalise_word(scene)).weights))
    return result


def _find_places(scene: str, by_name: Mapping[str, Place], places: Sequence[Place]) -> list[tuple[Place, float]]:
    key = normalise_word(scene)
    for name in (key, key.replace(" ", "/"), key.replace("-", " ")):
        if name in by_name:
            return [(by_name[name], 1.0)]
    similarities = embed_words([place.name for place in places]) @ embed_words([scene])[0]
    nearest = np.argsort(-similarities)[:N_NEAREST]
    shares = np.exp((similarities[nearest] - similarities[nearest[0]]) / NEAREST_TEMPERATURE)
    return [(places[index], float(share)) for index, share in zip(nearest, shares / shares.sum(), strict=True)]


def _profile_places(places: Sequence[Place]) -> list[Embeddings]:
    """Return the tag weights (C,) of each place, of unit length."""
    shipped = _read_profiles()
    others = [place for place in places if place not in shipped]
    sounds = list_sounds(others)
    try:
        similarities = compare_with_tags(sounds)
    except WordError as error:
        raise WordError(f"a sound of place knowledge: {error}") from error
    computed = dict(zip(others, weigh_sounds(others, similarities), strict=True))
    return [shipped[place] if place in shipped else computed[place] for place in places]


def list_sounds(places: Sequence[Place]) -> list[str]:
    """Return the sounds of places, each once."""
    return list(dict.fromkeys(sound for place in places for sound in (*place.expect, *place.unlikely)))


def weigh_sounds(places: Sequence[Place], similarities: Embeddings) -> list[Embeddings]:
    """Return the tag weights (C,) of each place, of unit length, from the similarities (sounds, C) of `list_sounds`.

    Raises:
        PlaceError: none of a place's sounds is close to a tag.
    """
    if not places:
        return []
    rows = {sound: row for row, sound in enumerate(list_sounds(places))}
    best = similarities.max(axis=1)
    trust = np.where(best >= LEAST_SIMILARITY, best, 0.0)
    raised = np.exp((similarities - 1) / SOUND_TEMPERATURE)
    weights = raised / raised.sum(axis=1, keepdims=True)

    def average(names: Sequence[str]) -> Embeddings:
        index = [rows[name] for name in names]
        total = float(trust[index].sum())
        if not total:
            return np.zeros(weights.shape[1], np.float32)
        return np.asarray(trust[index] @ weights[index] / total, dtype=np.float32)

    profiles = []
    for place in places:
        profile = average(place.expect) - UNLIKELY_SHARE * average(place.unlikely)
        if not profile.any():
            raise PlaceError(f"{place.name!r}: none of its sounds is close to a tag; write them in plainer words")
        profiles.append(np.asarray(profile / np.linalg.norm(profile), dtype=np.float32))
    return profiles


@lru_cache(maxsize=1)
def _read_profiles() -> dict[Place, Embeddings]:
    """Return the shipped places and their tag weights (C,)."""
    with np.load(PROFILES_PATH, allow_pickle=False) as file:
        return dict(zip(read_places(), file["profiles"], strict=True))


def _check_place(path: Path, name: str, entry: Any) -> Place:
    if not isinstance(entry, dict):
        raise PlaceError(f'{path}: {name!r} is not a place; write a table ["{name}"] with a list `expect`')
    unknown = set(entry) - {"expect", "unlikely", "also"}
    if unknown:
        raise PlaceError(
            f"{path}: {name!r} has an unknown key {sorted(unknown)[0]!r}; known are: expect, unlikely, also"
        )
    lists = {}
    for key in ("expect", "unlikely", "also"):
        values = entry.get(key, [])
        if not isinstance(values, list) or not all(isinstance(value, str) and value.strip() for value in values):
            raise PlaceError(f"{path}: {key} of {name!r} must be a list of words, not {values!r}")
        lists[key] = tuple(normalise_word(value) for value in values)
    if not lists["expect"]:
        raise PlaceError(f"{path}: {name!r} expects no sound; give a list `expect` of a few")
    return Place(normalise_word(name), **lists)
