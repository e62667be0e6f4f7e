"""Recordings at URLs are found and come whole, with their name and time."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from earwitness.archive.remote_audio import RemoteFile, brought_here, find_remote_audio, is_url
from earwitness.errors import AudioError, MissingExtraError

fsspec = pytest.importorskip("fsspec")


@pytest.fixture
def files() -> Iterator[None]:
    memory = fsspec.filesystem("memory")
    for name in ("/bucket/b.wav", "/bucket/deep/a.FLAC", "/bucket/notes.txt"):
        memory.pipe_file(name, name.encode())
    yield
    memory.store.clear()


@pytest.mark.parametrize(
    ("url", "names"),
    [
        ("memory://bucket", ["b.wav", "a.FLAC"]),
        ("memory://bucket/*.wav", ["b.wav"]),
        ("memory://bucket/notes.txt", ["notes.txt"]),
        ("memory://bucket/deep/", ["a.FLAC"]),
    ],
)
@pytest.mark.usefixtures("files")
def test_folders_patterns_and_files_are_found(url: str, names: list[str]) -> None:
    found = find_remote_audio([url, url])
    assert [each.url.rsplit("/", 1)[-1] for each in found] == names
    assert all(each.size > 0 and each.mtime_ns > 1e18 for each in found)
    assert found == find_remote_audio([url])


@pytest.mark.usefixtures("files")
def test_a_copy_has_the_name_time_and_bytes_and_is_removed() -> None:
    (file,) = find_remote_audio(["memory://bucket/b.wav"])
    with brought_here(file) as path:
        assert path.name == "b.wav"
        assert path.read_bytes() == b"/bucket/b.wav"
        assert path.stat().st_mtime_ns == file.mtime_ns
    assert not path.exists()


@pytest.mark.usefixtures("files")
def test_what_is_not_there_or_changed_is_told() -> None:
    with pytest.raises(AudioError, match="no recording there"):
        find_remote_audio(["memory://nowhere"])
    with pytest.raises(AudioError, match="cannot be read"), brought_here(RemoteFile("memory://bucket/x.wav", 1, 0)):
        pass
    (file,) = find_remote_audio(["memory://bucket/b.wav"])
    with pytest.raises(AudioError, match="13 bytes came, 14 were listed"), brought_here(replace(file, size=14)):
        pass


def test_unknown_kinds_of_url_and_missing_extras_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AudioError, match="nonsense"):
        find_remote_audio(["nonsense://bucket"])
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'earwitness\[ray\]'"):
        find_remote_audio(["s3://bucket"])


def test_a_path_is_no_url() -> None:
    assert is_url("s3://bucket/a.wav")
    assert not is_url("/data/a.wav")
    assert not is_url("C:\\data")
