"""The parts of a running server: recordings, workers, threads that answer queries, metrics.

In: `Settings`, `Limits`, `Access`. Out: a `Service` to start and stop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from earwitness.errors import MissingExtraError, SettingsError, WeightsError, WordError
from earwitness.server.attention import Attender
from earwitness.server.limits import Limits
from earwitness.server.metrics import Metrics
from earwitness.server.problems import Refused
from earwitness.server.recordings import Recordings
from earwitness.server.retention import delete_expired
from earwitness.server.storage import Storage
from earwitness.server.workers import Workers
from earwitness.settings import Settings
from earwitness.version import __version__
from earwitness.words import embed_with_mpnet

logger = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True)
class Options:
    """The options of a server, beside its limits.

    Attributes:
        settings: for the analysis of recordings.
        storage: folder for recordings; the system's temporary folder if None.
        is_mpnet_loaded: load the text model for words outside the shipped table at the start, if it is downloaded.
    """

    settings: Settings
    storage: Path | None = None
    is_mpnet_loaded: bool = True


class Service:
    """A server's parts; call all methods in its event loop."""

    def __init__(self, options: Options, limits: Limits, metrics: Metrics) -> None:
        self.options, self.limits, self.metrics = options, limits, metrics
        self.is_stopping = False
        self.storage = Storage(options.storage)
        self.recordings = Recordings(self.storage.folder, limits)
        self.workers = Workers(options.settings, limits, self.recordings, self.metrics)
        self.attender = Attender(options.settings)
        self._threads = ThreadPoolExecutor(limits.n_askers, "query")
        self._n_queries = 0
        self._sweeper: asyncio.Task[None] | None = None
        self._watch()

    async def start(self) -> None:
        """Start the workers, and load the text model meanwhile.

        Raises:
            ServerError: a worker does not start.
        """
        loading = asyncio.create_task(self._load_mpnet())
        try:
            await self.workers.start()
            await loading
        except BaseException:
            await self.stop()
            raise
        self._sweeper = asyncio.create_task(delete_expired(self.recordings, self.limits.keep_s))

    async def stop(self) -> None:
        """Stop everything and remove all recordings."""
        self.is_stopping = True
        if self._sweeper:
            self._sweeper.cancel()
        await self.workers.stop()
        self._threads.shutdown(wait=False, cancel_futures=True)
        await asyncio.to_thread(self.storage.close)

    async def think(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run a slow function in a thread.

        Raises:
            Refused: too many queries wait, or this one cannot be answered.
        """
        if self._n_queries >= self.limits.max_asking:
            detail = f"{self.limits.max_asking} queries are waiting; try again in a moment"
            raise Refused("busy", detail, retry_after="1")
        self._n_queries += 1
        try:
            work = partial(function, *args, **kwargs)
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except (WordError, SettingsError) as error:
            raise Refused("invalid", str(error)) from error
        except (MissingExtraError, WeightsError) as error:
            raise Refused("not-offered", str(error)) from error
        except FileNotFoundError as error:
            raise Refused("not-found", "the recording has been deleted") from error
        finally:
            self._n_queries -= 1

    def report_health(self) -> dict[str, Any]:
        """Return the fields of `HealthModel`."""
        n_alive = len(self.workers.pids)
        return {
            "status": "stopping" if self.is_stopping else "ok" if n_alive else "degraded",
            "version": __version__,
            "encoder": self.workers.encoder,
            "workers": n_alive,
            "waiting": self.recordings.count("waiting"),
            "working": self.recordings.count("working"),
            "kept": len(self.recordings),
        }

    def _watch(self) -> None:
        watch, recordings = self.metrics.watch, self.recordings
        watch("recordings_waiting", "Recordings that are being received or wait.", lambda: recordings.count("waiting"))
        watch("recordings_working", "Recordings that are being analysed.", lambda: recordings.count("working"))
        watch("recordings_kept", "Stored recordings, in any state.", lambda: len(recordings))
        watch("stored_bytes", "Bytes of recordings, with reservations.", recordings.count_bytes)
        watch("workers_alive", "Workers that are ready or at work.", lambda: len(self.workers.pids))
        watch("questions_waiting", "Queries that wait or are being answered.", lambda: self._n_queries)

    async def _load_mpnet(self) -> None:
        if not self.options.is_mpnet_loaded:
            return
        try:
            await asyncio.to_thread(embed_with_mpnet, ["sound"])
        except (MissingExtraError, WeightsError) as error:
            logger.info("words outside the shipped table are approximated: %s", error)
