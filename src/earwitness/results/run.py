"""Many recordings, one after another or a few at once: a bad one is reported and left out, and progress is shown.

In: recordings and what to do with one. Out: `Outcome`s, in order, each a result or the reason why there is none;
their `Tally`; the `RunRecord` of what made the results.
"""

from __future__ import annotations

import csv
import json
import logging
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar

from earwitness.errors import EarwitnessError, OutputError
from earwitness.results.folder import ResultFolder
from earwitness.results.formats.csv_tables import COLUMNS
from earwitness.version import __version__

if TYPE_CHECKING:
    from earwitness.encoders import LoadedEncoder
    from earwitness.settings import Settings

logger = logging.getLogger(__name__)
Result = TypeVar("Result")
Progress = Literal["auto", "bar", "json", "none"]
Report = Callable[[float], None]
Show = Callable[[float, Path], None]


@dataclass(frozen=True)
class Outcome(Generic[Result]):
    """What came of one recording: a result, or the reason why there is none."""

    source: Path
    result: Result | None
    reason: str = ""


@dataclass(frozen=True)
class RunRecord:
    """What made the results of a run, for `run.json` and files of features.

    Attributes:
        encoder, weights_sha256, computed_on: what computed them; `computed_on` is empty where it is not known.
        settings: all that steered the run.
        about: further entries, such as the words.
    """

    encoder: str
    weights_sha256: str
    computed_on: str
    settings: Settings
    about: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, encoder: LoadedEncoder, settings: Settings, **about: Any) -> RunRecord:
        """Return the record of a run with an encoder."""
        return cls(encoder.spec.name, encoder.sha256, encoder.backend.computed_on, settings, about)

    def name_encoder(self) -> dict[str, Any]:
        """Return what is known of the encoder."""
        names = ("encoder", "weights_sha256", "computed_on")
        return {name: getattr(self, name) for name in names if getattr(self, name)}

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain values, for JSON."""
        return {"version": __version__, **self.name_encoder(), "settings": self.settings.to_dict(), **self.about}


class TakesErrors(Protocol):
    """What stores the reasons why recordings could not be used, such as a `ResultFolder`."""

    def add_error(self, source: str, reason: str) -> None:
        """Store that a recording could not be used, and why."""


@dataclass
class Failures:
    """How many files of a run there are, how many are left out, and how many are used in part (as truncated ones)."""

    n_all: int
    n_left_out: int = 0
    n_partial: int = 0

    def describe(self) -> str:
        """Return the counts in words; empty if every file is used whole."""
        counts = ((self.n_left_out, "could not be read"), (self.n_partial, "read in part"))
        return ", ".join(f"{n} of {self.n_all} file{'s'[: self.n_all != 1]} {what}" for n, what in counts if n)

    def status(self) -> int:
        """Return the exit status: 0 every file is answered, 1 some are not or not wholly, 2 none is."""
        if self.n_all and self.n_left_out >= self.n_all:
            return 2
        return int(self.n_left_out + self.n_partial > 0)


class Tally:
    """Goes through recordings, reports and counts those that could not be used.

    Attributes:
        takers: what stores the reasons.
        failures: how many there are so far.
    """

    def __init__(
        self,
        sources: Sequence[Path],
        name_of: Callable[[Path], str] = str,
        progress: Progress = "none",
        n_at_once: int = 1,
        report: Callable[[str], None] | None = None,
    ) -> None:
        self.sources, self.name_of, self.progress, self.n_at_once = sources, name_of, progress, n_at_once
        self.takers: list[TakesErrors] = []
        self.failures = Failures(len(sources))
        self._report = report or print_problem

    def each(self, process: Callable[[Path, Report], Result]) -> Iterator[tuple[str, Result]]:
        """Yield name and result of each recording, in order; failures are reported, stored and counted."""
        for outcome in process_each(self.sources, process, self.progress, self.n_at_once):
            name = self.name_of(outcome.source)
            if outcome.result is None:
                self.fail(name, outcome.reason.replace(str(outcome.source), name))
            else:
                yield name, outcome.result

    def fail(self, name: str, reason: str) -> None:
        """Report, store and count that a recording could not be used."""
        self.failures.n_left_out += 1
        self._store(name, reason)

    def note(self, name: str, note: str) -> None:
        """Report, store and count that a recording could be used in part only."""
        self.failures.n_partial += 1
        self._store(name, f"{name}: {note}")

    def count_notes(self, name: str, notes: Sequence[str]) -> None:
        """Report and count what is wrong with a recording whose result is stored with the same notes."""
        if notes:
            self.failures.n_partial += 1
            self._report("\n".join(f"{name}: {note}" for note in notes))

    def _store(self, name: str, reason: str) -> None:
        for taker in self.takers:
            taker.add_error(name, reason)
        self._report(reason)


class ErrorFile:
    """The errors.csv of one file of results, as `features.npz.errors.csv`; it is there only if there is an error."""

    def __init__(self, results: Path) -> None:
        self.path = results.with_name(f"{results.name}.errors.csv")
        self.path.unlink(missing_ok=True)

    def add_error(self, source: str, reason: str) -> None:
        """Write that a recording could not be used, and why."""
        rows = [(source, reason)] if self.path.exists() else [COLUMNS["errors.csv"], (source, reason)]
        try:
            with self.path.open("a", encoding="utf-8", errors="backslashreplace", newline="") as file:
                csv.writer(file).writerows(rows)
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be written ({error.strerror}); choose another --out") from error


@dataclass(frozen=True)
class Destination:
    """Where the results of a run go, besides the terminal.

    Attributes:
        folder: of the tables and run.json; None for none.
        formats: further formats, from `FORMATS`.
        beside: whether the files of single recordings lie beside them, not in the folder.
    """

    folder: Path | None
    formats: Sequence[str] = ()
    beside: bool = False


@contextmanager
def open_results(
    to: Destination, tables: Sequence[str], record: RunRecord, tally: Tally, sample_rate_hz: int = 16000
) -> Iterator[ResultFolder | None]:
    """Give what takes the results, and the tally's errors, too; None where they are only printed.

    Raises:
        OutputError: see `ResultFolder`; or there is a format and no folder.
    """
    if to.folder is None and not (to.formats and to.beside):
        if to.formats or to.beside:
            what = f"--format {to.formats[0]} needs a folder: give --out" if to.formats else "--beside needs --format"
            raise OutputError(what)
        yield None
        return
    if to.folder and (to.folder / "run.json").exists():
        print_problem(f"{to.folder}: replacing the results of an earlier run")
    given = record.to_dict()
    with ResultFolder(to.folder, tables, to.formats, given, beside=to.beside, sample_rate_hz=sample_rate_hz) as folder:
        tally.takers.append(folder)
        yield folder


def name_tables(events: Sequence[str], scenes: Sequence[str]) -> list[str]:
    """Return the tables that a run writes: those of its words; without any, that of tags."""
    return [*(["events.csv"] if events else []), *(["scenes.csv"] if scenes else [])] or ["tags.csv"]


def print_problem(reason: str) -> None:
    """Print on standard error what is wrong with a recording."""
    print(reason, file=sys.stderr)


def process_each(
    sources: Sequence[Path],
    process: Callable[[Path, Report], Result],
    progress: Progress = "auto",
    n_at_once: int = 1,
) -> Iterator[Outcome[Result]]:
    """Yield the outcome of `process` for each recording, in order; one that fails does not stop the rest.

    `process` gets the recording and a function that it calls with the share, 0 to 1, that it has done of it; it may
    be stopped there. Progress goes to standard error: percent, file and time left on a terminal, JSON lines on
    request.

    Args:
        sources: the recordings.
        process: what to do with each; it runs in threads if several are processed at once.
        progress: how to show progress.
        n_at_once: recordings that are processed at the same time; at most twice as many wait to be taken.
    """
    with show_progress(len(sources), progress) as show:
        if min(n_at_once, len(sources)) <= 1:
            for n_done, source in enumerate(sources):
                yield _process_one(source, process, _share_of(show, n_done, source))
                show(n_done + 1.0, source)
        else:
            yield from _process_together(sources, process, show, n_at_once)


def _process_together(
    sources: Sequence[Path], process: Callable[[Path, Report], Result], show: Show, n_at_once: int
) -> Iterator[Outcome[Result]]:
    """Yield outcomes in the order of the sources, while threads work on those that come next."""
    is_stopped, lock = threading.Event(), threading.Lock()
    n_taken, shares = 0, dict[int, float]()  # of those that are at work

    def work(index: int) -> Outcome[Result]:
        def report(share: float) -> None:
            if is_stopped.is_set():
                raise KeyboardInterrupt
            with lock:
                shares[index] = share
                if share := min(sum(shares.values()) / n_at_once, 0.99):
                    show(n_taken + share, sources[index])

        return _process_one(sources[index], process, report)

    with ThreadPoolExecutor(n_at_once, "process") as threads:
        try:
            begun: deque[Future[Outcome[Result]]] = deque()
            for index in range(len(sources)):
                while len(begun) < 2 * n_at_once and index + len(begun) < len(sources):
                    begun.append(threads.submit(work, index + len(begun)))
                yield begun.popleft().result()
                with lock:
                    n_taken += 1
                    shares.pop(index, None)
                    show(float(n_taken), sources[index])
        finally:
            is_stopped.set()
            threads.shutdown(wait=True, cancel_futures=True)


def _share_of(show: Show, n_done: int, source: Path) -> Report:
    return lambda share: show(n_done + min(share, 0.99), source)  # it is done when its result has been taken


def _process_one(source: Path, process: Callable[[Path, Report], Result], report: Report) -> Outcome[Result]:
    try:
        return Outcome(source, process(source, report))
    except EarwitnessError as error:
        return Outcome(source, None, str(error))
    except (OSError, ValueError, RuntimeError, MemoryError) as error:
        # Not foreseen, so it may be our fault: the whole trace goes to the log, the run goes on.
        logger.exception("%s failed", source)
        return Outcome(source, None, f"{source}: {type(error).__name__}: {error}; please report this")


@contextmanager
def show_progress(n_total: int, progress: Progress) -> Iterator[Show]:
    """Give a function to call with the number of recordings done, in fractions, and the one at work, to show it."""
    if progress == "auto":
        progress = "bar" if sys.stderr.isatty() else "none"
    if progress == "bar":
        with _show_bar(n_total) as show:
            yield show
    elif progress == "json":
        yield _show_lines(n_total)
    else:
        yield lambda n_done, source: None


def _show_lines(n_total: int) -> Show:
    """Print a JSON line when a recording is done, and at most once a second in between."""
    started = last = time.monotonic()

    def show(n_done: float, source: Path) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < 1 and not float(n_done).is_integer():
            return
        last = now
        left_s = (now - started) / n_done * (n_total - n_done) if n_done else None
        line = {"done": n_done, "total": n_total, "file": str(source), "elapsed_s": now - started, "left_s": left_s}
        print(json.dumps(line), file=sys.stderr, flush=True)

    return show


@contextmanager
def _show_bar(n_total: int) -> Iterator[Show]:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    shown = "Analysing... {task.percentage:.0f} %"
    columns = (TextColumn(shown), BarColumn(20), TextColumn("{task.description}"), TimeRemainingColumn())
    # Results that are piped elsewhere must not be caught by the bar, which writes to standard error.
    is_shared = sys.stdout.isatty()
    with Bar(*columns, console=Console(stderr=True), transient=True, redirect_stdout=is_shared) as bar:
        task = bar.add_task("", total=n_total)
        yield lambda n_done, source: bar.update(task, completed=n_done, description=source.name)
