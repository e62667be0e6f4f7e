"""`earwitness doctor`: a line a check, an advice a line, and 1 if something is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from earwitness.cli import doctor
from earwitness.cli.main import app
from earwitness.version import __version__


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["doctor", *map(str, arguments)])


def test_a_machine_that_has_all_ends_with_0_and_an_advice_for_each_line() -> None:
    done = run("--runtime", "onnx")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert f"{__version__} on Python" in lines[0]
    for name in ("encoder", "runtime", "cache", "data sets", "cache disk", "disk here", "microphone"):
        assert any(line[7:].startswith(name) for line in lines), name
    assert all(line.split()[0] in ("ok", "note") and ": " in line for line in lines)


def test_a_cache_that_cannot_be_written_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    file.write_text("no folder")
    monkeypatch.setenv("EARWITNESS_CACHE", str(file / "cache"))
    done = run("--runtime", "onnx")
    assert done.exit_code == 1
    assert f"wrong  cache       {file / 'cache'} cannot be written: set EARWITNESS_CACHE to a folder of yours" in (
        done.stdout
    )


def test_weights_that_are_damaged_are_wrong(tmp_path: Path) -> None:
    path = tmp_path / "m2d_vit_base-80x608p16x16-x.onnx"
    path.write_text("these are not weights")
    done = run("--encoder", path)
    assert done.exit_code == 1
    assert "wrong  encoder" in done.stdout


@pytest.mark.parametrize(("free_mb", "state"), [(50, "wrong"), (500, "note"), (5000, "ok")])
def test_a_disk_that_fills_up_is_reported(tmp_path: Path, free_mb: int, state: str) -> None:
    found = doctor.check_space("disk", tmp_path, lambda _: (10**12, 0, free_mb * 10**6))
    assert found.state == state


def test_without_any_runtime_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: None)
    done = run()
    assert done.exit_code == 1
    assert "wrong  runtime     neither torch nor onnxruntime: pip install 'earwitness[onnx]'" in done.stdout
    assert "note   plot        not installed" in done.stdout
