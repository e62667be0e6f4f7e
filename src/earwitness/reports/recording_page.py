"""A recording's report as one file: script, style, pictures, answers and, if it is not too long, the sound itself.

In: what `make_view` and `make_answer` say, the sound, attention maps. Out: HTML. It needs no network; nothing that a
user wrote can become markup or script: all data is JSON without `<`, `>` and `&`, and the page's policy lets only its
own script run.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from earwitness.reports.page import escape, make_document, to_json
from earwitness.reports.scripts import read_asset, report_script, report_style

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
    sound = {"url": audio.url or None, "type": audio.type, "note": audio.note}
    data = {"ew-view": view, "ew-answer": answer, "ew-attention": attention, "ew-audio": sound}
    inert = [f'<script type="application/json" id="{name}">{to_json(value)}</script>' for name, value in data.items()]
    inert += [f'<script type="text/plain" id="ew-tile-{n}">{escape(png)}</script>' for n, png in enumerate(tiles)]
    if audio.content:
        text = base64.b64encode(audio.content).decode("ascii")
        inert.append(f'<script type="text/plain" id="ew-sound">{text}</script>')
    body = '<main id="ew-root"></main>\n' + show_without_script(view, answer) + "\n" + "\n".join(inert)
    return make_document(view["name"], body, [report_script(), read_asset("boot.js")], report_style())


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


def _set_tiles_aside(view: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the view with its tiles named only, to be read when they are first seen, and their pictures."""
    tiles = view["spectrogram"]["tiles"]
    named = [{**tile, "png": f"{TILE_ID}{n}"} for n, tile in enumerate(tiles)]
    return {**view, "spectrogram": {**view["spectrogram"], "tiles": named}}, [tile["png"] for tile in tiles]
