"""How the server bears many clients at once: uploads a second, lost ones, how soon health answers, memory.

python bench/serving_load.py [--seconds 60] [--clients 32] [--workers 1]

It starts `earwitness serve` on a free port of 127.0.0.1. Each client, again and again, uploads 5 s of sound, asks for
its state until it was heard, asks words of it and deletes it. An upload is lost if it is refused, fails, or is not
heard. Another process asks /v1/health twenty times a second.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import os
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
import soundfile

RATE_HZ, SOUND_S = 16000, 5.0
POLL_S, PROBE_S, SAMPLE_S = 0.25, 0.05, 0.5
PATIENCE_S = 120.0
QUESTION = {"events": ["dog bark", "siren", "speech"], "scenes": ["street", "office"]}


@dataclass
class Load:
    """What happened: uploads begun and heard, what went wrong, and how much memory was taken, in MB."""

    n_begun: int = 0
    n_analysed: int = 0
    wrong: Counter[str] = field(default_factory=Counter)
    answer_s: list[float] = field(default_factory=list)
    health_s: list[float] = field(default_factory=list)
    server_mb: list[float] = field(default_factory=list)
    workers_mb: list[float] = field(default_factory=list)
    elapsed_s: float = 0.0
    ran_s: float = 0.0  # of the server's main thread, which is its event loop
    waited_s: float = 0.0

    @property
    def n_lost(self) -> int:
        """Uploads that were begun and not heard."""
        return self.n_begun - self.n_analysed


def main() -> None:
    """Print what happened."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--workers", type=int, default=1)
    query = parser.parse_args()
    load = run_load(query.seconds, query.clients, query.workers)
    n_cores, busy = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    print(f"{query.clients} clients, {query.workers} workers, {load.elapsed_s:.0f} s; {n_cores} cores, load {busy:.1f}")
    print(f"queueing    the server waited for a core {load.waited_s:.1f} s, and had one for {load.ran_s:.1f} s")
    print(f"uploads     {load.n_analysed} heard, {load.n_analysed / load.elapsed_s:.1f} a second, {load.n_lost} lost")
    print(f"wrong       {dict(load.wrong) or 'nothing'}")
    print(f"answers     {tell_times(load.answer_s)}")
    print(f"health      {tell_times(load.health_s)}")
    for name, sizes in (("server", load.server_mb), ("workers", load.workers_mb)):
        quarter = len(sizes) // 4
        print(
            f"{name:11s} {max(sizes):.0f} MB at most; {sizes[quarter]:.0f} after a quarter, {sizes[-1]:.0f} at the end"
        )


def run_load(seconds: float, n_clients: int, n_workers: int = 1) -> Load:
    """Start a server, load it, and return what happened."""
    command = (sys.executable, "-m", "earwitness", "serve", "--port", "0", "--no-preload")
    server = subprocess.Popen([*command, "--workers", str(n_workers)], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout
        url = server.stdout.readline().split()[-1]
        with ProcessPoolExecutor(1) as prober:
            probing = prober.submit(probe_health, url, seconds)
            load = asyncio.run(send_all(url, seconds, n_clients, server.pid))
            load.health_s = probing.result()
        return load
    finally:
        server.terminate()
        server.communicate(timeout=30)


async def send_all(url: str, seconds: float, n_clients: int, pid: int) -> Load:
    """Let clients upload for a while, and wait for what is still heard."""
    load, begun = Load(), time.monotonic()
    sound = make_sound()
    limits = httpx.Limits(max_connections=2 * n_clients)
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE_S, limits=limits) as client:
        watching = asyncio.create_task(watch_memory(pid, load))
        await asyncio.gather(*(send_some(client, sound, begun + seconds, load) for _ in range(n_clients)))
        watching.cancel()
    load.ran_s, load.waited_s = (int(each) / 1e9 for each in Path(f"/proc/{pid}/schedstat").read_text().split()[:2])
    load.elapsed_s = time.monotonic() - begun
    return load


async def send_some(client: httpx.AsyncClient, sound: bytes, ends: float, load: Load) -> None:
    """Be one client until the time is over."""
    while time.monotonic() < ends:
        load.n_begun += 1
        try:
            await send_one(client, sound, load)
        except (httpx.HTTPError, AssertionError) as error:
            load.wrong[f"{type(error).__name__} {error}"[:80]] += 1


async def send_one(client: httpx.AsyncClient, sound: bytes, load: Load) -> None:
    """Upload, wait, ask, delete."""
    response = await client.post("/v1/recordings", params={"name": "load.wav"}, content=sound)
    assert response.status_code == 202, response.text
    path, state = response.headers["location"], response.json()
    while state["state"] in ("waiting", "working"):
        await asyncio.sleep(POLL_S)
        state = (await client.get(path)).json()
    assert state["state"] == "done", state["error"]
    begun = time.monotonic()
    answer = await client.post(f"{path}/ask", json=QUESTION)
    load.answer_s.append(time.monotonic() - begun)
    assert answer.status_code == 200, answer.text
    assert (await client.delete(path)).status_code == 204
    load.n_analysed += 1


def probe_health(url: str, seconds: float) -> list[float]:
    """Return how long each answer of /v1/health took, in a process that does nothing else."""
    took_s, ends = [], time.monotonic() + seconds
    with httpx.Client(base_url=url, timeout=PATIENCE_S) as client:
        while time.monotonic() < ends:
            begun = time.monotonic()
            client.get("/v1/health").raise_for_status()
            took_s.append(time.monotonic() - begun)
            time.sleep(PROBE_S)
    return took_s


async def watch_memory(pid: int, load: Load) -> None:
    """Note the resident memory of the server and of its workers."""
    while True:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        load.server_mb.append(read_memory(pid))
        load.workers_mb.append(sum(read_memory(int(child)) for child in children))
        await asyncio.sleep(SAMPLE_S)


def read_memory(pid: int) -> float:
    """Return a process's resident memory in MB, 0 if it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return next((int(line.split()[1]) / 1000 for line in lines if line.startswith("VmRSS:")), 0.0)


def make_sound() -> bytes:
    """Return noise as a wav."""
    file = io.BytesIO()
    noise = 0.1 * np.random.default_rng(20).standard_normal(round(SOUND_S * RATE_HZ))
    soundfile.write(file, noise, RATE_HZ, format="WAV", subtype="PCM_16")
    return file.getvalue()


def tell_times(times_s: list[float]) -> str:
    """Return how many, their median, 99th percentile and largest."""
    median, late, worst = 1000 * np.percentile(times_s, [50, 99, 100])
    return f"{len(times_s)}: median {median:.0f} ms, 99 % within {late:.0f} ms, at most {worst:.0f} ms"


if __name__ == "__main__":
    main()
