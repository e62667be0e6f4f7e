"""An archive is unpacked into its folder, and only there; a hostile or damaged one leaves nothing behind."""

from __future__ import annotations

import io
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest

from earwitness.errors import WeightsError
from earwitness.files.unpack import Unpacked, unpack_archive

CONTENT = bytes(range(256)) * 40


def make_archive(path: Path, members: dict[str, bytes]) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        return path
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def files_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.tgz"])
def test_both_kinds_are_unpacked_with_size_and_checksum(tmp_path: Path, name: str) -> None:
    members = {"data/audio/1.wav": CONTENT, "data/meta.txt": b"x", "./data/empty.txt": b""}
    if name == "a.zip":
        members["data/audio/"] = b""
    unpacked = unpack_archive(make_archive(tmp_path / name, members), tmp_path / "out")
    assert files_below(tmp_path / "out") == {"data/audio/1.wav", "data/meta.txt", "data/empty.txt"}
    assert (tmp_path / "out" / "data" / "audio" / "1.wav").read_bytes() == CONTENT
    assert unpacked[0] == Unpacked("data/audio/1.wav", len(CONTENT), zlib.crc32(CONTENT))


@pytest.mark.parametrize("kind", ["a.zip", "a.tar.gz"])
@pytest.mark.parametrize("name", ["../evil", "/tmp/evil", "a/../../evil", "..\\evil", "C:evil"])
def test_an_archive_that_leads_out_of_its_folder_is_refused_whole(tmp_path: Path, kind: str, name: str) -> None:
    archive = make_archive(tmp_path / kind, {"good.txt": b"1", name: b"evil"})
    with pytest.raises(WeightsError, match="leads out of its folder"):
        unpack_archive(archive, tmp_path / "deep" / "out")
    assert files_below(tmp_path) == {kind}


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, kind: bytes) -> None:
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo("link")
        member.type, member.linkname = kind, "/etc/passwd"
        archive.addfile(member)
    with pytest.raises(WeightsError, match="leads out of its folder"):
        unpack_archive(tmp_path / "a.tar.gz", tmp_path / "out")
    assert files_below(tmp_path) == {"a.tar.gz"}


@pytest.mark.parametrize("kind", ["a.zip", "a.tar.gz"])
def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = make_archive(tmp_path / kind, {"1": bytes(600), "2": bytes(600)})
    monkeypatch.setattr("earwitness.files.unpack.LARGEST_BYTES", 1000)
    with pytest.raises(WeightsError, match="unpacks to more than"):
        unpack_archive(archive, tmp_path / "out")
    assert files_below(tmp_path) == {kind}


@pytest.mark.parametrize("kind", ["a.zip", "a.tar.gz"])
def test_a_damaged_archive_is_told_by_its_name(tmp_path: Path, kind: str) -> None:
    whole = make_archive(tmp_path / kind, {"1": CONTENT}).read_bytes()
    for content in (b"", b"<html>", whole[: len(whole) // 2]):
        (tmp_path / kind).write_bytes(content)
        with pytest.raises(WeightsError, match=rf"{kind}: not readable as a (zip|tar) .*fetch it again"):
            unpack_archive(tmp_path / kind, tmp_path / "out")
