"""What is taken in touches nothing else, and is checked whenever it is used."""

from __future__ import annotations

import json
import stat
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from earwitness.encoders.registry import EMBEDDED, WEIGHTS
from earwitness.encoders.weights_cache import (
    check_hash,
    extract_weights,
    fetch_weights,
    find_weights,
    take_weights,
    weights_dir,
)
from earwitness.errors import WeightsError
from earwitness.files.paths import hash_file
from file_server import serve

SPEC = WEIGHTS["m2d_as_vit_base-80x1001p16x16-240213_AS-FT_enconly"]
FILE = SPEC.file_name or ""
CONTENT = bytes(range(256)) * 400


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EARWITNESS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def make_zip(path: Path, members: dict[str | zipfile.ZipInfo, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def files_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"}


def test_a_published_zip_is_fetched_unpacked_recorded_and_not_fetched_again(tmp_path: Path, cache: Path) -> None:
    zip_path = make_zip(tmp_path / "a.zip", {f"{SPEC.name}/{FILE}": CONTENT, f"{SPEC.name}/readme.txt": b"hello"})
    assert find_weights(SPEC) is None
    with serve(zip_path.read_bytes()) as server:
        spec = replace(SPEC, url=server.url)
        path = fetch_weights(spec)
        assert fetch_weights(spec) == find_weights(SPEC) == path == cache / "weights" / SPEC.name / FILE
    assert len(server.requests) == 1
    assert path.read_bytes() == CONTENT
    assert json.loads(path.with_name("sha256.json").read_text()) == {FILE: hash_file(path)}
    assert files_below(cache / "weights") == {f"{SPEC.name}/{FILE}", f"{SPEC.name}/sha256.json"}


def test_a_zip_that_is_none_is_deleted_so_that_the_next_try_can_succeed(tmp_path: Path, cache: Path) -> None:
    whole = make_zip(tmp_path / "a.zip", {f"{SPEC.name}/{FILE}": CONTENT}).read_bytes()
    for wrong in (b"<html>", whole[:-30], whole[:150] + bytes(30) + whole[180:], b""):
        with serve(wrong) as server:
            spec = replace(SPEC, url=server.url)
            with pytest.raises(WeightsError, match="not readable as a zip"):
                fetch_weights(spec)
            assert find_weights(SPEC) is None
            assert files_below(cache / "weights") <= set()
            server.content = whole
            assert fetch_weights(spec).read_bytes() == CONTENT
        (weights_dir(SPEC) / FILE).unlink()
        (weights_dir(SPEC) / "sha256.json").unlink()


@pytest.mark.parametrize(
    "name", ["../evil.pth", "/tmp/evil.pth", "a/../../evil.pth", "..\\evil.pth", "C:/evil.pth", "C:evil.pth"]
)
def test_a_zip_that_leads_out_of_its_folder_is_refused_whole(tmp_path: Path, name: str) -> None:
    zip_path = make_zip(tmp_path / "zips" / "a.zip", {f"{SPEC.name}/{FILE}": CONTENT, name: b"evil"})
    with pytest.raises(WeightsError, match="leads out of its folder"):
        extract_weights(zip_path, tmp_path / "deep" / "out", FILE)
    assert files_below(tmp_path) == {"zips/a.zip"}


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
def test_links_and_devices_in_a_zip_are_refused(tmp_path: Path, kind: int) -> None:
    member = zipfile.ZipInfo(f"{SPEC.name}/{FILE}")
    member.external_attr = (kind | 0o777) << 16
    zip_path = make_zip(tmp_path / "a.zip", {member: b"/etc/passwd"})
    with pytest.raises(WeightsError, match="leads out of its folder"):
        extract_weights(zip_path, tmp_path / "out", FILE)
    assert files_below(tmp_path) == {"a.zip"}


def test_only_the_expected_pth_is_taken(tmp_path: Path) -> None:
    others = {"x/other.pth": b"1", "x/code.py": b"2", f"x/{FILE}": CONTENT}
    path = extract_weights(make_zip(tmp_path / "a.zip", others), tmp_path / "out", FILE)
    assert files_below(tmp_path / "out") == {FILE}
    assert path.read_bytes() == CONTENT
    with pytest.raises(WeightsError, match="holds no none.pth"):
        extract_weights(tmp_path / "a.zip", tmp_path / "out", "none.pth")
    with pytest.raises(WeightsError, match="holds no single .pth"):
        extract_weights(make_zip(tmp_path / "b.zip", {"x/code.py": b"2"}), tmp_path / "out")


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("earwitness.files.unpack.LARGEST_BYTES", 1000)
    with pytest.raises(WeightsError, match="too large"):
        extract_weights(make_zip(tmp_path / "a.zip", {FILE: bytes(2000)}), tmp_path / "out", FILE)


def test_the_hash_of_first_use_holds_from_then_on(cache: Path) -> None:
    path = weights_dir(SPEC) / FILE
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    first = check_hash(SPEC, path)
    assert check_hash(SPEC, path) == first
    path.write_bytes(CONTENT[:-1] + b"x")
    with pytest.raises(WeightsError, match=rf"has {first}; the file is damaged .*weights get {SPEC.name}"):
        check_hash(SPEC, path)
    path.with_name("sha256.json").write_text("[")
    with pytest.raises(WeightsError, match=r"sha256\.json: not readable"):
        check_hash(SPEC, path)
    path.with_name("sha256.json").write_text("[]")
    with pytest.raises(WeightsError, match=r"sha256\.json: not a table of hashes"):
        check_hash(SPEC, path)


def test_a_file_outside_the_cache_may_change(tmp_path: Path) -> None:
    path = tmp_path / SPEC.name / FILE
    path.parent.mkdir()
    for content in (b"1", b"22"):
        path.write_bytes(content)
        assert check_hash(SPEC, path)
    assert files_below(path.parent) == {FILE}


def test_a_published_hash_is_enforced_on_what_is_taken(tmp_path: Path) -> None:
    source = tmp_path / "checkpoint-300.pth"
    source.write_bytes(CONTENT)
    known = replace(SPEC, file_name=source.name, sha256=hash_file(source))
    assert take_weights(known, source, Path.read_bytes) == weights_dir(SPEC) / source.name
    zip_path = make_zip(tmp_path / "a.zip", {f"{SPEC.name}/{source.name}": b"other"})
    for wrong in (zip_path, source):
        source.write_bytes(b"other")
        with pytest.raises(WeightsError, match="sha256"):
            take_weights(known, wrong, Path.read_bytes)
    assert source.read_bytes() == b"other"
    assert (weights_dir(SPEC) / source.name).read_bytes() == CONTENT


def test_weights_that_are_refused_do_not_replace_those_that_are_kept(tmp_path: Path, cache: Path) -> None:
    source = tmp_path / "mine.pth"
    source.write_bytes(CONTENT)
    stored = take_weights(SPEC, source, Path.read_bytes)
    source.write_bytes(b"bad")

    def refuse(path: Path) -> None:
        assert path.parent.name == SPEC.name
        raise WeightsError("not weights")

    with pytest.raises(WeightsError, match="not weights"):
        take_weights(SPEC, source, refuse)
    assert stored.read_bytes() == CONTENT
    assert check_hash(SPEC, stored)
    assert files_below(cache / "weights") == {f"{SPEC.name}/{FILE}", f"{SPEC.name}/sha256.json"}


def test_what_cannot_be_taken_is_told(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no such file"):
        take_weights(SPEC, tmp_path / "none.zip", Path.read_bytes)
    (tmp_path / "a.bin").write_bytes(b"1")
    with pytest.raises(WeightsError, match="not weights by its name"):
        take_weights(SPEC, tmp_path / "a.bin", Path.read_bytes)
    with pytest.raises(WeightsError, match="not taken from a file"):
        take_weights(WEIGHTS[EMBEDDED], tmp_path / "a.bin", Path.read_bytes)
    assert find_weights(WEIGHTS[EMBEDDED]) == fetch_weights(WEIGHTS[EMBEDDED])
