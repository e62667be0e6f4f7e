"""A recording's report as one file: script, style, pictures, answers and, if it is not too long, the sound itself.

In: what `make_view` and `make_answer` say, the sound, attention maps. Out: HTML. It needs no network; nothing that a
user wrote can become markup or script: all data is JSON without `<`, `>` and `&`, and the page's policy lets only its
own script run.
"""

from __future__ import annotations

import base64
import html
import json
from dataclasses import dataclass
from typing import Any

from earwitness.pages.scripts import hash_for_policy, read_asset, report_script, report_style

ESCAPES = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}
TILE_ID = "#ew-tile-"


@dataclass(frozen=True)
class Sound:
    """What the page plays: bytes that it holds, an address beside it, or neither; `note` is told below the player."""

    content: bytes = b""
    type: str = "audio/flac"
    url: str = ""
    note: str = ""


def make_report(
    view: dict[str, Any], answer: dict[str, Any], audio: Sound | None = None, attention: dict[str, Any] | None = None
) -> str:
    """Return the report of one recording as HTML.

    Args:
        view, answer: see `pages.view`.
        audio: the sound, None for none.
        attention: {"maps": [...], "note": text}, see `assets/report.js`.
    """
    audio = audio or Sound()
    view, tiles = _set_tiles_aside(view)
    told = {"url": audio.url or None, "type": audio.type, "note": audio.note}
    data = {"ew-view": view, "ew-answer": answer, "ew-attention": attention, "ew-audio": told}
    inert = [f'<script type="application/json" id="{name}">{to_json(value)}</script>' for name, value in data.items()]
    inert += [f'<script type="text/plain" id="ew-tile-{n}">{escape(png)}</script>' for n, png in enumerate(tiles)]
    if audio.content:
        text = base64.b64encode(audio.content).decode("ascii")
        inert.append(f'<script type="text/plain" id="ew-sound">{text}</script>')
    body = '<main id="ew-root"></main>\n' + show_without_script(view, answer) + "\n" + "\n".join(inert)
    return make_document(view["name"], body, [report_script(), read_asset("boot.js")], report_style())


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


def show_without_script(view: dict[str, Any], answer: dict[str, Any]) -> str:
    """Return events and scenes as plain tables, for browsers without scripts."""
    recognition = answer["recognition"]
    events = "".join(
        f"<tr><td>{event['onset_s']:.2f}</td><td>{event['offset_s']:.2f}</td><td><bdi>{escape(event['word'])}</bdi></td>"
        f"<td>{event['score']:.2f}</td><td>{escape(' · '.join(each['tag'] for each in event['tags']))}</td></tr>"
        for event in recognition["events"]
    )
    scenes = "".join(
        f"<tr><td><bdi>{escape(each['scene'])}</bdi></td><td>{each['score']:.2f}</td>"
        f"<td>{escape(' · '.join(each['tags']))}</td></tr>"
        for each in recognition["scenes"]
    )
    notes = "".join(f"<p>{escape(note)}</p>" for note in view["notes"])
    return (
        f"<noscript><h1><bdi>{escape(view['name'])}</bdi></h1>{notes}"
        "<p>Without scripts this page shows tables only.</p>"
        f"<table><tr><th>onset</th><th>offset</th><th>word</th><th>score</th><th>because of</th></tr>{events}</table>"
        f"<table><tr><th>scene</th><th>score</th><th>tags</th></tr>{scenes}</table></noscript>"
    )


def to_json(value: Any) -> str:
    """Return JSON that can stand inside a script element: it holds no `<`, `>`, `&` nor line separators."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace").decode().translate(ESCAPES)


def escape(text: object) -> str:
    """Return a text for HTML; what cannot be written (half of a surrogate pair) is shown by its number."""
    return html.escape(str(text).encode("utf-8", "backslashreplace").decode())


def _set_tiles_aside(view: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the view with its tiles named only, to be read when they are first seen, and their pictures."""
    tiles = view["spectrogram"]["tiles"]
    named = [{**tile, "png": f"{TILE_ID}{n}"} for n, tile in enumerate(tiles)]
    return {**view, "spectrogram": {**view["spectrogram"], "tiles": named}}, [tile["png"] for tile in tiles]
