"""The user's words: what they mean as weights over the tags, and which places have which sounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from earwitness.lazy import load_on_use

if TYPE_CHECKING:
    from earwitness.words.meanings import (
        FAR_SIMILARITY, Embeddings, WordMeanings, as_key, embed_words, normalise_word, understand_words,
        word_table,
    )  # fmt: skip
    from earwitness.words.ontology import tag_names
    from earwitness.words.places import PlaceProfile, profile_scenes, read_places
    from earwitness.words.text_model import embed_with_mpnet

__getattr__ = load_on_use(__name__)
