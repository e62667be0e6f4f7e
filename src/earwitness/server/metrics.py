"""Counters of the server for Prometheus. Each app has its own registry.

In: requests, uploads, finished recordings, replaced workers. Out: text.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from earwitness.server.recordings import Recording

LATENCIES_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
JOBS_S = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0)


class Metrics:
    """Counters of one app."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        named: Any = {"registry": self.registry, "namespace": "earwitness"}
        self.requests = Counter("requests", "Requests.", ["method", "route", "status"], **named)
        self.latency = Histogram("request_seconds", "Time of requests.", ["route"], buckets=LATENCIES_S, **named)
        self.uploads = Counter("uploads", "Uploads, by outcome.", ["outcome"], **named)
        self.upload_bytes = Counter("upload_bytes", "Bytes received as recordings.", **named)
        self.jobs = Counter("jobs", "Recordings that were analysed or failed, by outcome.", ["outcome"], **named)
        self.job_seconds = Histogram("job_seconds", "Time to analyse a recording.", buckets=JOBS_S, **named)
        self.audio_seconds = Counter("audio_seconds", "Analysed audio.", **named)
        self.restarts = Counter("worker_restarts", "Workers that were replaced.", **named)

    def watch(self, name: str, meaning: str, count: Callable[[], float]) -> None:
        """Add a gauge whose value is computed when it is read."""
        Gauge(name, meaning, registry=self.registry, namespace="earwitness").set_function(count)

    def note_job(self, recording: Recording, elapsed_s: float) -> None:
        """Count a recording that was analysed or failed."""
        outcome = "deleted" if recording.is_gone else recording.problem.kind if recording.problem else "done"
        self.jobs.labels(outcome).inc()
        self.job_seconds.observe(elapsed_s)
        if recording.state == "done" and recording.duration_s:
            self.audio_seconds.inc(recording.duration_s)

    def to_text(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self.registry)


class Measured:
    """Middleware that counts requests by route, not by path, so that ids do not become series."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun, status = time.perf_counter(), 0  # 0: the client disconnected

        async def note(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self.app(scope, receive, note)
        finally:
            route = getattr(scope.get("route"), "path", "") or "other"
            method = scope["method"] if scope["method"] in ("GET", "HEAD", "POST", "DELETE") else "other"
            self.metrics.requests.labels(method, route, str(status)).inc()
            self.metrics.latency.labels(route).observe(time.perf_counter() - begun)
