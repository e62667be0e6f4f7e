"""Make the pictures of docs/how-to/pictures.md from a recording that is made in code; nothing is downloaded.

pip install 'earwitness[plot]' && python scripts/make_gallery.py

Each picture is made by the command that the page shows beside it. The demo recording is listened to; for curves, counts
and the map its sounds are mixed anew into short clips at many levels, so that some are missed.
"""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile

import demo_recording as demo
from earwitness.cli.main import app

ROOT = Path(__file__).parent.parent
OUT_DIR = ROOT / "docs" / "how-to" / "gallery"
PAGE = ROOT / "docs" / "how-to" / "pictures.md"
WORDS = "telephone ringing,dog bark,glass breaking,smoke alarm,siren,thunder,whistling"
N_EACH = 8  # clips of each word
CLIP_S = 5.0
N_COLOURS, MANY_BYTES = 112, 150_000
FIGURES = {  # name -> the command that makes it, after 'earwitness show'
    "timeline.png": f"spectrogram demo.wav --events '{WORDS}' --ref truth.tsv",
    "tags.png": "tags demo.wav --top 15",
    "attention.png": "attention demo.wav --at 6.6 --window 4 --point 6.6 --point 6.6,1200 --point 5.2,300 --cls",
    "heads.png": "attention demo.wav --at 6.6 --window 4 --view heads",
    "layers.png": "attention demo.wav --at 6.6 --window 4 --view layers",
    "roc.png": "roc evaluated --measure clips",
    "pr.png": "pr evaluated --measure clips",
    "confusion.png": "confusion evaluated --measure top1",
    "distribution.png": "distribution evaluated --measure top1",
    "embeddings.svg": "embeddings clips --labels clips/labels.csv",
}


def main() -> None:
    """Make what the commands are given, then the pictures."""
    OUT_DIR.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        write_demo(Path())
        write_clips(Path("clips"))
        run("evaluate clips -o evaluated --progress none")
        for figure, command in FIGURES.items():
            path = OUT_DIR / figure
            run(f"show {command} --out {shlex.quote(str(path))}")
            shrink(path)
            print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1e3:.0f} kB")
        os.chdir(ROOT)


def write_demo(folder: Path) -> None:
    """Write the demo recording and the table of what is in it."""
    samples, events = demo.make_recording()
    soundfile.write(folder / "demo.wav", samples, demo.SAMPLE_RATE_HZ)
    rows = [f"demo.wav\t{each.onset_s:.2f}\t{each.offset_s:.2f}\t{each.word}\n" for each in events]
    (folder / "truth.tsv").write_text("filename\tonset\toffset\tevent_label\n" + "".join(rows))


def write_clips(folder: Path, seed: int = 11) -> None:
    """Write clips of one sound each in rain, at levels from plain to drowned, with tables of labels and events."""
    rng, rate = np.random.default_rng(seed), demo.SAMPLE_RATE_HZ
    folder.mkdir()
    labels, events = ["file,label\n"], ["filename\tonset\toffset\tevent_label\n"]
    for word, _, peak, synth in demo.SCHEDULE:
        for index in range(N_EACH):
            sound = np.asarray(synth(rng))[: round(3.5 * rate)]
            track = demo.RAIN_LEVEL * demo.make_rain(rng, CLIP_S)
            first = round(rng.uniform(0.3, CLIP_S - 0.3 - len(sound) / rate) * rate)
            gain_db = -4.0 * index  # from the demo's level downwards
            gain = peak * 10 ** (gain_db / 20) / np.abs(sound).max()
            track[first : first + len(sound)] += gain * sound
            name = f"{word.replace(' ', '_')}_{index}.wav"
            soundfile.write(folder / name, np.clip(track, -1, 1).astype(np.float32), rate)
            labels.append(f"{name},{word}\n")
            events.append(f"{name}\t{first / rate:.3f}\t{(first + len(sound)) / rate:.3f}\t{word}\n")
    (folder / "labels.csv").write_text("".join(labels))
    (folder / "events.tsv").write_text("".join(events))


def shrink(path: Path) -> None:
    """Make a PNG small enough for a repository: three quarters of its size; spectrograms in fewer colours."""
    if path.suffix == ".png":
        from PIL import Image

        with Image.open(path) as image:
            small = image.convert("RGB").resize((image.width * 3 // 4, image.height * 3 // 4), Image.Resampling.LANCZOS)
        if path.stat().st_size > MANY_BYTES:
            small = small.quantize(N_COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        small.save(path, optimize=True)


def run(command: str) -> None:
    """Run a command of earwitness in this process."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        app(shlex.split(command), standalone_mode=False)
    print(f"earwitness {command}", file=sys.stderr)


if __name__ == "__main__":
    main()
