"""Feed sound to `earwitness live` through a pipe, at any multiple of real time, and account for all that comes out.

In: nothing. Out: a Markdown table (what, measured, wanted, pass or miss).

    python bench/live.py --hours 6 --speed 20       # 18 minutes: memory, windows, tokens, events
    python bench/live.py --minutes 2 --speed 1      # latency from sound to line
    python bench/live.py --minutes 2 --speed 1 --pull 10    # and the source away for 10 s mid-way

The sound is one minute, made in code, again and again. A minute is a whole number of tokens and of hops, and two are a
whole number of the steps of the background, so that every minute has to give exactly the events of the one before the
last, two minutes later: a window dropped or doubled would show.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

import soxr

from demo_recording import DemoEvent, make_recording
from earwitness.live.listener import LIVE_HOP_S, LIVE_WINDOW_S
from earwitness.settings import Settings

MINUTE_S = 60
RATE_HZ = 44100
CHUNK_S = 0.02  # at most so much later than its time does a sample reach the pipe
# "ended" has to be final: a window, half of the longer median and a hop; see `recognition.stream`.
GOALS_S = {"began": 1.5, "ended": 10.5}
MOST_CPU = 0.05  # of one core, in real time
RSS_EVERY_S = 1.0
LATER_S = 0.72  # events begin at other places between two windows in the second half minute


@dataclass
class Watched:
    """What a run of `earwitness live` printed, when, and how much memory it took: (seconds, kB)."""

    lines: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    memory: list[tuple[float, int]] = field(default_factory=list)
    cpu: list[tuple[float, float]] = field(default_factory=list)  # (seconds, seconds of the CPU)


def main() -> int:
    """Feed, watch, and print the table; return 1 if something was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--hours", type=float, default=None)
    length.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--speed", type=float, default=1.0, help="multiple of real time (1)")
    parser.add_argument("--pull", type=float, default=0.0, help="seconds for which the source is away mid-way (0)")
    parser.add_argument("--runtime", default="onnx")
    parser.add_argument("--hop", type=float, default=LIVE_HOP_S, help="seconds between windows")
    options = parser.parse_args()
    n_minutes = round(60 * options.hours) if options.hours else max(1, round(options.minutes))
    sound, truth = make_minute()
    with tempfile.TemporaryDirectory(prefix="earwitness-live-") as folder:
        pipe = Path(folder) / "sound"
        os.mkfifo(pipe)
        words = ",".join(sorted({each.word for each in truth}))
        command = ["live", str(pipe), "-e", words, "--rate", str(RATE_HZ), "--runtime", options.runtime]
        command += ["--hop", str(options.hop), "--quiet", "--status-every", "10"]
        process = subprocess.Popen(
            [sys.executable, "-m", "earwitness", *command], stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL
        )
        watched = Watched()
        threads = [
            threading.Thread(target=read_lines, args=(process, watched)),
            threading.Thread(target=watch_memory, args=(process, watched), daemon=True),
        ]
        for thread in threads:
            thread.start()
        while not watched.lines:  # it says that it listens
            time.sleep(0.05)
        began, late_s = feed(pipe, sound, n_minutes, options.speed, options.pull)
        fed = time.time()
        wait_until_heard(watched)
        process.terminate()
        threads[0].join()
    rows = [*account(watched, n_minutes, options.hop, options.pull), *describe_memory(watched)]
    rows.append(("latest that the pipe took a sample", f"{late_s:.2f} s after its time", "", True))
    if options.speed == 1:
        rows += describe_latency(watched, truth, n_minutes, began, options.pull)
        rows.append(describe_cpu(watched, began, fed))
    rows.append(("exit status", str(process.wait()), "0", process.returncode == 0))
    print("| what | measured | wanted | |\n|---|--:|--:|---|")
    for what, measured, wanted, is_passed in rows:
        print(f"| {what} | {measured} | {wanted} | {'pass' if is_passed else 'MISS'} |")
    return int(not all(row[-1] for row in rows))


def make_minute() -> tuple[bytes, list[DemoEvent]]:
    """Return a minute of sound as 16-bit PCM, and what is in it when."""
    half, events = make_recording()
    later = [DemoEvent(each.word, each.onset_s + 30 + LATER_S, each.offset_s + 30 + LATER_S) for each in events]
    samples = soxr.resample(np.concatenate([half, np.roll(half, round(LATER_S * 16000))]), 16000, RATE_HZ)
    return (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes(), [*events, *later]


def feed(pipe: Path, sound: bytes, n_minutes: int, speed: float, pull_s: float) -> tuple[float, float]:
    """Write the minutes at their pace; return when the first sample was due, and how late one was taken at most."""
    file = pipe.open("wb", buffering=0)
    began, late_s, size = time.time(), 0.0, 2 * round(CHUNK_S * max(1.0, speed) * RATE_HZ)
    n_written, n_bytes, away_s = 0, n_minutes * len(sound), 0.0
    while n_written < n_bytes:
        if pull_s and not away_s and n_written >= n_bytes // 2:
            file.close()
            time.sleep(pull_s)
            file = pipe.open("wb", buffering=0)
            away_s = time.time() - began - n_written / (2 * RATE_HZ * speed)
        at = n_written % len(sound)
        data = sound[at : at + min(size, n_bytes - n_written)]
        due = began + away_s + (n_written + len(data)) / (2 * RATE_HZ * speed)
        if (wait_s := due - time.time()) > 0:
            time.sleep(wait_s)
        n_written += write_all(file, data)
        late_s = max(late_s, time.time() - due)
    file.close()
    return began, late_s


def write_all(file: IO[bytes], data: bytes) -> int:
    """Write all of the data to a pipe, which may take it in parts."""
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]
    return len(data)


def read_lines(process: subprocess.Popen[str], watched: Watched) -> None:
    """Keep every line with the time at which it came."""
    assert process.stdout is not None
    for line in process.stdout:
        watched.lines.append((time.time(), json.loads(line)))


def watch_memory(process: subprocess.Popen[str], watched: Watched) -> None:
    """Note the resident memory and the CPU's time every second while the process runs."""
    path, times = Path(f"/proc/{process.pid}/status"), Path(f"/proc/{process.pid}/stat")
    while process.poll() is None:
        for line in path.read_text().splitlines() if path.exists() else []:
            if line.startswith("VmRSS"):
                watched.memory.append((time.time(), int(line.split()[1])))
        if times.exists():
            spent = sum(map(int, times.read_text().rpartition(")")[2].split()[11:13])) / os.sysconf("SC_CLK_TCK")
            watched.cpu.append((time.time(), spent))
        time.sleep(RSS_EVERY_S)


def wait_until_heard(watched: Watched) -> None:
    """Wait for the line that says that the writer has gone, which comes after all sound has been heard."""
    until = time.time() + 120
    while time.time() < until:
        kind, state = watched.lines[-1][1]["kind"], watched.lines[-1][1].get("state")
        is_over = (kind, state) == ("gap", "began")
        if is_over and time.time() - watched.lines[-1][0] > 2:
            return
        time.sleep(0.1)


def account(watched: Watched, n_minutes: int, hop_s: float, pull_s: float) -> list[tuple[str, str, str, bool]]:
    """Compare what was heard with what was sent."""
    last = watched.lines[-1][1]
    sent_s = float(n_minutes * MINUTE_S)
    lengths = [sent_s / 2, sent_s / 2] if pull_s else [sent_s]
    window_s, token_s = LIVE_WINDOW_S, 0.16
    n_windows = sum(1 + int((each - window_s) / hop_s + 1e-9) for each in lengths)
    lasts = [hop_s * int((each - window_s) / hop_s + 1e-9) for each in lengths]  # where the last windows start
    n_tokens = sum(int(np.ceil(each / token_s + int(window_s / token_s) - 0.5)) for each in lasts)
    rows = [
        ("sound heard", f"{last['heard_s']:.3f} s", f"{sent_s:.0f} s", abs(last["heard_s"] - sent_s) < 0.001),
        ("windows", str(last["windows"]), str(n_windows), last["windows"] == n_windows),
        ("tokens", str(last["tokens"]), str(n_tokens), last["tokens"] == n_tokens),
    ]
    ended = [line for _, line in watched.lines if (line["kind"], line.get("state")) == ("event", "ended")]
    if pull_s:
        gaps = [line for _, line in watched.lines if (line["kind"], line.get("state")) == ("gap", "ended")]
        details = f"{[each['lost_s'] for each in gaps]} s at {[each['start_s'] for each in gaps]} s"
        is_right = len(gaps) == 1 and abs(gaps[0]["lost_s"] - pull_s) < 1 and gaps[0]["start_s"] == sent_s / 2
        rows.append(("gap told", details, f"[{pull_s:.0f}] s at [{sent_s / 2:.0f}] s", is_right))
        after = [each for each in ended if each["onset_s"] > sent_s / 2 + pull_s]
        rows.append(("events after the gap", str(len(after)), "some", len(after) > 0))
        return rows
    minutes = defaultdict(set)
    for each in ended:
        minute, at_s = divmod(each["onset_s"] + 1, MINUTE_S)  # a minute's first event may begin a little early
        minutes[int(minute)].add((each["word"], round(at_s, 3), round(each["offset_s"] - each["onset_s"], 3)))
    whole = [minutes[index] for index in range(1, n_minutes - 1)]  # the first and last have other neighbours
    n_same = sum(each == whole[index % 2] for index, each in enumerate(whole))
    rows.append(("events", str(len(ended)), "", True))
    if whole:
        rows.append(("minutes with the same events", str(n_same), str(len(whole)), n_same == len(whole)))
    return rows


def describe_memory(watched: Watched) -> list[tuple[str, str, str, bool]]:
    """Return the memory at the first quarter, at the end, and their difference."""
    memory = [kilobytes / 1024 for _, kilobytes in watched.memory]
    quarters = [memory[min(len(memory) - 1, len(memory) * share // 4)] for share in range(5)]
    details = " / ".join(f"{each:.1f}" for each in quarters)
    grown = quarters[4] - quarters[1]
    return [
        ("memory at start / quarters / end, MiB", details, "", True),
        ("memory grown from first quarter to end, MiB", f"{grown:+.1f}", "< 5", grown < 5),
    ]


def describe_cpu(watched: Watched, began: float, fed: float) -> tuple[str, str, str, bool]:
    """Return the share of one core while sound was fed."""
    times = [each for each in watched.cpu if began <= each[0] <= fed]
    share = (times[-1][1] - times[0][1]) / max(1e-9, times[-1][0] - times[0][0])
    return "share of one core", f"{100 * share:.1f} %", f"< {100 * MOST_CPU:.0f} %", share < MOST_CPU


def describe_latency(
    watched: Watched, truth: list[DemoEvent], n_minutes: int, began: float, pull_s: float
) -> list[tuple[str, str, str, bool]]:
    """Return how long after its sound each line came: "began" after the onset, "ended" after the offset and the gap."""
    waits: dict[str, list[float]] = {"began": [], "ended": []}
    starts: dict[int, float] = {}
    for came, line in watched.lines:
        if line["kind"] != "event" or line["state"] == "withdrawn":
            continue
        if line["state"] == "began":
            starts[line["id"]] = came
            continue
        waits["ended"].append(came - began - line["offset_s"] - Settings.merge_gap_s)
        onsets = [
            each.onset_s + MINUTE_S * minute
            for minute in range(n_minutes)
            for each in truth
            if each.word == line["word"] and not pull_s
        ]
        near = [onset for onset in onsets if abs(onset - line["onset_s"]) < 1]
        waits["began"] += [starts[line["id"]] - began - onset for onset in near]
    rows = []
    for state, after in (("began", "true onset"), ("ended", "offset and merge gap")):
        if waits[state]:
            middle, worst = statistics.median(waits[state]), max(waits[state])
            details = f"{middle:.2f} / {worst:.2f} s ({len(waits[state])} events)"
            goal = GOALS_S[state]
            rows.append((f"from {after} to the line '{state}', median / worst", details, f"< {goal} s", worst < goal))
    return rows


if __name__ == "__main__":
    sys.exit(main())
