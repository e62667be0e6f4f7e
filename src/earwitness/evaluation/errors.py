"""What was missed, what was detected that is not there, and how both change with the threshold.

In: references and estimates by file, each estimate with its score, and the tags of each file. Out: rows for
`errors_list.csv` and `curves.csv`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from earwitness.evaluation.measures import measure_events
from earwitness.metrics import (
    DESED_COLLAR,
    EVENT_COLLAR,
    RARE_EVENT_COLLAR,
    EventLists,
    LabelledEvent,
    as_times,
    find_rare_class,
    match_pairs,
    plain,
)

COLLARS = {"rare": RARE_EVENT_COLLAR, "collar": EVENT_COLLAR, "desed_collar": DESED_COLLAR}
MAX_POINTS = 50  # of a curve
HOUR_S = 3600.0
Row = dict[str, Any]


@dataclass(frozen=True)
class ScoredEvent:
    """An estimated event with its score, and the tags it rests on."""

    event: LabelledEvent
    score: float | None = None
    tags: str = ""


def list_event_errors(
    kind: str,
    ref: EventLists,
    est: Mapping[str, Sequence[ScoredEvent]],
    tags: Mapping[str, str],
    classes: Mapping[str, str] | None = None,
) -> list[Row]:
    """Return what was missed and what was detected that is not there, file by file.

    Args:
        kind: "rare", "collar" or "desed_collar": how far times may lie apart.
        ref, est: by file.
        tags: the tags of each file's recording, which say what was there where an event was missed.
        classes: for "rare", the class of each file; estimates of others are "passed over".
    """
    rows: list[Row] = []
    for file, events in ref.items():
        own = (classes or {}).get(file) or find_rare_class(file) if kind == "rare" else None
        found = [each for each in est[file] if own in (None, each.event.label)]
        events = [each for each in events if own in (None, each.label)]
        hits = COLLARS[kind].find_hits(as_times(events), as_times([each.event for each in found]))  # (R, E)
        same = [[event.label == each.event.label for each in found] for event in events]
        partner = match_pairs(hits & np.array(same, dtype=bool).reshape(hits.shape))
        for event, pair in zip(events, partner, strict=True):
            if pair < 0:
                rows.append(_row("missed", file, ScoredEvent(event, None, tags.get(file, ""))))
        used = set(partner.tolist())
        rows += [_row("false alarm", file, each) for index, each in enumerate(found) if index not in used]
        rows += [_row("passed over", file, each) for each in est[file] if own not in (None, each.event.label)]
    return rows


def list_wrong_answers(
    kind: str, ref: Mapping[str, str], answers: Mapping[str, tuple[str, float]], tags: Mapping[str, str]
) -> list[Row]:
    """Return the files whose scene or label is wrong; `kind` is "wrong scene" or "wrong label".

    Args:
        kind: how the rows are called.
        ref: the truth by file, listed as `word`.
        answers: the answer and its score by file.
        tags: the tags of each file's recording.
    """
    rows = []
    for file, truth in ref.items():
        answer, score = answers[file]
        if answer != truth:
            row = {"kind": kind, "file": file, "word": truth, "onset_s": "", "offset_s": "", "score": f"{score:.4f}"}
            rows.append(row | {"heard": f"taken for {answer}: {tags.get(file, '')}"})
    return rows


def draw_curve(
    kind: str,
    ref: EventLists,
    est: Mapping[str, Sequence[ScoredEvent]],
    labels: Sequence[str],
    duration_s: float,
    lowest: float,
    classes: Mapping[str, str] | None = None,
) -> list[Row]:
    """Return precision, recall, F1 and false alarms an hour against the threshold, all labels together.

    Events of the run count where their score reaches the threshold; so the curve begins at the run's own.

    Args:
        kind: "rare", "collar" or "desed_collar".
        ref, est: by file.
        labels: what was listened for.
        duration_s: of all files together.
        lowest: the run's threshold.
        classes: for "rare", the class of each file.
    """
    scores = np.unique([each.score for found in est.values() for each in found if each.score is not None])
    if len(scores) > MAX_POINTS:
        scores = np.unique(np.quantile(scores, np.linspace(0, 1, MAX_POINTS), method="nearest"))
    rows = []
    for threshold in sorted({lowest, *(float(score) for score in scores if score > lowest)}):
        above = {
            file: [each.event for each in found if each.score is None or each.score >= threshold]
            for file, found in est.items()
        }
        counts = measure_events(kind, ref, above, labels, classes).detection.overall
        n_false = counts.n_est - counts.n_hits
        rates = {name: plain(getattr(counts, name)) for name in ("precision", "recall", "f1")}
        alarms = {"n_false_alarms": n_false, "false_alarms_per_hour": n_false / duration_s * HOUR_S}
        rows.append({"measure": kind, "threshold": threshold, **rates, **alarms})
    return rows


def _row(kind: str, file: str, each: ScoredEvent) -> Row:
    event = each.event
    times = {"onset_s": f"{event.onset_s:.3f}", "offset_s": f"{event.offset_s:.3f}"}
    score = "" if each.score is None else f"{each.score:.4f}"
    return {"kind": kind, "file": file, "word": event.label, **times, "score": score, "heard": each.tags}
