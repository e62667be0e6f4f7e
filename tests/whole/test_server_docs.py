"""The server's page in the docs is true: its client runs, its limits and routes are those of the code."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import httpx
import pytest

from earwitness.server.limits import Limits
from earwitness.server.metrics import Metrics
from running_server import RunningServer

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "server.md").read_text(encoding="utf-8")
API_PAGE = (ROOT / "docs" / "reference" / "http.md").read_text(encoding="utf-8")


def test_the_client_of_ten_lines_runs(
    server: RunningServer,
    demo_wav: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    lines = [line for line in code.splitlines() if line.strip()]
    assert len(lines) <= 10
    (tmp_path / "street.wav").write_bytes(demo_wav)
    monkeypatch.chdir(tmp_path)
    exec(compile(code.replace("http://127.0.0.1:8765", server.url.rstrip("/")), "server.md", "exec"), {})
    assert "telephone ringing" in capsys.readouterr().out


def test_every_limit_is_told_with_its_default() -> None:
    rows = re.findall(r"^\| (`.*?) \| ([^|]*) \|", PAGE, re.MULTILINE)
    details = {}
    for names, defaults in rows:
        for name, value in zip(re.findall(r"`(\w+)`", names), defaults.split(","), strict=False):
            details[name] = value.strip()
    for field in fields(Limits):
        assert float(details[field.name]) == float(field.default), field.name  # type: ignore[arg-type]


def test_every_route_is_told(server: RunningServer) -> None:
    for path in httpx.get(f"{server.url}openapi.json").json()["paths"]:
        assert path in API_PAGE or path.removeprefix("/v1/recordings/{id}") in API_PAGE, path


def test_the_image_holds_what_it_needs() -> None:
    image = (ROOT / "Dockerfile").read_text()
    for name in re.findall(r"^COPY (?!--)(.*) ", image, re.MULTILINE):
        for each in name.split():
            assert (ROOT / each).exists(), each
            assert f"!{each}" in (ROOT / ".dockerignore").read_text()
    assert "USER earwitness" in image
    assert "torch" not in image.split("\n", 1)[1]
    assert "not been built" in PAGE


def test_counters_of_one_app_are_not_those_of_another() -> None:
    first, second = Metrics(), Metrics()
    first.restarts.inc()
    assert b"earwitness_worker_restarts_total 1.0" in first.to_text()
    assert b"earwitness_worker_restarts_total 0.0" in second.to_text()
