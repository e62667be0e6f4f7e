"""The page's files keep to the page's policy: nothing inline, no markup made of text, nothing from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from earwitness.reports.scripts import PARTS
from earwitness.server.app import PAGE_DIR

FILES = sorted(PAGE_DIR.iterdir())
SCRIPTS = [path for path in FILES if path.suffix == ".js"]
FORBIDDEN = r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\(|new Function|setAttribute\(\"style|https?://"


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_makes_no_markup_of_text_and_is_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.findall(FORBIDDEN, text) == []
    assert text.startswith("//")
    assert text.count("\n") < 400


def test_the_page_has_nothing_inline_and_all_its_scripts() -> None:
    text = (PAGE_DIR / "index.html").read_text(encoding="utf-8")
    assert re.findall(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=|https?://", text) == []
    assert re.findall(r'src="/assets/(\w+)\.js"', text) == [*PARTS, "app"]


def test_every_script_is_used() -> None:
    imported = {name for path in SCRIPTS for name in re.findall(r"/(\w+)\.js\"", path.read_text(encoding="utf-8"))}
    assert {path.stem for path in SCRIPTS} - imported == {"app"}
