"""Names that users give: for people to read, never paths.

In: any text. Out: one line without folders; a header that offers a download under such a name.
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath
from urllib.parse import quote

LONGEST_NAME = 120
UNNAMED = "recording"


def clean_name(given: str | None) -> str:
    """Return a name as one short line: the last part of a path, without control and direction characters."""
    text = unicodedata.normalize("NFC", given or "").replace("\\", "/").rsplit("/", 1)[-1]
    shown = "".join(char if unicodedata.category(char)[0] != "C" else " " for char in text)
    name = " ".join(shown.split())[:LONGEST_NAME].strip()
    return name if name.strip(".") else UNNAMED


def offer_download(name: str, suffix: str) -> str:
    """Return a Content-Disposition (RFC 6266) that offers a recording's result under the recording's own name."""
    stem = PurePosixPath(clean_name(name)).stem.strip() or UNNAMED
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", stem).strip("._") or UNNAMED
    return f"attachment; filename=\"{plain}{suffix}\"; filename*=UTF-8''{quote(stem + suffix, safe='')}"
