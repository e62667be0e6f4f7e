"""A data set is fetched whole, goes on where it stopped, is unpacked once, and damage is found."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner, Result

from earwitness.cli.main import app
from earwitness.datasets.base import DatasetPackage
from earwitness.datasets.fetch import fetch_dataset, read_record, take_dataset
from earwitness.datasets.registry import DATASETS
from earwitness.errors import DatasetError
from file_server import Behaviour, serve

ACCEPT = "--accept-licence"
HEAD = "filename,fold,target,category,esc10,src_file,take\n"


def run(*arguments: object) -> Result:
    """Return what came of `earwitness data` with these arguments."""
    return CliRunner().invoke(app, ["data", *map(str, arguments)])


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder of data sets; nothing waits between tries."""
    monkeypatch.setenv("EARWITNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("EARWITNESS_DATA", str(tmp_path / "data"))
    monkeypatch.setattr("earwitness.files.download.RETRY_WAIT_S", 0.0)
    return tmp_path / "data"


def make_members() -> dict[str, bytes]:
    """Return the files of a small ESC-50."""
    file = io.BytesIO()
    soundfile.write(file, np.random.default_rng(1).uniform(-0.5, 0.5, 8000), 8000, format="WAV")
    rows = "1-1-A-0.wav,1,0,dog,True,1,A\n2-1-A-0.wav,2,0,cow,False,1,A\n"
    audio = {f"ESC-50-master/audio/{fold}-1-A-0.wav": file.getvalue() for fold in (1, 2)}
    return {"ESC-50-master/meta/esc50.csv": (HEAD + rows).encode()} | audio


def make_zip(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Behaviour]:
    """Give a server that has a small ESC-50, whose size and md5 are known."""
    content = make_zip(make_members())
    with serve(content) as behaviour:
        package = DatasetPackage("all", behaviour.url, len(content), hashlib.md5(content).hexdigest())
        monkeypatch.setitem(DATASETS, "esc50", replace(DATASETS["esc50"], packages=(package,)))
        yield behaviour


def test_every_data_set_is_listed_with_its_licence() -> None:
    lines = run("list").output.splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(DATASETS)
    assert lines[1].split()[1:5] == ["-", "12.9", "GB", "no"]
    assert all(spec.licence_terms and spec.packages for spec in DATASETS.values())


def test_packages_are_as_published() -> None:
    tau = DATASETS["tau_scenes"]
    assert len(tau.packages) == 18
    assert tau.n_bytes == 27_364_817_167
    sizes = {part: 0 for spec in ("tut_rare", "tut_scenes") for part in DATASETS[spec].parts}
    for package in DATASETS["tut_rare"].packages:
        sizes[package.part] += package.n_bytes or 0
    assert sizes == {"evaluation": 4_595_882_013, "development": 8_321_738_790}
    urls = [package.url for package in DATASETS["tut_rare"].packages]
    assert urls[0] == "https://zenodo.org/record/1160455/files/TUT-rare-sound-events-2017-evaluation.doc.zip"
    assert "https://zenodo.org/record/1160455/files/LICENSE.txt" in urls
    md5s = [package.md5 for spec in DATASETS.values() for package in spec.packages if package.md5]
    assert all(len(md5) == 32 for md5 in md5s)


def test_sizes_and_md5s_are_those_that_were_gathered(shared: Path) -> None:
    content = json.loads((shared / "design" / "dataset_packages.json").read_text())
    records = [record for record in content.values() if isinstance(record, dict)]
    gathered = {
        record["url"] + file["file"]: (file["bytes"] or None, file["md5"])
        for record in records
        for file in record["files"]
    }
    packages = [package for spec in DATASETS.values() for package in spec.packages if package.md5]
    assert len(packages) == 19 + 19 + 18
    for package in packages:
        assert gathered[package.url] == (package.n_bytes, package.md5), package.url


def test_the_licence_is_shown_and_accepted_once(server: Behaviour, data: Path) -> None:
    refused = run("get", "esc50")
    assert refused.exit_code == 2
    assert "Attribution-NonCommercial 3.0" in refused.stderr
    assert "earwitness data get esc50 --accept-licence" in refused.stderr
    assert not server.requests
    assert not data.exists()
    assert run("get", "esc50", ACCEPT).exit_code == 0
    again = run("get", "esc50")
    assert again.exit_code == 0
    assert "Attribution" not in again.stderr


def test_a_data_set_is_fetched_unpacked_checked_and_not_fetched_again(server: Behaviour, data: Path) -> None:
    first, second = run("get", "esc50", ACCEPT), run("get", "esc50")
    assert first.stdout.strip() == second.stdout.strip() == run("path", "esc50").stdout.strip() == str(data / "esc50")
    assert "1 of 1: weights.zip" in first.stderr
    assert len(server.requests) == 1
    assert sorted(each.name for each in (data / "esc50").iterdir()) == ["ESC-50-master", "packages.json"]
    assert [each.name for each in read_record(data / "esc50")["weights.zip"]] == list(make_members())
    verified = run("verify", "esc50")
    assert "esc50: 2 recordings below" in verified.output
    assert "1998 files are missing, 0 damaged" in verified.output
    assert verified.exit_code == 1
    assert "esc50       yes" in run("list").output


def test_a_dropped_connection_is_taken_up_where_it_broke(server: Behaviour, data: Path) -> None:
    server.drop_after = 5000
    fetch_dataset(DATASETS["esc50"])
    assert server.requests[:2] == ["", "bytes=5000-"]
    assert (data / "esc50" / "ESC-50-master" / "meta" / "esc50.csv").is_file()


def test_a_package_of_another_md5_is_refused_and_nothing_is_unpacked(server: Behaviour, data: Path) -> None:
    good = server.content
    server.content = good[:-1] + b"x"
    result = run("get", "esc50", ACCEPT)
    assert result.exit_code == 2
    assert "its md5 is" in result.stderr
    assert not (data / "esc50" / "ESC-50-master").exists()
    server.content = good
    assert run("get", "esc50").exit_code == 0


@pytest.mark.parametrize("name", ["../evil", "/tmp/evil", "..\\evil"])
def test_a_hostile_package_leaves_nothing_and_is_deleted(data: Path, tmp_path: Path, name: str) -> None:
    with serve(make_zip(make_members() | {name: b"evil"})) as server:
        spec = replace(DATASETS["esc50"], packages=(DatasetPackage("all", server.url),))
        with pytest.raises(DatasetError, match="leads out of its folder"):
            fetch_dataset(spec)
        assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix not in (".lock", ".etag")]
        server.content = make_zip(make_members())
        assert fetch_dataset(spec, data / "elsewhere") == data / "elsewhere"


def test_what_is_stopped_between_packages_goes_on_with_the_next(data: Path) -> None:
    members = make_members()
    first, rest = dict(list(members.items())[:2]), dict(list(members.items())[2:])
    with serve(make_zip(first)) as one, serve(make_zip(rest), statuses=[404]) as two, serve(b"by hand") as text:
        urls = (one.url, two.url.replace("weights", "audio"), text.url.replace("weights.zip", "LICENSE.txt"))
        spec = replace(DATASETS["esc50"], packages=tuple(DatasetPackage("all", url) for url in urls))
        with pytest.raises(DatasetError, match="the server says 404"):
            fetch_dataset(spec)
        fetch_dataset(spec)
    assert len(one.requests) == 1
    assert (data / "esc50" / "LICENSE.txt").read_bytes() == b"by hand"
    assert list(read_record(data / "esc50")) == ["weights.zip", "audio.zip", "LICENSE.txt"]


def test_a_part_is_fetched_by_itself(server: Behaviour) -> None:
    packages = (DatasetPackage("evaluation", server.url), DatasetPackage("development", f"{server.url}/none.zip"))
    spec = replace(DATASETS["esc50"], packages=packages)
    folder = fetch_dataset(spec, part="evaluation")
    assert len(server.requests) == 1
    assert (folder / "evaluation" / "ESC-50-master" / "meta" / "esc50.csv").is_file()
    assert read_record(folder)["weights.zip"][0].name == "evaluation/ESC-50-master/meta/esc50.csv"
    with pytest.raises(DatasetError, match="esc50: no part 'test'; its parts are evaluation, development"):
        fetch_dataset(spec, part="test")


def test_packages_that_the_user_has_are_taken_and_stay(data: Path, tmp_path: Path, server: Behaviour) -> None:
    have = tmp_path / "have"
    have.mkdir()
    result = run("get", "esc50", "--from", have, ACCEPT)
    assert result.exit_code == 2
    assert "no package of esc50 here; looked for weights.zip" in result.stderr
    (have / "weights.zip").write_bytes(server.content)
    assert run("get", "esc50", "--from", have).exit_code == 0
    assert (have / "weights.zip").exists()
    (have / "weights.zip").write_bytes(server.content[:-1] + b"x")
    assert "its md5 is" in run("get", "esc50", "--from", have).stderr
    assert not server.requests
    with tarfile.open(have / "other.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo("notes.txt")
        member.size = 2
        archive.addfile(member, io.BytesIO(b"hi"))
    take_dataset(DATASETS["esc50"], have / "other.tar.gz")
    assert (data / "esc50" / "notes.txt").read_bytes() == b"hi"


def test_damage_and_loss_after_unpacking_are_found(server: Behaviour, data: Path) -> None:
    folder = fetch_dataset(DATASETS["esc50"])
    path = folder / "ESC-50-master" / "audio" / "1-1-A-0.wav"
    content = bytearray(path.read_bytes())
    content[5000] ^= 1
    path.write_bytes(content)
    result = run("verify", "esc50")
    assert (result.exit_code, "1998 files are missing, 1 damaged" in result.output) == (1, True)
    assert "1-1-A-0.wav: its content is not what was unpacked" in result.stderr
    path.write_bytes(content[:-2])
    assert "were unpacked" in run("verify", "esc50").stderr
    path.unlink()
    result = run("verify", "esc50", "--missing")
    assert "ESC-50-master/audio/1-1-A-0.wav" in result.stdout.splitlines()
    fetch_dataset(DATASETS["esc50"])
    assert len(server.requests) == 2
    assert "0 damaged" in run("verify", "esc50").output
    (folder / "packages.json").write_text("[]")
    assert "packages.json: not readable" in run("verify", "esc50").stderr
    (folder / "packages.json").unlink()
    path.write_text("no sound")
    assert "1-1-A-0.wav: not readable as audio; replace it" in run("verify", "esc50", "--dir", folder).stderr


@pytest.mark.parametrize("command", ["get", "verify", "path"])
def test_an_unknown_name_is_told_by_every_command(command: str) -> None:
    result = run(command, "urbansound")
    assert result.exit_code == 2
    assert "urbansound: not a known data set; known are: tut_rare" in result.stderr


def test_a_data_set_that_is_not_here_is_told_with_the_way_to_get_it() -> None:
    for command in ("path", "verify"):
        result = run(command, "desed")
        assert result.exit_code == 2
        assert "run 'earwitness data get desed'" in result.stderr


def test_a_folder_that_cannot_be_written_is_told(server: Behaviour, data: Path) -> None:
    data.write_text("a file, not a folder")
    with pytest.raises(DatasetError, match="cannot be written .*EARWITNESS_DATA"):
        fetch_dataset(DATASETS["esc50"])
