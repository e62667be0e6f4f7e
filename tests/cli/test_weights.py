"""`earwitness weights`: what is listed, fetched after which consent, checked, converted, and refused."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner, Result

import earwitness
from earwitness.cli.main import app
from earwitness.encoders.load import load_encoder
from earwitness.encoders.registry import EMBEDDED, WEIGHTS
from earwitness.errors import WeightsError
from earwitness.files.paths import DATA_DIR
from earwitness.settings import Settings
from file_server import serve
from golden_m2d import small_state
from made_sounds import WriteWav, make_tone

NAME = "m2d_as_vit_base-80x1001p16x16-240213_AS-FT_enconly"
SPEC = WEIGHTS[NAME]
FILE = SPEC.file_name or ""
ACCEPT = "--accept-licence"


def run(*arguments: object) -> Result:
    """Return what came of `earwitness weights` with these arguments."""
    return CliRunner().invoke(app, ["weights", *map(str, arguments)])


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EARWITNESS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def pth(tmp_path: Path) -> Path:
    """Give a small encoder in the layout of a published file."""
    path = tmp_path / "mine" / FILE
    path.parent.mkdir()
    torch.save(small_state(), path)
    return path


@pytest.fixture
def zipped(pth: Path, tmp_path: Path) -> Path:
    path = tmp_path / f"{NAME}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(pth, f"{NAME}/{FILE}")
    return path


def test_every_known_encoder_is_listed_with_map_and_licence() -> None:
    lines = run("list").output.splitlines()
    assert len(lines) == 1 + len(WEIGHTS)
    assert [line.split()[0] for line in lines[1:]] == list(WEIGHTS)
    assert lines[1].split()[1:] == ["yes", "-", "527", "16", "kHz", "Apache-2.0"]
    best = next(line for line in lines if line.startswith("m2d_clap_vit_base-80x1001p16x16-240128"))
    assert best.split()[1:] == ["-", "0.486", "527", "16", "kHz", "NTT", "evaluation", "licence"]


def test_showing_an_encoder_shows_its_licence() -> None:
    output = run("show", NAME).output
    assert "commercial use:  not allowed" in output
    assert "LICENSE.pdf" in output
    assert f"releases/download/v0.3.0/{NAME}.zip" in output
    assert "not here" in output
    embedded = run("show", EMBEDDED).output
    assert "commercial use:  allowed" in embedded
    assert "LICENSE.pdf" not in embedded


@pytest.mark.parametrize("command", ["show", "get", "verify", "path", "convert"])
def test_an_unknown_name_is_told_by_every_command(command: str) -> None:
    result = run(command, "m2d_huge", *(["out.safetensors"] if command == "convert" else []))
    assert result.exit_code == 2
    assert f"known are: {EMBEDDED}" in result.stderr


def test_the_licence_is_shown_and_must_be_accepted_once(zipped: Path, cache: Path) -> None:
    refused = run("get", NAME, "--from", zipped)
    assert refused.exit_code == 2
    assert "Software License Agreement for Evaluation" in refused.stderr
    assert f"earwitness weights get {NAME} --accept-licence" in refused.stderr
    assert not cache.exists()
    accepted = run("get", NAME, "--from", zipped, ACCEPT)
    assert accepted.exit_code == 0, accepted.output
    assert "Software License Agreement for Evaluation" in accepted.stderr
    assert json.loads((cache / "accepted_licences.json").read_text()) == [SPEC.licence]
    again = run("get", NAME, "--from", zipped)
    assert (again.exit_code, again.stderr) == (0, "")


def test_fetching_ends_in_a_checked_encoder(zipped: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(zipped.read_bytes()) as server:
        monkeypatch.setitem(WEIGHTS, NAME, replace(SPEC, url=server.url))
        first, second = run("get", NAME, ACCEPT), run("get", NAME)
    assert first.exit_code == second.exit_code == 0, first.output
    assert len(server.requests) == 1
    path = cache / "weights" / NAME / FILE
    assert first.stdout.strip() == run("path", NAME).stdout.strip() == str(path)
    assert load_encoder(NAME).spec.name == NAME
    assert load_encoder(NAME).known == WEIGHTS[NAME]
    assert run("verify").output.count("whole") == 2


def test_an_encoder_that_is_not_here_says_its_licence_and_how_to_get_it() -> None:
    with pytest.raises(WeightsError, match=rf"NTT evaluation licence: .*weights get {NAME} --accept-licence"):
        load_encoder(NAME)
    for command in ("path", "verify"):
        result = run(command, NAME)
        assert result.exit_code == 2
        assert "not here yet" in result.stderr


def test_a_server_that_fails_is_told_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(b"", statuses=[404]) as server:
        monkeypatch.setitem(WEIGHTS, NAME, replace(SPEC, url=server.url))
        result = run("get", NAME, ACCEPT)
    assert result.exit_code == 2
    assert "the server says 404 Not Found" in result.stderr


@pytest.mark.parametrize("kind", ["zip", "pth", "safetensors"])
def test_weights_are_taken_from_each_kind_of_file(zipped: Path, pth: Path, tmp_path: Path, kind: str) -> None:
    embedded = tmp_path / "x.safetensors"
    embedded.write_bytes((DATA_DIR / f"{EMBEDDED}.safetensors").read_bytes())
    source = {"zip": zipped, "pth": pth, "safetensors": embedded}[kind]
    result = run("get", NAME, "--from", source, ACCEPT)
    assert result.exit_code == 0, result.output
    assert load_encoder(NAME).spec.embed_dim == 192
    assert source.exists()


def test_a_file_that_is_no_encoder_is_not_taken(tmp_path: Path, pth: Path, cache: Path) -> None:
    assert run("get", NAME, "--from", pth, ACCEPT).exit_code == 0
    bad = tmp_path / "bad.pth"
    bad.write_text("not weights")
    result = run("get", NAME, "--from", bad)
    assert result.exit_code == 2
    assert "not readable as weights" in result.stderr
    assert load_encoder(NAME).spec.name == NAME


def test_damage_in_the_cache_is_found_and_refused(pth: Path, cache: Path) -> None:
    run("get", NAME, "--from", pth, ACCEPT)
    path = cache / "weights" / NAME / FILE
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    result = run("verify")
    assert result.exit_code == 1
    assert f"{NAME}: damaged" in result.output
    with pytest.raises(WeightsError, match="the sha256 is"):
        load_encoder(NAME)


@pytest.mark.slow
def test_converted_weights_are_the_same_encoder_under_its_own_names(pth: Path, tmp_path: Path) -> None:
    run("get", NAME, "--from", pth, ACCEPT)
    result = run("convert", NAME, tmp_path / "out.safetensors")
    assert result.exit_code == 0, result.output
    assert "the licence stays: NTT" in result.stderr
    path = Path(result.stdout.strip())
    assert path == tmp_path / NAME / "out.safetensors"
    assert {str(tensor.dtype) for tensor in load_file(path).values()} == {"torch.float32"}
    ours, theirs = load_encoder(path), load_encoder(NAME)
    assert ours.spec == theirs.spec
    for key, tensor in ours.model.state_dict().items():
        assert torch.equal(tensor, theirs.model.state_dict()[key]), key
    named = tmp_path / f"{NAME}.safetensors"
    assert run("convert", path, named).stdout.strip() == str(named)
    assert load_encoder(named).spec == ours.spec
    assert run("convert", NAME, tmp_path / "out.pth").exit_code == 2


@pytest.mark.slow
def test_only_commercial_use_refuses_weights_that_do_not_allow_it(
    pth: Path, tmp_path: Path, write_wav: WriteWav
) -> None:
    run("get", NAME, "--from", pth, ACCEPT)
    wav = write_wav("a.wav", make_tone(1.0))
    named = tmp_path / NAME / "weights.pth"
    named.parent.mkdir()
    named.write_bytes(pth.read_bytes())
    for command in (["listen", str(wav), "-e", "rain"], ["classify", str(wav), "-w", "rain"], ["tags", str(wav)]):
        assert CliRunner().invoke(app, [*command, "--commercial-only"]).exit_code == 0
        assert CliRunner().invoke(app, [*command, "--encoder", NAME]).exit_code == 0
        for encoder in (NAME, str(named), str(tmp_path / "unknown.pth")):
            refused = CliRunner().invoke(app, [*command, "--commercial-only", "--encoder", encoder])
            assert refused.exit_code == 2
            assert "not for commercial use" in refused.stderr
    settings = Settings(commercial_only=True)
    earwitness.recognize(wav, ["rain"], settings=settings, encoder=load_encoder())
    with pytest.raises(WeightsError, match="not for commercial use"):
        earwitness.recognize(wav, ["rain"], settings=settings, encoder=load_encoder(NAME))
