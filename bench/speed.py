"""How fast earwitness is, and how much memory it takes, against the goals.

In: nothing, or a recording with `--file`. Out: a Markdown table (what, measured, goal, pass or miss), and JSON.

    python bench/speed.py --out speed.json      # a bit over a minute on 2 idle cores
    python bench/speed.py --long                # and ten hours of silence: 8 minutes more
    python bench/speed.py --long --hours 2      # and two hours

Run it on an idle machine: on two cores, another process at work slows torch several times. Ratios suffer less,
because both sides are timed in the same run.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
import wave
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from published_way import CODE_HOP_S, EVENT_WORDS, HOP_S, SCENE_WORDS, Stage, count_work, time_published
from subprocesses import Run, run_measured

SHARED = Path(__file__).resolve().parents[2] / "shared"
REAL_FILE = "data/tut/audio/mixture_evaltest_babycry_002_ba886810f677a87beb5fb01d83601acf.wav"
COMMAND = Path(sys.executable).parent / "earwitness"
RATE_HZ = 44100
MINUTES = 10
LOAD_ENCODER = """
import time, torch
from earwitness.runtime import load_encoder
started = time.perf_counter()
load_encoder()
print(time.perf_counter() - started, file=__import__("sys").stderr)
"""


@dataclass(frozen=True)
class Line:
    """A measured number, in `unit`, and its goal; `is_more_better` says on which side of the goal to be."""

    what: str
    measured: float
    unit: str
    goal: float | None = None
    is_more_better: bool = False

    @property
    def verdict(self) -> str:
        """Pass or miss, or a dash where there is no goal."""
        if self.goal is None:
            return "-"
        return "pass" if (self.measured >= self.goal) == self.is_more_better or self.measured == self.goal else "miss"


def main() -> None:
    """Measure, print, and write JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--file", type=Path, help="a recording of about 30 s (one of TUT's, else one that is made)")
    parser.add_argument("--long", action="store_true", help="measure the memory of a very long recording too")
    parser.add_argument("--hours", type=float, default=10.0, help="how long that recording is (10)")
    parser.add_argument("--out", type=Path, help="JSON file to write")
    options = parser.parse_args()
    lines: list[Line] = []
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} CPUs, of which others used {load:.1f} over the last minute\n")
    print("| what | measured | goal | |\n|---|--:|--:|---|")
    with tempfile.TemporaryDirectory(prefix="earwitness-speed-") as scratch:
        folder = Path(scratch)
        real = SHARED / REAL_FILE
        short = options.file or (real if real.is_file() else write_noise(folder / "short.wav", 30.0))
        for line in measure_start(short):
            _print_line(line, lines)
        for line in measure_command(folder, options.hours if options.long else None):
            _print_line(line, lines)
        for line in compare_methods(short):
            _print_line(line, lines)
    if options.out:
        machine = {
            "cpus": os.cpu_count(),
            "load_before": load,
            "platform": platform.platform(),
            "python": platform.python_version(),
        }
        rows = [asdict(line) | {"verdict": line.verdict} for line in lines]
        options.out.write_text(json.dumps({"machine": machine, "lines": rows}, indent=2) + "\n", encoding="utf-8")


def measure_start(short: Path) -> list[Line]:
    """Measure what a user waits for before there is anything to see."""
    help_s = min(run_measured([str(COMMAND), "--help"]).seconds for _ in range(5))
    first_s = statistics.median(_listen(short).seconds for _ in range(3))
    light = [_listen(short, "--runtime", "onnx") for _ in range(3)]
    load_s = statistics.median(_time_load() for _ in range(3))
    return [
        Line("earwitness --help, best of 5", help_s, "s", 0.3),
        Line(f"whole listen command on {_measure_s(short):.0f} s of sound, median of 3", first_s, "s", 3.0),
        Line("the same with --runtime onnx", statistics.median(run.seconds for run in light), "s"),
        Line("peak memory of that", max(run.peak_mib for run in light), "MiB"),
        Line("load of the embedded encoder after import torch, median of 3", load_s, "s", 0.5),
    ]


def measure_command(folder: Path, hours: float | None) -> list[Line]:
    """Measure the whole command on ten minutes, and the peak memory of ten minutes and of many hours."""
    path = write_noise(folder / "noise.wav", 60.0 * MINUTES)
    noise = min((_listen(path) for _ in range(3)), key=lambda run: run.seconds)
    lines = [
        Line(f"listen on {MINUTES} min of noise, best of 3", noise.seconds, "s"),
        Line("listen, times real time", 60.0 * MINUTES / noise.seconds, "x", 60.0, is_more_better=True),
        Line(f"peak memory, {MINUTES} min of noise", noise.peak_mib, "MiB", 1024.0),
    ]
    if hours is None:
        return lines
    silent = _listen(write_silence(folder / "silent.wav", 60.0 * MINUTES))
    long = _listen(write_silence(folder / "long.wav", 3600.0 * hours))
    return [
        *lines,
        Line(f"peak memory, {MINUTES} min of silence", silent.peak_mib, "MiB", 1024.0),
        Line(f"peak memory, {hours:g} h of silence", long.peak_mib, "MiB", 1024.0),
        Line(f"peak memory, {hours:g} h over {MINUTES} min of silence", long.peak_mib / silent.peak_mib, "x", 1.1),
        Line(f"listen on {hours:g} h, times real time", 3600 * hours / long.seconds, "x", 60.0, is_more_better=True),
    ]


def compare_methods(short: Path) -> list[Line]:
    """Compare the published way of computing, by count, with both of our methods, all models being loaded already."""
    from earwitness.audio.read import load_audio
    from earwitness.encoders.load import load_encoder
    from earwitness.recognition.pipeline import recognize
    from earwitness.settings import Settings
    from earwitness.words import embeddings

    encoder, waveform = load_encoder(), load_audio(short)

    def listen(settings: Settings) -> None:
        embeddings.embed_others.cache_clear()  # so that each run encodes its own texts
        recognize(waveform, EVENT_WORDS, SCENE_WORDS, settings, encoder)

    our_s = {
        "tmrl": best_of(lambda: listen(Settings(method="tmrl")), 3),
        "earwitness": best_of(lambda: listen(Settings()), 3),
    }
    lines = [Line(f"recognize, method={method}, models loaded, best of 3", our_s[method], "s") for method in our_s]
    for hop_s, name, goal in ((HOP_S, "1 s hop", 200.0), (CODE_HOP_S, "its code's 2.76 s hop", None)):
        stages = time_published(count_work(waveform, encoder, hop_s=hop_s), encoder)
        total_s = sum(each.total_s for each in stages)
        lines.append(Line(f"published way, {name}, by count: {describe_stages(stages)}", total_s, "s"))
        for method, seconds in our_s.items():
            lines.append(Line(f"published way ({name}) over method={method}", total_s / seconds, "x", goal, True))
    return lines


def describe_stages(stages: list[Stage]) -> str:
    """Return what was timed and what is needed, in a phrase."""
    return ", ".join(f"{each.n_measured} of {each.n_needed} {each.what} = {each.total_s:.0f} s" for each in stages)


def best_of(do: Callable[[], object], n: int) -> float:
    """Return the shortest of `n` times in seconds, after one run that does not count."""
    do()
    times = []
    for _ in range(n):
        started = time.perf_counter()
        do()
        times.append(time.perf_counter() - started)
    return min(times)


def write_noise(path: Path, duration_s: float) -> Path:
    """Write a mono 44.1 kHz, 16-bit wav of noise whose colour and level change every second."""
    random = np.random.default_rng(0)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        for start in np.arange(0, duration_s, 1.0):
            n = round(min(1.0, duration_s - start) * RATE_HZ)
            size = int(random.integers(1, 40))
            noise = np.convolve(random.standard_normal(n + size - 1), np.ones(size) / np.sqrt(size), "valid")
            level = 10 ** random.uniform(-2.5, -1)
            file.writeframes(np.clip(32767 * level * noise, -32768, 32767).astype("<i2").tobytes())
    return path


def write_silence(path: Path, duration_s: float) -> Path:
    """Write a mono 44.1 kHz, 16-bit wav of zeros that takes no room on the disk: a header and a hole.

    Raises:
        ValueError: it is longer than a wav can be, 4 GiB or 13.5 hours.
    """
    n_bytes = 2 * round(duration_s * RATE_HZ)
    if n_bytes > 2**32 - 64:
        raise ValueError(f"{duration_s / 3600:g} h: a wav of 44.1 kHz holds at most {2**31 / RATE_HZ / 3600:.1f} h")
    sizes = (b"RIFF", (36 + n_bytes).to_bytes(4, "little"), b"WAVEfmt ", (16).to_bytes(4, "little"))
    form = b"".join(value.to_bytes(size, "little") for value, size in (
        (1, 2), (1, 2), (RATE_HZ, 4), (2 * RATE_HZ, 4), (2, 2), (16, 2)))  # fmt: skip
    with path.open("wb") as file:
        file.write(b"".join(sizes) + form + b"data" + n_bytes.to_bytes(4, "little"))
        file.truncate(44 + n_bytes)
    return path


def _listen(path: Path, *options: str) -> Run:
    words = ["--events", ",".join(EVENT_WORDS), "--scenes", ",".join(SCENE_WORDS)]
    return run_measured([str(COMMAND), "listen", str(path), *words, "--hop", "1", "--progress", "none", *options])


def _time_load() -> float:
    import subprocess

    done = subprocess.run([sys.executable, "-c", LOAD_ENCODER], capture_output=True, text=True, check=True)
    return float(done.stderr.split()[-1])


def _measure_s(path: Path) -> float:
    from earwitness.audio.read import measure_duration

    return measure_duration(path) or 0.0


def _print_line(line: Line, lines: list[Line]) -> None:
    lines.append(line)
    sign = "" if line.goal is None else f"{'>=' if line.is_more_better else '<'} {line.goal:g} {line.unit}"
    print(f"| {line.what} | {line.measured:.4g} {line.unit} | {sign} | {line.verdict} |", flush=True)


if __name__ == "__main__":
    main()
