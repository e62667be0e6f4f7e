"""Parts appear whole or not at all, and tell when they are damaged."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from earwitness.archive import parquet_parts as parts
from earwitness.archive.extract import ANALYSED, FAILED, Chunk
from earwitness.archive.parquet_parts import check_part, name_part, read_chunks, read_levels, read_records
from earwitness.archive.parquet_schema import CLIPS, FILES, ROWS
from earwitness.errors import ArchiveError
from made_parts import CHUNKS, make_chunk, put_part


def plain_fields(chunk: Chunk) -> dict[str, object]:
    """Return the fields that are no arrays."""
    values = {field.name: getattr(chunk, field.name) for field in fields(chunk)}
    return {name: value for name, value in values.items() if not isinstance(value, np.ndarray)}


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    part = put_part(tmp_path, CHUNKS)
    check_part(part)
    records = read_records(part)
    assert [(each.path, each.first_row, each.n_rows, each.state) for each in records] == [
        *(("/a.wav", 0, 5, ANALYSED), ("/b.wav", 5, 3, ANALYSED)),
        ("/c.wav", 8, 0, FAILED),
    ]
    for back, chunk in zip(read_chunks(part, records), CHUNKS, strict=True):
        assert np.array_equal(back.rows.reshape(-1), chunk.rows.reshape(-1))
        assert plain_fields(back) == plain_fields(chunk)
    assert list((tmp_path / "tmp").iterdir()) == []


def test_the_same_pieces_are_one_part_in_any_order(tmp_path: Path) -> None:
    assert name_part(CHUNKS) == name_part(CHUNKS[::-1]) != name_part(CHUNKS[:2])
    assert put_part(tmp_path, CHUNKS) == put_part(tmp_path, CHUNKS)
    assert len(list((tmp_path / "parts").iterdir())) == 1


@pytest.mark.parametrize("name", [FILES, ROWS, CLIPS])
@pytest.mark.parametrize("harm", ["cut", "gone", "empty", "noise"])
def test_a_damaged_part_is_told(tmp_path: Path, name: str, harm: str) -> None:
    part = put_part(tmp_path, CHUNKS)
    path = part / name
    content = path.read_bytes()
    if harm == "gone":
        path.unlink()
    else:
        path.write_bytes({"cut": content[:-9], "empty": b"", "noise": bytes(len(content))}[harm])
    with pytest.raises(ArchiveError, match=r"damaged \(.*'earwitness index' analyses its recordings again"):
        check_part(part)
    if harm != "noise" or name == FILES:  # found without reading all of it
        with pytest.raises(ArchiveError, match="damaged"):
            read_records(part)


def test_one_changed_byte_of_a_row_is_found(tmp_path: Path) -> None:
    part = put_part(tmp_path, CHUNKS)
    content = bytearray((part / ROWS).read_bytes())
    content[len(content) // 2] ^= 1
    (part / ROWS).write_bytes(content)
    with pytest.raises(ArchiveError, match="damaged"):
        check_part(part)


def test_rows_are_one_array_however_many_there_are(tmp_path: Path) -> None:
    part = put_part(tmp_path, [make_chunk(n_rows=5000)])
    assert np.array_equal(read_levels(part), make_chunk(n_rows=5000).rows)


@pytest.mark.parametrize("name", [parts.ROWS, parts.CLIPS])
def test_one_changed_bit_is_told_when_it_is_read(tmp_path: Path, name: str) -> None:
    levels = np.random.default_rng(5).integers(0, 256, (60, 527)).astype(np.uint8)
    chunk = replace(make_chunk("/a.wav"), rows=levels, clips=levels, clip_start_s=10.0 * np.arange(60))
    part = put_part(tmp_path, [chunk])
    np.testing.assert_array_equal(parts.read_levels(part, name), levels)
    content = bytearray((part / name).read_bytes())
    at = content.index(levels[30].tobytes()[100:110])  # such noise is not compressed
    content[at] ^= 1
    (part / name).write_bytes(content)
    with pytest.raises(ArchiveError, match="damaged .*verify --repair"):
        parts.read_levels(part, name)
