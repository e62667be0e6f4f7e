"""Recordings into a store on many machines: Ray Data hands them to workers, and gets hold of those that die.

In: recordings at paths or URLs, a store's folder or URL. Out: parts in the store and an `IndexReport`.

Workers hear; the process that started the run commits, exactly as on one machine, so a piece counts once whoever heard
it twice, workers need no right to write, and an object store needs no locks. What travels is small: 2 MB an hour.
A worker that dies is started again, and what it had not handed over is heard again. A recording that kills whoever
hears it is told as failed, like any other that cannot be heard.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from earwitness.archive.hearing import FAILED, HEARD, HearTask, Piece, check_settings, show_path
from earwitness.archive.hearing_anywhere import Hear, Listing, hear_anywhere, hear_several, tell_failure
from earwitness.archive.indexing import (
    ROW_S,
    IndexOptions,
    IndexReport,
    adopt_settings,
    check_shard,
    is_of_shard,
    make_absolute,
    plan_task,
    prune_store,
    tidy_store,
)
from earwitness.archive.part_store import PartStore, describe_hearing
from earwitness.archive.parts import import_pyarrow
from earwitness.archive.remote_files import find_remote_audio, is_url
from earwitness.archive.remote_store import has_store, make_parts, open_parts
from earwitness.audio import find_audio
from earwitness.batch import Show, show_progress
from earwitness.errors import ArchiveError, MissingExtraError, SettingsError, WeightsError
from earwitness.runtime import LoadedEncoder, choose_encoder
from earwitness.runtime_onnx import count_threads
from earwitness.settings import Settings

AT_MOST_TOGETHER = 16  # recordings that are handed to a worker together
HANDED_OVER_BYTES = 1 << 20  # a worker hands over what it has heard when it is this much
N_CPUS_WITH_GPU = 4  # decoding for one GPU
N_KILLS = 3  # so many workers may die of a recording alone


@dataclass(frozen=True)
class Cluster:
    """Where to hear.

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
    hear: Hear = hear_anywhere,
) -> IndexReport:
    """Hear recordings into a store with Ray Data's workers; see `index_recordings` for what is heard and what not.

    Args:
        sources: files, folders and patterns, as paths that all workers see, or URLs that fsspec knows.
        store: a folder of this machine, or a URL.
        settings: how to hear; a store that is there says it for all that is added.
        options: see `IndexOptions`; gone files are looked for in folders, not at URLs.
        cluster: see `Cluster`. A cluster that is started here ends with the run.
        hear: what a worker does with one recording.

    Raises:
        ArchiveError: the store cannot be made, read or written, was made with other settings, or the cluster fails;
            what was committed stays.
        AudioError: a source cannot be found.
        MissingExtraError: Ray Data, or what a URL needs, is not installed.
        SettingsError, WeightsError: the settings do not suit a store, the encoder cannot be loaded.
    """
    options, cluster = options or IndexOptions(), cluster or Cluster()
    import_ray()
    check_shard(options.shard)
    _check_cluster(cluster)
    listings = _find_listings(sources)
    opened = open_parts(store) if has_store(store) else None
    settings = adopt_settings(opened, settings)
    check_settings(settings)
    encoder = choose_encoder(settings)
    provenance = describe_hearing(settings, encoder, 0.0 if options.is_by_token else ROW_S)
    settings = provenance.settings() if settings.runtime == "auto" else settings
    if opened is None:
        make_parts(store, provenance)
        opened = open_parts(store)
    opened.check_provenance(provenance)
    intake = _Intake(opened, options, IndexReport(set_aside=tidy_store(opened)))
    if options.is_pruning:
        prune_store(opened, [each for each in sources if not is_url(each)], intake.report)
    todo = [each for each in (_plan(intake, listing, settings) for listing in listings) if each]
    if todo:
        settings = replace(settings, n_threads=settings.n_threads or cluster.n_cpus)
        template = HearTask("", settings, opened.provenance.row_s, start_from=options.start_from)
        with _joined(cluster), show_progress(len(todo), options.progress) as show:
            _hear_all(todo, template, encoder.sha256, cluster, hear, intake, show)
    return intake.report


def import_ray() -> tuple[Any, Any]:
    """Return ray and ray.data.

    Raises:
        MissingExtraError: they are not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise MissingExtraError("engine 'ray' needs Ray Data: pip install 'earwitness[ray]'") from error
    return ray, ray.data


class _HearActor:
    """A worker: it holds the encoder and hears what it is given."""

    def __init__(self, template: HearTask, sha256: str, n_at_once: int, hear: Hear) -> None:
        self._template, self._n_at_once, self._hear = template, n_at_once, hear
        self._encoder: LoadedEncoder = choose_encoder(template.settings)
        if self._encoder.sha256 != sha256:
            raise WeightsError(
                f"the encoder's weights differ on this worker ({self._encoder.sha256[:16]}, not {sha256[:16]}): "
                "install the same earwitness and the same weights on all machines"
            )

    def __call__(self, batch: Any) -> Iterator[Any]:
        pyarrow, _ = import_pyarrow()
        listings = [pickle.loads(each) for each in batch["listing"].to_pylist()]
        for piece in hear_several(listings, self._template, self._encoder, self._n_at_once, self._hear):
            yield pyarrow.table({"piece": pyarrow.array([pickle.dumps(piece)], pyarrow.binary())})


class _Intake:
    """What comes back: gathers pieces, commits them, and knows which recordings are through."""

    def __init__(self, store: PartStore, options: IndexOptions, report: IndexReport) -> None:
        self.store, self.options, self.report = store, options, report
        self.through: set[str] = set()
        self._pieces: dict[tuple[int, int, str], Piece] = {}
        self._n_rows, self._since = 0, time.monotonic()

    def take(self, piece: Piece) -> None:
        """Take a piece, and commit what has gathered if it is time."""
        key = (piece.file_id, piece.number, piece.state)
        if key not in self._pieces:
            self._pieces[key] = piece
            self._n_rows += max(1, len(piece.rows))
        if piece.is_last and piece.path not in self.through:
            self.through.add(piece.path)
            if piece.state == FAILED:
                self.report.failures.append((piece.path, piece.reason))
            else:
                self.report.n_heard += 1
                self.report.notes += [(piece.path, piece.notes)] if piece.notes else []
        is_late = time.monotonic() - self._since > self.options.seconds_a_part
        if is_late or self._n_rows >= self.options.rows_a_part:
            self.commit()

    def commit(self) -> None:
        """Commit what has gathered."""
        pieces, self._pieces, self._n_rows, self._since = list(self._pieces.values()), {}, 0, time.monotonic()
        if pieces:
            self.store.commit(pieces)


def _hear_all(
    todo: Sequence[Listing],
    template: HearTask,
    sha256: str,
    cluster: Cluster,
    hear: Hear,
    intake: _Intake,
    show: Show,
) -> None:
    """Hear recordings together, then alone those of which no answer came; what kills even then has failed."""
    n_each = max(1, min(AT_MOST_TOGETHER, len(todo) // (8 * _count_workers(cluster))))
    try:
        for n_together, n_retries in ((n_each, 1), (1, N_KILLS - 1)):
            left = [each for each in todo if show_path(each.path) not in intake.through]
            if not left:
                return
            for piece in _hear_on_workers(left, template, sha256, cluster, hear, n_together, n_retries):
                intake.take(piece)
                show(len(intake.through), Path(piece.path))
        for each in todo:
            if show_path(each.path) not in intake.through:
                reason = f"{each.path}: whoever heard it died, {N_KILLS} times; see whether memory suffices for it"
                intake.take(tell_failure(each, template, reason))
    finally:
        intake.commit()


def _hear_on_workers(
    listings: Sequence[Listing],
    template: HearTask,
    sha256: str,
    cluster: Cluster,
    hear: Hear,
    n_together: int,
    n_retries: int,
) -> Iterator[Piece]:
    """Yield the pieces that Ray Data's workers hand over; of recordings that killed a worker too often none come.

    Raises:
        ArchiveError: the cluster fails.
    """
    ray, data = import_ray()
    n_most = min(_count_workers(cluster), -(-len(listings) // n_together))
    n_at_once = cluster.n_cpus if cluster.gpus_per_worker or cluster.n_cpus > 1 else 1
    with _context_set(data):
        rows = [{"listing": pickle.dumps(each)} for each in listings]
        heard = data.from_items(rows, override_num_blocks=-(-len(rows) // n_together)).map_batches(
            _HearActor,
            fn_constructor_args=(template, sha256, n_at_once, hear),
            batch_size=None,
            batch_format="pyarrow",
            # Alone on its worker, a recording that kills it takes no other along.
            compute=data.ActorPoolStrategy(min_size=1, max_size=n_most, max_tasks_in_flight_per_actor=1 + (n_together > 1)),
            num_cpus=cluster.n_cpus,
            num_gpus=cluster.gpus_per_worker or None,
            max_restarts=-1,
            max_task_retries=n_retries,
        )
        try:
            for batch in heard.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
                for each in batch["piece"].to_pylist() if batch.num_rows else []:
                    yield pickle.loads(each)
        except ray.exceptions.RayError as error:
            reason = str(error).strip().rsplit("\n", 1)[-1][:300]
            raise ArchiveError(f"the Ray cluster failed ({reason}); what was committed stays: run it again") from error


@contextlib.contextmanager
def _context_set(data: Any) -> Iterator[None]:
    """Let dead workers cost their blocks and not the run, and let pieces come early; put all back in the end."""
    context = data.DataContext.get_current()
    wanted = {
        "max_errored_blocks": -1,
        "target_max_block_size": HANDED_OVER_BYTES,
        "enable_progress_bars": False,
    }
    before = {name: getattr(context, name) for name in wanted}
    try:
        for name, value in wanted.items():
            setattr(context, name, value)
        yield
    finally:
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
    own = {"num_cpus": n_here, "include_dashboard": False, "_node_ip_address": "127.0.0.1"}
    try:
        ray.init(cluster.address or "local", log_to_driver=False, **({} if cluster.address else own))
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
            f"the Ray cluster has {there.get('CPU', 0):g} CPUs and {there.get('GPU', 0):g} GPUs, too few for a worker of "
            f"{cluster.n_cpus} and {cluster.gpus_per_worker:g}; see --cpus-per-worker and --gpus-per-worker"
        )
    return min(n_most, cluster.n_workers) if cluster.n_workers else n_most


def _find_listings(sources: Sequence[str | Path]) -> list[Listing]:
    urls = [str(each) for each in sources if is_url(each)]
    paths = [each for each in sources if not is_url(each)]
    remote = [Listing(each.url, 1, (), each.size, each.mtime_ns) for each in find_remote_audio(urls)]
    return [*(Listing(make_absolute(each)) for each in (find_audio(paths) if paths else [])), *remote]


def _plan(intake: _Intake, listing: Listing, settings: Settings) -> Listing | None:
    """Return what to hear of a recording; None and a count where there is nothing."""
    if not is_of_shard(listing.path, intake.options.shard):
        return None
    state = (listing.size, listing.mtime_ns) if is_url(listing.path) else None
    task = plan_task(intake.store, listing.path, settings, intake.options, state)
    intake.report.n_unchanged += task == HEARD
    intake.report.n_failed_before += task == FAILED
    if isinstance(task, str):
        return None
    return replace(listing, attempt=task.attempt, done=tuple(sorted(task.done)))


def _check_cluster(cluster: Cluster) -> None:
    if cluster.n_workers < 0 or cluster.cpus_per_worker < 0 or cluster.gpus_per_worker < 0:
        raise SettingsError(f"{cluster}: workers, processors and GPUs must not be negative")
