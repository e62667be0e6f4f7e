"""Features of many recordings in one file: .npz for numpy, or .parquet, which also holds what does not fit in memory.

In: `Features` of one recording after another. Out: rows (file, start_s, end_s, features) and how they were made; in an
.npz the first is called `files`. The file appears under its name once it is whole.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from earwitness.encoders import Features
from earwitness.errors import OutputError
from earwitness.files import write_errors_reported
from earwitness.results.formats.parquet import import_pyarrow

SUFFIXES = (".npz", ".parquet")


class FeatureFile:
    """A file of features that is being written; use it in a `with` statement.

    Raises:
        OutputError: the name ends in neither .npz nor .parquet, or the file cannot be written.
        MissingExtraError: pyarrow is not installed, and a .parquet is wanted.
    """

    def __init__(self, path: Path, run: Mapping[str, Any]) -> None:
        if path.suffix not in SUFFIXES:
            raise OutputError(f"{path}: features are written as {' or '.join(SUFFIXES)}; give a name that ends so")
        self._path, self._run = path, json.dumps(run)
        self._part = path.with_name(f".{path.name}.part")
        self._rows: list[tuple[str, Features]] = []
        self._parquet: Any = None
        if path.suffix == ".parquet":
            import_pyarrow()
        with write_errors_reported(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._part.touch()

    def __enter__(self) -> FeatureFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Finish the file; after a key press with what there is, after a failure not at all."""
        try:
            if kind is None or kind is KeyboardInterrupt:
                with write_errors_reported(self._path):
                    self._finish()
        finally:
            self._part.unlink(missing_ok=True)

    def add(self, name: str, features: Features) -> None:
        """Add a recording's rows."""
        if self._path.suffix == ".npz":
            self._rows.append((name, features))
            return
        pyarrow, parquet = import_pyarrow()
        with write_errors_reported(self._path):
            if self._parquet is None:
                floats = pyarrow.list_(pyarrow.float32(), features.values.shape[1])
                fields = {"file": pyarrow.string(), "start_s": pyarrow.float64(), "end_s": pyarrow.float64()}
                schema = pyarrow.schema({**fields, "features": floats}, metadata={"earwitness": self._run})
                self._parquet = parquet.ParquetWriter(self._part, schema)
            schema = self._parquet.schema
            values = pyarrow.array(features.values.reshape(-1), pyarrow.float32())
            columns = [
                pyarrow.array([name] * len(features.values)),
                pyarrow.array(features.start_s),
                pyarrow.array(features.end_s),
                pyarrow.FixedSizeListArray.from_arrays(values, features.values.shape[1]),
            ]
            self._parquet.write_table(pyarrow.Table.from_arrays(columns, schema=schema))

    def _finish(self) -> None:
        if self._path.suffix == ".npz":
            if not self._rows:
                return
            arrays = {
                "files": np.array([name for name, features in self._rows for _ in features.values]),
                "start_s": np.concatenate([features.start_s for _, features in self._rows]),
                "end_s": np.concatenate([features.end_s for _, features in self._rows]),
                "features": np.concatenate([features.values for _, features in self._rows]),
                "run": np.array(self._run),
            }
            with self._part.open("wb") as file:
                np.savez(file, allow_pickle=False, **arrays)
        elif self._parquet is None:
            return
        else:
            self._parquet.close()
        self._part.replace(self._path)
