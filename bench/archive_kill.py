"""An archive indexed under kill -9 at random moments, against a run that nobody disturbed; its memory and its cores.

In: numbers of short and long recordings. Out: printed times, memory, processor use, and whether both stores say the
same.

    taskset -c 0,1 python bench/archive_kill.py --folder /tmp/kill --short 10000 --long 3 --hours 10
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from demo_recording import make_recording
from earwitness import open_store
from earwitness.encoders.onnx_backend import count_threads

CODE = """
import sys
from earwitness.cli.archive import _keep_memory_flat
_keep_memory_flat()
from pathlib import Path
from earwitness import Settings
from earwitness.archive import IndexOptions, index_recordings
from earwitness.audio import find_audio
options = IndexOptions(seconds_a_part=float(sys.argv[3]))
report = index_recordings(find_audio([sys.argv[1]]), sys.argv[2], Settings(runtime="onnx"), None, options)
print(report.n_analysed, report.n_unchanged, len(report.failures))
"""


@dataclass(frozen=True)
class Run:
    """One process over the archive; whether it came to its end.

    `waited_s` are seconds in which its threads could have computed, but other processes had the cores (Linux only).
    """

    wall_s: float
    cpu_s: float
    waited_s: float
    peak_mb: float
    is_done: bool


def make_archive(folder: Path, n_short: int, n_long: int, hours: float) -> None:
    """Write short recordings of 1 s, each another stretch of the demo, and long ones that repeat it."""
    samples, _ = make_recording()
    generator = np.random.default_rng(1)
    (folder / "short").mkdir(parents=True)
    for index in range(n_short):
        first = int(generator.integers(0, len(samples) - 16000))
        noise = 0.01 * generator.standard_normal(16000)
        soundfile.write(folder / "short" / f"{index:05d}.wav", samples[first : first + 16000] + noise, 16000)
    for index in range(n_long):
        with soundfile.SoundFile(folder / f"long{index}.wav", "w", 16000, 1) as file:
            for _ in range(round(hours * 3600 * 16000 / len(samples))):
                file.write(np.roll(samples, int(generator.integers(0, len(samples)))) * generator.uniform(0.3, 1.0))


def run_index(archive: Path, store: Path, kill_after_s: float | None = None, seconds_a_part: float = 20.0) -> Run:
    """Index in a process of its own; kill it after some seconds, if it is still at work then."""
    started = time.perf_counter()
    arguments = [sys.executable, "-c", CODE, str(archive), str(store), str(seconds_a_part)]
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL)
    is_killed, waited_ns = False, dict[str, int]()
    while True:
        with contextlib.suppress(OSError):
            for thread in Path(f"/proc/{process.pid}/task").iterdir():
                waited_ns[thread.name] = int((thread / "schedstat").read_text().split()[1])
        number, status, usage = os.wait4(process.pid, os.WNOHANG)
        if number:
            break
        time.sleep(0.02)
        if kill_after_s is not None and not is_killed and time.perf_counter() - started >= kill_after_s:
            os.kill(process.pid, signal.SIGKILL)
            is_killed = True
    process.returncode = os.waitstatus_to_exitcode(status)
    cpu_s = usage.ru_utime + usage.ru_stime
    waited_s = sum(waited_ns.values()) / 1e9
    return Run(time.perf_counter() - started, cpu_s, waited_s, usage.ru_maxrss / 1024, process.returncode == 0)


def report(name: str, run: Run) -> None:
    """Print what a run took."""
    n_cores = count_threads()
    busy, wanted = (seconds / run.wall_s / n_cores for seconds in (run.cpu_s, run.cpu_s + run.waited_s))
    details = f"{busy:4.0%} of {n_cores} cores had, {wanted:4.0%} wanted"
    print(f"{name:12s} {run.wall_s:7.1f} s, {details}, at most {run.peak_mb:.0f} MB", flush=True)


def main() -> None:
    """Make the archive, index it whole, in part, and under kills; compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="made anew")
    parser.add_argument("--short", type=int, default=10000)
    parser.add_argument("--long", type=int, default=3)
    parser.add_argument("--hours", type=float, default=10.0, help="of a long recording")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    shutil.rmtree(options.folder, ignore_errors=True)
    archive = options.folder / "archive"
    make_archive(archive, options.short, options.long, options.hours)
    few = options.folder / "few"
    few.mkdir()
    for path in sorted((archive / "short").iterdir())[: options.short // 10]:
        (few / path.name).hardlink_to(path)
    report(f"{options.short // 10} short", run_index(few, options.folder / "few_store"))
    report(f"{options.short} short", run_index(archive / "short", options.folder / "short_store"))
    whole = run_index(archive, options.folder / "whole")
    report("all", whole)
    random.seed(options.seed)
    store, n_kills = options.folder / "killed", 0
    for _ in range(options.kills):
        killed = run_index(archive, store, random.uniform(0.2, 2 * whole.wall_s / options.kills))
        n_kills += not killed.is_done
    report("the rest", run_index(archive, store))
    left, right = open_store(options.folder / "whole"), open_store(store)
    is_same = left.fingerprint() == right.fingerprint()
    print(f"after {n_kills} kills: {right.inform().n_files}, {'the same' if is_same else 'NOT THE SAME'}")
    print(f"damaged: {len(right.verify())}")


if __name__ == "__main__":
    main()
