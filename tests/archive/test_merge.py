"""Stores of shards, joined, say what one store of all says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import soundfile

from earwitness import open_store
from earwitness.archive import parquet_parts as parts
from earwitness.archive.merge import merge_stores
from earwitness.errors import ArchiveError
from made_archives import Index, MakeArchive
from made_sounds import make_noise


def test_shards_joined_are_equal_to_one_run(make_archive: MakeArchive, index: Index, tmp_path: Path) -> None:
    archive = make_archive(12)
    (archive / "broken.wav").write_bytes(b"no sound")
    index(archive, store=tmp_path / "whole")
    shards = [tmp_path / f"shard{number}" for number in (1, 2, 3)]
    for number, shard in enumerate(shards, start=1):
        index(archive, store=shard, shard=(number, 3))
    report = merge_stores(tmp_path / "joined", shards)
    assert (report.n_added, report.n_known, report.problems) == (13, 0, [])
    assert open_store(tmp_path / "joined").fingerprint() == open_store(tmp_path / "whole").fingerprint()
    again = merge_stores(tmp_path / "joined", shards)
    assert (again.n_added, again.n_known) == (0, 13)
    assert index(archive, store=tmp_path / "joined").n_analysed == 0


def test_the_newer_version_of_a_recording_counts(make_archive: MakeArchive, index: Index, tmp_path: Path) -> None:
    archive, old, new = make_archive(2), tmp_path / "old", tmp_path / "new"
    index(archive, store=old)
    soundfile.write(archive / "000.wav", make_noise(3.0), 16000)
    os.utime(archive / "000.wav", ns=(1, (archive / "001.wav").stat().st_mtime_ns + 10**9))
    index(archive, store=new)
    for order in ([old, new], [new, old]):
        merge_stores(tmp_path / f"joined_{order[0].name}", order)
        files = open_store(tmp_path / f"joined_{order[0].name}").files
        assert [each.duration_s for each in files] == [3.0, 1.0]
    assert merge_stores(old, [new]).n_added == 1
    assert [each.duration_s for each in open_store(old).files] == [3.0, 1.0]


def test_a_merged_store_leaves_out_what_was_replaced(make_archive: MakeArchive, index: Index, tmp_path: Path) -> None:
    archive, store = make_archive(3), tmp_path / "store"
    for seed in (1, 2):
        soundfile.write(archive / "000.wav", make_noise(3.0, seed=seed), 16000)
        os.utime(archive / "000.wav", ns=(1, seed))
        index(archive)
    merge_stores(tmp_path / "small", [store])
    n_rows = [
        sum(r.n_rows for p in (each / "parts").iterdir() for r in parts.read_records(p))
        for each in (store, tmp_path / "small")
    ]
    assert n_rows[0] - n_rows[1] == 3
    assert open_store(tmp_path / "small").fingerprint() == open_store(store).fingerprint()


def test_a_damaged_part_is_told_and_the_rest_is_joined(make_archive: MakeArchive, index: Index, tmp_path: Path) -> None:
    index(make_archive(4), rows_a_part=1)
    (sorted((tmp_path / "store" / "parts").iterdir())[0] / parts.ROWS).write_bytes(b"")
    report = merge_stores(tmp_path / "joined", [tmp_path / "store"])
    assert report.n_added == 3
    assert "damaged" in report.problems[0]


def test_stores_of_different_make_are_not_joined(make_archive: MakeArchive, index: Index, tmp_path: Path) -> None:
    archive = make_archive(1)
    index(archive)
    index(archive, store=tmp_path / "tokens", is_by_token=True)
    with pytest.raises(ArchiveError, match="row_s="):
        merge_stores(tmp_path / "joined", [tmp_path / "store", tmp_path / "tokens"])
