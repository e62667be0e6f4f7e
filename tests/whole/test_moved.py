"""What 0.1.0's README and docs import still works, with a warning that names the new place."""

from __future__ import annotations

import importlib
import sys

import pytest

from earwitness.moved import MOVED

DOCUMENTED = [
    ("attention", "explain_peaks"),
    ("clap", "compare_embeddings"),
    ("clap", "load_clap"),
    ("clap", "make_prompt"),
    ("datasets.loading", "load_dataset"),
    ("evaluation.annotations", "LabelledEvent"),
    ("pages.reporting", "write_report"),
    ("pictures.timeline", "draw_recognition"),
    ("tags", "tag_names"),
    ("tags", "score_tokens"),
]


@pytest.mark.needs("torch")
@pytest.mark.parametrize(("old", "name"), DOCUMENTED)
@pytest.mark.filterwarnings("ignore:.*has moved:DeprecationWarning")
def test_a_documented_import_of_0_1_0_gives_what_the_new_place_has(old: str, name: str) -> None:
    found = getattr(importlib.import_module(f"earwitness.{old}"), name)
    assert found in [getattr(importlib.import_module(f"earwitness.{home}"), name, None) for home in MOVED[old]]


def test_the_warning_names_the_new_place_and_the_importing_file() -> None:
    sys.modules.pop("earwitness.tags", None)
    with pytest.warns(
        DeprecationWarning, match=r"earwitness\.tags has moved: import from earwitness\.recogn"
    ) as caught:
        from earwitness.tags import tag_names  # type: ignore[import-not-found]
    assert len(tag_names()) == 527
    assert caught[0].filename == __file__


def test_an_unknown_name_is_no_attribute_and_an_unknown_module_is_not_found() -> None:
    with pytest.raises(ImportError, match="cannot import name 'nothing'"):
        from earwitness.tags import nothing  # noqa: F401
    with pytest.raises(ModuleNotFoundError, match=r"earwitness\.pages\.nothing"):
        importlib.import_module("earwitness.pages.nothing")
