"""Parts of a store: folders of three Parquet files that appear at once and whole, and never change.

In: `Piece`s. Out: `parts/NAME/` with `files.parquet` (a row for each piece: which file, where, what became of it),
`rows.parquet` (tag scores over time) and `clips.parquet` (windows for scenes); and `Piece`s again.

A part is written under `tmp/`, brought to the disk, and renamed. So what lies in `parts` is whole; the size and
sha256 of the other two files are kept in the metadata of `files.parquet`, so that damage shows.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import socket
import sys
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from earwitness.archive.extract import Chunk
from earwitness.archive.quantise import Levels
from earwitness.errors import ArchiveError, MissingExtraError

FILES, ROWS, CLIPS = "files.parquet", "rows.parquet", "clips.parquet"
SCHEMA_KEY = b"earwitness"


@dataclass(frozen=True, slots=True)
class ChunkRecord:
    """What `files.parquet` says of one piece, with the part that holds it; see `Piece` for the rest."""

    part: str
    file_id: int
    path: str
    size: int
    mtime_ns: int
    sha256: str
    attempt: int
    state: str
    reason: str
    notes: str
    start_time: float | None
    rate_hz: int
    number: int
    is_last: bool
    start_s: float
    end_s: float
    first_row: int
    n_rows: int
    first_clip: int
    n_clips: int


RECORD_COLUMNS = tuple(ChunkRecord.__dataclass_fields__)[1:]


def name_part(chunks: Sequence[Chunk]) -> str:
    """Return the name of the part that holds these pieces: the same pieces, the same name."""
    keys = sorted((each.file_id, each.number, each.state) for each in chunks)
    return hashlib.sha256(json.dumps(keys).encode()).hexdigest()[:32]


def write_part(store: Path, chunks: Sequence[Chunk], row_s: float) -> str:
    """Write pieces as one part and return its name; if it is there already, it is left as it is.

    Raises:
        OSError: the disk is full, or the store cannot be written; nothing of the part remains.
    """
    name = name_part(chunks)
    folder = store / "tmp" / name_unfinished()
    try:
        folder.mkdir(parents=True)
        (store / "parts").mkdir(exist_ok=True)
        _write_tables(folder, chunks, row_s)
        _sync(folder)
        if not (store / "parts" / name).exists():
            with contextlib.suppress(FileExistsError):  # another process wrote the same pieces
                folder.replace(store / "parts" / name)
        _sync(store / "parts")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return name


def read_records(part: Path) -> list[ChunkRecord]:
    """Return what a part holds, from its `files.parquet`; the other files' sizes are compared, too.

    Raises:
        ArchiveError: the part is damaged.
    """
    _, parquet = import_pyarrow()
    with _damage_reported(part):
        table = parquet.ParquetFile(part / FILES, page_checksum_verification=True).read(use_threads=False)
        return list_records(part.name, table, {name: (part / name).stat().st_size for name in (ROWS, CLIPS)})


def list_records(name: str, table: Any, sizes: dict[str, int]) -> list[ChunkRecord]:
    """Return the records of a part's `files.parquet`, read as a table.

    Raises:
        ValueError, KeyError, TypeError: it is damaged, or the other files' sizes are not those that it promises.
    """
    promised = json.loads(table.schema.metadata[SCHEMA_KEY])
    for each, size in sizes.items():
        if size != promised[each]["size"]:
            raise ValueError(f"{each} has {size} bytes, not {promised[each]['size']}")
    columns = [table[column].to_pylist() for column in RECORD_COLUMNS]
    for index in map(RECORD_COLUMNS.index, ("state", "reason", "notes")):
        columns[index] = [sys.intern(text) for text in columns[index]]  # mostly the same few: kept once
    return [ChunkRecord(name, *values) for values in zip(*columns, strict=True)]


def read_levels(part: Path, name: str = ROWS) -> Levels:
    """Return all bytes (N, C) of a part's rows, or of its clips, in order.

    Raises:
        ArchiveError: the part is damaged.
    """
    _, parquet = import_pyarrow()
    column = "scores" if name == ROWS else "logits"
    with _damage_reported(part):
        # read_table would find out about data sets first, which takes longer than reading.
        file = parquet.ParquetFile(part / name, memory_map=True, page_checksum_verification=True)
        table = file.read(columns=[column], use_threads=False)
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
    _, parquet = import_pyarrow()
    with _damage_reported(part):
        column = parquet.ParquetFile(part / CLIPS, page_checksum_verification=True).read(
            columns=["start_s"], use_threads=False
        )["start_s"]
        return np.asarray(column.to_numpy())


def read_chunks(part: Path, records: Sequence[ChunkRecord]) -> Iterator[Chunk]:
    """Yield whole pieces of a part again.

    Raises:
        ArchiveError: the part is damaged.
    """
    rows, clips, starts = read_levels(part), read_levels(part, CLIPS), read_clip_starts(part)
    for each in records:
        clip_range = slice(each.first_clip, each.first_clip + each.n_clips)
        yield Chunk(
            **{name: getattr(each, name) for name in RECORD_COLUMNS if name in Chunk.__dataclass_fields__},
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
    with _damage_reported(part):
        promised = json.loads(parquet.read_schema(part / FILES).metadata[SCHEMA_KEY])
        for name in (ROWS, CLIPS):
            if _hash(part / name) != promised[name]["sha256"]:
                raise ValueError(f"{name} is not what was written")
    read_levels(part)


def name_unfinished() -> str:
    """Return a name for what is written under `tmp`, by which it is known as this process's."""
    return f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"


def sweep_unfinished(store: Path) -> None:
    """Remove what processes of this machine that are no more have left half-written under `tmp`."""
    host = socket.gethostname()
    for folder in (store / "tmp").glob(f"{host}-*-*"):
        pid = folder.name[len(host) + 1 :].split("-")[0]
        if pid.isdigit() and int(pid) != os.getpid() and not _is_alive(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)


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


def _write_tables(folder: Path, chunks: Sequence[Chunk], row_s: float) -> None:
    pyarrow, _ = import_pyarrow()
    with_rows = [each for each in chunks if len(each.rows)]
    ids = np.repeat([each.file_id for each in chunks], [len(each.rows) for each in chunks]).astype(np.int64)
    starts = [each.start_s + row_s * np.arange(len(each.rows)) for each in with_rows]
    rows = {"file_id": ids, "start_s": _join(starts), "scores": _to_blobs([each.rows for each in with_rows])}
    _write_table(folder / ROWS, pyarrow.table(rows))
    ids = np.repeat([each.file_id for each in chunks], [len(each.clips) for each in chunks]).astype(np.int64)
    starts = [each.clip_start_s for each in with_rows]
    clips = {"file_id": ids, "start_s": _join(starts), "logits": _to_blobs([each.clips for each in with_rows])}
    _write_table(folder / CLIPS, pyarrow.table(clips))
    first_row = first_clip = 0
    columns: dict[str, list[Any]] = {name: [] for name in RECORD_COLUMNS}
    for each in chunks:
        place = {"first_row": first_row, "n_rows": len(each.rows), "first_clip": first_clip, "n_clips": len(each.clips)}
        for name, values in columns.items():
            values.append(place[name] if name in place else getattr(each, name))
        first_row, first_clip = first_row + len(each.rows), first_clip + len(each.clips)
    promised = {
        name: {"size": (folder / name).stat().st_size, "sha256": _hash(folder / name)} for name in (ROWS, CLIPS)
    }
    types = {"start_time": pyarrow.float64(), "start_s": pyarrow.float64(), "end_s": pyarrow.float64()}
    arrays = [pyarrow.array(values, types.get(name)) for name, values in columns.items()]
    table = pyarrow.table(arrays, names=list(columns))
    _write_table(folder / FILES, table.replace_schema_metadata({SCHEMA_KEY: json.dumps(promised)}))


def _write_table(path: Path, table: Any) -> None:
    _, parquet = import_pyarrow()
    # The bytes of a row change little from row to row: compression finds that without a dictionary.
    coded = [name for name in table.column_names if name not in ("scores", "logits")]
    parquet.write_table(
        table, path, compression="zstd", compression_level=1, use_dictionary=coded, write_page_checksum=True
    )
    _sync(path)


def _to_blobs(levels: Sequence[Levels]) -> Any:
    """Return rows as fixed-size blobs: a byte for each tag, which is quick to read and small."""
    pyarrow, _ = import_pyarrow()
    joined = np.ascontiguousarray(np.concatenate(levels)) if levels else np.zeros((0, 1), np.uint8)
    buffers = [None, pyarrow.py_buffer(joined.tobytes())]
    return pyarrow.FixedSizeBinaryArray.from_buffers(pyarrow.binary(joined.shape[1]), len(joined), buffers)


def _join(starts: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.zeros(0), *starts])


@contextlib.contextmanager
def _damage_reported(part: Path) -> Iterator[None]:
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
            "hears its recordings again"
        ) from error


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _sync(path: Path) -> None:
    """Bring a file or folder to the disk."""
    if path.is_dir() and os.name == "nt":
        return
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _is_alive(pid: int) -> bool:
    if os.name == "nt":  # there, os.kill with 0 is a Ctrl-C
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
