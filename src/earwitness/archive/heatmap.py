"""When words were detected, as grids small enough to look at: a row per day, a column per hour, or finer or coarser.

In: an `Answer`. Out: a `Heat` for recordings whose start is known, another for those whose start is not.

Where a start is known, rows are the finest of days, weeks, months and years of which there are at most `N_ROWS`, and
only those with audio; an empty row stands for a gap. Up to 24 hours have a row per hour and a column per five
minutes. Where no start is known, a row is a recording, and columns count from its beginning.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from earwitness.archive.ask import Answer, QueriedRecording
from earwitness.archive.hourly import HOUR_S
from earwitness.archive.start_times import format_time, parse_time
from earwitness.recognition import name_winner

N_ROWS = 93  # three months by day
N_RECORDINGS = 40
N_COLUMNS = 24
N_PARTS = 12  # of an hour
DAY_S = 86400.0
STEPS_S = (60, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
FIRST_MONDAY = 3  # days from a week's Monday to 1970-01-01
FAINTEST = 0.1  # of the fullest cell's audio: a cell with less counts as if it had that much

Grid = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Unit = tuple[str, Callable[[Whole], Whole], Callable[[int], str]]  # its name, numbers of blocks, names of numbers


@dataclass(frozen=True)
class Heat:
    """What was detected when, as R rows by C columns.

    Attributes:
        unit: what a row is: "hour", "day", "week", "month", "year" or "recording".
        rows, columns: their names; a row without a name stands for a gap.
        column_s: how long a column is.
        analysed_s: seconds of audio (R, C).
        counts: the events (R, C) of each word that begin in a cell.
        scenes: the scene (R, C) that was best in most hours of a cell, as a place in `scene_names`; -1 for none.
        scene_names: those that were best in any hour, most hours first.
        n_left_out: recordings with fewer events, for which there was no row.
    """

    unit: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    column_s: float
    analysed_s: Grid
    counts: dict[str, Whole]
    scenes: Whole
    scene_names: tuple[str, ...]
    n_left_out: int = 0

    def rates(self, word: str) -> Grid:
        """Return events per hour of audio (R, C); where there is little audio, as if there were more: `FAINTEST`."""
        analysed_s = np.maximum(self.analysed_s, max(1.0, FAINTEST * self.analysed_s.max(initial=0.0)))
        return self.counts[word] / analysed_s * HOUR_S


def make_heats(answer: Answer) -> list[Heat]:
    """Return the grid by the clock and that by recording, each only if there are recordings for it."""
    recordings = [each for each in answer.recordings if each.end_s > each.first_s]
    timed = [each for each in recordings if each.start_time is not None]
    timeless = [each for each in recordings if each.start_time is None]
    heats = [_heat_by_clock(answer, timed)] if timed else []
    return [*heats, _heat_by_recording(answer, timeless)] if timeless else heats


def _heat_by_clock(answer: Answer, recordings: Sequence[QueriedRecording]) -> Heat:
    segments = [
        (start + each.first_s, start + each.end_s) for each in recordings if (start := each.start_time) is not None
    ]
    is_short = max(end for _, end in segments) - min(start for start, _ in segments) <= DAY_S
    n_columns = N_PARTS if is_short else N_COLUMNS
    column_s = HOUR_S / N_PARTS if is_short else HOUR_S
    bins, seconds = _spread(segments, column_s)
    unit, row_of, rows = _choose_rows(bins // n_columns, UNITS[:1] if is_short else UNITS[1:])
    analysed_s = np.zeros((len(rows), n_columns))
    np.add.at(analysed_s, (row_of(bins // n_columns), bins % n_columns), seconds)
    onsets: dict[str, list[float]] = {word: [] for word in answer.words}
    for found in answer.events:
        if found.start_time is not None:
            onsets[found.event.word].append(found.start_time // column_s)
    counts = {word: np.zeros(analysed_s.shape, np.int64) for word in answer.words}
    for word, begun in onsets.items():
        at = np.array(begun, np.int64)
        np.add.at(counts[word], (row_of(at // n_columns), at % n_columns), 1)
    best: dict[tuple[int, int], Counter[str]] = {}
    for each in answer.scenes:
        if not each.hour.path and each.ranked:
            hour = int(parse_time(each.hour.start) // HOUR_S)
            row = int(row_of(np.array([hour if is_short else hour // N_COLUMNS]))[0])
            for column in range(n_columns) if is_short else [hour % N_COLUMNS]:
                best.setdefault((row, column), Counter())[name_winner(each.ranked)] += 1
    columns = tuple(f":{5 * part:02d}" if is_short else f"{part:02d}:00" for part in range(n_columns))
    return Heat(unit, rows, columns, column_s, analysed_s, counts, *_choose_scenes(best, analysed_s))


def _spread(segments: Sequence[tuple[float, float]], bin_s: float) -> tuple[Whole, Grid]:
    """Return bins of time since 1970 and the seconds of audio in them; a bin may be there several times."""
    starts, ends = np.array(segments).T
    bins, seconds = [], []
    at = np.floor(starts / bin_s)
    while len(at):
        bins.append(at.astype(np.int64))
        seconds.append(np.minimum(ends, (at + 1) * bin_s) - np.maximum(starts, at * bin_s))
        goes_on = ends > (at + 1) * bin_s
        starts, ends, at = starts[goes_on], ends[goes_on], at[goes_on] + 1
    return np.concatenate(bins), np.concatenate(seconds)


def _choose_rows(blocks: Whole, units: Sequence[Unit]) -> tuple[str, Callable[[Whole], Whole], tuple[str, ...]]:
    """Return what a row is, what gives the rows of blocks (hours or days since 1970), and the rows' names."""
    for unit, number_of, name in units:  # noqa: B007 (what it ends with is used)
        present = np.unique(number_of(blocks))
        is_gap = np.diff(present) > 1
        n_rows = len(present) + int(is_gap.sum())
        if n_rows <= N_ROWS:
            break
    places = np.arange(len(present)) + np.concatenate([[0], np.cumsum(is_gap)]).astype(np.int64)
    names = [""] * n_rows
    for place, number in zip(places, present, strict=True):
        names[int(place)] = name(int(number))

    def row_of(recordings: Whole) -> Whole:
        # An onset may lie a moment past the last second: it counts to the row before.
        found = np.searchsorted(present, number_of(recordings), side="right") - 1
        return np.asarray(places[np.clip(found, 0, len(present) - 1)], np.int64)

    return unit, row_of, tuple(names)


def _convert_days(days: Whole, unit: str) -> Whole:
    """Return the months ("M") or years ("Y") since 1970 of days since 1970."""
    return np.asarray(days.astype("datetime64[D]").astype(f"datetime64[{unit}]").astype(np.int64))


def _name_day(day: int) -> str:
    return (date(1970, 1, 1) + timedelta(days=day)).isoformat()


UNITS: tuple[Unit, ...] = (
    ("hour", lambda hours: hours, lambda hour: format_time(hour * HOUR_S).replace("T", " ")[:-3]),
    ("day", lambda days: days, _name_day),
    ("week", lambda days: (days + FIRST_MONDAY) // 7, lambda week: _name_day(7 * week - FIRST_MONDAY)),
    ("month", lambda days: _convert_days(days, "M"), lambda month: f"{1970 + month // 12}-{month % 12 + 1:02d}"),
    ("year", lambda days: _convert_days(days, "Y"), lambda year: str(1970 + year)),
)


def _heat_by_recording(answer: Answer, recordings: Sequence[QueriedRecording]) -> Heat:
    n_events = Counter(each.path for each in answer.events)
    most = set(sorted(recordings, key=lambda each: -n_events[each.path])[:N_RECORDINGS])
    shown = [each for each in recordings if each in most]
    rows = {each.path: row for row, each in enumerate(shown)}
    longest_s = max(each.end_s for each in shown)
    least_s = longest_s / N_COLUMNS
    step_s = next((step for step in STEPS_S if step >= least_s), 86400 * int(-(-least_s // 86400)))
    n_columns = max(1, int(-(-longest_s // step_s)))
    edges = step_s * np.arange(n_columns + 1)
    ends = np.array([each.end_s for each in shown])[:, None]
    analysed_s = np.clip(np.minimum(ends, edges[1:]) - edges[:-1], 0.0, None)
    counts = {word: np.zeros(analysed_s.shape, np.int64) for word in answer.words}
    for found in answer.events:
        if found.path in rows:
            column = min(int(found.event.onset_s // step_s), n_columns - 1)
            counts[found.event.word][rows[found.path], column] += 1
    best: dict[tuple[int, int], Counter[str]] = {}
    for each in answer.scenes:
        if each.hour.path in rows and each.ranked:
            start_s = int(each.hour.start[1:-2]) * HOUR_S
            first, last = int(start_s // step_s), int((start_s + HOUR_S - 1) // step_s)
            for column in range(first, min(last, n_columns - 1) + 1):
                cell = (rows[each.hour.path], column)
                best.setdefault(cell, Counter())[name_winner(each.ranked)] += 1
    names = tuple(each.path for each in shown)
    columns = tuple(_name_moment(column * step_s, step_s) for column in range(n_columns))
    scenes = _choose_scenes(best, analysed_s)
    left_out = len(recordings) - len(shown)
    return Heat("recording", names, columns, float(step_s), analysed_s, counts, *scenes, left_out)


def _name_moment(time_s: int, step_s: int) -> str:
    if step_s >= 86400:
        return f"+{time_s // 86400} d"
    hours, minutes = time_s // 3600, time_s // 60 % 60
    return f"+{hours} h" if step_s >= 3600 else f"+{hours}:{minutes:02d}"


def _choose_scenes(best: dict[tuple[int, int], Counter[str]], analysed_s: Grid) -> tuple[Whole, tuple[str, ...]]:
    """Return for each cell (R, C) the place, in the list of scenes, of that which was best most often; and the list."""
    total: Counter[str] = sum(best.values(), Counter())
    names = tuple(scene for scene, _ in total.most_common())
    scenes = np.full(analysed_s.shape, -1, np.int64)
    for cell, counted in best.items():
        if analysed_s[cell] > 0:
            scenes[cell] = names.index(counted.most_common(1)[0][0])
    return scenes, names
