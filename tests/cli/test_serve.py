"""`earwitness serve`: what it refuses to start with, and what it says."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from earwitness.cli.main import app
from earwitness.cli.serve import choose_limits
from earwitness.server.limits import Limits


def run(*options: str) -> Any:
    return CliRunner().invoke(app, ["serve", *options])


def test_another_address_without_a_token_is_refused_with_the_way_to_make_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EARWITNESS_TOKEN", raising=False)
    done = run("--host", "0.0.0.0")
    assert done.exit_code == 2
    assert "--host 0.0.0.0" in done.stderr
    assert "export EARWITNESS_TOKEN=$(" in done.stderr
    monkeypatch.setenv("EARWITNESS_TOKEN", "short")
    assert "give 16 or more" in run("--host", "0.0.0.0").stderr


def test_what_cannot_be_is_told_before_anything_starts(tmp_path: Path) -> None:
    limits = tmp_path / "limits.toml"
    limits.write_text("max_upload = 3\n")
    assert "unknown key 'max_upload'" in run("--limits", str(limits)).stderr
    assert "keep_s=-1" in run("--keep", "-1").stderr
    assert "--spool" in run("--spool", str(tmp_path / "missing"), "--port", "0").stderr
    assert "--host nowhere.invalid" in run("--host", "nowhere.invalid", "--token", "x" * 20).stderr


@pytest.mark.needs("torch")
def test_an_encoder_that_is_not_there_is_told(tmp_path: Path) -> None:
    done = run("--encoder", "nowhere.safetensors", "--port", "0", "--no-preload", "--spool", str(tmp_path))
    assert done.exit_code == 2
    assert "nowhere.safetensors: neither a file nor a known encoder" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = run("--port", str(taken.getsockname()[1]), "--spool", str(tmp_path))
    assert done.exit_code == 2
    assert "choose another --port" in done.stderr


def test_options_win_over_the_file_of_limits(tmp_path: Path) -> None:
    limits = tmp_path / "limits.toml"
    limits.write_text("max_upload_mb = 3\nkeep_s = 5\n")
    assert choose_limits(limits, keep_s=7.0, n_workers=None) == Limits(max_upload_mb=3, keep_s=7.0)
    assert choose_limits(None) == Limits()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_server_that_is_stopped_ends_with_0(tmp_path: Path, number: signal.Signals) -> None:
    options = ("--port", "0", "--runtime", "onnx", "--no-preload", "--workers", "1", "--spool", str(tmp_path))
    command = [sys.executable, "-m", "earwitness", "serve", *options]

    def take_key_presses() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a process in the background ignores them

    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=take_key_presses) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("earwitness serves at http://")
        process.send_signal(number)
        assert process.wait(60) == 0
