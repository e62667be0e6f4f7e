"""A recording's report as one file: script, style, pictures, answer and, if it is not too long, the audio itself.

In: the results of `make_view` and `make_answer`, the sound, attention maps. Out: HTML that needs no network.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from earwitness.reports.page import escape, isolate, make_document, make_row, text_cell, to_json
from earwitness.reports.scripts import read_asset, report_script, report_style

TILE_ID = "#ew-tile-"


@dataclass(frozen=True)
class Sound:
    """What the page plays: embedded bytes, an address, or nothing; `note` is shown below the player."""

    content: bytes = b""
    type: str = "audio/flac"
    url: str = ""
    note: str = ""


def make_report(
    view: dict[str, Any], answer: dict[str, Any], audio: Sound | None = None, attention: dict[str, Any] | None = None
) -> str:
    """Return the report of one recording as HTML.

    Args:
        view, answer: see `reports.view`.
        audio: the sound, None for none.
        attention: {"maps": [...], "note": text}, see `assets/report.js`.
    """
    audio = audio or Sound()
    view, tiles = _separate_tiles(view)
    sound = {"url": audio.url or None, "type": audio.type, "note": audio.note}
    data = {"ew-view": view, "ew-answer": answer, "ew-attention": attention, "ew-audio": sound}
    inert = [f'<script type="application/json" id="{name}">{to_json(value)}</script>' for name, value in data.items()]
    inert += [f'<script type="text/plain" id="ew-tile-{n}">{escape(png)}</script>' for n, png in enumerate(tiles)]
    if audio.content:
        text = base64.b64encode(audio.content).decode("ascii")
        inert.append(f'<script type="text/plain" id="ew-sound">{text}</script>')
    body = "\n".join(['<main id="ew-root"></main>', show_without_script(view, answer), *inert])
    return make_document(view["name"], body, [report_script(), read_asset("boot.js")], report_style())


def show_without_script(view: dict[str, Any], answer: dict[str, Any]) -> str:
    """Return events and scenes as plain tables, for browsers without scripts."""
    recognition = answer["recognition"]
    events = [
        make_row(
            *(text_cell(f"{event[key]:.2f}") for key in ("onset_s", "offset_s")),
            *(text_cell(each) for each in (event["word"], f"{event['score']:.2f}", event["tier"])),
            text_cell(" · ".join(each["tag"] for each in event["tags"])),
        )
        for event in recognition["events"]
    ]
    scenes = [
        make_row(*(text_cell(text) for text in (each["scene"], f"{each['score']:.2f}", " · ".join(each["tags"]))))
        for each in recognition["scenes"]
    ]
    tables = (
        (("onset", "offset", "word", "score", "tier", "matching tags"), events),
        (("scene", "score", "tags"), scenes),
    )
    shown = "".join(
        f"<table><tr>{''.join(f'<th>{name}</th>' for name in names)}</tr>{''.join(rows)}</table>"
        for names, rows in tables
    )
    notes = "".join(f"<p>{escape(note)}</p>" for note in view["notes"])
    return (
        f"<noscript><h1>{isolate(view['name'])}</h1>{notes}<p>Without scripts this page shows tables only.</p>"
        f"{shown}</noscript>"
    )


def _separate_tiles(view: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the view with tiles named by id only, so that the page decodes them when shown, and their pictures."""
    tiles = view["spectrogram"]["tiles"]
    named = [{**tile, "png": f"{TILE_ID}{n}"} for n, tile in enumerate(tiles)]
    return {**view, "spectrogram": {**view["spectrogram"], "tiles": named}}, [tile["png"] for tile in tiles]
