"""Recordings into a store, on one machine: new and changed ones only, and a killed run loses a minute at most.

In: recordings, a store's folder, settings. Out: parts in the store and an `IndexReport`.

Some threads read recordings, others analyse their chunks, so that many short recordings and a single long one both use
all cores.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue

from earwitness.archive.extract import (
    Chunk,
    ExtractTask,
    Segment,
    cut_file,
    describe_file,
    extract_chunk,
    find_state,
    show_path,
)
from earwitness.archive.part_storage import LocalStorage
from earwitness.archive.part_writer import IndexOptions, IndexReport, PartWriter, adopt_settings, make_absolute
from earwitness.audio import measure_duration
from earwitness.encoders import LoadedEncoder, choose_encoder, count_threads
from earwitness.results import process_each
from earwitness.settings import Settings

N_SHARED = 4  # recordings at once where they share one encoder


def index_recordings(
    sources: Sequence[Path],
    folder: str | Path,
    settings: Settings | None = None,
    encoder: LoadedEncoder | None = None,
    options: IndexOptions | None = None,
    roots: Sequence[str | Path] = (),
) -> IndexReport:
    """Analyse recordings into a store, which is made if it is not there; unchanged ones are left out.

    Args:
        sources: the recordings, as `audio.find_audio` finds them.
        folder: the store.
        settings: how to analyse; an existing store's own settings hold for all that is added.
        encoder: one that is loaded; otherwise one is loaded for each core.
        options: see `IndexOptions`.
        roots: the folders in which `is_pruning` looks for what is gone.

    Raises:
        ArchiveError: the store cannot be made, read or written, or was made with other settings; what was committed
            stays.
        SettingsError, WeightsError: see `extract_file`.
    """
    options, storage = options or IndexOptions(), LocalStorage(folder)
    settings = adopt_settings(storage, settings)
    encoders = [encoder] * N_SHARED if encoder else _load_encoders(settings)
    writer = PartWriter(storage, settings, encoders[0], options, roots)
    todo = [source for source in sources if writer.plan(make_absolute(source))]
    _Run(writer, encoders).extract_all(todo)
    return writer.report


class _Run:
    """One run over many recordings: reads them in threads and analyses their chunks in others."""

    def __init__(self, writer: PartWriter, encoders: Sequence[LoadedEncoder]) -> None:
        self._writer, self._n_threads = writer, len(encoders)
        self._rate_hz = encoders[0].spec.sample_rate_hz
        self._begun: dict[str, tuple[int, int]] = {}  # size and time, from before, of files under analysis
        self._free: SimpleQueue[LoadedEncoder] = SimpleQueue()
        for each in encoders:
            self._free.put(each)
        self._slots = threading.Semaphore(self._n_threads + 1)

    def extract_all(self, todo: Sequence[Path]) -> None:
        """Analyse recordings, a few at a time; what is done is committed, whatever stops the run."""
        writer = self._writer
        n_readers = self._n_threads + 1  # so that one reads while all others compute
        with ThreadPoolExecutor(self._n_threads, "extract") as self._threads:
            try:
                for outcome in process_each(todo, self._extract, writer.options.progress, n_readers):
                    if writer.failure:
                        raise writer.failure
                    if outcome.result is None:
                        self._record_failure(make_absolute(outcome.source), outcome.reason)
            finally:
                if not writer.failure:
                    writer.commit()

    def _extract(self, source: Path, on_progress: Callable[[float], None]) -> bool:
        """Read a recording, let free threads analyse its chunks, and take these in order."""
        path, writer = make_absolute(source), self._writer
        if writer.failure:
            raise writer.failure
        with writer.lock:
            if not writer.store.storage.claim(show_path(path)):
                writer.report.n_elsewhere += 1
                return False
            writer.store.refresh()
            task = writer.plan_task(path, writer.options.retry_failed)
            if before := find_state(path):
                self._begun[path] = before
        if isinstance(task, str):  # another process has just done it
            writer.report.n_unchanged += 1
            return False
        expected_s = measure_duration(source) or 0.0
        begun: deque[Future[Chunk]] = deque()
        for segment in cut_file(task, self._rate_hz):
            self._slots.acquire()
            begun.append(self._threads.submit(self._extract_chunk, segment, task))
            on_progress(min(1.0, segment.offset_s / expected_s) if expected_s else 0.0)
            while begun and (begun[0].done() or len(begun) > self._n_threads):
                writer.add(begun.popleft().result())
        while begun:
            writer.add(begun.popleft().result())
        self._begun.pop(path, None)
        writer.report.n_analysed += 1
        return True

    def _extract_chunk(self, segment: Segment, task: ExtractTask) -> Chunk:
        encoder = self._free.get()
        try:
            return extract_chunk(segment, task, encoder)
        finally:
            self._free.put(encoder)
            self._slots.release()

    def _record_failure(self, path: str, reason: str) -> None:
        task = self._writer.plan_task(path, retry_failed=True)
        if isinstance(task, ExtractTask):  # otherwise another process has done it, where there are no locks
            self._writer.add(describe_file(task, reason, self._begun.pop(path, None)))


def _load_encoders(settings: Settings) -> list[LoadedEncoder]:
    """Return an encoder for each thread: on ONNX Runtime one with a thread of its own for each core."""
    first = choose_encoder(replace(settings, n_threads=1) if settings.runtime == "onnx" else settings)
    if not first.backend.computed_on.startswith("onnx"):
        return [first] * N_SHARED
    n_cores = settings.n_threads or count_threads()
    return [first, *(choose_encoder(replace(settings, n_threads=1, runtime="onnx")) for _ in range(n_cores - 1))]
