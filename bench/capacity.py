"""What an hour of audio costs: processor time to decode and to index, bytes of the store, seconds to ask a day of it.

In: minutes of audio, a folder. Out: a printed table, and capacity.json in the folder. Processor time is counted, not
wall time, so that other programs disturb little.

    taskset -c 0 python bench/capacity.py --folder /tmp/capacity
    earwitness weights export --int8 -o /tmp/int8.onnx
    taskset -c 0,1 python bench/capacity.py --folder /tmp/capacity --only index --int8 /tmp/int8.onnx
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile

from archive_ask import SCENES, WORDS
from demo_recording import make_recording
from earwitness import Settings, open_store
from earwitness.archive.catalogue import Catalogue
from earwitness.archive.extract import CHUNK_S
from earwitness.archive.index import index_recordings
from earwitness.archive.parquet_parts import read_chunks
from earwitness.archive.store import Store, make_store
from earwitness.audio.read import read_blocks
from earwitness.encoders.onnx_backend import count_threads

FORMS = {  # name: (suffix, format, subtype, rate in Hz, channels)
    "wav, 48 kHz stereo": ("wav", "WAV", "PCM_16", 48000, 2),
    "wav, 16 kHz mono": ("wav", "WAV", "PCM_16", 16000, 1),
    "flac, 48 kHz stereo": ("flac", "FLAC", "PCM_16", 48000, 2),
    "flac, 16 kHz mono": ("flac", "FLAC", "PCM_16", 16000, 1),
    "mp3, 44.1 kHz stereo": ("mp3", "MP3", "MPEG_LAYER_III", 44100, 2),
    "opus, 48 kHz stereo": ("opus", "OGG", "OPUS", 48000, 2),
}


def write_recording(path: Path, form: tuple[str, str, str, int, int], minutes: float) -> None:
    """Write the demo again and again, with faint noise, at a rate and with channels that differ a little."""
    _, kind, subtype, rate_hz, n_channels = form
    samples, _ = make_recording()
    times = np.arange(int(len(samples) / 16000 * rate_hz)) / rate_hz
    segment = np.interp(times, np.arange(len(samples)) / 16000, samples)
    generator, n_left = np.random.default_rng(1), int(60 * minutes * rate_hz)
    with soundfile.SoundFile(path, "w", rate_hz, n_channels, subtype, format=kind) as file:
        while n_left > 0:
            noise = 0.003 * generator.standard_normal((len(segment), n_channels))
            block = (0.8 * segment[:, None] + noise)[:n_left]
            for first in range(0, len(block), rate_hz):  # libsndfile's Opus takes little at once
                file.write(block[first : first + rate_hz])
            n_left -= len(block)


def spend(work: Callable[[], object]) -> tuple[float, float]:
    """Return processor seconds and wall seconds of some work."""
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    work()
    return time.process_time() - cpu_s, time.perf_counter() - wall_s


def decode(path: Path) -> None:
    """Read a recording to mono at 16 kHz."""
    for _ in read_blocks(path, 16000):
        pass


def measure_decoding(folder: Path, minutes: float) -> list[dict[str, object]]:
    """Return bytes and processor seconds of decoding, by hour of audio, for each form."""
    rows: list[dict[str, object]] = []
    for name, form in FORMS.items():
        path = folder / f"{name.replace(', ', '_').replace(' ', '_')}.{form[0]}"
        write_recording(path, form, minutes)
        cpu_s, _ = spend(lambda path=path: decode(path))  # type: ignore[misc]
        per_hour = 60 / minutes
        rows.append({"what": f"decode {name}", "cpu_s": cpu_s * per_hour, "mb": path.stat().st_size * per_hour / 1e6})
    return rows


def measure_indexing(folder: Path, minutes: float, int8: Path | None) -> list[dict[str, object]]:
    """Return processor seconds of indexing, bytes of the store and seconds to ask it, by hour of audio."""
    rows: list[dict[str, object]] = []
    source, per_hour, n_cores = folder / "hour.flac", 60 / minutes, count_threads()
    write_recording(source, FORMS["flac, 16 kHz mono"], minutes)
    for precision in ("fp32", "int8") if int8 else ("fp32",):
        store = folder / f"store_{precision}"
        shutil.rmtree(store, ignore_errors=True)
        settings = Settings(runtime="onnx", encoder=str(int8) if precision == "int8" else "")
        cpu_s, wall_s = spend(lambda store=store, settings=settings: index_recordings([source], store, settings))  # type: ignore[misc]
        opened = open_store(store)
        mb = opened.inform().n_bytes * per_hour / 1e6
        what = f"index {precision}, {n_cores} {'cores' if n_cores > 1 else 'core'}"
        rows.append({"what": what, "cpu_s": cpu_s * per_hour, "wall_s": wall_s * per_hour, "mb": mb})
        opened.ask(WORDS, SCENES)  # what words mean is worked out once
        cpu_s, _ = spend(lambda opened=opened: opened.ask(WORDS, SCENES))  # type: ignore[misc]
        rows.append({"what": f"ask {len(WORDS)} words, {len(SCENES)} scenes", "cpu_s": cpu_s * per_hour})
    rows.append({"what": "commit", "cpu_s": measure_committing(folder / "store_fp32", folder / "committed")})
    rows.append({"what": "catalogue in memory", "mb": measure_catalogue(folder / "store_fp32") / 1e6})
    return rows


def measure_catalogue(store: Path, n_hours: int = 2000) -> float:
    """Return bytes of memory that an hour takes in an open store's catalogue, for recordings of an hour."""
    record = next(iter(Store(store).catalogue)).chunks[0]
    n_pieces = int(np.ceil(3600 / CHUNK_S))
    tracemalloc.start()
    catalogue = Catalogue()
    for hour in range(n_hours):
        for number in range(n_pieces):  # each with strings and numbers of its own, as they come from a part
            own = {"path": f"/archive/{hour:09d}.flac", "sha256": f"{hour:064d}", "file_id": 2**40 + hour}
            state = {"size": 2**30 + hour, "mtime_ns": 2**60 + hour, "number": number, "first_row": 1000 + number}
            catalogue.add([replace(record, **own, **state, start_s=number * CHUNK_S, end_s=(number + 1) * CHUNK_S)])
    n_bytes = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return n_bytes / n_hours


def measure_committing(store: Path, target: Path, hours: float = 24.0) -> float:
    """Return processor seconds to write an hour of audio's pieces, many hours as one part."""
    shutil.rmtree(target, ignore_errors=True)
    source = Store(store)
    make_store(target, source.provenance)
    (entry,) = source.catalogue
    chunks = [each for record in entry.chunks for each in read_chunks(source.part_path(record.part), [record])]
    n_times = round(hours * 3600 / entry.duration_s)
    many = [replace(each, path=f"{each.path}{number}") for number in range(n_times) for each in chunks]
    cpu_s, _ = spend(lambda: Store(target).commit(many))
    return cpu_s / (n_times * entry.duration_s / 3600)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--only", choices=("decode", "index", "both"), default="both")
    parser.add_argument("--int8", type=Path, help="what 'earwitness weights export --int8 -o FILE.onnx' wrote")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    rows = measure_decoding(options.folder, options.minutes) if options.only != "index" else []
    rows += measure_indexing(options.folder, options.minutes, options.int8) if options.only != "decode" else []
    print(f"{'an hour of audio':34s} {'CPU s':>8s} {'wall s':>8s} {'MB':>8s}")
    for row in rows:
        numbers = (f"{row[name]:8.3f}" if name in row else " " * 8 for name in ("cpu_s", "wall_s", "mb"))
        print(f"{row['what']:34s} {' '.join(numbers)}")
    (options.folder / "capacity.json").write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
