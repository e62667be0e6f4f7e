"""Subtitles, WebVTT and SubRip: each event is a cue with the word and its score, for players of sound and video.

Sources: WebVTT, W3C Candidate Recommendation 2019; SubRip as its readers take it.
"""

from __future__ import annotations

import html
import re

from earwitness.recognition import Event
from earwitness.results.formats.base import Format, RecordingResult, show_clock


def _list_vtt(result: RecordingResult) -> str:
    return "".join(
        f"\n{_span(event, '.')}\n{html.escape(_on_one_line(event.word), quote=False)} ({event.score:.2f})\n"
        for event in result.events
    )


def _list_srt(result: RecordingResult) -> str:
    return "".join(
        f"{number}\n{_span(event, ',')}\n{_on_one_line(event.word)} ({event.score:.2f})\n\n"
        for number, event in enumerate(result.events, start=1)
    )


def _span(event: Event, mark: str) -> str:
    return f"{show_clock(event.onset_s, mark)} --> {show_clock(event.offset_s, mark)}"


def _on_one_line(word: str) -> str:
    return re.sub(r"\s+", " ", word.replace("-->", "→"))


VTT = Format(
    name="vtt",
    title="WebVTT subtitles",
    suffix=".vtt",
    media_type="text/vtt; charset=utf-8",
    rows=_list_vtt,
    head="WEBVTT\n",
)
SRT = Format(
    name="srt",
    title="SubRip subtitles",
    suffix=".srt",
    media_type="application/x-subrip; charset=utf-8",
    rows=_list_srt,
)
