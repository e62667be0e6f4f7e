"""Methods: every name in the settings has one, and each says how it works."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import earwitness
from earwitness.errors import PlaceError, WordError
from earwitness.recognition.methods import METHODS, choose_method, understand
from earwitness.recognition.tags import WindowCut
from earwitness.settings import CHOICES, Settings

PACKAGE = Path(earwitness.__file__).parent


def test_the_methods_are_those_that_settings_name() -> None:
    assert tuple(METHODS) == CHOICES["method"]
    assert choose_method(Settings()) is METHODS["earwitness"]
    assert choose_method(Settings(method="tmrl")) is METHODS["tmrl"]


def test_no_other_file_compares_the_name_of_a_method() -> None:
    for path in PACKAGE.rglob("*.py"):
        if path.name == "methods.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Compare):
                said = ast.unparse(node)
                assert not ("method" in said and any(repr(name) in said for name in METHODS)), f"{path}: {said}"


def test_a_method_says_how_its_rows_are_cut() -> None:
    ours = METHODS["earwitness"].cut_rows(Settings(window_s=3.0, hop_s=0.5))
    assert ours == WindowCut(3.0, 0.5, per="token", is_tail_repeated=False, is_trimmed=True)
    published = METHODS["tmrl"].cut_rows(Settings(window_s=9.0, hop_s=6.0))
    assert published == WindowCut(4.0, 1.0, per="window", is_tail_repeated=True, is_trimmed=False)


@pytest.mark.parametrize("name", METHODS)
def test_words_are_checked_before_any_recording_is_read(name: str) -> None:
    METHODS[name].check_words(["siren"], ["park"], Settings())
    with pytest.raises(WordError):
        METHODS[name].check_words([" "], [], Settings())


def test_places_are_checked_where_scenes_rest_on_them(tmp_path: Path) -> None:
    with pytest.raises(PlaceError):
        METHODS["earwitness"].check_words([], ["park"], Settings(places=str(tmp_path / "missing.toml")))


def test_what_is_understood_is_cached() -> None:
    assert understand(("siren",)) is understand(("siren",))
