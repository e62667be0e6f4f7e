"""A run of the benchmark on the shared material: a version in a process of its own answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from earwitness.errors import DatasetError
from earwitness.evaluation.benchmark.answers import answer
from earwitness.evaluation.benchmark.paraphrases import PARAPHRASES
from earwitness.evaluation.benchmark.run import Version, draw_words
from earwitness.words import understand_words


@pytest.mark.slow
def test_a_version_answers_tasks_in_its_own_process(tmp_path: Path) -> None:
    noise = 0.01 * np.random.default_rng(0).standard_normal(5 * 16_000).astype(np.float32)
    with Version() as version:
        (none,) = version.ask(kind="events", samples=noise, words=["siren"], levels=[4.0])["events"]
        assert none == []
        (many,) = version.ask(kind="events", samples=noise, words=["white noise"], levels=[-12.0])["events"]
        assert [word for word, _, _ in many] == ["white noise"]
        assert len(version.ask(kind="clip", samples=noise, words=["siren", "rain"])["ranked"]) == 2
        assert len(version.ask(kind="scenes", samples=noise, words=["park", "office"])["ranked"]) == 2
        with pytest.raises(DatasetError, match="the version under test ended"):
            version.ask(kind="clip", path=str(tmp_path / "not there.wav"), words=["siren"])


def test_meanings_are_answered_by_the_tags_numbers() -> None:
    import earwitness

    (weights, unknown) = answer(earwitness, None, {"kind": "meanings", "words": ["gunshot", ""]})["weights"]
    assert sum(weights.values()) == pytest.approx(1)
    assert unknown == {}


def test_words_are_drawn_by_a_seed_and_can_be_heard() -> None:
    words = draw_words(100)
    assert words == draw_words(100)
    assert len(set(words)) == 100
    assert understand_words(words).unusable == ()


def test_every_paraphrase_is_understood() -> None:
    for label, forms in PARAPHRASES.items():
        assert len(forms) == len(set(forms)) == 4, label
        assert understand_words(forms).unusable == (), label
