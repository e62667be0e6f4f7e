"""How fast an M2D encoder is on a GPU: the encoder alone, and the whole path from samples in memory to tag logits.

In: nothing; weights are random, which does not change the time. Out: a Markdown table and, with `--out`, JSON.

    python bench/gpu.py                          # ViT-Base, 256 windows of 10 s, bf16
    python bench/gpu.py --compile --out gpu.json
    python bench/gpu.py --clips ../shared/data/esc10    # and what the embedded encoder hears there, against the CPU

The share of peak is the encoder's matrix operations per second over those of a large bf16 matrix product measured in
the same run. Two threads take turns on the whole path, so that copying overlaps with computing.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from earwitness.audio.mel import compute_log_mel
from earwitness.audio.read import find_audio, load_audio
from earwitness.encoders.batching import SharedBackend
from earwitness.encoders.load import load_encoder
from earwitness.encoders.m2d.model import M2DModel
from earwitness.encoders.m2d.spec import M2DSpec
from earwitness.encoders.torch_backend import TorchBackend
from earwitness.settings import EncoderSettings

WINDOW_S = 10.0
BASE = M2DSpec("vit_base-80x1001p16x16", n_tags=527, bands="mean")


@dataclass(frozen=True)
class Row:
    """One measurement: median seconds of a batch, hours of audio per second, and the share of the matrix peak."""

    what: str
    seconds: float
    hours_per_s: float
    tflops: float | None = None
    share_of_peak: float | None = None


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--windows", type=int, default=256, help="windows of 10 s in a batch (256)")
    parser.add_argument("--runs", type=int, default=20, help="batches that are timed (20)")
    parser.add_argument("--compile", action="store_true", help="compile the blocks with torch.compile")
    parser.add_argument("--clips", type=Path, help="a folder of clips that the embedded encoder hears on both")
    parser.add_argument("--out", type=Path, help="JSON file to write")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        parser.exit(1, "no GPU here: nothing is measured\n")
    device = torch.cuda.get_device_name()
    peak = measure_peak_tflops()
    print(f"{device}, torch {torch.__version__}; bf16 matrix product of 8192: {peak:.0f} TFLOP/s\n")
    print("| what | s per batch | hours of audio per s | TFLOP/s | share of peak |\n|---|--:|--:|--:|--:|")
    rows = measure(options.windows, options.runs, options.compile, peak)
    for row in rows:
        matrix = f"{row.tflops:.0f} | {row.share_of_peak:.1%}" if row.tflops and row.share_of_peak else "- | -"
        print(f"| {row.what} | {row.seconds:.4f} | {row.hours_per_s:.2f} | {matrix} |", flush=True)
    if options.clips:
        compare_clips(options.clips, options.compile)
    if options.out:
        result = {"device": device, "torch": torch.__version__, "peak_tflops": peak, "rows": list(map(asdict, rows))}
        options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def measure(n_windows: int, n_runs: int, is_compiled: bool, peak_tflops: float) -> list[Row]:
    """Return the rows for a batch of windows."""
    spec = BASE
    backend = TorchBackend(make_encoder(spec), "cuda", "bf16", is_compiled)
    n_samples = round(WINDOW_S * spec.sample_rate_hz)
    hours = n_windows * WINDOW_S / 3600
    rng = np.random.default_rng(0)
    windows = (0.1 * rng.standard_normal((n_windows, n_samples), dtype=np.float32)).astype(np.float32)
    model = backend.model
    with torch.inference_mode():
        on_device = torch.from_numpy(windows).cuda()
        log_mel = compute_log_mel(on_device, spec.mel)
        encode_s = time_on_gpu(lambda: model.clip_logits(log_mel), n_runs)
        front_end_s = time_on_gpu(lambda: compute_log_mel(on_device, spec.mel), n_runs)
    tflops = n_windows * count_flops(spec, log_mel.shape[-1]) / encode_s / 1e12
    whole_s = time_whole_path(SharedBackend(backend), windows, n_runs)
    kind = f"{n_windows} x {WINDOW_S:g} s, bf16{', compiled' if is_compiled else ''}"
    return [
        Row(f"encoder alone, log-mel to logits, {kind}", encode_s, hours / encode_s, tflops, tflops / peak_tflops),
        Row("front end alone, samples on the device to log-mel", front_end_s, hours / front_end_s),
        Row("whole path, samples in host memory to logits in host memory", whole_s, hours / whole_s),
    ]


def compare_clips(folder: Path, is_compiled: bool, clip_s: float = 5.0) -> None:
    """Print how far the embedded encoder's clip logits on the GPU are from those in fp32 on the CPU."""
    size = round(clip_s * 16000)
    clips = [load_audio(path, 16000).samples[:size] for path in find_audio([folder])]
    windows = np.stack([np.pad(clip, (0, size - len(clip))) for clip in clips])
    on_cpu = EncoderSettings(runtime="torch", device="cpu", precision="fp32")
    exact = load_encoder(compute=on_cpu).window_logits(windows)  # (W, C)
    for precision in ("fp32", "bf16"):
        kind = EncoderSettings(runtime="torch", device="cuda", precision=precision, compile_encoder=is_compiled)  # type: ignore[arg-type]
        encoder = load_encoder(compute=kind)
        logits = encoder.token_logits(windows).mean(axis=1)
        error, same = np.abs(logits - exact), (logits.argmax(axis=1) == exact.argmax(axis=1)).mean()
        print(f"\n{encoder.backend.computed_on}: {len(clips)} clips, logits differ by {error.mean():.1e}, ", end="")
        print(f"{error.max():.1e} at most; the best tag is the same on {same:.1%}")


def make_encoder(spec: M2DSpec) -> M2DModel:
    """Return an encoder with random weights."""
    torch.manual_seed(0)
    model = M2DModel(spec).eval().requires_grad_(False)
    model.norm_stats.data = torch.tensor([-7.1, 4.2])
    return model


def count_flops(spec: M2DSpec, n_frames: int) -> float:
    """Return the operations of one window's matrix products: two for each multiplication and addition."""
    n_bands, _ = spec.grid
    dim, n_patches = spec.embed_dim, n_bands * len(spec.frame_token_starts_s(n_frames))
    n_tokens = n_patches + 1
    patches = n_patches * dim * spec.patch_bands * spec.patch_frames
    linears = n_tokens * dim * dim * (4 + 2 * spec.mlp_ratio)
    attention = 2 * n_tokens * n_tokens * dim
    return float(2 * (patches + spec.depth * (linears + attention)))


def measure_peak_tflops(size: int = 8192) -> float:
    """Return what a large bf16 matrix product reaches on random numbers."""
    left, right = (torch.randn(size, size, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    return 2 * size**3 / time_on_gpu(lambda: left @ right, 20) / 1e12


def time_on_gpu(compute: Callable[[], object], n_runs: int) -> float:
    """Return the median time in seconds of a computation on the device, after three that do not count."""
    times = []
    for run in range(n_runs + 3):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        compute()
        end.record()
        end.synchronize()
        if run >= 3:
            times.append(start.elapsed_time(end) / 1000)
    return statistics.median(times)


def time_whole_path(backend: SharedBackend, windows: np.ndarray, n_runs: int, n_threads: int = 3) -> float:
    """Return the time in seconds of a batch from host to host; threads take turns as over many recordings."""

    def compute(_: int) -> None:
        backend.encode(windows, ["token_logits"], is_trimmed=False)

    with ThreadPoolExecutor(n_threads) as threads:
        list(threads.map(compute, range(2 * n_threads)))
        started = time.perf_counter()
        list(threads.map(compute, range(n_runs)))
        return (time.perf_counter() - started) / n_runs


if __name__ == "__main__":
    main()
