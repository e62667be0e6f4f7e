"""How fast the embedded encoder is on ONNX Runtime, fp32 and int8, over its fp32 time on torch; and how int8 hears.

In: nothing, or with `--esc10` a folder of clips. Out: a Markdown table of times and shares of torch's, by wall clock
with two threads and by processor time with one; how often a clip's best tag is the same. Runs alternate in one process.

    python bench/onnx_ratio.py --esc10 ../shared/data/esc10
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from earwitness.audio.read import find_audio, load_audio
from earwitness.encoders.base import Floats
from earwitness.encoders.load import LoadedEncoder, load_encoder
from earwitness.encoders.m2d.export_onnx import export_onnx
from earwitness.settings import EncoderSettings

BATCH = 16
CLIP_S = 5.0
REST_S = 0.3  # before each run: the threads of the runtime before it spin for a while after their work


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--esc10", type=Path, help="a folder of clips whose best tags are compared")
    parser.add_argument("--runs", type=int, default=7, help="runs of each, of which the best counts (7)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        int8 = export_onnx(
            load_encoder(compute=EncoderSettings(runtime="torch", device="cpu")),
            Path(folder) / "int8.onnx",
            is_int8=True,
        )
        print(f"batches of {BATCH} windows, samples to logits; best of {options.runs}\n")
        print("| window | threads | clock | torch fp32 | ONNX fp32 | ONNX int8 |\n|--:|--:|---|--:|--:|--:|")
        for n_threads, clock, name in ((2, time.perf_counter, "wall"), (1, time.process_time, "processor")):
            encoders = load_all(int8, n_threads)
            for window_s in (10.0, 2.0):
                seconds = time_all(encoders, window_s, clock, options.runs)
                ratios = [f"{each:.3f} s ({each / seconds[0]:.2f})" for each in seconds]
                print(f"| {window_s:g} s | {n_threads} | {name} | {' | '.join(ratios)} |", flush=True)
        if options.esc10:
            clips = load_clips(options.esc10)
            exact, *others = [score(encoder, clips) for encoder in load_all(int8, 2)]
            for name, logits in zip(("fp32", "int8"), others, strict=True):
                same = (logits.argmax(axis=1) == exact.argmax(axis=1)).mean()
                error = np.abs(logits - exact)
                print(f"\nONNX {name}: the best tag is torch's on {same:.1%} of {len(clips)} clips; ", end="")
                print(f"clip logits differ by {error.mean():.1e}, {error.max():.1e} at most")


def load_all(int8: Path, n_threads: int) -> list[LoadedEncoder]:
    """Return the embedded encoder on torch, on ONNX Runtime, and there in int8."""
    return [
        load_encoder(compute=EncoderSettings(runtime="torch", device="cpu", n_threads=n_threads)),
        load_encoder(compute=EncoderSettings(runtime="onnx", n_threads=n_threads)),
        load_encoder(int8, compute=EncoderSettings(runtime="onnx", n_threads=n_threads)),
    ]


def time_all(encoders: list[LoadedEncoder], window_s: float, clock: Callable[[], float], n_runs: int) -> list[float]:
    """Return the least seconds of a batch for each encoder, all in turn."""
    random = np.random.default_rng(0)
    windows = (0.1 * random.standard_normal((BATCH, round(window_s * 16000)))).astype(np.float32)
    best = [float("inf")] * len(encoders)
    for run in range(n_runs + 1):
        for index, encoder in enumerate(encoders):
            time.sleep(REST_S)
            started = clock()
            encoder.token_logits(windows)
            if run:  # the first one warms up
                best[index] = min(best[index], clock() - started)
    return best


def load_clips(folder: Path) -> Floats:
    """Return whole clips (W, S), cut or filled to five seconds."""
    size = round(CLIP_S * 16000)
    samples = [load_audio(path).samples[:size] for path in find_audio([folder])]
    return np.stack([np.pad(each, (0, size - len(each))) for each in samples])


def score(encoder: LoadedEncoder, clips: Floats) -> Floats:
    """Return clip logits (W, C)."""
    batches = [clips[i : i + BATCH] for i in range(0, len(clips), BATCH)]
    return np.concatenate([encoder.token_logits(each).mean(axis=1) for each in batches])


if __name__ == "__main__":
    main()
