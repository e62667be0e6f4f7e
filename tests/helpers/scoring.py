"""Scores of all files together, straight from lists of events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from earwitness.metrics.counts import DetectionScores
from earwitness.metrics.event_metrics import EVENT_COLLAR, Collar, EventLists, count_events
from earwitness.metrics.intersection_metrics import DESED_CRITERIA, Criteria, count_intersections
from earwitness.metrics.segment_metrics import SEGMENT_S, count_segments

Labels = Sequence[str] | None


def score_events(
    ref: EventLists,
    est: EventLists,
    labels: Labels = None,
    collar: Collar = EVENT_COLLAR,
    is_silence_zero: bool = False,
) -> DetectionScores:
    """Return event-based scores."""
    return count_events(ref, est, labels, collar).score(is_silence_zero)


def score_segments(
    ref: EventLists,
    est: EventLists,
    labels: Labels = None,
    segment_s: float = SEGMENT_S,
    durations_s: Mapping[str, float] | None = None,
    is_silence_zero: bool = False,
) -> DetectionScores:
    """Return segment-based scores."""
    return count_segments(ref, est, labels, segment_s, durations_s).score(is_silence_zero)


def score_intersections(
    ref: EventLists,
    est: EventLists,
    labels: Labels = None,
    criteria: Criteria = DESED_CRITERIA,
    is_silence_zero: bool = False,
) -> DetectionScores:
    """Return intersection-based scores."""
    return count_intersections(ref, est, labels, criteria).score(is_silence_zero)
