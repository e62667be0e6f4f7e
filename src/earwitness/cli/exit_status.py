"""How commands end: the same exit status and the same wording of what went wrong for all of them.

In: errors that a command raises, and counts. Out: a line on standard error, and an exit status:

0    every word and file was answered
1    some were left out, each with its reason in errors.csv; `verify`, `doctor`: something is wrong
2    nothing was done, or the run could not go on; what was finished stays
130  stopped by a signal; what was done is stored, and run.json says so (`live` and `serve` end with 0)
"""

from __future__ import annotations

import contextlib
import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

from earwitness.errors import EarwitnessError

if TYPE_CHECKING:
    from earwitness.files import Report
    from earwitness.results import Failures

SOME_LEFT_OUT, NOTHING_DONE, STOPPED = 1, 2, 130
EXTRAS = {  # the module that is not there -> the extra that brings it
    **{"torch": "torch", "onnx": "onnx", "onnxruntime": "onnx", "transformers": "clap", "av": "media"},
    **{"fastapi": "server", "uvicorn": "server", "prometheus_client": "server", "starlette": "server"},
    **{"matplotlib": "plot", "pyarrow": "archive", "duckdb": "archive", "ray": "ray", "fsspec": "ray"},
    **{"sounddevice": "live", "paho": "live", "tokenizers": "mpnet"},
}


class Commands(TyperGroup):
    """The commands together; what one of them raises becomes a line on standard error and an exit status."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was chosen."""
        with errors_reported(), stopped_by_sigterm():
            return super().invoke(ctx)


@contextlib.contextmanager
def errors_reported() -> Iterator[None]:
    """Turn our own errors into a line on standard error and exit status 2; a signal that stops us into 130."""
    try:
        yield
    except EarwitnessError as error:
        print_error(str(error))
        raise typer.Exit(NOTHING_DONE) from error
    except ModuleNotFoundError as error:
        extra = EXTRAS.get(str(error.name).partition(".")[0])
        if extra is None:
            raise
        print_error(f"this needs {error.name}: pip install 'earwitness[{extra}]'")
        raise typer.Exit(NOTHING_DONE) from error
    except BrokenPipeError:  # what reads the output has ended
        raise
    except OSError as error:
        logging.getLogger(__name__).info("not foreseen", exc_info=True)
        where = f"{error.filename}: " if error.filename else ""
        print_error(f"{where}{error.strerror or error}; what was finished stays")
        raise typer.Exit(NOTHING_DONE) from error
    except KeyboardInterrupt as error:
        print_error("stopped; the results so far are stored")
        raise typer.Exit(STOPPED) from error


@contextlib.contextmanager
def handling(handler: Callable[[int, FrameType | None], None], *numbers: signal.Signals) -> Iterator[None]:
    """Let a handler take signals meanwhile; in the main thread only, others may not set handlers."""
    is_main = threading.current_thread() is threading.main_thread()
    usual = {each: signal.signal(each, handler) for each in numbers if is_main}
    try:
        yield
    finally:
        for each, before in usual.items():
            signal.signal(each, before)


def stopped_by_sigterm() -> AbstractContextManager[None]:
    """Let SIGTERM stop a command as Ctrl-C does: in order, with what was done."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    return handling(stop, signal.SIGTERM)


def print_error(message: str) -> None:
    """Print a line on standard error, with this program's name."""
    print(f"earwitness: {message}", file=sys.stderr)


def print_problems(problems: list[str]) -> None:
    """Print what could not be taken into account, and end with status 1 if there is anything."""
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        raise typer.Exit(SOME_LEFT_OUT)


def end(failures: Failures, where: Path | str = "", words: Sequence[str] = ()) -> None:
    """End with the status of a run, and print how many files were left out and `where` the reasons are, and `words`."""
    if words:
        print_error(f"cannot be heard, and left out: {', '.join(words)}; the other words were answered")
    if status := failures.status():
        print_error(f"{failures.describe()}{f'; the reasons are in {where}' if where else ''}")
        raise typer.Exit(status)
    if words:
        raise typer.Exit(SOME_LEFT_OUT)


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
