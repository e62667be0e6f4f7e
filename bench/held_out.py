"""What the defaults reach on recordings that they were not chosen on: fold 3 of ESC-50, and mixtures of its clips.

In: a folder with `esc10/` and `esc50/` (folders of clips by class; a file name's first digit is its fold) and
`background/` (loops of ambience). Out: Markdown tables with 95 % intervals, as docs/results.md holds them.

    OMP_NUM_THREADS=1 python bench/held_out.py --data ../shared/data   # five minutes

ESC-10 is the exception: rules and constants of 0.1.0 were chosen with all three of its folds in sight. Baby cry and dog
bark of the mixtures are its classes, too.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import shutil
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from earwitness.cli import app

WORDS = {  # class of ESC-50 -> the word that it is searched by
    "baby_cry": "baby cry",
    "car_horn": "car horn",
    "coughing": "cough",
    "dog_bark": "dog bark",
    "door_wood_knock": "door knock",
    "glass_breaking": "glass break",
}
# Loops whose names say that one of the words may sound in them.
LEFT_OUT = "bar|busy|cafe|city|coffee|construction|farm|library|office|restaurant|street|supermarket|traffic|urban"
LEFT_OUT += "|village|wolf"
SILENT_RMS = 10 ** (-50 / 20)
N_WORST = 8


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with esc10/, esc50/ and background/")
    parser.add_argument("--fold", type=int, default=3)
    parser.add_argument("--number", type=int, default=40, help="mixtures of each word, half of them with an event")
    parser.add_argument("--runtime", default="onnx")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        print("| clips | classes | top-1 | among the first 3 | mAP |\n|---|--:|--:|--:|--:|")
        for name, place in (("esc10", "esc10"), ("esc50", "esc50"), ("esc50", ".")):
            path = out / f"{name}_{place}"
            chosen = ["--dir", str(options.data / place), "--fold", str(options.fold), "--runtime", options.runtime]
            app(["evaluate", name, *chosen, "--out", str(path), "--progress", "none"], standalone_mode=False)
            print_clips(path, place)
        print_worst(path)
        write_sources(options.data, options.fold, out)
        sources = ["--backgrounds", str(out / "background"), "--events", str(out / "events")]
        size = ["--number", str(options.number), "--length", "20", "--longest", "2", "--seed", "3"]
        app(["mix", *sources, *size, "--out", str(out / "mixtures")], standalone_mode=False)
        renamed = [part for label, word in WORDS.items() for part in ("--events", f"{label}={word}")]
        fixed = ["--protocol", "rare", "--runtime", options.runtime, "--progress", "none"]
        arguments = ["evaluate", str(out / "mixtures"), *fixed, *renamed, "--out", str(out / "mixed")]
        app(arguments, standalone_mode=False)
        print_events(out / "mixed")


def write_sources(data: Path, fold: int, out: Path) -> None:
    """Copy the fold's clips of each word, and the loops without any of the words that are loud enough throughout."""
    for label in WORDS:
        (out / "events" / label).mkdir(parents=True)
        for clip in sorted(data.glob(f"esc*/{label}/{fold}-*")):
            shutil.copy(clip, out / "events" / label)
    (out / "background").mkdir()
    for loop in sorted((data / "background").glob("*.ogg")):
        samples, rate_hz = soundfile.read(loop, always_2d=True, dtype="float32")
        second_rms = [
            np.sqrt(np.mean(samples[first : first + rate_hz] ** 2))
            for first in range(0, len(samples) - rate_hz, rate_hz)
        ]
        if not re.search(LEFT_OUT, loop.name, re.IGNORECASE) and len(second_rms) >= 20 and min(second_rms) > SILENT_RMS:
            shutil.copy(loop, out / "background")


def print_clips(folder: Path, place: str) -> None:
    """Print the row of one data set."""
    values = read_metrics(folder)
    n_classes = len(read_rows(folder, "per_class.csv", "top1"))
    n_clips = json.loads((folder / "results.json").read_text())["n_files"]
    name = {"esc10": "ESC-10", "esc50": "ESC-50 without ESC-10", ".": "ESC-50, all classes"}[place]
    cells = [values["top1", "accuracy"], values["top1", "top3"], values["clips", "map"]]
    print(f"| {name}, {n_clips} clips | {n_classes} | {' | '.join(cells)} |", flush=True)


def print_worst(folder: Path) -> None:
    """Print the classes that are recognised least."""
    rows = sorted(read_rows(folder, "per_class.csv", "top1"), key=lambda row: float(row["recall"]))
    worst = [f"{row['label'].replace('_', ' ')} {row['n_hits']} of {row['n_ref']}" for row in rows[:N_WORST]]
    print(f"\nleast recognised: {', '.join(worst)}\n")


def print_events(folder: Path) -> None:
    """Print the numbers of the mixtures, by word and by event-to-background ratio."""
    values = {name: value for (measure, name), value in read_metrics(folder).items() if measure == "rare"}
    print("| mixtures | value |\n|---|--:|")
    for name, value in values.items():
        print(f"| {name} | {value} |")
    for row in read_rows(folder, "per_class.csv", "rare"):
        print(f"| {row['label']} | {row['n_hits']} of {row['n_ref']} events, {row['n_est']} reported |")
    for row in read_rows(folder, "per_condition.csv", "rare"):
        if row["condition"] == "ebr":
            print(f"| {row['group']} dB, {row['metric']} | {float(row['value']):.3f} ({row['n_files']} files) |")


def read_metrics(folder: Path) -> dict[tuple[str, str], str]:
    """Return `value [low, high]` of each number of results.json, by measure and metric."""
    metrics = json.loads((folder / "results.json").read_text())["metrics"]
    return {(each["measure"], each["name"]): format_value(each) for each in metrics}


def format_value(metric: dict[str, float]) -> str:
    """Return a value with its 95 % interval."""
    return f"{metric['value']:.3f} [{metric['low']:.3f}, {metric['high']:.3f}]"


def read_rows(folder: Path, table: str, measure: str) -> list[dict[str, str]]:
    """Return the rows of one measure."""
    with (folder / table).open(newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row["measure"] == measure]


if __name__ == "__main__":
    main()
