"""A store on disk: what made it holds for all that is added, and processes share it."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from earwitness.archive import parquet_parts as parts
from earwitness.archive.provenance import Provenance, describe_analysis
from earwitness.archive.store import Store, make_store
from earwitness.encoders.load import LoadedEncoder
from earwitness.errors import ArchiveError
from earwitness.settings import Settings
from made_parts import CHUNKS, make_chunk


@pytest.fixture
def made(onnx: LoadedEncoder) -> Provenance:
    return describe_analysis(Settings(runtime="onnx"), onnx, 1.0)


@pytest.fixture
def store(tmp_path: Path, made: Provenance) -> Store:
    return make_store(tmp_path / "store", made)


def test_a_store_keeps_what_it_was_made_with(store: Store, made: Provenance) -> None:
    assert store.provenance == made
    assert store.provenance.settings() == Settings(runtime="onnx")
    make_store(store.folder, replace(made, row_s=0.16))
    assert Store(store.folder).provenance == made


@pytest.mark.parametrize(
    ("change", "details"),
    [
        ({"weights_sha256": "ff"}, "weights_sha256='ff', but this store was made with .* see --runtime"),
        ({"row_s": 0.16}, "row_s=0.16, but this store was made with 1.0; choose another --store"),
        ({"encoder": "other"}, "encoder='other'"),
        ({"heard_with": {**Settings().to_dict(), "hop_s": 0.5}}, "hop_s=0.5, but this store was made with 5.0"),
    ],
)
def test_what_was_heard_otherwise_is_refused(
    store: Store, made: Provenance, change: dict[str, object], details: str
) -> None:
    with pytest.raises(ArchiveError, match=details):
        store.check_provenance(replace(made, **change))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change",
    [
        *(
            {"heard_with": None},
            {"heard_with": {}},
            {"row_s": "1"},
            {"row_s": 0},
            {"tags": ["Speech"]},
            {"tag_mean": [1]},
        ),
        *({"quantisation": {}}, {"row_s": None}, {"future": 1}, {"heard_with": {**Settings().to_dict(), "new": 1}}),
    ],
)
def test_a_store_json_that_makes_no_sense_is_told(store: Store, change: dict[str, object]) -> None:
    path = store.folder / "store.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **change}), encoding="utf-8")
    with pytest.raises(ArchiveError, match=r"store\.json: not readable \(.+\); take it from a copy"):
        Store(store.folder)


def test_a_folder_that_is_no_store_is_told(tmp_path: Path, made: Provenance) -> None:
    with pytest.raises(ArchiveError, match=r"no store here; make one: earwitness index"):
        Store(tmp_path)
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(ArchiveError, match="holds other files and no store.json"):
        make_store(tmp_path, made)
    (tmp_path / "store.json").write_text("{")
    with pytest.raises(ArchiveError, match="store.json: not readable"):
        Store(tmp_path)
    (tmp_path / "store.json").write_text(json.dumps({"schema": 99}))
    with pytest.raises(
        ArchiveError, match="schema 99; this version .* reads schema 1 and 2: use the version that made it"
    ):
        Store(tmp_path)


def test_pieces_are_committed_once(store: Store) -> None:
    other = Store(store.folder)
    assert store.commit(CHUNKS) == 3
    assert other.commit([*CHUNKS, make_chunk("/d.wav")]) == 1, "it sees what another process has committed meanwhile"
    assert Store(store.folder).catalogue.find("/d.wav") is not None
    store.refresh()
    assert len(store.catalogue) == 4
    assert sum(len(parts.read_records(each)) for each in (store.folder / "parts").iterdir()) == 4


def test_a_full_disk_stops_with_all_earlier_parts_kept(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.commit(CHUNKS)

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(ArchiveError, match="No space left on device.*free some space"):
            store.commit([make_chunk("/d.wav")])
    assert len(Store(store.folder).catalogue) == 3
    assert store.commit([make_chunk("/d.wav")]) == 1


def test_a_recording_is_claimed_by_one_process_until_it_ends(store: Store) -> None:
    code = (
        "import sys\nfrom earwitness.archive.store import Store\nstore = Store(sys.argv[1]).storage\n"
        "print(store.claim('/a.wav'), store.claim('/b.wav'), flush=True)\ninput()\n"
    )
    assert store.storage.claim("/b.wav")
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(store.folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "True False\n"
        assert not store.storage.claim("/a.wav")
    finally:
        process.kill()
        process.communicate()
    assert store.storage.claim("/a.wav")
    store.storage.release("/a.wav")


def test_damaged_parts_are_set_aside_and_the_rest_is_read(store: Store) -> None:
    store.commit(CHUNKS)
    store.commit([make_chunk("/d.wav")])
    broken = store.part_path(store.catalogue.find("/d.wav").chunks[0].part)  # type: ignore[union-attr]
    (broken / parts.ROWS).write_bytes(b"")
    again = Store(store.folder)
    assert list(again.damaged) == [broken.name]
    assert len(again.catalogue) == 3
    again.tidy()
    assert not broken.exists()
    assert [each.name[:32] for each in (store.folder / "damaged").iterdir()] == [broken.name]
    assert again.commit([make_chunk("/d.wav")]) == 1
