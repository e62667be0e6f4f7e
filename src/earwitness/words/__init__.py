"""The user's words: what they mean as weights over the tags, and which places have which sounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from earwitness.lazy import load_on_use

if TYPE_CHECKING:
    from earwitness.words.embeddings import Embeddings, compare_with_tags, embed_words
    from earwitness.words.lexicon import Entry, Grade, Lexicon, read_lexicon
    from earwitness.words.meanings import Meaning, WordMeanings, understand_words
    from earwitness.words.ontology import Node, branch_of, descendants, first_sentence, tag_names
    from earwitness.words.places import PlaceProfile, profile_scenes, read_places
    from earwitness.words.spelling import as_key, normalise_word
    from earwitness.words.static_embedding import embed_static
    from earwitness.words.text_model import embed_with_mpnet
    from earwitness.words.word_table import known_words, nearest_tags

__getattr__ = load_on_use(__name__)
