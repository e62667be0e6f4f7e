"""Golden outputs: the table of cases, and the folder in which they run.

A case is a function that takes a `Workspace` and returns what the program puts out, as plain values for JSON. Cases use
the command line, scripts, HTTP and the public names of `earwitness` only, so that they outlive every move of a module.
"""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from typer.testing import CliRunner

from earwitness.cli import app

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"
ON_ONNX = ("--runtime", "onnx")
QUIETLY = (*ON_ONNX, "--progress", "none")
ABSENT = ("torch", "sentence_transformers")  # nothing here needs them; with them runs take longer and differ a little
N_COLUMNS = "100"  # of the terminal that tables are made for

Made = TypeVar("Made")
Run = Callable[["Workspace"], Any]


@dataclass(frozen=True)
class Case:
    """One golden output: its name, what makes it, and a path without which it is skipped."""

    name: str
    run: Run
    needs: Path | None = None


@dataclass
class Workspace:
    """The folder that all cases share; they run in it, so that the paths in outputs are short and always the same."""

    folder: Path
    made: dict[str, Any] = field(default_factory=dict)

    def run(self, *arguments: str | Path, stdin: bytes | None = None) -> str:
        """Run the command `earwitness` in this process and return its standard output.

        Raises:
            AssertionError: the command does not end by itself with an exit status.
        """
        given = [str(each) for each in arguments]
        with logging_as_before():
            result = CliRunner().invoke(app, given, input=stdin, env={"COLUMNS": N_COLUMNS})
        ended_well = result.exception is None or isinstance(result.exception, SystemExit)
        assert ended_well, f"earwitness {' '.join(given)}: {result.exception!r}\n{result.output}"
        return result.stdout

    def once(self, name: str, make: Callable[[Workspace], Made]) -> Made:
        """Return what `make` makes, which is made at the first call only."""
        if name not in self.made:
            self.made[name] = make(self)
        result: Made = self.made[name]
        return result

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
        """Start `python -m earwitness` in the folder, with pipes for its input and output."""
        command = [sys.executable, "-m", "earwitness", *arguments]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        return subprocess.Popen(command, cwd=self.folder, **{**pipes, **options})


CASES: dict[str, Case] = {}


def case(name: str, needs: Path | None = None) -> Callable[[Run], Run]:
    """Put a function into the table of cases."""

    def register(run: Run) -> Run:
        assert name not in CASES, f"two cases are named {name}"
        CASES[name] = Case(name, run, needs)
        return run

    return register


@contextlib.contextmanager
def logging_as_before() -> Iterator[None]:
    """Take away what the block adds to the root logger: it writes to a stream that is closed afterwards."""
    root = logging.getLogger()
    handlers, level = [*root.handlers], root.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


def forget_loaded() -> None:
    """Empty the caches of the package: a model that an earlier test loaded would need the modules of ABSENT."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "earwitness":
            for value in list(vars(module).values()):
                if hasattr(value, "cache_clear"):
                    value.cache_clear()


@contextlib.contextmanager
def working_in(folder: Path) -> Iterator[Workspace]:
    """Give a workspace, with its folder as the current one and without the modules of ABSENT."""
    before = Path.cwd()
    modules = {name: sys.modules.get(name) for name in ABSENT}
    if any(modules.values()):
        forget_loaded()
    os.chdir(folder)
    sys.modules.update(dict.fromkeys(ABSENT))  # type: ignore[arg-type]
    try:
        yield Workspace(folder.resolve())
    finally:
        os.chdir(before)
        for name, module in modules.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
