"""The report's script and style, as they stand in `assets`: for a page that holds them, or a server that gives them.

In: nothing. Out: text. The script's files are plain scripts, in an order, since modules cannot be loaded from a disk.
"""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from pathlib import Path

ASSETS = Path(__file__).parent / "assets"
PARTS = ("base", "pictures", "player", "gestures", "lanes", "timeline", "saving", "panels", "why", "report")


@lru_cache(maxsize=1)
def report_script() -> str:
    """Return the script that gives `window.earwitness.mountReport`; see the head of `assets/report.js`."""
    return "\n".join(read_asset(f"{part}.js") for part in PARTS)


@lru_cache(maxsize=1)
def report_style() -> str:
    """Return the style sheet; light, dark and print."""
    return read_asset("report.css")


def read_asset(name: str) -> str:
    """Return the text of a file in `assets`."""
    return (ASSETS / name).read_text(encoding="utf-8")


def hash_for_policy(text: str) -> str:
    """Return what a Content-Security-Policy says of an inline script or style, to let it and no other."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
