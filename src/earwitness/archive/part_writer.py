"""What every engine that fills a store does alike: plan what is to be analysed, count, gather chunks, commit parts.

In: a place, settings, `IndexOptions`; then `Chunk`s in any order. Out: parts in the store and an `IndexReport`.

Chunks are committed together, at the latest after a minute, so that many short recordings make few parts and a killed
run loses a minute at most.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from earwitness.archive.extract import ANALYSED, FAILED, GONE, Chunk, ExtractTask, check_settings, find_state, show_path
from earwitness.archive.part_storage import PartStorage
from earwitness.archive.provenance import describe_analysis
from earwitness.archive.start_times import StartFrom
from earwitness.archive.store import find_provenance, make_store
from earwitness.encoders import LoadedEncoder
from earwitness.errors import ArchiveError, SettingsError
from earwitness.results import Progress
from earwitness.settings import Settings

ROW_S = 1.0
CHUNKS_PER_PART = 500  # so that very short recordings do not gather by the thousand
LARGEST_PART = 32  # times the usual rows, for many workers: 64 hours


@dataclass(frozen=True)
class IndexOptions:
    """How to fill a store.

    Attributes:
        is_by_token: store every token of the encoder instead of a row a second.
        shard: (number from 1, of how many): take only this share of the recordings.
        retry_failed: analyse again what failed before.
        is_pruning: record which files in the given folders are gone.
        start_from: where a recording's start time comes from.
        rows_a_part, seconds_a_part: when to commit; seconds of work.
        progress: how to show progress.

    Raises:
        SettingsError: the shard's number is not between 1 and the number of shards.
    """

    is_by_token: bool = False
    shard: tuple[int, int] | None = None
    retry_failed: bool = False
    is_pruning: bool = False
    start_from: StartFrom = "name"
    rows_a_part: int = 7200
    seconds_a_part: float = 60.0
    progress: Progress = "none"

    def __post_init__(self) -> None:
        if self.shard is not None and not 1 <= self.shard[0] <= self.shard[1]:
            number, n_shards = self.shard
            raise SettingsError(f"shard={number}/{n_shards}: give a number from 1 to {max(1, n_shards)}, such as 3/16")

    def takes(self, path: str) -> bool:
        """Return whether a recording belongs to the share: by its path, the same on every machine."""
        if self.shard is None:
            return True
        number, n_shards = self.shard
        return int.from_bytes(hashlib.sha256(path.encode()).digest()[:8], "big") % n_shards == number - 1


@dataclass
class IndexReport:
    """What became of the recordings of a run.

    Attributes:
        n_analysed, n_unchanged, n_gone: recordings analysed now; indexed already; recorded as gone.
        n_elsewhere: recordings that another process was analysing.
        failures: path and reason of those that failed now.
        n_failed_before: recordings that failed in an earlier run and were not tried again.
        set_aside: damaged parts, with the reason; what they held was analysed again.
        notes: path and note of recordings analysed now, such as that one is truncated.
    """

    n_analysed: int = 0
    n_unchanged: int = 0
    n_gone: int = 0
    n_elsewhere: int = 0
    n_failed_before: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)
    set_aside: dict[str, str] = field(default_factory=dict)
    notes: list[tuple[str, str]] = field(default_factory=list)


def adopt_settings(storage: PartStorage, settings: Settings | None) -> Settings:
    """Return the settings to analyse with: those of a store that is there, unless others are given.

    Raises:
        ArchiveError: the store cannot be read.
        SettingsError: the settings do not suit a store.
    """
    if made := find_provenance(storage):
        made_with = made.settings()
        if settings is None or settings == Settings():
            settings = made_with
        elif settings.runtime == "auto":
            settings = replace(settings, runtime=made_with.runtime)
    settings = settings or Settings()
    check_settings(settings)
    return settings


class PartWriter:
    """A store that is being filled: plans recordings, gathers chunks of any thread, and commits them.

    Args:
        storage: where the store is; it is made if it is not there. Damaged and unfinished parts are set aside.
        settings, encoder: what recordings are analysed with.
        options: see `IndexOptions`.
        roots: the folders in which `is_pruning` looks for files that are gone.

    Raises:
        ArchiveError: the store cannot be made, read or written, or was made with other settings.
    """

    def __init__(
        self,
        storage: PartStorage,
        settings: Settings,
        encoder: LoadedEncoder,
        options: IndexOptions,
        roots: Sequence[str | Path],
    ) -> None:
        provenance = describe_analysis(settings, encoder, 0.0 if options.is_by_token else ROW_S)
        self.store = make_store(storage, provenance)
        made = self.store.provenance
        self.store.check_provenance(replace(provenance, smooth_s=made.smooth_s))  # a store keeps to its own
        self.settings = provenance.settings() if settings.runtime == "auto" else settings
        self.template = ExtractTask("", self.settings, made.row_s, made.smooth_s, start_from=options.start_from)
        self.options, self.report = options, IndexReport(set_aside=self.store.tidy())
        self.n_workers = 1  # more workers, larger parts: a store of a million hours must not have a million
        self.failure: ArchiveError | None = None  # of a commit: nothing more is accepted
        self.lock = threading.RLock()
        self._chunks: list[Chunk] = []
        self._n_rows, self._since = 0, time.monotonic()
        if options.is_pruning:
            self._prune(roots)

    def plan(self, path: str, state: tuple[int, int] | None = None) -> ExtractTask | None:
        """Return what to analyse of a recording; None, and a count, where there is nothing.

        `state` is the file's size and time in ns where they are known already, as for a recording at a URL.
        """
        if not self.options.takes(path):
            return None
        task = self.plan_task(path, self.options.retry_failed, state)
        if isinstance(task, ExtractTask):
            return task
        self.report.n_unchanged += task == ANALYSED
        self.report.n_failed_before += task == FAILED
        return None

    def plan_task(self, path: str, retry_failed: bool, state: tuple[int, int] | None = None) -> ExtractTask | str:
        """Return what to analyse of a recording, or its state in the store where that is final."""
        entry = self.store.catalogue.find(show_path(path))
        attempt, done = 1, frozenset[int]()
        if entry is not None:
            is_same = (state or find_state(path) or (0, 0)) == (entry.size, entry.mtime_ns)
            if is_same and (entry.state == ANALYSED or (entry.state == FAILED and not retry_failed)):
                return entry.state
            is_begun = is_same and entry.state not in (FAILED, GONE)
            attempt, done = (entry.attempt, entry.done) if is_begun else (entry.attempt + 1, done)
        return replace(self.template, path=path, attempt=attempt, done=done)

    def add(self, chunk: Chunk) -> None:
        """Take a chunk, count its note or failure, and commit what has gathered if it is time.

        Raises:
            ArchiveError: the store could not be written, now or before.
        """
        with self.lock:
            if self.failure:
                raise self.failure
            self._chunks.append(chunk)
            self._n_rows += max(1, len(chunk.rows))
            self.report.notes += [(chunk.path, chunk.notes)] if chunk.notes else []
            self.report.failures += [(chunk.path, chunk.reason)] if chunk.state == FAILED else []
            is_late = time.monotonic() - self._since > self.options.seconds_a_part
            n_times = min(self.n_workers, LARGEST_PART)
            n_rows, n_chunks = self.options.rows_a_part * n_times, CHUNKS_PER_PART * n_times
            if is_late or self._n_rows >= n_rows or len(self._chunks) >= n_chunks:
                self.commit()

    def commit(self) -> None:
        """Commit what has gathered, and release the recordings that are complete.

        Raises:
            ArchiveError: the store cannot be written.
        """
        with self.lock:
            chunks, self._chunks, self._n_rows, self._since = self._chunks, [], 0, time.monotonic()
            if not chunks:
                return
            try:
                self.store.commit(chunks)
            except ArchiveError as error:
                self.failure = error
                raise
            for each in chunks:
                if each.is_last:
                    self.store.storage.release(each.path)

    def _prune(self, roots: Sequence[str | Path]) -> None:
        """Record the files under these folders that are not there any more."""
        folders = [show_path(make_absolute(root)).rstrip(os.sep) + os.sep for root in roots if Path(root).is_dir()]
        gone = [chunk for chunk in self._find_gone() if chunk.path.startswith(tuple(folders))]
        if gone:
            self.report.n_gone = self.store.commit(gone)

    def _find_gone(self) -> Iterator[Chunk]:
        for entry in self.store.catalogue:
            if entry.state != GONE and not locate(entry.path):
                version = (entry.path, entry.size, entry.mtime_ns, entry.sha256, entry.attempt + 1)
                yield Chunk(*version, GONE, reason="not there any more")


def make_absolute(path: str | Path) -> str:
    """Return a path that means the same in any folder; links stay what they are."""
    return os.path.abspath(path)  # noqa: PTH100 (resolve would join links to one file)


def locate(shown: str) -> Path | None:
    """Return the file that `show_path` shows, which writes bytes that are not text as \\xff; None if it is gone."""
    meant = re.sub(rb"\\x([0-9a-f]{2})", lambda each: bytes([int(each[1], 16)]), os.fsencode(shown))
    return next((Path(path) for path in (shown, os.fsdecode(meant)) if os.path.lexists(path)), None)
