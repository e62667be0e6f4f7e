"""Scores over time: how high each label scores in each segment of a file.

In: arrays, or a folder of TSV files with the columns `onset offset label label ...`, as sed_scores_eval reads and
writes them. Out: `ScoreCurves` by file, and the events that a threshold makes of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from earwitness.errors import AnnotationError
from earwitness.metrics.annotations import OWN_EVENTS, LabelledEvent

BLOCK_CELLS = 4_000_000  # of thresholds x segments are looked at together


@dataclass(frozen=True)
class ScoreCurves:
    """Scores of V labels in T segments of a file; -inf is never an event.

    Attributes:
        labels: V labels.
        edges_s: (T + 1,) float64, where each segment begins, and where the last one ends, in seconds; rising.
        scores: (T, V) float64; only their order matters.
    """

    labels: tuple[str, ...]
    edges_s: np.ndarray
    scores: np.ndarray

    def __post_init__(self) -> None:
        n_segments = len(self.edges_s) - 1
        if n_segments < 1 or self.scores.shape != (n_segments, len(self.labels)):
            raise AnnotationError(
                f"scores of shape {self.scores.shape} with {len(self.edges_s)} edges and {len(self.labels)} labels: "
                "give (segments, labels) and one edge more than segments"
            )
        if not (np.isfinite(self.edges_s).all() and (np.diff(self.edges_s) > 0).all() and self.edges_s[0] >= 0):
            raise AnnotationError("edges of segments must rise from 0 or more, in seconds")
        if np.isnan(self.scores).any():
            raise AnnotationError("a score is nan; give numbers, -inf for what is never an event")

    @property
    def duration_s(self) -> float:
        """Where the last segment ends."""
        return float(self.edges_s[-1])

    def find_events(self, thresholds: Mapping[str, float] | float) -> list[LabelledEvent]:
        """Return the segments with scores above a threshold as events; neighbours are one event.

        Args:
            thresholds: one for all labels, or one for each.
        """
        events = []
        for index, label in enumerate(self.labels):
            threshold = thresholds[label] if isinstance(thresholds, Mapping) else thresholds
            _, onsets, offsets = _cut(self.scores[None, :, index] > threshold, self.edges_s)
            events += [LabelledEvent(label, *times) for times in zip(onsets.tolist(), offsets.tolist(), strict=True)]
        return sorted(events, key=lambda event: (event.onset_s, event.offset_s, event.label))


@dataclass(frozen=True)
class Detections:
    """All events that any threshold makes of one curve.

    Attributes:
        thresholds: (U,) the curve's unique scores, rising; an event is where the score reaches the threshold.
        steps: (K,) int, to which threshold each event belongs.
        onsets_s, offsets_s: (K,) in seconds.
    """

    thresholds: np.ndarray
    steps: np.ndarray
    onsets_s: np.ndarray
    offsets_s: np.ndarray


def find_detections(scores: np.ndarray, edges_s: np.ndarray) -> Detections:
    """Return the events of every threshold.

    Args:
        scores: (T,) of one label.
        edges_s: (T + 1,) in seconds.
    """
    thresholds = np.unique(scores[scores > -math.inf])
    size = max(1, BLOCK_CELLS // len(scores))
    parts = []
    for first in range(0, len(thresholds), size):
        steps, onsets_s, offsets_s = _cut(scores >= thresholds[first : first + size, None], edges_s)
        parts.append((steps + first, onsets_s, offsets_s))
    if not parts:
        return Detections(thresholds, np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0))
    return Detections(thresholds, *(np.concatenate(column) for column in zip(*parts, strict=True)))


def count_onsets(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return at which scores (K,) the number of events changes as the threshold falls to them, and by how much (K,)."""
    outside = np.array([-math.inf])
    before, after = np.concatenate([outside, scores[:-1]]), np.concatenate([scores[1:], outside])
    changes = ((scores > before).astype(np.int64) - (after > scores)) * (scores > -math.inf)
    is_change = changes != 0
    return scores[is_change], changes[is_change]


def holds_curves(path: str | Path) -> bool:
    """Return whether a folder holds tables of scores over time, not tables of events."""
    first = next(iter(sorted(Path(path).glob("*.tsv"))), None) if Path(path).is_dir() else None
    if first is None:
        return False
    with first.open(encoding="utf-8-sig", errors="replace") as file:
        names = file.readline().rstrip("\r\n").split("\t")
    return names[:2] == ["onset", "offset"] and len(names) > 2 and not OWN_EVENTS.find(names).get("label")


def read_score_curves(folder: str | Path) -> dict[str, ScoreCurves]:
    """Read a folder of TSV files, `<file's name without extension>.tsv`, as sed_scores_eval writes them.

    Returns:
        Curves by name without extension.

    Raises:
        AnnotationError: there is no such file, or one of them is broken.
    """
    paths = sorted(Path(folder).glob("*.tsv"))
    if not paths:
        raise AnnotationError(f"{folder}: no .tsv here; give a folder with a table of scores for each file")
    return {path.stem: _read_curves(path) for path in paths}


def _read_curves(path: Path) -> ScoreCurves:
    try:
        with path.open(encoding="utf-8-sig") as file:
            names = file.readline().rstrip("\r\n").split("\t")
            if names[:2] != ["onset", "offset"] or len(names) < 3:
                raise AnnotationError(f"{path}: line 1: {names}; name columns onset, offset and labels, between tabs")
            rows = [[float(cell) for cell in line.split("\t")] for line in file if line.strip()]
        table = np.array(rows, dtype=np.float64).reshape(-1, len(names))
    except (OSError, ValueError) as error:
        raise AnnotationError(f"{path}: not a table of scores ({error}); give numbers between tabs") from error
    apart = np.flatnonzero(table[1:, 0] != table[:-1, 1])
    if apart.size:
        raise AnnotationError(
            f"{path}: line {apart[0] + 3}: onset {table[apart[0] + 1, 0]} is not the offset before, "
            f"{table[apart[0], 1]}; segments must follow each other"
        )
    try:
        return ScoreCurves(tuple(names[2:]), np.append(table[:, 0], table[-1:, 1]), table[:, 2:])
    except AnnotationError as error:
        raise AnnotationError(f"{path}: {error}") from error


def _cut(is_on: np.ndarray, edges_s: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return row, onset and offset of each run of True in (U, T); row by row, in the order of time."""
    bounds = np.diff(np.pad(is_on.astype(np.int8), ((0, 0), (1, 1))), axis=1)  # (U, T + 1)
    steps, starts = np.nonzero(bounds > 0)
    return steps, edges_s[starts], edges_s[np.nonzero(bounds < 0)[1]]


def common_labels(curves: Mapping[str, ScoreCurves]) -> Sequence[str]:
    """Return the labels of curves.

    Raises:
        AnnotationError: there are no curves, or they differ in their labels.
    """
    found = {each.labels for each in curves.values()}
    if len(found) != 1:
        raise AnnotationError(f"curves of {len(curves)} files have {len(found)} sets of labels; give all the same")
    return found.pop()
