"""Event-based metrics: an estimated event is right where its label is and its times lie within a collar.

In: `LabelledEvent`s by file, of the reference and estimated. Out: `FileCounts`, also as DCASE 2017 task 2 counts.

Sources: Mesaros, Heittola, Virtanen, "Metrics for polyphonic sound event detection", Applied Sciences 6(6):162, 2016;
Mesaros et al., "DCASE 2017 challenge setup", 2017, for task 2; Turpault et al., "Sound event detection in domestic
environments with weakly labeled data and soundscape synthesis", DCASE 2019, for DESED.
"""

from __future__ import annotations

import ntpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from earwitness.errors import AnnotationError
from earwitness.metrics.annotations import LabelledEvent
from earwitness.metrics.counts import N_KINDS, FileCounts
from earwitness.metrics.matching import match_pairs

EventLists = Mapping[str, Sequence[LabelledEvent]]


@dataclass(frozen=True)
class Collar:
    """How far estimated times may lie from the reference's; limits are inclusive.

    Attributes:
        onset_s: for onsets, in seconds.
        offset_s: for offsets, in seconds; None if offsets are not looked at.
        offset_share: an offset may also lie this share of the reference's length away, in [0, 1].
        time_decimals: differences are rounded to so many digits, as sed_scores_eval does with 6; None compares them as
            they are, as sed_eval does (1.1 - 0.6 is then above 0.5).
    """

    onset_s: float = 0.2
    offset_s: float | None = None
    offset_share: float = 0.0
    time_decimals: int | None = None

    def __post_init__(self) -> None:
        if not self.onset_s >= 0 or (self.offset_s is not None and not self.offset_s >= 0):
            raise AnnotationError(f"collar of {self.onset_s} s and {self.offset_s} s: give 0 or more")
        if not 0 <= self.offset_share <= 1:
            raise AnnotationError(f"offset_share {self.offset_share}: give a share of the length, from 0 to 1")

    def find_hits(self, ref_times: np.ndarray, est_times: np.ndarray) -> np.ndarray:
        """Return (R, E) bool, whether times agree, of onsets and offsets (R, 2) and (E, 2) in seconds."""
        distances = np.abs(ref_times[:, None] - est_times[None])  # (R, E, 2)
        hits = self._is_within(distances[..., 0], np.asarray(self.onset_s))
        if self.offset_s is not None:
            lengths = ref_times[:, 1] - ref_times[:, 0]
            limits = np.maximum(self.offset_s, self.offset_share * lengths)
            hits &= self._is_within(distances[..., 1], limits[:, None])
        return hits

    def _is_within(self, distances: np.ndarray, limits: np.ndarray) -> np.ndarray:
        if self.time_decimals is None:
            return np.asarray(distances <= limits)
        return np.asarray(np.round(distances - limits, self.time_decimals) <= 0)


RARE_EVENT_COLLAR = Collar(onset_s=0.5)  # DCASE 2017 task 2: onset only
EVENT_COLLAR = Collar(onset_s=0.2, offset_s=0.2, offset_share=0.5)  # Mesaros et al. 2016, sed_eval's default
DESED_COLLAR = Collar(onset_s=0.2, offset_s=0.2, offset_share=0.2)  # DCASE task 4


def count_events(ref: EventLists, est: EventLists, labels: Sequence[str] | None, collar: Collar) -> FileCounts:
    """Count references, estimates, hits and substitutions, file by file.

    Pairs are as many as there can be. A substitution is a reference and an estimate left over, whose times agree.

    Args:
        ref, est: events by file; of the same files (see `annotations.match_files`), each in the order of its table.
        labels: what is looked for; by default every label of both.
        collar: how far times may lie apart.

    Raises:
        AnnotationError: the files differ, or a label is not among those looked for.
    """
    labels = check_events(ref, est, labels)
    places = {label: place for place, label in enumerate(labels)}
    rows = np.zeros((len(ref), len(labels) + 1, N_KINDS), dtype=np.int64)
    for row, file in zip(rows, ref, strict=True):
        if ref[file] or est[file]:
            _count_file(row, ref[file], est[file], places, collar)
    return FileCounts(tuple(ref), labels, rows)


def count_rare_events(ref: EventLists, est: EventLists, classes: Mapping[str, str] | None = None) -> FileCounts:
    """Count as DCASE 2017 task 2 does: in each file only its class, onsets only, with a collar of 500 ms.

    The row of all together is the sum over classes. The challenge is ranked by the mean error rate of the classes.

    Args:
        ref, est: events by file; files without an event have an empty list and must not be left out.
        classes: the class of each file; by default read from its name, `mixture_evaltest_babycry_000_....wav`.

    Raises:
        AnnotationError: the class of a file is not known, or the files differ.
    """
    own = {file: find_rare_class(file) if classes is None else classes.get(file) for file in ref}
    unknown = next((file for file, label in own.items() if not label), None)
    if unknown is not None:
        raise AnnotationError(f"{unknown}: not known which class it was made for; name it in classes")
    ref_own, est_own = ({file: _only(own[file], lists.get(file, ())) for file in ref} for lists in (ref, est))
    check_files(ref, est)
    labels = sorted({label for label in own.values() if label})
    return count_events(ref_own, est_own, labels, RARE_EVENT_COLLAR)


def find_rare_class(file: str) -> str | None:
    """Return the class in a mixture's name, `mixture_<subset>_<class>_<number>_<hash>.wav`; None in other names."""
    found = re.match(r"mixture_[a-z]+_([a-z]+)_\d+", ntpath.basename(file))
    return found[1] if found else None


def check_files(ref: Mapping[str, object], est: Mapping[str, object]) -> None:
    """Refuse references and estimates of different files.

    Raises:
        AnnotationError: a file is in one of them only.
    """
    if not ref:
        raise AnnotationError("the reference names no file; there is nothing to score against")
    odd = next((file for file in (*ref, *est) if file not in ref or file not in est), None)
    if odd is not None:
        where = "reference" if odd in ref else "estimates"
        raise AnnotationError(f"{odd} is in the {where} only; bring both together with match_files")


def check_events(ref: EventLists, est: EventLists, labels: Sequence[str] | None) -> tuple[str, ...]:
    """Return the labels that are looked for, in their order, or sorted where none were given.

    Raises:
        AnnotationError: the files differ, a label is there twice or not among those looked for.
    """
    check_files(ref, est)
    used = {event.label: file for lists in (ref, est) for file, events in lists.items() for event in events}
    if labels is None:
        return tuple(sorted(used))
    unknown = next((label for label in used if label not in set(labels)), None)
    if unknown is not None:
        raise AnnotationError(f"{used[unknown]}: label {unknown!r} is not one of {', '.join(labels)}; add or rename it")
    if len(set(labels)) < len(labels):
        raise AnnotationError(f"labels {', '.join(labels)}: one is there twice")
    return tuple(labels)


def as_times(events: Sequence[LabelledEvent]) -> np.ndarray:
    """Return onsets and offsets (N, 2) in seconds."""
    return np.array([(event.onset_s, event.offset_s) for event in events], dtype=np.float64).reshape(-1, 2)


def _only(label: str | None, events: Sequence[LabelledEvent]) -> list[LabelledEvent]:
    return [event for event in events if event.label == label]


def _count_file(
    row: np.ndarray,
    ref: Sequence[LabelledEvent],
    est: Sequence[LabelledEvent],
    places: Mapping[str, int],
    collar: Collar,
) -> None:
    """Fill in a file's counts (V + 1, 4)."""
    ref_labels, est_labels = (np.array([places[e.label] for e in each], dtype=np.int64) for each in (ref, est))
    times_agree = collar.find_hits(as_times(ref), as_times(est))  # (R, E)
    partner = match_pairs(times_agree & (ref_labels[:, None] == est_labels[None]))
    is_hit = partner >= 0
    row[:-1, 0] = np.bincount(ref_labels, minlength=len(places))
    row[:-1, 1] = np.bincount(est_labels, minlength=len(places))
    row[:-1, 2] = np.bincount(ref_labels[is_hit], minlength=len(places))
    row[-1] = row[:-1].sum(axis=0)
    row[-1, 3] = _count_substitutions(times_agree, is_hit, partner[is_hit])


def _count_substitutions(times_agree: np.ndarray, is_hit: np.ndarray, used: np.ndarray) -> int:
    """Count left-over references that find a left-over estimate, first come first served, as sed_eval does."""
    is_free = np.ones(times_agree.shape[1], dtype=bool)
    is_free[used] = False
    n_substitutions = 0
    for agrees in times_agree[~is_hit]:
        found = np.flatnonzero(agrees & is_free)
        if found.size:
            is_free[found[0]] = False
            n_substitutions += 1
    return n_substitutions
