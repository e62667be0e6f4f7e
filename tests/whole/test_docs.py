"""The docs are true: the README's code and commands run, the command's page is current, links lead somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import soundfile
from typer.testing import CliRunner

from demo_recording import make_recording
from earwitness.cli.main import app
from make_cli_docs import DOCS_PATH, make_cli_docs

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def code_blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.fixture
def street(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the recordings that the README's examples name."""
    samples, _ = make_recording()
    (tmp_path / "recordings").mkdir()
    for name in ("street.wav", "recordings/one.wav", "recordings/two.wav"):
        soundfile.write(tmp_path / name, samples[: 12 * 16000], 16000)
    (tmp_path / "sounds" / "knock").mkdir(parents=True)
    soundfile.write(tmp_path / "sounds" / "knock" / "one.wav", samples[:16000], 16000)
    (tmp_path / "words.txt").write_text("siren\nthunder\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_commands_page_is_what_the_command_says() -> None:
    assert DOCS_PATH.read_text(encoding="utf-8") == make_cli_docs(), "run: make docs"


def test_the_readmes_python_runs(street: Path) -> None:
    blocks = code_blocks("python")
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})


def test_the_readmes_commands_run(street: Path) -> None:
    lines = [line.split("  #")[0] for block in code_blocks("sh") for line in block.splitlines()]
    commands = [line for line in lines if line.startswith("earwitness ")]
    assert len(commands) >= 4
    for command in commands:
        result = CliRunner().invoke(app, shlex.split(command)[1:])
        assert result.exit_code == 0, f"{command}\n{result.output}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_and_files_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_makefile_has_the_readmes_two_commands() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in ("demo", "test"):
        assert f"make {target}" in README
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)
