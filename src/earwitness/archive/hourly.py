"""Sums by recording and by hour: how often and for how long words were detected, and the scene.

In: events, and the windows for scenes. Out: `FileSum`s, `HourSum`s and `HourScene`s.

Where a recording's start is known, an hour is one of its clock, over all recordings; otherwise it is an hour of that
recording, counted from its beginning.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from earwitness.archive.catalogue import FileEntry, group_by_part
from earwitness.archive.parquet_parts import read_clip_starts, read_levels
from earwitness.archive.parquet_schema import CLIPS
from earwitness.archive.quantise import restore_logits
from earwitness.archive.query import Choice
from earwitness.archive.start_times import format_time
from earwitness.archive.store import Store
from earwitness.errors import ArchiveError
from earwitness.recognition import ClipTags, Event, SceneScore, rank_scenes
from earwitness.words import PlaceProfile

HOUR_S = 3600.0


@dataclass(frozen=True, order=True)
class Hour:
    """An hour: `start` as 2026-03-01T13:00:00 with no path, or as "+0 h" of the recording at `path`."""

    start: str
    path: str = ""


@dataclass(frozen=True)
class FileSum:
    """How often, for how many seconds and with which best score a word was detected in a recording."""

    path: str
    word: str
    n_events: int
    seconds: float
    best_score: float


@dataclass(frozen=True)
class HourSum:
    """How often and for how many seconds a word was detected in an hour; an event counts in the hour of its onset."""

    hour: Hour
    word: str
    n_events: int
    seconds: float


@dataclass(frozen=True)
class HourScene:
    """The scenes of an hour, best first, from `n_windows` windows."""

    hour: Hour
    n_windows: int
    ranked: list[SceneScore]


def sum_events(events: Iterable[tuple[str, Event, float | None]]) -> tuple[list[FileSum], list[HourSum]]:
    """Return sums by recording and by hour of events: (path, event, when it began by the clock)."""
    files: dict[tuple[str, str], list[Event]] = {}
    hours: dict[tuple[Hour, str], list[Event]] = {}
    for path, event, start_time in events:
        files.setdefault((path, event.word), []).append(event)
        start_s = None if start_time is None else start_time - event.onset_s
        hours.setdefault((find_hour(path, start_s, event.onset_s), event.word), []).append(event)
    file_sums = [
        FileSum(path, word, len(found), _add_up(found), max(each.score for each in found))
        for (path, word), found in sorted(files.items(), key=lambda item: item[0])
    ]
    hour_sums = [
        HourSum(hour, word, len(found), _add_up(found))
        for (hour, word), found in sorted(hours.items(), key=lambda item: item[0])
    ]
    return file_sums, hour_sums


def rank_hours(
    store: Store, entries: Sequence[FileEntry], profiles: Sequence[PlaceProfile], choice: Choice, problems: list[str]
) -> list[HourScene]:
    """Return the scenes of every hour; a damaged part is left out and listed in `problems`."""
    totals: dict[Hour, Any] = {}
    counts: dict[Hour, int] = {}
    for part, chunks in group_by_part(entries).items():
        try:
            levels = read_levels(store.part_path(part), CLIPS)
            starts = read_clip_starts(store.part_path(part))
        except ArchiveError as error:
            problems.append(str(error))
            continue
        for entry, chunk in chunks:
            place = slice(chunk.first_clip, chunk.first_clip + chunk.n_clips)
            is_queried = choice.hold(starts[place], entry.start_time)
            onsets_s, logits = starts[place][is_queried], restore_logits(levels[place][is_queried])
            numbers = (onsets_s + (entry.start_time or 0.0)) // HOUR_S
            for number in np.unique(numbers):
                is_in = numbers == number
                hour = find_hour(entry.path, entry.start_time, float(onsets_s[is_in][0]))
                totals[hour] = totals.get(hour, 0.0) + logits[is_in].sum(axis=0, dtype=np.float64)
                counts[hour] = counts.get(hour, 0) + int(is_in.sum())
    stats = store.provenance.tag_stats
    ranked = []
    for hour in sorted(totals):
        mean = (totals[hour] / counts[hour]).astype(np.float32)
        clip_tags = ClipTags(mean, mean, np.zeros(len(mean)))
        ranked.append(HourScene(hour, counts[hour], rank_scenes(clip_tags, profiles, stats)))
    return ranked


def find_hour(path: str, start_time: float | None, onset_s: float) -> Hour:
    """Return the hour of a moment in a recording."""
    if start_time is None:
        return Hour(f"+{int(onset_s // HOUR_S)} h", path)
    return Hour(format_time((start_time + onset_s) // HOUR_S * HOUR_S))


def _add_up(events: Sequence[Event]) -> float:
    return round(sum(each.offset_s - each.onset_s for each in events), 3)
