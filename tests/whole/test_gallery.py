"""The gallery: the script, the page and the pictures are the same list, and each picture is small."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import make_gallery
from make_gallery import FIGURES, OUT_DIR, PAGE

LARGEST_BYTES = 150_000


def test_the_page_shows_every_picture_of_the_script_and_no_other() -> None:
    shown = re.findall(r"!\[[^\]]+\]\(gallery/([^)]+)\)", PAGE.read_text(encoding="utf-8"))
    assert sorted(shown) == sorted(FIGURES)
    assert sorted(path.name for path in OUT_DIR.iterdir()) == sorted(FIGURES)


def test_the_page_gives_the_command_of_each_picture_just_before_it() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for figure, command in FIGURES.items():
        before = page[: page.index(f"(gallery/{figure})")].rstrip().splitlines()
        assert f"earwitness show {command}" in before[-5:]


def test_pictures_are_small_and_what_their_suffix_says() -> None:
    for name in FIGURES:
        content = (OUT_DIR / name).read_bytes()
        assert 5_000 < len(content) < LARGEST_BYTES, name
        assert content.startswith(b"\x89PNG" if name.endswith(".png") else b"<?xml"), name


@pytest.mark.slow
def test_the_clips_of_the_gallery_have_their_truth(tmp_path: Path) -> None:
    make_gallery.write_clips(tmp_path / "clips")
    files = sorted(path.name for path in (tmp_path / "clips").glob("*.wav"))
    assert len(files) == 7 * make_gallery.N_EACH
    for table in ("labels.csv", "events.tsv"):
        lines = (tmp_path / "clips" / table).read_text().splitlines()[1:]
        assert sorted(re.split(r"[,\t]", line)[0] for line in lines) == files
