"""What a worker on another machine does: analyses recordings at paths and URLs, and reports those that fail.

In: `Listing`s, a few at a time; an encoder. Out: `Chunk`s as they are done, the same as on one machine.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from queue import Queue

from earwitness.archive.extract import FAILED, Chunk, ExtractTask, describe_file, extract_file, find_state
from earwitness.archive.remote_audio import RemoteFile, brought_here, is_url
from earwitness.encoders import LoadedEncoder
from earwitness.errors import EarwitnessError

N_WAITING = 8  # chunks that are done and not yet taken

AnalyseListing = Callable[["Listing", ExtractTask, LoadedEncoder], Iterator[Chunk]]


class LeftOut(Exception):
    """A recording is not analysed now."""


@dataclass(frozen=True)
class Listing:
    """A recording to analyse: what differs from one to the next. Size and time are needed of files at URLs only."""

    path: str
    attempt: int = 1
    done: tuple[int, ...] = ()
    size: int = 0
    mtime_ns: int = 0

    def task(self, template: ExtractTask) -> ExtractTask:
        """Return the task: the template with this recording."""
        return replace(template, path=self.path, attempt=self.attempt, done=frozenset(self.done))


@dataclass(frozen=True)
class End:
    """A recording is complete: number and state of each chunk, so that the receiver knows whether all arrived."""

    path: str
    chunks: tuple[tuple[int, str], ...] = ()


def extract_anywhere(listing: Listing, template: ExtractTask, encoder: LoadedEncoder) -> Iterator[Chunk]:
    """Yield the chunks of a recording at a path or URL; see `extract_file`.

    Raises:
        AudioError: the recording cannot be read or used.
    """
    task = listing.task(template)
    if not is_url(task.path):
        yield from extract_file(task, encoder)
        return
    with brought_here(RemoteFile(task.path, listing.size, listing.mtime_ns)) as local:
        try:
            for chunk in extract_file(replace(task, path=str(local)), encoder):
                yield replace(chunk, path=task.path)
        except EarwitnessError as error:
            raise type(error)(str(error).replace(str(local), task.path)) from error


def report_failure(
    listing: Listing, template: ExtractTask, reason: str, before: tuple[int, int] | None = None
) -> Chunk:
    """Return the record of a recording that could not be analysed; see `describe_file`."""
    task = listing.task(template)
    if not is_url(task.path):
        return describe_file(task, reason, before)
    return Chunk(task.path, listing.size, listing.mtime_ns, "", task.attempt, FAILED, reason)


def extract_several(
    listings: Sequence[Listing],
    template: ExtractTask,
    encoder: LoadedEncoder,
    n_at_once: int,
    analyse: AnalyseListing = extract_anywhere,
) -> Iterator[Chunk | End]:
    """Yield chunks, and an `End` for each recording, `n_at_once` at a time; a failure gives a record of it.

    A recording for which `analyse` raises `LeftOut` gives nothing.
    """
    if n_at_once == 1:
        for listing in listings:
            yield from _extract_or_report(listing, template, encoder, analyse)
        return
    waiting: Queue[Chunk | End | BaseException | None] = Queue(N_WAITING)
    is_stopped = threading.Event()

    def work(listing: Listing) -> None:
        try:
            for chunk in _extract_or_report(listing, template, encoder, analyse):
                if is_stopped.is_set():
                    return
                waiting.put(chunk)
        except BaseException as error:
            waiting.put(error)
        else:
            waiting.put(None)

    with ThreadPoolExecutor(n_at_once, "extract") as threads:
        begun = [threads.submit(work, each) for each in listings]
        n_left = len(begun)
        try:
            while n_left:
                item = waiting.get()
                if isinstance(item, BaseException):
                    raise item
                if item is None:
                    n_left -= 1
                else:
                    yield item
        finally:
            is_stopped.set()
            while not all(each.done() or each.cancel() for each in begun):
                if not waiting.empty():
                    waiting.get()


def _extract_or_report(
    listing: Listing, template: ExtractTask, encoder: LoadedEncoder, analyse: AnalyseListing
) -> Iterator[Chunk | End]:
    before = None if is_url(listing.path) else find_state(listing.path)
    sent: list[tuple[int, str]] = []
    reason = None
    try:
        for chunk in analyse(listing, template, encoder):
            sent.append((chunk.number, chunk.state))
            yield chunk
    except LeftOut:
        return
    except EarwitnessError as error:
        reason = str(error)
    except (OSError, ValueError, RuntimeError, MemoryError) as error:
        reason = f"{listing.path}: {type(error).__name__}: {error}; please report this"
    if reason is not None:
        failed = report_failure(listing, template, reason, before)
        sent.append((failed.number, failed.state))
        yield failed
    yield End(listing.path, tuple(sent))
