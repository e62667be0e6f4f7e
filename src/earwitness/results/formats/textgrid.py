"""Praat's TextGrid: a tier of intervals for each word, labelled where it is detected and empty elsewhere.

Source: the Praat manual, "TextGrid file formats", the long text form.
"""

from __future__ import annotations

from earwitness.results.formats.base import Format, RecordingResult, round_time, show_time

Interval = tuple[float, float, str]


def _draw_tiers(result: RecordingResult) -> str:
    end_s = round_time(result.recognition.duration_s)
    words = result.recognition.event_words or ["events"]  # a TextGrid has a tier at least
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0", f"xmax = {show_time(end_s)}"]
    lines += ["tiers? <exists>", f"size = {len(words)}", "item []:"]
    for number, word in enumerate(words, start=1):
        intervals = _fill_tier(result, word, end_s)
        lines += [f"    item [{number}]:", '        class = "IntervalTier"', f"        name = {_quote(word)}"]
        lines += [
            "        xmin = 0",
            f"        xmax = {show_time(end_s)}",
            f"        intervals: size = {len(intervals)}",
        ]
        for index, (start_s, stop_s, text) in enumerate(intervals, start=1):
            lines += [f"        intervals [{index}]:", f"            xmin = {show_time(start_s)}"]
            lines += [f"            xmax = {show_time(stop_s)}", f"            text = {_quote(text)}"]
    return "\n".join(lines) + "\n"


def _fill_tier(result: RecordingResult, word: str, end_s: float) -> list[Interval]:
    """Return intervals from 0 to the end without a gap; a tier knows no overlap, so a later event begins at the end
    of the one before.
    """
    intervals: list[Interval] = []
    last_s = 0.0
    for event in (each for each in result.events if each.word == word):
        onset_s, offset_s = max(round_time(event.onset_s), last_s), min(round_time(event.offset_s), end_s)
        if offset_s <= onset_s:
            continue
        if onset_s > last_s:
            intervals.append((last_s, onset_s, ""))
        intervals.append((onset_s, offset_s, word))
        last_s = offset_s
    if last_s < end_s or not intervals:
        intervals.append((last_s, end_s, ""))
    return intervals


def _quote(text: str) -> str:
    return '"' + text.replace('"', '""').replace("\n", " ") + '"'


TEXTGRID = Format(
    name="textgrid",
    title="Praat TextGrid",
    suffix=".TextGrid",
    media_type="text/plain; charset=utf-8",
    rows=_draw_tiers,
)
