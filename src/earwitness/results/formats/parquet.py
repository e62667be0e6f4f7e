"""Parquet: the events of a run with the columns of events.csv, numbers as numbers. Needs pyarrow."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from earwitness.errors import MissingExtraError
from earwitness.recognition import Event
from earwitness.results.formats.base import SCHEMA, Format, RecordingResult, round_score, round_time
from earwitness.results.formats.csv_tables import COLUMNS, format_evidence


def encode_parquet(results: Sequence[RecordingResult]) -> bytes:
    """Return the events of all recordings as one Parquet table.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    pyarrow, parquet = import_pyarrow()
    rows = [(result.recognition.source, *_list_cells(event)) for result in results for event in result.events]
    names = COLUMNS["events.csv"]
    numbers, text = pyarrow.float64(), pyarrow.string()
    schema = pyarrow.schema(
        [(name, numbers if name in ("onset_s", "offset_s", "score") else text) for name in names],
        metadata={"earwitness_schema": str(SCHEMA)},
    )
    file = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows], schema), file)
    return file.getvalue()


def _list_cells(event: Event) -> tuple[object, ...]:
    times = round_time(event.onset_s), round_time(event.offset_s)
    return *times, event.word, round_score(event.score), format_evidence(event.tags), event.tier


def import_pyarrow() -> tuple[Any, Any]:
    """Return pyarrow and its Parquet.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError(
            "Parquet needs pyarrow: pip install 'earwitness[archive]', or choose another format"
        ) from error
    return pyarrow, pyarrow.parquet


PARQUET = Format(
    name="parquet",
    title="Parquet table of events (extra [archive])",
    suffix=".events.parquet",
    media_type="application/vnd.apache.parquet",
    whole=encode_parquet,
    run_file="events.parquet",
)
