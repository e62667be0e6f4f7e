"""The documentation's site: it builds without a warning, and its pages load nothing from another site."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = next(each for each in Path(__file__).parents if (each / "pyproject.toml").exists())
# What makes a browser load something; links that a reader follows, and addresses for search engines, are not among it.
LOADS = re.compile(r"<(?:script|img|iframe|source)\b[^>]*>|<link\b(?![^>]*rel=\"?(?:canonical|next|prev))[^>]*>")
needs_mkdocs = pytest.mark.skipif(importlib.util.find_spec("mkdocs") is None, reason="mkdocs: pip install '.[docs]'")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@needs_mkdocs
def test_every_page_of_the_docs_is_in_the_site(site: Path) -> None:
    for page in (ROOT / "docs").rglob("*.md"):
        built = site / page.relative_to(ROOT / "docs").with_suffix(".html")
        assert built.exists(), page


@needs_mkdocs
def test_pages_load_nothing_from_another_site(site: Path) -> None:
    for page in site.rglob("*.html"):
        for tag in LOADS.findall(page.read_text(encoding="utf-8")):
            assert not re.search(r"(?:src|href)=\"?(?:https?:)?//", tag), f"{page.name}: {tag}"
    for style in site.rglob("*.css"):
        assert not re.search(r"url\(\"?(https?:)?//", style.read_text(encoding="utf-8")), style


@needs_mkdocs
def test_the_python_reference_describes_every_public_name(site: Path) -> None:
    import earwitness

    page = (site / "reference" / "python.html").read_text(encoding="utf-8")
    missing = [name for name in earwitness.__all__ if f'id="earwitness.{name}"' not in page]
    assert missing in ([], ["__version__"])
