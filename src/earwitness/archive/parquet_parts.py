"""Parts of a store and their Parquet schema: folders of three files that never change.

In: `Chunk`s. Out: a folder with `files.parquet` (a row per chunk: file, place, state), `rows.parquet` (tag scores over
time) and `clips.parquet` (windows for scenes); and `Chunk`s again. The schema is `parquet_schema`.

The metadata of `files.parquet` holds the size and sha256 of the other two files, which is how damage is found.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from earwitness.archive.extract import Chunk, FileVersion
from earwitness.archive.parquet_schema import CLIPS, COLUMNS, FILES, ROWS, SCHEMA_KEY
from earwitness.archive.quantise import Levels
from earwitness.errors import ArchiveError, MissingExtraError


@dataclass(frozen=True, slots=True)
class ChunkRecord(FileVersion):
    """A row of `files.parquet` and the name of its part; the fields that `Chunk` has, too, are described there."""

    reason: str
    notes: str
    start_time: float | None
    rate_hz: int
    number: int
    is_last: bool
    start_s: float
    end_s: float
    file_id: int
    first_row: int
    n_rows: int
    first_clip: int
    n_clips: int
    part: str


RECORD_COLUMNS = tuple(ChunkRecord.__dataclass_fields__)[:-1]  # in the order in which records take their values


def name_part(chunks: Sequence[Chunk]) -> str:
    """Return the name of the part that holds these chunks: the same chunks, the same name."""
    keys = sorted((each.file_id, each.number, each.state) for each in chunks)
    return hashlib.sha256(json.dumps(keys).encode()).hexdigest()[:32]


def write_part(folder: Path, name: str, chunks: Sequence[Chunk], row_s: float) -> list[ChunkRecord]:
    """Write the three files of a part to an empty folder, bring them to the disk and return the part's records.

    Raises:
        OSError: the disk is full or the folder cannot be written.
    """
    pyarrow, _ = import_pyarrow()
    with_rows = [each for each in chunks if len(each.rows)]
    row_starts = [each.start_s + row_s * np.arange(len(each.rows)) for each in with_rows]
    _write_levels(folder / ROWS, "scores", with_rows, row_starts, [each.rows for each in with_rows])
    clip_starts = [each.clip_start_s for each in with_rows]
    _write_levels(folder / CLIPS, "logits", with_rows, clip_starts, [each.clips for each in with_rows])
    columns: dict[str, list[Any]] = {name: [] for name in COLUMNS[FILES]}
    first_row = first_clip = 0
    for each in chunks:
        place = {"first_row": first_row, "n_rows": len(each.rows), "first_clip": first_clip, "n_clips": len(each.clips)}
        for column, values in columns.items():
            values.append(place[column] if column in place else getattr(each, column))
        first_row, first_clip = first_row + len(each.rows), first_clip + len(each.clips)
    schema = pyarrow.schema(
        [(column, pyarrow.type_for_alias(type_name)) for column, type_name in COLUMNS[FILES].items()],
        {SCHEMA_KEY: json.dumps({other: _describe_content(folder / other) for other in (ROWS, CLIPS)})},
    )
    write_table(folder / FILES, pyarrow.table(columns, schema))
    return _make_records(name, columns)


def read_records(part: Path) -> list[ChunkRecord]:
    """Return the records of a part and compare the sizes of its other files.

    Raises:
        ArchiveError: the part is damaged.
    """
    with damage_reported(part):
        sizes = {name: (part / name).stat().st_size for name in (ROWS, CLIPS)}
        return parse_records(part.name, (part / FILES).read_bytes(), sizes)


def parse_records(name: str, content: bytes, sizes: Mapping[str, int]) -> list[ChunkRecord]:
    """Return the records of a part from the content of its `files.parquet`.

    Raises:
        ValueError, KeyError, TypeError: it is damaged, or the sizes of the other files differ from those it states.
    """
    pyarrow, parquet = import_pyarrow()
    reader = parquet.ParquetFile(pyarrow.BufferReader(content), page_checksum_verification=True)
    table = reader.read(use_threads=False)
    stated = json.loads(table.schema.metadata[SCHEMA_KEY])
    for other in (ROWS, CLIPS):
        if sizes.get(other, 0) != stated[other]["size"]:
            raise ValueError(f"{other} has {sizes.get(other, 0)} bytes, not {stated[other]['size']}")
    columns = {column: table[column].to_pylist() for column in COLUMNS[FILES]}
    for column in ("state", "reason", "notes"):
        columns[column] = [sys.intern(text) for text in columns[column]]  # few different ones: each stored once
    return _make_records(name, columns)


def read_levels(part: Path, name: str = ROWS) -> Levels:
    """Return all bytes (N, C) of a part's rows, or of its clips, in order.

    Raises:
        ArchiveError: the part is damaged.
    """
    column = "scores" if name == ROWS else "logits"
    with damage_reported(part):
        table = _read_column(part / name, column, memory_map=True)
        width = table.schema.field(column).type.byte_width
        arrays = [
            np.frombuffer(chunk.buffers()[1], np.uint8)[chunk.offset * width : (chunk.offset + len(chunk)) * width]
            for chunk in table[column].chunks
            if len(chunk)
        ]
        joined = arrays[0] if len(arrays) == 1 else np.concatenate([np.zeros(0, np.uint8), *arrays])
        return joined.reshape(-1, width)


def read_clip_starts(part: Path) -> np.ndarray:
    """Return the start (M,) of each of a part's clips in its recording, in seconds.

    Raises:
        ArchiveError: the part is damaged.
    """
    with damage_reported(part):
        return np.asarray(_read_column(part / CLIPS, "start_s")["start_s"].to_numpy())


def read_chunks(part: Path, records: Sequence[ChunkRecord]) -> Iterator[Chunk]:
    """Yield chunks of a part again, with their rows and clips.

    Raises:
        ArchiveError: the part is damaged.
    """
    rows, clips, starts = read_levels(part), read_levels(part, CLIPS), read_clip_starts(part)
    for each in records:
        clip_range = slice(each.first_clip, each.first_clip + each.n_clips)
        yield Chunk(
            **{name: getattr(each, name) for name in COLUMNS[FILES] if name in Chunk.__dataclass_fields__},
            rows=rows[each.first_row : each.first_row + each.n_rows],
            clips=clips[clip_range],
            clip_start_s=starts[clip_range],
        )


def check_part(part: Path) -> None:
    """Read all of a part and compare its files with their sha256.

    Raises:
        ArchiveError: the part is damaged.
    """
    _, parquet = import_pyarrow()
    read_records(part)
    with damage_reported(part):
        stated = json.loads(parquet.read_schema(part / FILES).metadata[SCHEMA_KEY])
        for name in (ROWS, CLIPS):
            if _describe_content(part / name) != stated[name]:
                raise ValueError(f"{name} is not what was written")
    read_levels(part)


def import_pyarrow() -> tuple[Any, Any]:
    """Return pyarrow and pyarrow.parquet.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtraError("a store needs pyarrow: pip install 'earwitness[archive]'") from error
    return pyarrow, parquet


@contextlib.contextmanager
def damage_reported(part: Path | str) -> Iterator[None]:
    """Turn what a damaged or missing file raises into one error; a store that cannot be reached is not damaged.

    Raises:
        ArchiveError: the part is damaged.
    """
    try:
        yield
    except PermissionError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:  # ArrowInvalid is a ValueError
        reason = str(error).split("\n", 1)[0][:160]
        raise ArchiveError(
            f"{part}: damaged ({reason}); 'earwitness store verify --repair' sets it aside, and 'earwitness index' "
            "analyses its recordings again"
        ) from error


def sync(path: Path) -> None:
    """Bring a file or folder to the disk."""
    if path.is_dir() and os.name == "nt":
        return
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _read_column(path: Path, column: str, memory_map: bool = False) -> Any:
    _, parquet = import_pyarrow()
    # read_table would look for data sets first, which takes longer than reading.
    file = parquet.ParquetFile(path, memory_map=memory_map, page_checksum_verification=True)
    return file.read(columns=[column], use_threads=False)


def _write_levels(
    path: Path, column: str, chunks: Sequence[Chunk], starts: Sequence[np.ndarray], levels: Sequence[Levels]
) -> None:
    """Write rows as fixed-size blobs: a byte per tag, which is quick to read and small."""
    pyarrow, _ = import_pyarrow()
    ids = np.repeat(np.array([each.file_id for each in chunks], np.int64), [len(each) for each in levels])
    joined = np.ascontiguousarray(np.concatenate(levels)) if levels else np.zeros((0, 1), np.uint8)
    buffers = [None, pyarrow.py_buffer(joined.tobytes())]
    blobs = pyarrow.FixedSizeBinaryArray.from_buffers(pyarrow.binary(joined.shape[1]), len(joined), buffers)
    start_s = np.concatenate([np.zeros(0), *starts])
    write_table(path, pyarrow.table({"file_id": ids, "start_s": start_s, column: blobs}))


def write_table(path: Path, table: Any) -> None:
    """Write a table as a Parquet file that has reached the disk on return."""
    _, parquet = import_pyarrow()
    # The bytes of a row change little from row to row: compression finds that without a dictionary.
    coded = [name for name in table.column_names if name not in ("scores", "logits")]
    parquet.write_table(
        table, path, compression="zstd", compression_level=1, use_dictionary=coded, write_page_checksum=True
    )
    sync(path)


def _make_records(name: str, columns: Mapping[str, Sequence[Any]]) -> list[ChunkRecord]:
    values = [columns[column] for column in RECORD_COLUMNS]
    return [ChunkRecord(*each) for each in zip(*values, [name] * len(values[0]), strict=True)]


def _describe_content(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    return {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
