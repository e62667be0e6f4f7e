"""Figures of the published commands over many recordings, against the truth, as in the paper.

In: for each recording, its true event and the score of each detected word. Out: figures in a folder: actual and
predicted events, the confusion matrix, ROC and precision-recall curves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from earwitness.plots.confusion import NONE, draw_confusion, draw_distribution
from earwitness.plots.curves import ScoredLabel, draw_precision_recall, draw_roc
from earwitness.plots.figure import save_picture
from earwitness.words import as_key

NAMES = ("distribution.png", "confusion.png", "roc.png", "pr.png")


@dataclass(frozen=True)
class Detected:
    """A recording's event in the metadata, empty without one, and the largest score of each word detected in it."""

    reference: str
    scores: Mapping[str, float]


def draw_detections(folder: Path, words: Sequence[str], detected: Sequence[Detected], caption: str) -> list[Path]:
    """Write the figures and return their paths; curves only if some word is in some recordings and not in others.

    Raises:
        MissingExtraError: matplotlib is not installed.
        OutputError: a picture cannot be written.
    """
    rows = [*words, NONE]
    cells = np.zeros((len(rows), len(rows)), np.int64)
    n_actual, n_predicted = np.zeros(len(rows), np.int64), np.zeros(len(rows), np.int64)
    for each in detected:
        true = next((i for i, word in enumerate(words) if as_key(word) == as_key(each.reference)), len(words))
        found = [i for i, word in enumerate(words) if word in each.scores]
        best = max(found, key=lambda i: each.scores[words[i]], default=len(words))
        cells[true, best] += 1
        n_actual[true] += 1
        n_predicted[found or [len(words)]] += 1
    about = f"{len(detected)} recordings of TUT Rare Sound Events. {caption}"
    several = "A recording counts once for each word detected in it. "
    strongest = "Answer: the word with the largest score. "
    title = "TUT Rare Sound Events: "
    figures = {
        "distribution.png": draw_distribution(
            rows, n_actual.tolist(), n_predicted.tolist(), "recordings", f"{title}actual and predicted", several + about
        ),
        "confusion.png": draw_confusion(cells, rows, rows, f"{title}confusion matrix", strongest + about),
    }
    scored = [_score(word, detected) for word in words]
    if any(each.has_both for each in scored):
        loudest = "A recording's score for a word is that of its loudest event. "
        figures["roc.png"] = draw_roc(scored, f"{title}ROC of events", loudest + about)
        figures["pr.png"] = draw_precision_recall(scored, f"{title}precision and recall of events", loudest + about)
    for name in NAMES:
        if name not in figures:
            (folder / name).unlink(missing_ok=True)  # of an earlier run
    return [save_picture(figure, folder / name) for name, figure in figures.items()]


def _score(word: str, detected: Sequence[Detected]) -> ScoredLabel:
    is_there = np.array([as_key(each.reference) == as_key(word) for each in detected], dtype=bool)
    scores = np.array([each.scores.get(word, 0.0) for each in detected])
    return ScoredLabel(word, is_there, scores, 0.0 if any(word not in each.scores for each in detected) else None)
