"""Recordings into a store, on one machine: new and changed ones only, and whatever happens, nothing is lost.

In: recordings, a store's folder, settings. Out: parts in the store and an `IndexReport`.

Some threads read recordings, others hear their pieces, so that short recordings and one long one keep all cores
busy. Pieces gather and are committed together, at the latest after a
minute, so that many short recordings make few parts and a killed run loses a minute at most.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import SimpleQueue

from earwitness.archive.extract import (
    ANALYSED,
    FAILED,
    GONE,
    Chunk,
    ExtractTask,
    Segment,
    check_settings,
    cut_file,
    describe_file,
    extract_chunk,
    find_state,
    show_path,
)
from earwitness.archive.start_times import StartFrom
from earwitness.archive.store import STORE, PartStore, describe_analysis, make_store
from earwitness.audio import measure_duration
from earwitness.encoders import LoadedEncoder, choose_encoder, count_threads
from earwitness.errors import ArchiveError, SettingsError
from earwitness.results import Progress, process_each
from earwitness.settings import Settings

ROW_S = 1.0
CHUNKS_PER_PART = 500  # so that very short recordings do not gather by the thousand
N_SHARED = 4  # recordings at once where they share one encoder


@dataclass(frozen=True)
class IndexOptions:
    """How to fill a store.

    Attributes:
        is_by_token: keep every token of the encoder instead of a row a second.
        shard: (number from 1, of how many): take only this share of the recordings.
        retry_failed: hear again what failed before.
        is_pruning: record which files in the given folders are gone.
        start_from: where a recording's start is taken from.
        rows_a_part, seconds_a_part: when to commit; seconds of work.
        progress: how to show progress.
    """

    is_by_token: bool = False
    shard: tuple[int, int] | None = None
    retry_failed: bool = False
    is_pruning: bool = False
    start_from: StartFrom = "name"
    rows_a_part: int = 7200
    seconds_a_part: float = 60.0
    progress: Progress = "none"


@dataclass
class IndexReport:
    """What became of the recordings of a run.

    Attributes:
        n_heard, n_unchanged, n_gone: recordings heard now; known already; recorded as gone.
        n_elsewhere: recordings that another process was hearing.
        failures: path and reason of those that failed now.
        n_failed_before: recordings that failed in an earlier run and were not tried again.
        set_aside: damaged parts, with the reason; what they held was heard again.
        notes: path and note of recordings heard now, such as that one is truncated.
    """

    n_analysed: int = 0
    n_unchanged: int = 0
    n_gone: int = 0
    n_elsewhere: int = 0
    n_failed_before: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)
    set_aside: dict[str, str] = field(default_factory=dict)
    notes: list[tuple[str, str]] = field(default_factory=list)


def index_recordings(
    sources: Sequence[Path],
    folder: str | Path,
    settings: Settings | None = None,
    encoder: LoadedEncoder | None = None,
    options: IndexOptions | None = None,
    roots: Sequence[str | Path] = (),
) -> IndexReport:
    """Hear recordings into a store, which is made if it is not there; those that it knows unchanged are left out.

    Args:
        sources: the recordings, as `audio.find_audio` finds them.
        folder: the store.
        settings: how to hear; a store that is there says it for all that is added.
        encoder: one that is loaded; otherwise one is loaded for each core.
        options: see `IndexOptions`.
        roots: the folders in which `is_pruning` looks for what is gone.

    Raises:
        ArchiveError: the store cannot be made, read or written, or was made with other settings; what was committed
            stays.
        SettingsError, WeightsError: see `hear_file`.
    """
    options = options or IndexOptions()
    settings = adopt_settings(PartStore(folder) if (Path(folder) / STORE).exists() else None, settings)
    check_settings(settings)
    check_shard(options.shard)
    encoders = [encoder] * N_SHARED if encoder else _load_encoders(settings)
    provenance = describe_analysis(settings, encoders[0], 0.0 if options.is_by_token else ROW_S)
    make_store(folder, provenance)
    store = PartStore(folder)
    store.check_provenance(provenance)
    report = IndexReport(set_aside=tidy_store(store))
    if options.is_pruning:
        prune_store(store, roots, report)
    run = _Run(store, settings, options, report)
    todo = [source for source in sources if run.wants(make_absolute(source))]
    run.extract_all(todo, encoders)
    return report


def is_of_shard(path: str, shard: tuple[int, int] | None) -> bool:
    """Say whether a recording belongs to a share (number from 1, of how many): by its path, on every machine alike."""
    if shard is None:
        return True
    return int.from_bytes(hashlib.sha256(path.encode()).digest()[:8], "big") % shard[1] == shard[0] - 1


def plan_task(
    store: PartStore, path: str, settings: Settings, options: IndexOptions, state: tuple[int, int] | None = None
) -> ExtractTask | str:
    """Return what to hear of a recording, or why nothing: it is "heard" already, or has "failed" before.

    `state` is the file's size and time in ns where they are known already, as for a recording at a URL.
    """
    entry = store.catalogue.find(show_path(path))
    attempt, done = 1, frozenset[int]()
    if entry is not None:
        is_same = (state or find_state(path) or (0, 0)) == (entry.size, entry.mtime_ns)
        if is_same and (entry.state == ANALYSED or (entry.state == FAILED and not options.retry_failed)):
            return entry.state
        is_begun = is_same and entry.state not in (FAILED, GONE)
        attempt, done = (entry.attempt, entry.done) if is_begun else (entry.attempt + 1, done)
    row_s = store.provenance.row_s
    return ExtractTask(path, settings, row_s, attempt, done, options.start_from)


class _Run:
    """One run over many recordings: plans, hears in threads, gathers and commits."""

    def __init__(self, store: PartStore, settings: Settings, options: IndexOptions, report: IndexReport) -> None:
        self.store, self.settings, self.options, self.report = store, settings, options, report
        self._chunks: list[Chunk] = []
        self._n_rows, self._since = 0, time.monotonic()
        self._begun: dict[str, tuple[int, int]] = {}  # size and time of files that are being heard, from before
        self._lock = threading.RLock()
        self._failure: ArchiveError | None = None
        self._free: SimpleQueue[LoadedEncoder] = SimpleQueue()

    def wants(self, path: str) -> bool:
        """Say whether a recording is to be heard, and count it otherwise."""
        if not is_of_shard(path, self.options.shard):
            return False
        planned = plan_task(self.store, path, self.settings, self.options)
        self.report.n_unchanged += planned == ANALYSED
        self.report.n_failed_before += planned == FAILED
        return isinstance(planned, ExtractTask)

    def extract_all(self, todo: Sequence[Path], encoders: Sequence[LoadedEncoder]) -> None:
        """Hear recordings, a few at a time; what has been heard is kept whatever stops it."""
        for each in encoders:
            self._free.put(each)
        self._rate_hz = encoders[0].spec.sample_rate_hz
        self._n_threads = len(encoders)
        self._slots = threading.Semaphore(len(encoders) + 1)
        n_readers = len(encoders) + 1  # so that one reads while all others compute
        with ThreadPoolExecutor(len(encoders), "hear") as self._threads:
            try:
                for outcome in process_each(todo, self._analyse, self.options.progress, n_readers):
                    if self._failure:
                        raise self._failure
                    if outcome.result is None:
                        self._fail(make_absolute(outcome.source), outcome.reason)
            finally:
                if not self._failure:
                    self._commit()

    def _analyse(self, source: Path, on_progress: Callable[[float], None]) -> bool:
        """Read a recording, let its pieces be heard by free threads, and take them in order."""
        path = make_absolute(source)
        if self._failure:
            raise self._failure
        with self._lock:
            if not self.store.claim(show_path(path)):
                self.report.n_elsewhere += 1
                return False
            self.store.refresh()
            task = plan_task(self.store, path, self.settings, self.options)
            if before := find_state(path):
                self._begun[path] = before
        if isinstance(task, str):  # another process has just done it
            self.report.n_unchanged += 1
            return False
        expected_s = measure_duration(source) or 0.0
        begun: deque[Future[Chunk]] = deque()
        for segment in cut_file(task, self._rate_hz):
            self._slots.acquire()
            begun.append(self._threads.submit(self._extract_chunk, segment, task))
            on_progress(min(1.0, segment.offset_s / expected_s) if expected_s else 0.0)
            while begun and (begun[0].done() or len(begun) > self._n_threads):
                self._add(begun.popleft().result())
        while begun:
            self._add(begun.popleft().result())
        self._begun.pop(path, None)
        self.report.n_analysed += 1
        return True

    def _extract_chunk(self, segment: Segment, task: ExtractTask) -> Chunk:
        encoder = self._free.get()
        try:
            return extract_chunk(segment, task, encoder)
        finally:
            self._free.put(encoder)
            self._slots.release()

    def _fail(self, path: str, reason: str) -> None:
        task = plan_task(self.store, path, self.settings, replace(self.options, retry_failed=True))
        if isinstance(task, str):  # another process has heard it meanwhile, where there are no locks
            return
        self._add(describe_file(task, reason, self._begun.pop(path, None)))
        self.report.failures.append((path, reason))

    def _add(self, chunk: Chunk) -> None:
        with self._lock:
            if self._failure:
                raise self._failure
            self._chunks.append(chunk)
            if chunk.notes:
                self.report.notes.append((chunk.path, chunk.notes))
            self._n_rows += max(1, len(chunk.rows))
            is_late = time.monotonic() - self._since > self.options.seconds_a_part
            if is_late or self._n_rows >= self.options.rows_a_part or len(self._chunks) >= CHUNKS_PER_PART:
                self._commit()

    def _commit(self) -> None:
        with self._lock:
            chunks, self._chunks, self._n_rows, self._since = self._chunks, [], 0, time.monotonic()
            if not chunks:
                return
            try:
                self.store.commit(chunks)
            except ArchiveError as error:
                self._failure = error
                raise
            for each in chunks:
                if each.is_last:
                    self.store.release(each.path)


def _load_encoders(settings: Settings) -> list[LoadedEncoder]:
    """Return an encoder for each thread: on ONNX Runtime one with a thread of its own for each core."""
    first = choose_encoder(replace(settings, n_threads=1) if settings.runtime == "onnx" else settings)
    if not first.backend.computed_on.startswith("onnx"):
        return [first] * N_SHARED
    n_cores = settings.n_threads or count_threads()
    return [first, *(choose_encoder(replace(settings, n_threads=1, runtime="onnx")) for _ in range(n_cores - 1))]


def adopt_settings(store: PartStore | None, settings: Settings | None) -> Settings:
    """Return the settings to hear with: those of a store that is there, unless others are asked for."""
    if store is None:
        return settings or Settings()
    made_with = store.provenance.settings()
    if settings is None or settings == Settings():
        return made_with
    if settings.runtime == "auto":
        settings = replace(settings, runtime=made_with.runtime)
    return settings


def check_shard(shard: tuple[int, int] | None) -> None:
    """Refuse a share that is none.

    Raises:
        SettingsError: the number is not between 1 and the number of shares.
    """
    if shard is not None and not 1 <= shard[0] <= shard[1]:
        raise SettingsError(f"shard={shard[0]}/{shard[1]}: give a number from 1 to {max(1, shard[1])}, such as 3/16")


def tidy_store(store: PartStore) -> dict[str, str]:
    """Set damaged parts aside and remove half-written ones; return the damaged ones with the reason.

    Raises:
        ArchiveError: the store cannot be written.
    """
    try:
        return store.tidy()
    except OSError as error:
        raise ArchiveError(f"{store.folder}: cannot be tidied ({error.strerror}); see who may write there") from error


def prune_store(store: PartStore, roots: Sequence[str | Path], report: IndexReport) -> None:
    """Record the files under these folders that are not there any more."""
    folders = [show_path(make_absolute(root)) for root in roots if Path(root).is_dir()]
    gone = [chunk for chunk in _find_gone(store) if any(_is_under(chunk.path, folder) for folder in folders)]
    if gone:
        report.n_gone = store.commit(gone)


def _find_gone(store: PartStore) -> Iterator[Chunk]:
    for entry in store.catalogue:
        if entry.state != GONE and not _is_there(entry.path):
            yield Chunk(
                *(entry.path, entry.size, entry.mtime_ns, entry.sha256, entry.attempt + 1, GONE),
                reason="not there any more",
            )


def _is_there(shown: str) -> bool:
    """Say whether a file is there whose path is shown by `show_path`, which writes bytes that are no text as \\xff."""
    meant = re.sub(rb"\\x([0-9a-f]{2})", lambda each: bytes([int(each[1], 16)]), os.fsencode(shown))
    return os.path.lexists(shown) or os.path.lexists(meant)


def _is_under(path: str, folder: str) -> bool:
    return path.startswith(folder.rstrip(os.sep) + os.sep)


def make_absolute(path: str | Path) -> str:
    """Return a path that means the same in any folder; links stay what they are."""
    return os.path.abspath(path)  # noqa: PTH100 (resolve would join links to one file)
