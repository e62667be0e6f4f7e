"""Where the shipped data lies, and where earwitness may keep what it makes once."""

import os
from pathlib import Path

DATA_DIR = Path(__file__).parent / "data"


def cache_dir() -> Path:
    """Return the user's cache folder for earwitness: `EARWITNESS_CACHE`, else the XDG cache folder's `earwitness`."""
    chosen = os.environ.get("EARWITNESS_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "earwitness"
