"""Figures of a folder that `earwitness evaluate` wrote: curves, confusion, actual and predicted counts.

In: the folder. Out: figures whose captions name data set, method and encoder.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from earwitness.errors import OutputError
from earwitness.evaluation import RANKED, Measure, SavedResults, read_results, read_table
from earwitness.plots.confusion import NONE, draw_confusion, draw_distribution
from earwitness.plots.curves import ScoredLabel, draw_precision_recall, draw_roc
from earwitness.recognition import METHODS

CAPTIONS = {
    "events": "A recording's score for a label is that of its loudest event.",
    "scenes": "Each scene against all others, by the scene's score.",
    "clips": "Scores of whole clips.",
}
TITLES = {
    "top1": "the best label of each recording",
    "scenes": "scenes",
    "clips": "labels of recordings",
    "rare": "events, one class a recording",
    "collar": "events",
    "desed_collar": "events",
    "segment": "segments of 1 s",
    "intersection": "events",
}
FLOOR = 0.0  # replaces scores below the run's threshold


def draw_curves(folder: str | Path, kind: str, measure: str = "") -> Any:
    """Return the figure of a folder's curves.

    Args:
        folder: that `earwitness evaluate` wrote.
        kind: "roc" or "pr".
        measure: "events", "scenes" or "clips"; by default the first that is there.

    Raises:
        OutputError: the folder has no scores, none of this measure, or they are damaged.
    """
    saved, (measure, scored) = read_results(folder), read_scores(folder, measure)
    if not any(each.has_both for each in scored):
        raise OutputError(f"{folder}: every label is in all recordings or in none, so there is no curve to draw")
    name = {"roc": "ROC", "pr": "Precision and recall"}[kind]
    title = f"{_name(saved, folder)}: {name} of {TITLES.get(measure, measure)}"
    draw = draw_roc if kind == "roc" else draw_precision_recall
    return draw(scored, title, f"{CAPTIONS[measure]} {_report(saved)}")


def read_scores(folder: str | Path, measure: str = "") -> tuple[str, list[ScoredLabel]]:
    """Return a measure's name and its scores, a label each; the first measure by default.

    Raises:
        OutputError: see `draw_curves`.
    """
    path, rows = Path(folder) / "scores.csv", read_table(folder, "scores.csv")
    there = list(dict.fromkeys(row["measure"] for row in rows))
    if not there:
        raise OutputError(f"{path}: no scores; tables of events have none: evaluate recordings")
    measure = measure or there[0]
    if measure not in there:
        raise OutputError(f"{path}: no scores of {measure!r}; there are: {', '.join(there)}")
    found: dict[str, list[tuple[bool, str]]] = {}
    for row in rows:
        if row["measure"] == measure:
            found.setdefault(row["label"], []).append((row["is_there"] == "1", row["score"]))
    scored = []
    try:
        for label, pairs in found.items():
            is_there = np.array([each for each, _ in pairs], dtype=bool)
            scores = np.array([float(score) if score else FLOOR for _, score in pairs])
            has_floor = any(not score for _, score in pairs)
            scored.append(ScoredLabel(label, is_there, scores, FLOOR if has_floor else None))
    except ValueError as error:
        raise OutputError(f"{path}: damaged ({error}); run 'earwitness evaluate' again") from error
    return measure, scored


def draw_saved_confusion(folder: str | Path, measure: str = "") -> Any:
    """Return the confusion matrix of scenes, labels, or the classes that files were made for.

    Raises:
        OutputError: the folder has no such measure, or is damaged.
    """
    saved = read_results(folder)
    kinds = (*RANKED, "rare")
    chosen = _choose(saved, folder, measure, [kind for kind in saved.measures if kind in kinds], " or ".join(kinds))
    cells, labels = chosen.confuse(), chosen.labels
    is_none_used = bool(cells[:, -1].any())
    columns = [*labels, NONE] if is_none_used else list(labels)
    title = f"{_name(saved, folder)}: {TITLES[chosen.kind]}, confusion matrix"
    caption = f"Measure {chosen.kind!r}. Rows: the true label; columns: the answer. {_report(saved)}"
    return draw_confusion(cells[:, : len(columns)], labels, columns, title, caption)


def draw_saved_distribution(folder: str | Path, measure: str = "") -> Any:
    """Return the figure of actual and predicted counts of each label.

    Raises:
        OutputError: the folder has no such measure, or is damaged.
    """
    saved = read_results(folder)
    chosen = _choose(saved, folder, measure, list(saved.measures), "any measure")
    totals = chosen.counts[:, :-1].sum(axis=0)  # (V, 4)
    in_recordings = (*RANKED, "clips", "rare")
    unit = "segments" if chosen.kind == "segment" else "recordings" if chosen.kind in in_recordings else "events"
    title = f"{_name(saved, folder)}: {TITLES[chosen.kind]}, actual and predicted"
    caption = f"Measure {chosen.kind!r}. {_report(saved)}"
    return draw_distribution(chosen.labels, totals[:, 0].tolist(), totals[:, 1].tolist(), unit, title, caption)


def _choose(saved: SavedResults, folder: str | Path, measure: str, there: list[str], wanted: str) -> Measure:
    if not there or (measure and measure not in there):
        known = ", ".join(saved.measures) or "nothing"
        raise OutputError(f"{folder}: {measure or wanted} is not in it; there is: {known}")
    return saved.measures[measure or there[0]]


def _name(saved: SavedResults, folder: str | Path) -> str:
    return str(saved.about.get("dataset", Path(folder).name))


def _report(saved: SavedResults) -> str:
    """Return the settings of an evaluation for a caption."""
    about = saved.about
    settings = about.get("settings") or {}
    parts = [f"{about['n_files']} recordings" if "n_files" in about else ""]
    parts.append(f"split {about['split']}" if about.get("split") else "")
    parts.append(f"method {about['method']}" if about.get("method") else "")
    method = METHODS.get(about.get("method", ""))
    if settings and not (method and not method.has_word_scores):
        parts.append(f"threshold {settings.get('event_threshold'):g}, hold {settings.get('event_hold'):g}")
    parts.append(f"encoder {about['encoder']}" if about.get("encoder") else "")
    parts.append(f"earwitness {about['version']}" if about.get("version") else "")
    return "; ".join(each for each in parts if each) + "."
