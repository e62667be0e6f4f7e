"""A store at a URL takes each piece once, tells what is damaged, and comes whole into a folder."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from earwitness import Settings
from earwitness.archive.extract import Chunk
from earwitness.archive.provenance import Provenance, describe_analysis
from earwitness.archive.remote_store import RemoteStorage, fetch_store, open_storage
from earwitness.archive.store import Store, find_provenance, make_store
from earwitness.encoders.load import LoadedEncoder
from earwitness.errors import ArchiveError
from made_parts import CHUNKS

fsspec = pytest.importorskip("fsspec")


@pytest.fixture
def provenance(encoder: LoadedEncoder) -> Provenance:
    return describe_analysis(Settings(), encoder, 1.0)


@pytest.fixture(params=["memory", "file"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    place = f"memory://{uuid.uuid4().hex}/store" if request.param == "memory" else f"file://{tmp_path}/there/store"
    yield place
    fsspec.filesystem("memory").store.clear()


def break_part(url: str, name: str, content: bytes) -> None:
    filesystem, root = fsspec.core.url_to_fs(url)
    (path,) = (each for each in filesystem.find(root) if each.endswith(name))
    filesystem.pipe_file(path, content)


def test_a_store_is_made_once_and_keeps_what_made_it(url: str, provenance: Provenance) -> None:
    assert find_provenance(RemoteStorage(url)) is None
    make_store(RemoteStorage(url), provenance)
    make_store(RemoteStorage(url), replace(provenance, row_s=7.0))
    assert find_provenance(RemoteStorage(url))
    assert Store(open_storage(url)).provenance == provenance
    with pytest.raises(ArchiveError, match="row_s"):
        Store(RemoteStorage(url)).check_provenance(replace(provenance, row_s=7.0))


def test_a_place_without_a_store_or_with_other_files_is_told(url: str, provenance: Provenance) -> None:
    with pytest.raises(ArchiveError, match="no store here; make one: .* --engine ray"):
        Store(RemoteStorage(url))
    filesystem, root = fsspec.core.url_to_fs(url)
    filesystem.makedirs(root, exist_ok=True)
    filesystem.pipe_file(f"{root}/letter.txt", b"dear")
    with pytest.raises(ArchiveError, match="holds other files"):
        make_store(RemoteStorage(url), provenance)


def test_a_piece_counts_once_whoever_commits_it(url: str, provenance: Provenance) -> None:
    make_store(RemoteStorage(url), provenance)
    first, second = Store(RemoteStorage(url)), Store(RemoteStorage(url))
    assert first.commit(CHUNKS) == len(CHUNKS)
    assert first.commit(CHUNKS) == 0
    second.commit(CHUNKS[:1])  # does not know of the others yet
    assert len(Store(RemoteStorage(url)).catalogue) == len({each.path for each in CHUNKS})
    second.refresh()
    assert second.commit(CHUNKS) == 0


def test_a_fetched_store_is_whole_and_only_news_come_again(url: str, provenance: Provenance, tmp_path: Path) -> None:
    make_store(RemoteStorage(url), provenance)
    store = Store(RemoteStorage(url))
    store.commit(CHUNKS)
    assert fetch_store(url, tmp_path / "here") == 1
    here = Store(tmp_path / "here")
    assert [each.path for each in here.catalogue] == sorted({each.path for each in CHUNKS})
    assert here.damaged == {}
    store.commit([Chunk("later.wav", 1, 2, "", 1, "failed", "why")])
    assert fetch_store(url, tmp_path / "here") == 1
    here.refresh()
    assert here.catalogue.find("later.wav") is not None


@pytest.mark.parametrize(("name", "content"), [("files.parquet", b"nothing"), ("rows.parquet", b"short")])
def test_a_damaged_part_is_told_and_set_aside(url: str, provenance: Provenance, name: str, content: bytes) -> None:
    make_store(RemoteStorage(url), provenance)
    Store(RemoteStorage(url)).commit(CHUNKS)
    break_part(url, name, content)
    store = Store(RemoteStorage(url))
    assert len(store.catalogue) == 0
    (reason,) = store.tidy().values()
    assert "damaged" in reason
    assert Store(RemoteStorage(url)).damaged == {}
    assert store.commit(CHUNKS) == len(CHUNKS)
    assert len(Store(RemoteStorage(url)).catalogue) == len({each.path for each in CHUNKS})


def test_half_a_part_is_none(url: str, provenance: Provenance) -> None:
    make_store(RemoteStorage(url), provenance)
    Store(RemoteStorage(url)).commit(CHUNKS)
    filesystem, root = fsspec.core.url_to_fs(url)
    (path,) = (each for each in filesystem.find(root) if each.endswith("files.parquet"))
    filesystem.rm_file(path)
    assert len(Store(RemoteStorage(url)).catalogue) == 0
    assert Store(RemoteStorage(url)).damaged == {}
