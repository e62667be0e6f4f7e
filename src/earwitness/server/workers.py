"""The pool of worker processes in the server: each analyses one recording after another.

In: `Recording`s. Out: their states. If a worker ends or exceeds its time or memory, its recording fails with the
reason, and a new worker continues with the next one.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from earwitness.errors import ServerError
from earwitness.server.limits import Limits
from earwitness.server.metrics import Metrics
from earwitness.server.problems import KINDS, Problem, Refused
from earwitness.server.recording_files import remove_folder
from earwitness.server.recordings import Grid, Recording, Recordings
from earwitness.settings import Settings

logger = logging.getLogger(__name__)

MOST_SENT = 3  # times that a recording is sent to workers that end before they begin with it
START_S = 120.0  # to load an encoder, on a slow machine
LONGEST_LINE = 1 << 20  # bytes
LONGEST_PAUSE_S = 30.0  # between starts of a worker that does not start


class _Lost(Exception):
    """A worker ended, or must be ended."""


@dataclass(eq=False)
class _Worker:
    process: asyncio.subprocess.Process
    complaints: deque[str] = field(default_factory=lambda: deque(maxlen=20))  # the end of its standard error
    listener: asyncio.Task[None] | None = None

    async def read(self, timeout_s: float) -> dict[str, Any]:
        """Return its next message.

        Raises:
            _Lost: it ended, or its message is malformed.
            asyncio.TimeoutError: no message came in time.
        """
        assert self.process.stdout
        try:
            line = await asyncio.wait_for(self.process.stdout.readline(), max(0.0, timeout_s))
            message: dict[str, Any] = json.loads(line)
        except ValueError as error:  # nothing, no JSON, or a line without end
            raise _Lost from error
        return message

    async def send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin
        try:
            self.process.stdin.write(json.dumps(message).encode() + b"\n")
            await self.process.stdin.drain()
        except OSError as error:
            raise _Lost from error

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()

    async def listen(self) -> None:
        assert self.process.stderr
        while part := await self.process.stderr.read(4096):
            self.complaints.append(part.decode("utf-8", "replace")[-500:])


class Workers:
    """Worker processes that analyse submitted recordings in order."""

    def __init__(self, settings: Settings, limits: Limits, recordings: Recordings, metrics: Metrics) -> None:
        self.settings, self.limits, self.recordings, self.metrics = settings, limits, recordings, metrics
        self.encoder = ""
        self._queue: asyncio.Queue[Recording] = asyncio.Queue()
        self._alive: dict[int, _Worker] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._has_begun = False

    @property
    def pids(self) -> list[int]:
        """The process ids of the workers that are ready or busy."""
        return [each.process.pid for each in self._alive.values()]

    async def start(self) -> None:
        """Start all workers, and wait until they are ready.

        Raises:
            ServerError: a worker cannot load the encoder.
        """
        first = await asyncio.gather(*(self._start() for _ in range(self.limits.n_workers)))
        self._tasks = [asyncio.create_task(self._run(number, worker)) for number, worker in enumerate(first)]

    def submit(self, recording: Recording) -> None:
        """Queue a received recording for analysis."""
        self._queue.put_nowait(recording)

    async def stop(self) -> None:
        """End all workers, also busy ones."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, number: int, worker: _Worker) -> None:
        """Run one worker, and replace it when it is lost."""
        n_failures = 0
        while True:
            self._alive[number] = worker
            try:
                await self._extract_all(worker)
            except _Lost:
                logger.warning("a worker ended (%s): %s", worker.process.returncode, "".join(worker.complaints)[-2000:])
            finally:
                self._alive.pop(number, None)
                await _end(worker)
            self.metrics.restarts.inc()
            while True:
                try:
                    worker, n_failures = await self._start(), 0
                    break
                except ServerError as error:
                    n_failures += 1
                    logger.error("%s", error)
                    await asyncio.sleep(min(LONGEST_PAUSE_S, 2.0**n_failures))

    async def _start(self) -> _Worker:
        """Return a worker that has loaded the encoder."""
        command = (sys.executable, "-m", "earwitness.server.worker")
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            limit=LONGEST_LINE,
            start_new_session=True,
            env={"OMP_WAIT_POLICY": "PASSIVE", **os.environ},  # spinning threads slow each other down
        )
        worker = _Worker(process)
        worker.listener = asyncio.create_task(worker.listen())
        message: dict[str, Any] = {}
        try:
            await worker.send({"settings": self._share_cores().to_dict(), "limits": asdict(self.limits)})
            message = await worker.read(START_S)
            if message.get("event") != "ready":
                raise ServerError(str(message.get("reason", "a worker does not start")))
        except (_Lost, asyncio.TimeoutError) as error:
            reason = "".join(worker.complaints).strip()[-1000:] or "it ended, or took too long"
            raise ServerError(f"a worker does not start: {reason}") from error
        finally:
            if message.get("event") != "ready":
                await _end(worker)
        self.encoder = message["encoder"]
        self.recordings.grid = Grid(message["rate_hz"], message["token_s"], message["n_tags"])
        return worker

    def _share_cores(self) -> Settings:
        """Return the settings with the cores shared among workers, unless the number of threads is set."""
        if self.settings.n_threads or os.environ.get("OMP_NUM_THREADS"):
            return self.settings
        n_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return replace(self.settings, n_threads=max(1, (n_cores - 1) // self.limits.n_workers))

    async def _extract_all(self, worker: _Worker) -> None:
        """Analyse recordings until the worker is lost."""
        while True:
            recording = await self._next(worker)
            if recording.is_gone:
                continue
            recording.state, recording.cancel, begun = "working", worker.kill, time.monotonic()
            try:
                problem, is_fit = await self._analyse(worker, recording)
            except _Lost:
                if not recording.is_taken and recording.n_sent < MOST_SENT:  # it ended for another reason
                    recording.state, recording.cancel = "waiting", None
                    self._queue.put_nowait(recording)
                    raise
                problem, is_fit = Problem("worker-lost", f"{recording.name}: upload it again"), False
            except Refused as refused:  # there is no room for its results
                problem, is_fit = refused.problem, False
            except asyncio.TimeoutError:
                detail = f"its analysis takes more than the {self.limits.worker_s:g} s that this server allows"
                problem, is_fit = Problem("too-much-work", f"{recording.name}: {detail}"), False
            await self.recordings.finish(recording, problem)
            self.metrics.note_job(recording, time.monotonic() - begun)
            if not is_fit:
                await _end(worker)
                if recording.is_gone:  # files that the worker wrote while its folder was being removed
                    await asyncio.to_thread(remove_folder, recording.folder)
                raise _Lost

    async def _next(self, worker: _Worker) -> Recording:
        """Return the next recording, unless the worker ends first.

        Raises:
            _Lost: it ended.
        """
        waiting = asyncio.ensure_future(self._queue.get())
        ended = asyncio.ensure_future(worker.process.wait())
        try:
            await asyncio.wait({waiting, ended}, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                if waiting.done():
                    self._queue.put_nowait(waiting.result())
                raise _Lost
            return waiting.result()
        finally:
            waiting.cancel()
            ended.cancel()

    async def _analyse(self, worker: _Worker, recording: Recording) -> tuple[Problem | None, bool]:
        """Return a recording's problem, if any, and whether the worker can take another."""
        recording.n_sent += 1
        ends = time.monotonic() + self.limits.worker_s
        await worker.send({"folder": str(recording.folder), "name": recording.name})
        while True:
            message = await worker.read(ends - time.monotonic())
            match message.get("event"):
                case "taken":
                    recording.is_taken = True
                case "begun" if message["duration_s"] is not None:
                    self.recordings.expect(recording, float(message["duration_s"]))
                case "begun":  # the length will be known later
                    pass
                case "progress":
                    recording.share = float(message["share"])
                case "known":
                    self.recordings.expect(recording, float(message["duration_s"]))
                    recording.is_known = True
                case "done":
                    recording.duration_s = float(message["duration_s"])
                    return None, True
                case "failed":
                    kind = message["kind"] if message.get("kind") in KINDS else "failed"
                    return Problem(kind, str(message["detail"])), kind != "too-much-work"
                case _:
                    raise _Lost


async def _end(worker: _Worker) -> None:
    """Kill a worker and wait for its end."""
    worker.kill()
    await worker.process.wait()
    if worker.listener:
        await worker.listener
