"""The schema of a store's Parquet files: their names, columns and types."""

from __future__ import annotations

FILES, ROWS, CLIPS = "files.parquet", "rows.parquet", "clips.parquet"
PART_FILES = (ROWS, CLIPS, FILES)  # in the order in which they are written: files.parquet completes a part
SCHEMA_KEY = b"earwitness"
COLUMNS = {
    FILES: {
        **{"file_id": "int64", "path": "string", "size": "int64", "mtime_ns": "int64", "sha256": "string"},
        **{"attempt": "int64", "state": "string", "reason": "string", "notes": "string", "start_time": "double"},
        **{"rate_hz": "int64", "number": "int64", "is_last": "bool", "start_s": "double", "end_s": "double"},
        **{"first_row": "int64", "n_rows": "int64", "first_clip": "int64", "n_clips": "int64"},
    },
    # scores and logits: a byte per tag, see quantise.py
    ROWS: {"file_id": "int64", "start_s": "double", "scores": "fixed_size_binary"},
    CLIPS: {"file_id": "int64", "start_s": "double", "logits": "fixed_size_binary"},
}
