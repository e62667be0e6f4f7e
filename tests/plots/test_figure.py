"""How pictures are saved: by suffix, the same bytes each time, and clear words where they cannot be."""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib
import pytest

from earwitness.errors import MissingExtraError, OutputError
from earwitness.plots.confusion import draw_distribution
from earwitness.plots.figure import COLOURS, describe_settings, save_picture, styled
from earwitness.settings import Settings

HEADS = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}


def draw() -> object:
    return draw_distribution(["dog", "Vögel"], [1, 2], [3, 4], "recordings", "a title", "Said below.")


@pytest.mark.slow
@pytest.mark.parametrize("suffix", HEADS)
def test_a_picture_is_what_its_suffix_says_and_the_same_each_time(suffix: str, tmp_path: Path) -> None:
    first = save_picture(draw(), tmp_path / "new" / f"a{suffix}")
    second = save_picture(draw(), tmp_path / f"b{suffix.upper()}")
    assert first.read_bytes().startswith(HEADS[suffix])
    assert first.read_bytes() == second.read_bytes()


def test_words_of_an_svg_are_words(tmp_path: Path) -> None:
    text = save_picture(draw(), tmp_path / "a.svg").read_text(encoding="utf-8")
    for word in ("Vögel", "number of recordings", "a title", "Said below.", "predicted"):
        assert f">{word}<" in text


def test_other_suffixes_and_places_that_cannot_be_written_are_told(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"a\.gif: pictures are written as \.png, \.svg, \.pdf"):
        save_picture(draw(), tmp_path / "a.gif")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot be written"):
        save_picture(draw(), tmp_path / "file" / "a.png")


def test_the_users_own_style_does_not_change_a_picture(tmp_path: Path) -> None:
    plain = save_picture(draw(), tmp_path / "a.png").read_bytes()
    with matplotlib.rc_context({"font.size": 30.0, "axes.facecolor": "red", "text.usetex": True}):
        assert save_picture(draw(), tmp_path / "b.png").read_bytes() == plain
        assert matplotlib.rcParams["font.size"] == 30.0


def test_without_matplotlib_the_message_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match=r"earwitness\[plot\]"), styled():
        pass


def test_the_colours_are_okabe_and_itos_and_differ_in_lightness_too() -> None:
    assert len(set(COLOURS)) == 6
    light = sorted(0.299 * int(c[1:3], 16) + 0.587 * int(c[3:5], 16) + 0.114 * int(c[5:7], 16) for c in COLOURS)
    assert light[-1] - light[0] > 60


def test_settings_are_told_as_they_act() -> None:
    ours = describe_settings(Settings(event_threshold=0.4, event_hold=0.2, noise_factor=0.1), "tiny")
    assert ours.startswith(
        "Method earwitness, windows of 10 s every 5 s, threshold 0.4, hold 0.2, noise 0.1; encoder tiny;"
    )
    published = describe_settings(Settings(method="tmrl"), "tiny")
    assert published.startswith("Method tmrl, windows of 4 s every 1 s; encoder tiny;")
