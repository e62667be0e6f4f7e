"""Segment-based metrics: time is cut into segments, and a label is in a segment or it is not.

In: `LabelledEvent`s by file, of the reference and estimated. Out: `FileCounts` of pairs of segment and label.

Source: Mesaros, Heittola, Virtanen, "Metrics for polyphonic sound event detection", Applied Sciences 6(6):162, 2016.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from earwitness.errors import AnnotationError
from earwitness.metrics.annotations import LabelledEvent
from earwitness.metrics.counts import N_KINDS, FileCounts
from earwitness.metrics.event_metrics import EventLists, check_events

SEGMENT_S = 1.0  # of DCASE 2017
MAX_SEGMENTS = 10_000_000  # of one file: 115 days of seconds


def count_segments(
    ref: EventLists,
    est: EventLists,
    labels: Sequence[str] | None,
    segment_s: float = SEGMENT_S,
    durations_s: Mapping[str, float] | None = None,
) -> FileCounts:
    """Count segments with references, estimates, hits and substitutions, file by file.

    A segment that an event touches holds its label. In the row of all labels, a segment in which as many labels are
    wrong as are missing has only substitutions; the surplus are insertions or deletions.

    Args:
        ref, est: events by file; of the same files (see `annotations.match_files`).
        labels: what is looked for; by default every label of both.
        segment_s: length of a segment in seconds.
        durations_s: length of each file in seconds; by default the last offset in reference and estimates. Segments
            that nobody says anything about change no score, so it matters only where events go on past the end.

    Raises:
        AnnotationError: the files differ, a label is not among those looked for, a duration is missing, or an event
            is so late that its times cannot be seconds.
    """
    if not 0 < segment_s < math.inf:
        raise AnnotationError(f"segment_s {segment_s}: give a length in seconds above 0")
    labels = check_events(ref, est, labels)
    places = {label: place for place, label in enumerate(labels)}
    rows = np.zeros((len(ref), len(labels) + 1, N_KINDS), dtype=np.int64)
    for row, file in zip(rows, ref, strict=True):
        if durations_s is not None and not durations_s.get(file, math.nan) > 0:
            raise AnnotationError(f"{file}: its duration is {durations_s.get(file)}; give seconds above 0")
        end_s = durations_s[file] if durations_s else max((e.offset_s for e in (*ref[file], *est[file])), default=0.0)
        if end_s / segment_s > MAX_SEGMENTS:
            raise AnnotationError(f"{file}: ends at {end_s} s; give times in seconds, not in samples")
        n_segments = math.ceil(end_s / segment_s)
        _count_rolls(row, *(_lay_out(each[file], places, segment_s, n_segments) for each in (ref, est)))
    return FileCounts(tuple(ref), labels, rows)


def _lay_out(
    events: Sequence[LabelledEvent], places: Mapping[str, int], segment_s: float, n_segments: int
) -> np.ndarray:
    """Return (segments, V) bool, which labels each segment holds."""
    roll = np.zeros((n_segments, len(places)), dtype=bool)
    for event in events:
        first, past = math.floor(event.onset_s / segment_s), math.ceil(event.offset_s / segment_s)
        roll[first:past, places[event.label]] = True
    return roll


def _count_rolls(row: np.ndarray, ref: np.ndarray, est: np.ndarray) -> None:
    """Fill in a file's counts (V + 1, 4) from what its segments hold (segments, V)."""
    hits = ref & est
    row[:-1, 0], row[:-1, 1], row[:-1, 2] = ref.sum(axis=0), est.sum(axis=0), hits.sum(axis=0)
    row[-1] = row[:-1].sum(axis=0)
    row[-1, 3] = (np.minimum(ref.sum(axis=1), est.sum(axis=1)) - hits.sum(axis=1)).sum()
