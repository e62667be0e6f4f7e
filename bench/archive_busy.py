"""How busy `index` keeps the processors: processor time over wall time, on many short recordings and on a long one.

In: how many short recordings, minutes of the long one, a folder. Out: printed seconds and the share of the cores.

    taskset -c 0,1 python bench/archive_busy.py --folder /tmp/busy
"""

from __future__ import annotations

import argparse
import os
import shutil
import time
from pathlib import Path

import numpy as np
import soundfile

from demo_recording import make_recording
from earwitness import Settings
from earwitness.archive.index import index_recordings
from earwitness.audio.read import find_audio
from earwitness.encoders.onnx_backend import count_threads

SHORT_S = 10


def make_recordings(folder: Path, n_short: int, minutes: float) -> None:
    """Write recordings of 10 s at 44.1 kHz, each with noise of its own, and a long one that repeats the demo."""
    samples, _ = make_recording()
    generator = np.random.default_rng(1)
    for name in ("short", "long"):
        (folder / name).mkdir(parents=True)
    segment = np.interp(np.arange(44100 * SHORT_S) / 44100, np.arange(16000 * SHORT_S) / 16000, samples[:160000])
    for index in range(n_short):
        noise = 0.01 * generator.standard_normal(len(segment))
        soundfile.write(folder / "short" / f"{index:05d}.flac", segment + noise, 44100)
    with soundfile.SoundFile(folder / "long" / "long.flac", "w", 16000, 1) as file:
        while file.frames < 60 * 16000 * minutes:
            file.write(samples + 0.01 * generator.standard_normal(len(samples)))


def read_idle_s() -> float:
    """Return the seconds that this process's cores have idled since the machine started (Linux)."""
    cores = {f"cpu{number}" for number in os.sched_getaffinity(0)}
    lines = [line.split() for line in Path("/proc/stat").read_text().splitlines() if line.split()[0] in cores]
    return sum(int(line[4]) + int(line[5]) for line in lines) / os.sysconf("SC_CLK_TCK")  # idle, waiting for a disk


def measure(folder: Path, store: Path) -> str:
    """Return what a run took, its share of the cores that it may use, and the share that nobody used."""
    wall_s, cpu_s, idle_s = time.perf_counter(), time.process_time(), read_idle_s()
    report = index_recordings(find_audio([folder]), store, Settings(runtime="onnx"))
    wall_s, cpu_s, idle_s = time.perf_counter() - wall_s, time.process_time() - cpu_s, read_idle_s() - idle_s
    n_cores = count_threads()
    own, idle = cpu_s / wall_s / n_cores, idle_s / wall_s / n_cores
    return (
        f"{report.n_analysed} heard in {wall_s:.1f} s; of {n_cores} cores {own:.0%} its own, {idle:.0%} idle, "
        f"{max(0.0, 1 - own - idle):.0%} other programs"
    )


def main() -> None:
    """Make recordings, hear them, print how busy the cores were; other programs that run take their share."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="made anew")
    parser.add_argument("--short", type=int, default=400)
    parser.add_argument("--minutes", type=float, default=60.0)
    options = parser.parse_args()
    shutil.rmtree(options.folder, ignore_errors=True)
    make_recordings(options.folder, options.short, options.minutes)
    for name in ("short", "long"):
        print(f"{name:6s}{measure(options.folder / name, options.folder / f'{name}_store')}")


if __name__ == "__main__":
    main()
