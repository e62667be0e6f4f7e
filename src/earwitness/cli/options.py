"""What the commands that take recordings share: their options, and how options become words, settings and files.

In: what the user typed. Out: words, `Settings`, paths; and the exit status.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from earwitness.errors import EarwitnessError, WordError

if TYPE_CHECKING:
    from earwitness.files import Report
    from earwitness.settings import Settings

STDIN_NAME, STDIN_PREFIX = "stdin", "earwitness-"  # where standard input is kept meanwhile
N_AT_ONCE = 4  # recordings, so that decoding overlaps with computing and short ones fill a batch together
EXTRAS = {  # the module that is not there -> the extra that brings it
    **{"torch": "torch", "onnx": "onnx", "transformers": "clap"},
    **{"fastapi": "server", "uvicorn": "server", "prometheus_client": "server", "starlette": "server"},
}
HOW_WORDS = "repeat it, or give a comma list, or @FILE with one a line."

Paths = Annotated[list[str], typer.Argument(help="Recordings: files, folders, glob patterns, or - for standard input.")]
Events = Annotated[list[str], typer.Option("--events", "-e", help=f"A word for what may be heard; {HOW_WORDS}")]
Scenes = Annotated[list[str], typer.Option("--scenes", "-s", help=f"A word for where it may have been; {HOW_WORDS}")]
ClipWords = Annotated[list[str], typer.Option("--words", "-w", help=f"A word to score; {HOW_WORDS}")]
Out = Annotated[
    Path | None, typer.Option("--out", "-o", help="Folder for the results; without it they are only printed.")
]
Formats = Annotated[
    list[str],
    typer.Option("--format", "-f", help="A further form: jsonl, parquet, dcase, audacity or raven; repeat it."),
]
SettingsFile = Annotated[
    Path | None, typer.Option("--settings", help="TOML file of settings; the options here win over it.")
]
Encoder = Annotated[
    str | None, typer.Option(help="Encoder: a known name or the path of weights; the embedded one if not given.")
]
Method = Annotated[str | None, typer.Option(help="'earwitness' (the default) or 'tmrl', the published method.")]
CommercialOnly = Annotated[
    bool, typer.Option("--commercial-only", help="Refuse encoders whose licence does not allow commercial use.")
]
Runtime = Annotated[
    str | None, typer.Option(help="What to compute on: 'torch' or 'onnx' (needs no torch); the one that is here.")
]
Device = Annotated[str | None, typer.Option(help="For torch: cpu, cuda or cuda:N; a GPU where there is one.")]
ShowProgress = Annotated[
    Literal["auto", "bar", "json", "none"], typer.Option(help="How to show progress, on standard error.")
]


@contextlib.contextmanager
def errors_reported() -> Iterator[None]:
    """Turn our own errors into a line on standard error and exit status 2; a key press that stops us into 130."""
    try:
        yield
    except EarwitnessError as error:
        print(f"earwitness: {error}", file=sys.stderr)
        raise typer.Exit(2) from error
    except ModuleNotFoundError as error:
        extra = EXTRAS.get(str(error.name))
        if extra is None:
            raise
        print(f"earwitness: this needs {error.name}: pip install 'earwitness[{extra}]'", file=sys.stderr)
        raise typer.Exit(2) from error
    except KeyboardInterrupt as error:
        print("earwitness: stopped; results so far are kept", file=sys.stderr)
        raise typer.Exit(130) from error


def read_words(given: Sequence[str]) -> list[str]:
    """Return the words of repeated options, comma lists and @FILEs, in order.

    Raises:
        WordError: a file cannot be read, or a word is empty.
    """
    words: list[str] = []
    for each in given:
        if each.startswith("@"):
            try:
                lines = Path(each[1:]).read_text(encoding="utf-8-sig").splitlines()
            except (OSError, UnicodeDecodeError) as error:
                raise WordError(f"{each[1:]}: not readable as a list of words ({error})") from error
            words += [line.strip() for line in lines if line.strip() and not line.startswith("#")]
        else:
            words += [word.strip() for word in each.split(",")]
    if not all(words):
        raise WordError(f"an empty word in {', '.join(map(repr, given))}; remove it, or quote a phrase")
    return list(dict.fromkeys(words))


def choose_compute(
    encoder: str | None, commercial_only: bool, runtime: str | None, device: str | None
) -> dict[str, Any]:
    """Return the options that choose the encoder and what it computes on, as settings."""
    return {
        "encoder": encoder,
        "commercial_only": commercial_only or None,
        "runtime": runtime,
        "device": device,
    }


def choose_settings(path: Path | None, **options: Any) -> Settings:
    """Return the settings of a file, or the defaults, with the options that were given in their place.

    Raises:
        SettingsError: the file cannot be read, or a setting is out of range.
    """
    from earwitness.settings import Settings, read_settings

    chosen = read_settings(path) if path else Settings()
    given = {name: value for name, value in options.items() if value is not None}
    if "event_threshold" in given:  # a lower threshold takes the hold along
        given["event_hold"] = min(chosen.event_hold, given["event_threshold"])
        given["thresholds"] = ()  # it is for all words
    return replace(chosen, **given)


@contextlib.contextmanager
def open_recordings(paths: Sequence[str]) -> Iterator[list[Path]]:
    """Give the recordings; what comes on standard input is kept in a temporary file meanwhile."""
    from earwitness.audio import find_audio

    if "-" not in paths:
        yield find_audio(map(Path, paths))
        return
    with tempfile.TemporaryDirectory(prefix=STDIN_PREFIX) as folder:
        stdin_file = Path(folder) / STDIN_NAME
        with stdin_file.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        yield find_audio([stdin_file if path == "-" else Path(path) for path in paths])


def show_name(source: Path) -> str:
    """Return a recording's name for people and tables; the temporary file of standard input is "stdin"."""
    return STDIN_NAME if source.name == STDIN_NAME and source.parent.name.startswith(STDIN_PREFIX) else str(source)


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


def exit_with(n_failed: int, n_total: int, out: Path | None) -> None:
    """End with status 1 and say so if some recordings could not be used; the reasons are in `out`'s errors.csv."""
    if n_failed:
        where = f"; the reasons are in {out / 'errors.csv'}" if out else ""
        print(f"earwitness: {n_failed} of {n_total} recordings had errors{where}", file=sys.stderr)
        raise typer.Exit(1)
