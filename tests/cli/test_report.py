"""`earwitness report` and `listen --report`, as they are typed."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import pytest
from typer.testing import CliRunner

from earwitness.cli.main import app
from made_sounds import WriteWav, make_noise, make_tone
from results_read import read_rows, read_run


def run(*arguments: object, sound: bytes | None = None) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(map(str, arguments)), input=sound)
    return result.exit_code, result.output


@pytest.fixture
def folder(write_wav: WriteWav, tmp_path: Path) -> Path:
    write_wav("in/a/x.wav", make_noise())
    write_wav("in/b/x.wav", make_tone())
    (tmp_path / "in" / "bad.wav").write_bytes(b"nothing")
    return tmp_path / "in"


def test_each_recording_has_a_page_and_a_bad_one_is_told(folder: Path, tmp_path: Path, extract_all: Path) -> None:
    out = tmp_path / "out"
    code, details = run("report", folder, "-e", "siren,dog bark", "-s", "park", "-o", out, "--settings", extract_all)
    assert code == 1
    assert "1 of 3 files could not be read" in details
    pages = sorted(path.name for path in (out / "reports").iterdir())
    assert pages == ["x.html", "x_2.html"]
    assert "siren" in (out / "reports" / "x.html").read_text(encoding="utf-8")
    index = (out / "index.html").read_text(encoding="utf-8")
    assert "bad.wav" in index
    assert "reports/x_2.html#t=" in index
    assert {Path(row["file"]).parent.name for row in read_rows(out / "events.csv")} == {"a", "b"}
    assert [Path(row["file"]).name for row in read_rows(out / "errors.csv")] == ["bad.wav"]
    assert read_run(out)["events"] == ["siren", "dog bark"]


def test_listen_writes_the_same_pages(folder: Path, tmp_path: Path) -> None:
    arguments = (folder / "a", "-e", "siren", "--report", "--out", tmp_path / "out")
    code, details = run("listen", *arguments)
    assert code == 0, details
    assert (tmp_path / "out" / "reports" / "x.html").exists()
    assert (tmp_path / "out" / "events.csv").exists()


def test_the_browser_opens_only_if_asked(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    run("report", folder / "a", "-s", "park", "-o", tmp_path / "out")
    assert opened == []
    run("report", folder / "a", "-s", "park", "-o", tmp_path / "out", "--open")
    assert opened == [(tmp_path / "out" / "index.html").as_uri()]


def test_standard_input_is_kept_in_the_page_since_it_cannot_be_linked(write_wav: WriteWav, tmp_path: Path) -> None:
    sound = write_wav("x.wav", make_noise()).read_bytes()
    code, details = run("report", "-", "-e", "siren", "-o", tmp_path / "out", sound=sound)
    assert code == 0, details
    page = (tmp_path / "out" / "reports" / "stdin.html").read_text(encoding="utf-8")
    assert 'id="ew-sound"' in page
    assert "<title>stdin</title>" in page
    run("report", "-", "-e", "siren", "-o", tmp_path / "out", "--audio", "link", sound=sound)
    page = (tmp_path / "out" / "reports" / "stdin.html").read_text(encoding="utf-8")
    assert "no file to link" in page


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("listen", "-e", "siren", "--report"), "give --out"),
        (("listen", "-s", "park,office", "--report", "--blind-calibration", "-o", "out"), "drop one"),
        (("report", "-o", "out"), "give --events, --scenes or both"),
        (("report", "-e", "siren", "-o", "in/bad.wav"), "cannot be written"),
    ],
)
def test_what_cannot_be_done_is_said_at_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(folder.parent)
    code, details = run(arguments[0], folder, *arguments[1:])
    assert code == 2
    assert said in details
