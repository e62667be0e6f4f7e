"""The scripts and styles in `assets`, for pages that embed them; the server serves the same files.

In: names. Out: text. The files are plain scripts, in this order, because modules cannot be loaded from `file:`.
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
    """Return the script that defines `window.earwitness.mountReport`; see the head of `assets/report.js`."""
    return "\n".join(read_asset(f"{part}.js") for part in PARTS)


@lru_cache(maxsize=1)
def report_style() -> str:
    """Return the style sheet; light, dark and print."""
    return read_asset("report.css")


def read_asset(name: str) -> str:
    """Return the text of a file in `assets`."""
    return (ASSETS / name).read_text(encoding="utf-8")


def hash_for_policy(text: str) -> str:
    """Return the source expression by which a Content-Security-Policy allows this inline script or style."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
