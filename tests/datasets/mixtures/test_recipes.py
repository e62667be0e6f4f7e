"""Recipes of TUT Rare Sound Events become the published meta.csv, but for the ratio of mixtures without an event."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from earwitness.datasets.mixtures.recipes import MixtureRow, find_recipes, read_mixture_rows, write_meta
from earwitness.errors import AudioError, OutputError
from results_read import read_rows

RECIPES = """
- annotation_string: m0.wav
  bg_classname: beach
  bg_path: audio/79.wav
  ebr: -.inf
  event_present: false
  mixture_audio_filename: m0.wav
- annotation_string: "m1.wav\\t18.9\\t20.2\\tbabycry"
  bg_classname: train
  bg_path: audio/261.wav
  ebr: -6
  event_class: babycry
  event_length_seconds: 1.3200000000000003
  event_present: true
  mixture_audio_filename: m1.wav
"""
MIXTURES = [
    MixtureRow("m0.wav", "beach", "audio/79.wav", -math.inf, False),
    MixtureRow("m1.wav", "train", "audio/261.wav", -6.0, True, "babycry", 1.3200000000000003),
]
META_CSV = """\
,mixture_audio_filename,bg_classname,bg_path,ebr,event_present,event,event_length
0,m0.wav,beach,audio/79.wav,-inf,False,,
1,m1.wav,train,audio/261.wav,-6.0,True,babycry,1.3200000000000003
"""


@pytest.fixture
def recipes_path(tmp_path: Path) -> Path:
    path = tmp_path / "mixture_recipes_devtest_babycry.yaml"
    path.write_text(RECIPES)
    return path


def test_recipes_become_mixtures(recipes_path: Path) -> None:
    assert read_mixture_rows(recipes_path) == MIXTURES


def test_mixtures_become_the_published_columns(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "meta.csv"
    write_meta(MIXTURES, path)
    assert path.read_text() == META_CSV


def test_an_empty_file_of_recipes_holds_no_mixture(tmp_path: Path) -> None:
    path = tmp_path / "mixture_recipes_empty.yaml"
    path.write_text("")
    assert read_mixture_rows(path) == []


def test_recipes_are_found_in_folders_in_order(recipes_path: Path, tmp_path: Path) -> None:
    deep = tmp_path / "a" / "mixture_recipes_z.yaml"
    deep.parent.mkdir()
    deep.write_text(RECIPES)
    (tmp_path / "other.yaml").write_text("a: 1")
    assert find_recipes([tmp_path]) == [deep, recipes_path]
    assert find_recipes([tmp_path / "other.yaml"]) == [tmp_path / "other.yaml"]


@pytest.mark.parametrize("name", [".", "nothing"])
def test_a_place_without_recipes_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(AudioError, match=r"no mixture_recipes_\*\.yaml here; they come with TUT Rare Sound Events"):
        find_recipes([tmp_path / name])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("- {", "ParserError"),
        ("just text", "TypeError"),
        ("- event_present: true", "KeyError: 'mixture_audio_filename'"),
        (RECIPES.replace("ebr: -6", "ebr: loud"), "ValueError"),
        (RECIPES.replace("  event_class: babycry\n", ""), "KeyError: 'event_class'"),
        ("!!python/object:os.system {}", "ConstructorError"),
    ],
)
def test_a_file_that_holds_no_recipes_is_told(tmp_path: Path, content: str, reason: str) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(content)
    with pytest.raises(AudioError, match=rf"r\.yaml: not a file of mixture recipes \({reason}"):
        read_mixture_rows(path)


def test_a_meta_csv_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"file/meta\.csv: cannot be written"):
        write_meta(MIXTURES, tmp_path / "file" / "meta.csv")


@pytest.mark.slow
def test_the_whole_evaluation_set_becomes_its_published_rows(shared: Path, tmp_path: Path) -> None:
    folder = shared / "data" / "tut" / "meta"
    mixtures = [mixture for path in find_recipes([folder]) for mixture in read_mixture_rows(path)]
    write_meta(mixtures, tmp_path / "meta.csv")
    rows, published = read_rows(tmp_path / "meta.csv"), read_rows(folder / "meta.csv")
    assert len(rows) == len(published) == 1500
    for row, reference in zip(rows, published, strict=True):
        if row["event_present"] == "False":
            assert (row.pop("ebr"), reference.pop("ebr")) == ("-inf", "0.0")  # the published file lost the infinity
        assert row == reference
