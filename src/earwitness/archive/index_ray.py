"""Recordings into a store on many machines: Ray Data hands them to workers and replaces workers that die.

In: recordings at paths or URLs, a store's folder or URL. Out: parts in the store and an `IndexReport`.

Workers analyse; the process that started the run commits, as on one machine. So a chunk that two workers send counts
once, workers need no right to write, and an object store needs no locks. What travels is small: 2 MB per hour of audio.
A worker that dies is started again, and what it had not sent is analysed again. A recording that kills its workers is
recorded as failed.
"""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from earwitness.archive.extract import FAILED, Chunk, ExtractTask, show_path
from earwitness.archive.parquet_parts import import_pyarrow
from earwitness.archive.part_writer import IndexOptions, IndexReport, PartWriter, adopt_settings, make_absolute
from earwitness.archive.remote_audio import find_remote_audio, is_url
from earwitness.archive.remote_store import open_storage
from earwitness.archive.worker import (
    AnalyseListing,
    End,
    LeftOut,
    Listing,
    extract_anywhere,
    extract_several,
    report_failure,
)
from earwitness.audio import find_audio
from earwitness.encoders import LoadedEncoder, choose_encoder, count_threads
from earwitness.errors import ArchiveError, AudioError, MissingExtraError, SettingsError, WeightsError
from earwitness.results import Show, show_progress
from earwitness.settings import Settings

AT_MOST_TOGETHER = 16  # recordings that a worker gets together
BATCHES_A_WORKER = 8  # at least, so that all have work to the end
HANDED_OVER_BYTES = 1 << 20  # a worker sends its chunks when they reach this size
N_CPUS_WITH_GPU = 4  # decoding for one GPU
N_DEATHS = 3  # workers lost to one recording before it counts as failed


@dataclass(frozen=True)
class Cluster:
    """Where to analyse.

    Attributes:
        address: a Ray cluster's address, "auto" for the one that this machine belongs to; "" starts one here.
        n_workers: at most so many; 0 takes what the cluster's processors and GPUs allow.
        cpus_per_worker: processors of each; 0 takes 1, or 4 with a GPU, for decoding.
        gpus_per_worker: GPUs of each, such as 1 or 0.5; needs torch on the workers.
    """

    address: str = ""
    n_workers: int = 0
    cpus_per_worker: int = 0
    gpus_per_worker: float = 0.0

    def __post_init__(self) -> None:
        if self.n_workers < 0 or self.cpus_per_worker < 0 or self.gpus_per_worker < 0:
            raise SettingsError(f"{self}: workers, processors and GPUs must not be negative")

    @property
    def n_cpus(self) -> int:
        """Processors of each worker."""
        return self.cpus_per_worker or (N_CPUS_WITH_GPU if self.gpus_per_worker else 1)


def index_on_ray(
    sources: Sequence[str | Path],
    store: str | Path,
    settings: Settings | None = None,
    options: IndexOptions | None = None,
    cluster: Cluster | None = None,
    analyse: AnalyseListing = extract_anywhere,
) -> IndexReport:
    """Analyse recordings into a store with Ray Data's workers; see `index_recordings` for which are left out.

    Args:
        sources: files, folders and patterns, as paths that all workers see, or URLs that fsspec knows.
        store: a folder of this machine, or a URL.
        settings: how to analyse; an existing store's own settings hold for all that is added.
        options: see `IndexOptions`; gone files are looked for in folders, not at URLs.
        cluster: see `Cluster`. A cluster that is started here ends with the run.
        analyse: what a worker does with one recording.

    Raises:
        ArchiveError: the store cannot be made, read or written, was made with other settings, or the cluster fails;
            what was committed stays.
        AudioError: a source cannot be found.
        MissingExtraError: Ray Data, or what a URL needs, is not installed.
        SettingsError, WeightsError: the settings do not suit a store, the encoder cannot be loaded.
    """
    options, cluster = options or IndexOptions(), cluster or Cluster()
    import_ray()
    listings, storage = _find_listings(sources), open_storage(store)
    settings = adopt_settings(storage, settings)
    encoder = choose_encoder(settings)
    writer = PartWriter(storage, settings, encoder, options, [each for each in sources if not is_url(each)])
    todo = [each for each in (_plan(writer, listing) for listing in listings) if each]
    if todo:
        settings = replace(writer.settings, n_threads=settings.n_threads or cluster.n_cpus)
        template = replace(writer.template, settings=settings)
        with _joined(cluster), show_progress(len(todo), options.progress) as show:
            ray, _ = import_ray()
            ledger = ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(_Ledger).remote()
            _extract_all(todo, _Work(template, encoder.sha256, cluster, analyse, ledger), _Intake(writer), show)
    return writer.report


def import_ray() -> tuple[Any, Any]:
    """Return ray and ray.data.

    Raises:
        MissingExtraError: they are not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # no usage reports
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise MissingExtraError("engine 'ray' needs Ray Data: pip install 'earwitness[ray]'") from error
    return ray, ray.data


class _Ledger:
    """Which recordings have been begun and not ended, and how often: a recording may kill its workers."""

    def __init__(self) -> None:
        self._n_begun: dict[str, int] = {}

    def begin(self, path: str, n_most: int) -> int:
        """Return how many workers died of a recording, and note that another begins it if they are fewer than that."""
        n_died = self._n_begun.get(path, 0)
        if n_died < n_most:
            self._n_begun[path] = n_died + 1
        return n_died

    def end(self, path: str) -> None:
        """Note that nobody died of a recording."""
        self._n_begun.pop(path, None)


@dataclass(frozen=True)
class _Work:
    """What all workers of a run need to know."""

    template: ExtractTask
    sha256: str
    cluster: Cluster
    analyse: AnalyseListing
    ledger: Any


class _ExtractActor:
    """A worker: holds the encoder and analyses what it is given, except recordings that killed `n_deaths` workers."""

    def __init__(self, work: _Work, n_deaths: int) -> None:
        self._work, self._n_deaths = work, n_deaths
        self._encoder: LoadedEncoder = choose_encoder(work.template.settings)
        if self._encoder.sha256 != work.sha256:
            raise WeightsError(
                f"the encoder's weights differ on this worker ({self._encoder.sha256[:16]}, not {work.sha256[:16]}): "
                "install the same earwitness and the same weights on all machines"
            )

    def __call__(self, batch: Any) -> Iterator[Any]:
        pyarrow, _ = import_pyarrow()
        listings = [pickle.loads(each) for each in batch["listing"].to_pylist()]
        n_at_once = self._work.cluster.n_cpus
        for each in extract_several(listings, self._work.template, self._encoder, n_at_once, self._analyse):
            yield pyarrow.table({"items": pyarrow.array([pickle.dumps(each)], pyarrow.binary())})

    def _analyse(self, listing: Listing, template: ExtractTask, encoder: LoadedEncoder) -> Iterator[Chunk]:
        ray, _ = import_ray()
        n_died = ray.get(self._work.ledger.begin.remote(listing.path, self._n_deaths))
        if n_died >= self._n_deaths:
            if self._n_deaths < N_DEATHS:
                raise LeftOut  # it will be analysed alone
            raise AudioError(f"{listing.path}: {n_died} workers died of it; see whether memory suffices for it")
        try:
            yield from self._work.analyse(listing, template, encoder)
        finally:
            self._work.ledger.end.remote(listing.path)


class _Intake:
    """Takes what workers send: passes new chunks to the writer and knows which recordings are complete."""

    def __init__(self, writer: PartWriter) -> None:
        self.writer = writer
        self.complete: set[str] = set()
        self._taken: dict[str, set[tuple[int, str]]] = {}  # number and state of chunks of incomplete recordings

    def take(self, received: Chunk | End) -> None:
        """Take a chunk or the end of a recording."""
        path = received.path if isinstance(received, Chunk) else show_path(received.path)
        if path in self.complete:
            return
        taken = self._taken.setdefault(path, set())
        if isinstance(received, Chunk):
            if (received.number, received.state) not in taken:
                taken.add((received.number, received.state))
                self.writer.add(received)
        elif taken >= set(received.chunks):  # not so where a worker died and its successor began elsewhere
            self.complete.add(path)
            self.writer.report.n_analysed += all(state != FAILED for _, state in self._taken.pop(path))

    def shorten(self, listing: Listing) -> Listing:
        """Return what is still to be analysed of a recording."""
        taken = self._taken.get(show_path(listing.path), set())
        return replace(listing, done=tuple(sorted({*listing.done, *(number for number, _ in taken)})))


def _extract_all(todo: Sequence[Listing], work: _Work, intake: _Intake, show: Show) -> None:
    """Analyse recordings together, then those alone whose worker died; what kills even then has failed."""
    n_workers = _count_workers(work.cluster)
    intake.writer.n_workers = n_workers
    n_each = max(1, min(AT_MOST_TOGETHER, len(todo) // (BATCHES_A_WORKER * n_workers)))
    try:
        # The third time is for what a dying worker had sent in part.
        for n_together, n_deaths in ((n_each, 1), (1, N_DEATHS), (1, N_DEATHS)):
            left = [intake.shorten(each) for each in todo if show_path(each.path) not in intake.complete]
            for received in _extract_on_workers(left, work, n_together, n_deaths) if left else ():
                intake.take(received)
                show(len(intake.complete), Path(received.path))
        for each in todo:
            if show_path(each.path) not in intake.complete:
                intake.take(report_failure(each, work.template, f"{each.path}: no worker completed it; try it again"))
    finally:
        intake.writer.commit()


def _extract_on_workers(
    listings: Sequence[Listing], work: _Work, n_together: int, n_deaths: int
) -> Iterator[Chunk | End]:
    """Yield what Ray Data's workers send; recordings that killed `n_deaths` workers are left out or have failed.

    Raises:
        ArchiveError: the cluster fails.
    """
    ray, data = import_ray()
    cluster = work.cluster
    n_most = min(_count_workers(cluster), -(-len(listings) // n_together))
    rows = [{"listing": pickle.dumps(each)} for each in listings]
    with _context_set(data):
        received = data.from_items(rows, override_num_blocks=-(-len(rows) // n_together)).map_batches(
            _ExtractActor,
            fn_constructor_args=(work, n_deaths),
            batch_size=None,
            batch_format="pyarrow",
            compute=data.ActorPoolStrategy(
                min_size=1, max_size=n_most, max_tasks_in_flight_per_actor=2 if n_together > 1 else 1
            ),
            num_cpus=cluster.n_cpus,
            num_gpus=cluster.gpus_per_worker or None,
        )
        try:
            for batch in received.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
                for each in batch["items"].to_pylist() if batch.num_rows else []:
                    yield pickle.loads(each)
        except ray.exceptions.RayError as error:
            reason = str(error).strip().rsplit("\n", 1)[-1][:300]
            raise ArchiveError(f"the Ray cluster failed ({reason}); what was committed stays: run it again") from error


@contextlib.contextmanager
def _context_set(data: Any) -> Iterator[None]:
    """Get chunks early and fewer log lines from Ray Data; restore its settings afterwards."""
    context = data.DataContext.get_current()
    loggers = {logging.getLogger(name): logging.getLogger(name).level for name in ("ray.data", "ray")}
    wanted = {"target_max_block_size": HANDED_OVER_BYTES, "enable_progress_bars": False}
    before = {name: getattr(context, name) for name in wanted}
    try:
        for logger in loggers:  # a worker's death shows in its recording's outcome
            logger.setLevel(logging.CRITICAL)
        for name, value in wanted.items():
            setattr(context, name, value)
        yield
    finally:
        for logger, level in loggers.items():
            logger.setLevel(level)
        for name, value in before.items():
            setattr(context, name, value)


@contextlib.contextmanager
def _joined(cluster: Cluster) -> Iterator[None]:
    """Join the cluster, or start one on this machine and end it.

    Raises:
        ArchiveError: it is not there, or cannot be started.
    """
    ray, _ = import_ray()
    if ray.is_initialized():
        yield
        return
    n_here = (cluster.n_workers or max(1, count_threads() // cluster.n_cpus)) * cluster.n_cpus
    own = {"num_cpus": n_here, "include_dashboard": False}
    try:
        ray.init(
            cluster.address or "local",
            log_to_driver=False,
            logging_level=logging.ERROR,
            **({} if cluster.address else own),
        )
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        wanted = cluster.address or "on this machine"
        raise ArchiveError(f"no Ray cluster {wanted} ({error}); see --ray-address and 'ray status'") from error
    try:
        yield
    finally:
        ray.shutdown()


def _count_workers(cluster: Cluster) -> int:
    ray, _ = import_ray()
    there = ray.cluster_resources()
    n_most = int(there.get("CPU", 1) // cluster.n_cpus)
    if cluster.gpus_per_worker:
        n_most = min(n_most, int(there.get("GPU", 0) / cluster.gpus_per_worker))
    if n_most < 1:
        raise ArchiveError(
            f"the Ray cluster has {there.get('CPU', 0):g} CPUs and {there.get('GPU', 0):g} GPUs, too few for a worker "
            f"of {cluster.n_cpus} and {cluster.gpus_per_worker:g}; see --cpus-per-worker and --gpus-per-worker"
        )
    return min(n_most, cluster.n_workers) if cluster.n_workers else n_most


def _find_listings(sources: Sequence[str | Path]) -> list[Listing]:
    urls = [str(each) for each in sources if is_url(each)]
    paths = [each for each in sources if not is_url(each)]
    remote = [Listing(each.url, 1, (), each.size, each.mtime_ns) for each in find_remote_audio(urls)]
    return [*(Listing(make_absolute(each)) for each in (find_audio(paths) if paths else [])), *remote]


def _plan(writer: PartWriter, listing: Listing) -> Listing | None:
    """Return what to analyse of a recording; None, and a count, where there is nothing."""
    task = writer.plan(listing.path, (listing.size, listing.mtime_ns) if is_url(listing.path) else None)
    return replace(listing, attempt=task.attempt, done=tuple(sorted(task.done))) if task else None
