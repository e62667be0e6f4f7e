"""The public names: a promise, so a change here is a change for users."""

from __future__ import annotations

import inspect

import pytest

import earwitness

NAMES = [
    *("Analysis", "ClipTags", "Compute", "EarwitnessError", "EncoderSettings"),
    *("Event", "Features", "LoadedEncoder", "Recognition"),
    *("SceneScore", "Settings", "TagScores", "Waveform", "Windows", "WordMeanings", "WordScores", "__version__"),
    *("analyse", "ask", "calibrate_run", "classify", "embed", "find_events", "load_audio"),
    *("load_encoder", "match_words", "open_store", "profile_scenes", "rank_scenes", "read_blocks", "read_places"),
    "read_settings",
    *("recognize", "score_tokens", "score_windows", "slide", "summarise_tags", "understand_words"),
]


def test_the_public_names_are_these() -> None:
    assert earwitness.__all__ == NAMES
    for name in NAMES:
        assert getattr(earwitness, name) is not None


def test_recognize_is_a_function_however_it_is_reached() -> None:
    import earwitness.recognition.pipeline as stage

    assert earwitness.recognize is stage.recognize
    assert list(inspect.signature(earwitness.recognize).parameters)[:4] == ["source", "events", "scenes", "settings"]


def test_a_name_that_does_not_exist_is_told() -> None:
    with pytest.raises(AttributeError, match="no attribute 'listen'"):
        earwitness.listen  # noqa: B018
