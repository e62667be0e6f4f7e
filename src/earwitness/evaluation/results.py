"""Results of an evaluation <-> a folder: one row of results, and the tables behind it.

In: `Results`. Out: `results.json`, `per_class.csv`, `per_condition.csv`, `curves.csv`, `errors_list.csv`,
`per_file.csv`, `scores.csv`; and `Results` again, as far as a comparison or a picture needs them.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from earwitness.errors import OutputError
from earwitness.evaluation.measures import MEANINGS, Measure, MetricValue
from earwitness.files import write_csv, write_text
from earwitness.metrics import N_KINDS

SCHEMA = 1
COUNTS = ("n_ref", "n_est", "n_hits", "n_substitutions")
RATES = ("precision", "recall", "f1", "error_rate")
COLUMNS = {
    "per_class.csv": ("measure", "label", *COUNTS, *RATES),
    "per_condition.csv": ("condition", "group", "measure", "metric", "n_files", "value"),
    "curves.csv": ("measure", "threshold", "precision", "recall", "f1", "n_false_alarms", "false_alarms_per_hour"),
    "errors_list.csv": ("kind", "file", "word", "onset_s", "offset_s", "score", "heard"),
    "per_file.csv": ("measure", "file", "label", *COUNTS, "value"),
    "scores.csv": ("measure", "file", "label", "is_there", "score"),
}
TOTAL = "(all)"  # the label of a file's row of all labels together
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Results:
    """What an evaluation found.

    Attributes:
        about: data set, split, number of files, settings, encoder, date: what `results.json` says beside the numbers.
        metrics: the numbers.
        measures: counts of each file, from which they are made.
        per_class, per_condition, curves, errors, scores: rows by the columns of `COLUMNS`.
    """

    about: dict[str, Any]
    metrics: tuple[MetricValue, ...]
    measures: tuple[Measure, ...]
    per_class: Rows = field(default_factory=list)
    per_condition: Rows = field(default_factory=list)
    curves: Rows = field(default_factory=list)
    errors: Rows = field(default_factory=list)
    scores: Rows = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return the one row of results, as `results.json` holds it."""
        meanings = {each.measure: MEANINGS[each.measure] for each in self.metrics}
        metrics = [each.to_dict() for each in self.metrics]
        return {"schema": SCHEMA, **self.about, "measures": meanings, "metrics": metrics}


@dataclass(frozen=True)
class SavedResults:
    """What was read back: the row of `results.json`, and counts of each file by kind."""

    folder: Path
    about: dict[str, Any]
    measures: dict[str, Measure]


def write_results(folder: str | Path, results: Results) -> None:
    """Write all files of results; files of an earlier evaluation in the folder are replaced.

    Raises:
        OutputError: the folder or a file cannot be written.
    """
    folder = Path(folder)
    tables = {
        "per_class.csv": results.per_class,
        "per_condition.csv": results.per_condition,
        "curves.csv": results.curves,
        "errors_list.csv": results.errors,
        "scores.csv": results.scores,
        "per_file.csv": [row for measure in results.measures for row in _list_files(measure)],
    }
    for name, rows in tables.items():
        write_csv(folder / name, _list_cells(COLUMNS[name], rows))
    text = json.dumps(results.to_dict(), indent=2, allow_nan=False)
    write_text(folder / "results.json", text + "\n")


def read_results(folder: str | Path) -> SavedResults:
    """Read back what a comparison needs.

    Raises:
        OutputError: the folder holds no results, or they are damaged or of another schema.
    """
    folder = Path(folder)
    path = folder / "results.json"
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        if about.get("schema") != SCHEMA:
            raise OutputError(f"{path}: schema {about.get('schema')!r}; this version reads {SCHEMA}: evaluate again")
        path = folder / "per_file.csv"
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        kinds = list(dict.fromkeys(row["measure"] for row in rows))
        measures = {kind: _read_measure(kind, [row for row in rows if row["measure"] == kind]) for kind in kinds}
    except OSError as error:
        raise OutputError(f"{path}: not readable ({error}); give a folder that 'earwitness evaluate' wrote") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise OutputError(f"{path}: damaged ({error!r}); run 'earwitness evaluate' again") from error
    return SavedResults(folder, about, measures)


def read_table(folder: str | Path, name: str) -> list[dict[str, str]]:
    """Read back the rows of a table of `COLUMNS`.

    Raises:
        OutputError: it is not there, or damaged.
    """
    path = Path(folder) / name
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            if tuple(reader.fieldnames or ()) != COLUMNS[name]:
                raise OutputError(f"{path}: its columns are not {', '.join(COLUMNS[name])}: evaluate again")
            return list(reader)
    except (OSError, UnicodeDecodeError) as error:
        raise OutputError(f"{path}: not readable ({error}); give a folder that 'earwitness evaluate' wrote") from error


def _list_files(measure: Measure) -> Iterator[dict[str, Any]]:
    """Yield a row for each file and label that has a count or a value, and one for each file of all labels."""
    for index, file in enumerate(measure.files):
        for place, label in enumerate((*measure.labels, TOTAL)):
            counts, value = measure.counts[index, place], ""
            if measure.values is not None and place < measure.values.shape[1] and measure.kind == "clips":
                value = repr(float(measure.values[index, place]))
            elif measure.values is not None and measure.kind != "clips" and label == TOTAL:
                value = repr(float(measure.values[index, 0]))
            # The first file names every label, so that none is lost.
            if counts.any() or value or label == TOTAL or not index:
                row = {"measure": measure.kind, "file": file, "label": label, "value": value}
                yield row | dict(zip(COUNTS, counts.tolist(), strict=True))


def _read_measure(kind: str, rows: Sequence[dict[str, str]]) -> Measure:
    if kind not in MEANINGS:
        raise ValueError(f"measure {kind!r} is not known")
    files = list(dict.fromkeys(row["file"] for row in rows))
    labels = [label for label in dict.fromkeys(row["label"] for row in rows) if label != TOTAL]
    row_of = {file: index for index, file in enumerate(files)}
    place_of = {label: index for index, label in enumerate((*labels, TOTAL))}
    counts = np.zeros((len(files), len(labels) + 1, N_KINDS), dtype=np.int64)
    values = np.zeros((len(files), len(labels) + 1))
    has_values = any(row["value"] for row in rows)
    for row in rows:
        at = row_of[row["file"]], place_of[row["label"]]
        counts[at] = [int(row[name]) for name in COUNTS]
        values[at] = float(row["value"] or 0)
    saved = {"clips": values[:, :-1], "scenes": values[:, -1:], "top1": values[:, -1:]}.get(kind)
    return Measure(kind, tuple(files), tuple(labels), counts, saved if has_values else None)


def _list_cells(columns: Sequence[str], rows: Rows) -> list[Sequence[object]]:
    return [columns, *(["" if row[name] is None else row[name] for name in columns] for row in rows)]
