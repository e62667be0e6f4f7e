"""Many recordings, one after another or a few at once: a bad one is told and passed over, and progress is shown.

In: recordings and what to do with one. Out: `Outcome`s, in order, each a result or the reason why there is none.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Literal, TypeVar

from earwitness.errors import EarwitnessError

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


def process_each(
    sources: Sequence[Path],
    process: Callable[[Path, Report], Result],
    progress: Progress = "auto",
    n_at_once: int = 1,
) -> Iterator[Outcome[Result]]:
    """Yield the outcome of `process` for each recording, in order; one that fails does not stop the rest.

    `process` gets the recording and a function that it calls with the share, 0 to 1, that it has done of it; it may
    be stopped there. Progress goes to standard error: a bar with the time left on a terminal, JSON lines on request.

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
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    # Results that are piped elsewhere must not be caught by the bar, which writes to standard error.
    is_shared = sys.stdout.isatty()
    with Bar(*columns, console=Console(stderr=True), transient=True, redirect_stdout=is_shared) as bar:
        task = bar.add_task("listening", total=n_total)
        yield lambda n_done, source: bar.update(task, completed=n_done, description=source.name)
