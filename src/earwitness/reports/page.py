"""The kit of every HTML page that earwitness writes: the document with its policy, and text and data made safe in it.

Nothing that a user wrote can become markup or script: text is escaped, data is JSON without `<`, `>` and `&`, and the
page's policy lets only its own script run.
"""

from __future__ import annotations

import html
import json
from typing import Any

from earwitness.reports.scripts import hash_for_policy

ESCAPES = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}


def make_document(title: str, body: str, scripts: list[str], style: str) -> str:
    """Return a whole page with its policy: scripts and style are let by their hash, everything else is refused."""
    policy = "; ".join(
        (
            "default-src 'none'",
            "script-src " + " ".join(map(hash_for_policy, scripts)),
            f"style-src {hash_for_policy(style)}",
            "img-src data:",
            "media-src 'self' blob: data: file:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    head = (
        f'<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<meta name="generator" content="earwitness">\n'
        f"<title>{escape(title)}</title>\n<style>{style}</style>"
    )
    code = "\n".join(f"<script>{script}</script>" for script in scripts)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n{head}\n</head>\n'
        f'<body class="ew-page">\n{body}\n{code}\n</body>\n</html>\n'
    )


def to_json(value: Any) -> str:
    """Return JSON that can stand inside a script element: it holds no `<`, `>`, `&` nor line separators."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace").decode().translate(ESCAPES)


def escape(text: object) -> str:
    """Return a text for HTML; what cannot be written (half of a surrogate pair) is shown by its number."""
    return html.escape(str(text).encode("utf-8", "backslashreplace").decode())
