"""Write the answer of a store as tables, or print it.

In: an `Answer`. Out: a folder with events, files, hours, scenes and errors as CSV or Parquet, and run.json.
"""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from earwitness.archive.ask import Answer
from earwitness.archive.parquet_parts import import_pyarrow
from earwitness.archive.provenance import TAG_VALUES, Provenance
from earwitness.archive.start_times import format_time
from earwitness.files import write_csv, write_errors_reported, write_text, written_whole
from earwitness.recognition import name_winner
from earwitness.results import SCHEMA, format_evidence
from earwitness.settings import Settings
from earwitness.version import __version__

COLUMNS = {
    "events": ("file", "onset_s", "offset_s", "word", "score", "tags", "time", "tier"),
    "files": ("file", "word", "n_events", "seconds", "best_score"),
    "hours": ("hour", "file", "word", "n_events", "seconds"),
    "scenes": ("hour", "file", "rank", "scene", "score", "tags"),
    "errors": ("file", "reason"),
}


def tabulate_answer(answer: Answer) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of each table, in the order of `COLUMNS`."""
    events = [
        (
            *(each.path, round(each.event.onset_s, 3), round(each.event.offset_s, 3), each.event.word),
            *(round(each.event.score, 4), format_evidence(each.event.tags)),
            "" if each.start_time is None else format_time(each.start_time),
            each.event.tier,
        )
        for each in answer.events
    ]
    scenes = [
        (
            *(hour.hour.start, hour.hour.path, rank, each.scene, round(each.score, 4)),
            "; ".join([*each.tags, *(f"not {tag}" for tag in each.tags_against)]),
        )
        for hour in answer.scenes
        for rank, each in enumerate(hour.ranked, start=1)
    ]
    return {
        "events": events,
        "files": [
            (each.path, each.word, each.n_events, each.seconds, round(each.best_score, 4)) for each in answer.files
        ],
        "hours": [(each.hour.start, each.hour.path, each.word, each.n_events, each.seconds) for each in answer.hours],
        "scenes": scenes,
        "errors": [_split_problem(each) for each in answer.problems],
    }


def write_answer(
    answer: Answer, folder: Path, form: Literal["csv", "parquet"], provenance: Provenance, settings: Settings
) -> None:
    """Write the tables of an answer, and what made it (run.json), to a folder; errors are always CSV.

    Raises:
        OutputError: the folder cannot be written.
    """
    run = {
        "schema": SCHEMA,
        "version": __version__,
        "events": answer.words,
        "scenes": answer.scene_words,
        "n_files": answer.n_files,
        "hours": answer.duration_s / 3600,
        "settings": settings.to_dict(),
        "store": {name: value for name, value in asdict(provenance).items() if name not in ("tags", *TAG_VALUES)},
    }
    for name, rows in tabulate_answer(answer).items():
        if form == "parquet" and name != "errors":
            path = folder / f"{name}.parquet"
            with write_errors_reported(path), written_whole(path) as scratch:
                _write_parquet(scratch, COLUMNS[name], rows)
        else:
            write_csv(folder / f"{name}.csv", [COLUMNS[name], *rows])
    write_text(folder / "run.json", json.dumps(run, indent=2) + "\n")


def print_answer(answer: Answer) -> None:
    """Print events, then the best scene of each hour, as lines of tab-separated values."""
    tables = tabulate_answer(answer)
    for file, onset_s, offset_s, word, score, _, time, tier in tables["events"]:
        print(f"{show_line(file)}\t{onset_s:.2f}\t{offset_s:.2f}\t{word}\t{score:.2f}\t{time}\t{tier}")
    for each in answer.scenes:
        hour, file, best = each.hour.start, each.hour.path, each.ranked[0]
        print(f"{hour}{' ' + show_line(file) if file else ''}\t{name_winner(each.ranked)}\t{best.score:.2f}")


def show_line(text: str) -> str:
    """Return a text as one field of a line: control characters are escaped as in Python."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f]", lambda each: repr(each[0])[1:-1], text)


def print_table(table: Any) -> None:
    """Print a pyarrow table as CSV."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(table.column_names)
    for row in table.to_pylist():
        writer.writerow(row.values())


def _write_parquet(path: Path, names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    pyarrow, parquet = import_pyarrow()
    floats = {"onset_s", "offset_s", "score", "seconds", "best_score"}
    whole = {"rank", "n_events"}
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    types = [pyarrow.float64() if n in floats else pyarrow.int64() if n in whole else pyarrow.string() for n in names]
    arrays = [pyarrow.array(column, kind) for column, kind in zip(columns, types, strict=True)]
    parquet.write_table(pyarrow.table(arrays, names=list(names)), path)


def _split_problem(problem: str) -> tuple[str, str]:
    """Return the file that a problem names at its start, empty if none, and the problem."""
    file, colon, _ = problem.partition(": ")
    return (file, problem) if colon and Path(file).suffix else ("", problem)
