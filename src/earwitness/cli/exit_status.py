"""How commands end: the same exit status and the same wording of what went wrong for all of them.

In: errors that a command raises, and counts. Out: a line on standard error, and an exit status.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

from earwitness.errors import EarwitnessError

if TYPE_CHECKING:
    from earwitness.files import Report

EXTRAS = {  # the module that is not there -> the extra that brings it
    **{"torch": "torch", "onnx": "onnx", "transformers": "clap"},
    **{"fastapi": "server", "uvicorn": "server", "prometheus_client": "server", "starlette": "server"},
}


class Commands(TyperGroup):
    """The commands together; what one of them raises becomes a line on standard error and an exit status."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was chosen."""
        with errors_reported():
            return super().invoke(ctx)


@contextlib.contextmanager
def errors_reported() -> Iterator[None]:
    """Turn our own errors into a line on standard error and exit status 2; a key press that stops us into 130."""
    try:
        yield
    except EarwitnessError as error:
        print_error(str(error))
        raise typer.Exit(2) from error
    except ModuleNotFoundError as error:
        extra = EXTRAS.get(str(error.name))
        if extra is None:
            raise
        print_error(f"this needs {error.name}: pip install 'earwitness[{extra}]'")
        raise typer.Exit(2) from error
    except KeyboardInterrupt as error:
        print_error("stopped; the results so far are stored")
        raise typer.Exit(130) from error


def print_error(message: str) -> None:
    """Print a line on standard error, with this program's name."""
    print(f"earwitness: {message}", file=sys.stderr)


def print_problems(problems: list[str]) -> None:
    """Print what could not be taken into account, and end with status 1 if there is anything."""
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        raise typer.Exit(1)


def end(n_failed: int, n_total: int, out: Path | None = None) -> None:
    """End with status 1 and say so if some recordings could not be used; the reasons are in `out`'s errors.csv."""
    if n_failed:
        where = f"; the reasons are in {out / 'errors.csv'}" if out else ""
        print_error(f"{n_failed} of {n_total} recordings had errors{where}")
        raise typer.Exit(1)


@contextlib.contextmanager
def download_progress() -> Iterator[Report | None]:
    """Give what shows a download's progress on a terminal; None where nobody looks."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("download", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
