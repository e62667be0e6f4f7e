"""The docs are true: examples of the README, tutorial and how-to pages run, the command's page is current, links work.

Blocks marked `sh` and `python` run, page by page, in one folder with the recordings that they name. Blocks marked
`console` or `text` need a network, hardware or time, or show output; they do not run.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import soundfile
from typer.main import get_command
from typer.testing import CliRunner

from demo_recording import make_recording
from earwitness.cli import app
from make_cli_docs import DOCS_PATH, make_cli_docs

ROOT = next(each for each in Path(__file__).parents if (each / "pyproject.toml").exists())
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
README = ROOT / "README.md"
# The client of how-to/server.md needs a server: tests/serving runs it.
TAUGHT = [README, *sorted((DOCS / "tutorial").glob("*.md")), *sorted((DOCS / "how-to").glob("*.md"))]
RUN = [page for page in TAUGHT if page.name != "server.md" and re.search(r"```(sh|python)\n", page.read_text("utf-8"))]
LARGEST_README = 600  # words
COMMANDS: dict[str, Any] = get_command(app).commands  # type: ignore[attr-defined]


def find_blocks(page: Path) -> list[tuple[str, str]]:
    return re.findall(r"^```(sh|python)\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


@pytest.fixture
def street(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the recordings that the examples name."""
    samples, _ = make_recording()
    (tmp_path / "recordings").mkdir()
    for name in ("street.wav", "recordings/one.wav", "recordings/two.wav"):
        soundfile.write(tmp_path / name, samples[: 12 * 16000], 16000)
    (tmp_path / "background").mkdir()
    for name in ("background/one.wav", "background/two.wav"):
        soundfile.write(tmp_path / name, samples, 16000)
    (tmp_path / "sounds" / "knock").mkdir(parents=True)
    soundfile.write(tmp_path / "sounds" / "knock" / "one.wav", samples[:16000], 16000)
    (tmp_path / "words.txt").write_text("siren\nthunder\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def find_options(command: Any) -> set[str]:
    return {each for param in command.params for each in (*param.opts, *param.secondary_opts)}


def run_commands(block: str) -> None:
    """Run the commands of a block in this process; each must exit with 0."""
    for line in block.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if not words:
            continue
        assert words[0] == "earwitness", line
        result = CliRunner().invoke(app, words[1:])
        assert result.exit_code == 0, f"{line}\n{result.output}"


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN, ids=lambda page: page.name)
def test_the_examples_of_a_page_run_in_their_order(page: Path, street: Path) -> None:
    for language, block in find_blocks(page):
        if language == "python":
            exec(compile(block, page.name, "exec"), {})
        else:
            run_commands(block)


def test_pages_that_teach_have_examples_that_run() -> None:
    names = {page.name for page in RUN}
    assert names >= {"README.md", "first-ten-minutes.md", "python.md", "researcher.md", "archive.md", "home.md"}
    assert names >= {"published-method.md", "reports.md", "encoders.md"}


@pytest.mark.parametrize("page", TAUGHT, ids=lambda page: page.name)
def test_commands_that_do_not_run_here_have_names_and_options_that_are_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for block in re.findall(r"^```console\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        for line in block.replace("\\\n", " ").splitlines():
            for name, rest in re.findall(r"(?:^|\| )earwitness (\w+)(.*)", line):
                assert name in COMMANDS, line
                command = COMMANDS[name]
                command = getattr(command, "commands", {}).get(rest.split()[0], command) if rest.split() else command
                known = find_options(command)
                for option in re.findall(r"(?<= )--?[a-z][a-z-]*", rest.split(" | ")[0].split("#")[0]):
                    assert option in known, f"{line}\n{sorted(known)}"


def test_the_commands_page_is_what_the_command_says() -> None:
    assert DOCS_PATH.read_text(encoding="utf-8") == make_cli_docs(), "run: make docs"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_and_files_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_makefile_has_the_readmes_two_commands() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in ("demo", "test"):
        assert f"make {target}" in README.read_text(encoding="utf-8")
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_the_readme_is_short() -> None:
    assert len(README.read_text(encoding="utf-8").split()) <= LARGEST_README


def test_the_architecture_names_every_folder_and_file_of_the_package() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    tree = page.split("```text\n", 1)[1].split("```", 1)[0]
    package = ROOT / "src" / "earwitness"
    files = {path.name for path in package.rglob("*.py") if path.name != "__init__.py" or path.parent == package}
    assert set(re.findall(r"\b\w+\.py\b", tree)) == files
    folders = {path.name for path in package.rglob("*") if path.is_dir() and path.name != "__pycache__"}
    assert set(re.findall(r"^ +(\w+)/", tree, re.MULTILINE)) == folders


def test_every_schema_of_the_code_is_documented_with_its_number() -> None:
    page = (DOCS / "schemas.md").read_text(encoding="utf-8")
    found = 0
    for path in sorted((ROOT / "src" / "earwitness").rglob("*.py")):
        numbers = re.findall(r"^(?:\w+, )?SCHEMA(?:: \w+)? = (?:\".*\", )?(\d+)", path.read_text("utf-8"), re.MULTILINE)
        for number in numbers:
            found += 1
            name = path.relative_to(ROOT / "src" / "earwitness").as_posix()
            assert re.search(rf"^\|.*\| {number} \| `{re.escape(name)}`: `SCHEMA` \|", page, re.MULTILINE), name
    assert found >= 5


def test_every_setting_is_documented_with_its_default() -> None:
    from earwitness import Settings

    page = (DOCS / "reference" / "settings.md").read_text(encoding="utf-8")
    for name, default in Settings().to_dict().items():
        shown = (
            "none"
            if name == "thresholds"
            else f"`{str(default).lower() if isinstance(default, bool) else repr(default)}`"
        )
        assert f"| `{name}` | {shown.replace(chr(39), chr(34))} |" in page, name
