"""Make docs/cli.md from the command's own help, so that both always say the same.

python scripts/make_cli_docs.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from earwitness.cli.main import app

EXIT_STATUS = """\
The exit status means the same in every command:

| status | meaning |
|---|---|
| 0 | every word and file was answered; `live` and `serve`: stopped |
| 1 | some words or files were left out, with reasons in `errors.csv`; `verify`, `doctor`: something is wrong |
| 2 | nothing was done; a disk that is full; what was finished remains |
| 130 | stopped by a signal; what was done remains, and `run.json` says so |

Hidden files and dead links inside folders do not count; one that you name does."""
DOCS_PATH = Path(__file__).parent.parent / "docs" / "cli.md"


def make_cli_docs() -> str:
    """Return the page in Markdown."""
    root = typer.main.get_command(app)
    context = typer.Context(root, info_name="earwitness")
    lines = ["# Command line", "", "<!-- Made by `make docs` from the help texts; do not edit. -->", ""]
    lines += ["`earwitness COMMAND --help` prints the same on a terminal.", ""]
    lines += [EXIT_STATUS, ""]
    for name, command in root.commands.items():  # type: ignore[attr-defined]
        lines += describe_command(f"earwitness {name}", command, context)
    return "\n".join(lines)


def describe_command(name: str, command: Any, context: typer.Context) -> list[str]:
    """Return the lines of a command, or of a group and its commands."""
    lines = [f"## {name}", ""]
    if hasattr(command, "commands"):
        lines += [(command.help or "").strip(), ""]
        inner = typer.Context(command, info_name=name, parent=context)
        for each, inner_command in command.commands.items():
            lines += describe_command(f"{name} {each}", inner_command, inner)
        return lines
    lines += [f"`{name} {' '.join(command.collect_usage_pieces(context))}`", "", (command.help or "").strip(), ""]
    params = [param for param in command.params if param.name != "help"]
    lines += ["| option | meaning | default |", "|---|---|---|"] if params else []
    for param in params:
        names = ", ".join(f"`{each}`" for each in (*param.opts, *param.secondary_opts))
        default = "" if param.default in (None, (), []) or param.required else f"`{param.default}`"
        lines.append(f"| {names} | {getattr(param, 'help', '') or ''} | {default} |")
    return [*lines, ""]


if __name__ == "__main__":
    DOCS_PATH.parent.mkdir(exist_ok=True)
    DOCS_PATH.write_text(make_cli_docs(), encoding="utf-8")
    print(DOCS_PATH)
