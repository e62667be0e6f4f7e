"""webvtt-py reads WebVTT; srt and pysrt read SRT: times, and the word at the beginning of each cue."""

from __future__ import annotations

import pysrt
import srt
import webvtt
from expected import check_events, find_files, read_expected, results_of, select

n_read = []


def name_event(text: str, words: set[str]) -> str:
    """Return the word that a cue shows, the longest that fits."""
    return max((word for word in words if word in text), key=len, default=text)


def seconds(stamp: str) -> float:
    """Return the seconds of "hh:mm:ss.ttt" or "mm:ss.ttt", as webvtt-py gives them."""
    hours, minutes, rest = ["0", *stamp.split(":")][-3:]
    return 3600 * int(hours) + 60 * int(minutes) + float(rest)


folder = results_of("vtt")
events = read_expected(folder)
words, n = {each.word for each in events}, 0
for path in find_files(folder, "*.vtt"):
    cues = list(webvtt.read(str(path)))
    rows = [(seconds(cue.start), seconds(cue.end), name_event(cue.text, words)) for cue in cues]
    check_events(rows, select(events, path), path)
    n += len(cues)
assert n == len(events), f"{n} of {len(events)} events were read"
n_read.append(f"WebVTT: {n} events")
folder = results_of("srt")
events = read_expected(folder)
words, n = {each.word for each in events}, 0
for path in find_files(folder, "*.srt"):
    cues = list(srt.parse(path.read_text(encoding="utf-8"), ignore_errors=False))
    rows = [(cue.start.total_seconds(), cue.end.total_seconds(), name_event(cue.content, words)) for cue in cues]
    check_events(rows, select(events, path), path)
    items = pysrt.open(str(path), encoding="utf-8", error_handling=pysrt.ERROR_RAISE)
    rows = [(item.start.ordinal / 1000, item.end.ordinal / 1000, name_event(item.text, words)) for item in items]
    check_events(rows, select(events, path), path)
    n += len(cues)
assert n == len(events), f"{n} of {len(events)} events were read"
n_read.append(f"SRT: {n} events")
print("; ".join(n_read))
