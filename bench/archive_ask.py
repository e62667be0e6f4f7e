"""How long a store of many days takes to answer: generated scores, new words, no audio.

In: days, words, a folder. Out: printed times. The scores are those of real or made recordings, resampled in time and
shifted, so that words come and go as they do in recordings.

    taskset -c 0,1 python bench/archive_ask.py --days 30 --folder /tmp/store
"""

from __future__ import annotations

import argparse
import shutil
import time
from pathlib import Path

import numpy as np

from demo_recording import make_recording
from earwitness import Settings, load_encoder, open_store
from earwitness.archive.extract import ANALYSED, Chunk, pool_rows
from earwitness.archive.part_writer import ROW_S
from earwitness.archive.provenance import describe_analysis
from earwitness.archive.quantise import quantise_logits, quantise_scores
from earwitness.archive.store import make_store
from earwitness.audio.read import Waveform, find_audio, load_audio
from earwitness.encoders.load import LoadedEncoder
from earwitness.recognition.analysis import analyse_rows
from earwitness.recognition.evidence import SMOOTH_S, count_rows, smooth
from earwitness.recognition.tags import Logits
from earwitness.settings import EncoderSettings

WORDS = (
    "siren,dog bark,gunshot,glass breaking,baby cry,thunder,rain,car horn,church bell,train,helicopter,chainsaw,"
    "footsteps,laughter,applause,telephone,cat,rooster,wind,music"
).split(",")
SCENES = ("park", "street", "office", "beach", "train station")
FIRST_DAY = 1772323200  # 2026-03-01


def hear_material(encoder: LoadedEncoder, folder: Path | None) -> Logits:
    """Return rows (N, C) of a second of tag logits of recordings; of the demo where there is no folder."""
    sources = find_audio([folder]) if folder else []
    waveforms = [load_audio(each) for each in sources] or [Waveform(make_recording()[0], 16000)]
    rows = []
    for waveform in waveforms:
        tokens, _ = analyse_rows(waveform, "rows", Settings(runtime="onnx"), encoder)
        smoothed = smooth(tokens.logits[...], count_rows(SMOOTH_S, tokens.span_s))
        rows.append(pool_rows(smoothed, tokens.span_s, ROW_S))
    return np.concatenate(rows)


def fill_store(folder: Path, n_days: int, encoder: LoadedEncoder, material: Logits, n_sounds: int = 6) -> None:
    """Write hours of generated scores, one part and one recording an hour."""
    store = make_store(folder, describe_analysis(Settings(runtime="onnx"), encoder, ROW_S))
    generator = np.random.default_rng(1)
    stats = encoder.tag_stats
    usual = stats.of_tokens.mean if stats else material.mean(axis=0)
    for_clips = stats.mean - usual if stats else np.zeros(len(usual), np.float32)  # heads differ in what is usual
    for hour in range(24 * n_days):
        quiet = usual + generator.normal(0, 0.7, (3600, len(usual))).astype(np.float32)
        starts = generator.integers(0, max(1, len(material) - 30), n_sounds)
        for first, at in zip(starts, generator.integers(0, 3570, n_sounds), strict=True):
            detected = material[first : first + 30]
            quiet[at : at + len(detected)] = detected + generator.normal(0, 0.3, detected.shape)
        start = FIRST_DAY + 3600 * hour
        chunk = Chunk(
            *(f"/archive/{time.strftime('%Y%m%d_%H%M%S', time.gmtime(start))}.wav", 1, 1, "", 1, ANALYSED),
            start_time=float(start),
            rate_hz=16000,
            end_s=3600.0,
            rows=quantise_scores(quiet.astype(np.float32)),
            clips=quantise_logits(quiet.reshape(720, 5, -1).mean(axis=1) + for_clips),
            clip_start_s=5.0 * np.arange(720),
        )
        store.commit([chunk])


def time_answer(folder: Path, words: list[str], scenes: list[str]) -> tuple[float, int, int]:
    """Return seconds to open a store and ask it, the number of events, and of hours with a scene."""
    started = time.perf_counter()
    answer = open_store(folder).ask(words, scenes)
    return time.perf_counter() - started, len(answer.events), len(answer.scenes)


def main() -> None:
    """Fill a store if it is not there, ask it, print how long that took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--folder", type=Path, required=True, help="the store; kept for the next time")
    parser.add_argument("--recordings", type=Path, help="what the scores are made of; the demo if not given")
    parser.add_argument("--sounds", type=int, default=6, help="stretches of 30 s an hour in which something sounds")
    parser.add_argument("--fresh", action="store_true", help="fill the store anew")
    options = parser.parse_args()
    if options.fresh:
        shutil.rmtree(options.folder, ignore_errors=True)
    if not options.folder.exists():
        encoder = load_encoder(compute=EncoderSettings(runtime="onnx"))
        started = time.perf_counter()
        fill_store(options.folder, options.days, encoder, hear_material(encoder, options.recordings), options.sounds)
        print(f"filled in {time.perf_counter() - started:.0f} s")
    details = open_store(options.folder).inform()
    print(
        f"{details.hours / 24:.1f} days, {details.n_bytes / 1e6:.0f} MB, "
        f"{details.n_bytes / details.hours * 24 / 1e6:.1f} MB a day"
    )
    for name, words, scenes in (
        (f"{len(WORDS)} words", WORDS, ()),
        (f"{len(WORDS)} words again", WORDS, ()),
        (f"{len(SCENES)} scenes", (), SCENES),
    ):
        seconds, n_events, n_hours = time_answer(options.folder, list(words), list(scenes))
        print(f"{name:20s} {seconds:6.2f} s  {n_events} events, {n_hours} hours with scenes")


if __name__ == "__main__":
    main()
