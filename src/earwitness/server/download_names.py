"""Names that users give to recordings: text for people, never paths.

In: any text. Out: one line without folders; the header that names a download.
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath
from urllib.parse import quote

LONGEST_NAME = 120
UNNAMED = "recording"


def clean_name(text: str | None) -> str:
    """Return a name as one short line: the last part of a path, without control and direction characters."""
    text = unicodedata.normalize("NFC", text or "").replace("\\", "/").rsplit("/", 1)[-1]
    shown = "".join(char if unicodedata.category(char)[0] != "C" else " " for char in text)
    name = " ".join(shown.split())[:LONGEST_NAME].strip()
    return name if name.strip(".") else UNNAMED


def offer_download(name: str, suffix: str) -> str:
    """Return the Content-Disposition (RFC 6266) of a recording's result, named after the recording."""
    stem = PurePosixPath(clean_name(name)).stem.strip() or UNNAMED
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", stem).strip("._") or UNNAMED
    return f"attachment; filename=\"{plain}{suffix}\"; filename*=UTF-8''{quote(stem + suffix, safe='')}"
