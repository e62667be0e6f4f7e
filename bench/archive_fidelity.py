"""How well a store answers: 8 bits against floats, and rows of a second or tokens against `recognize`.

In: recordings, or folders of them. Out: printed shares of events that agree within a second at onset and offset, and
sizes.

    python bench/archive_fidelity.py ../shared/data/tut/audio ../shared/data/esc10      # two minutes
    python bench/archive_fidelity.py --every 9 ../shared/data/background                # twelve recordings
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import earwitness
from archive_ask import WORDS
from earwitness import Settings, load_encoder, open_store
from earwitness.archive.extract import pool_rows
from earwitness.archive.index import index_recordings
from earwitness.archive.part_writer import ROW_S, IndexOptions
from earwitness.archive.row_scores import SMOOTHED_RULE
from earwitness.audio.read import find_audio
from earwitness.encoders.load import LoadedEncoder
from earwitness.recognition.analysis import Analysis, analyse
from earwitness.recognition.events import Event, find_events
from earwitness.recognition.evidence import SMOOTH_S, count_rows, smooth, track_words
from earwitness.recognition.rows import StoredRows
from earwitness.settings import EncoderSettings
from earwitness.words.meanings import understand_words

ONNX = Settings(runtime="onnx")
MORE_WORDS = ("speech", "car", "water", "knock")


def count_matches(left: Sequence[Event], right: Sequence[Event], tolerance_s: float = 1.0) -> int:
    """Return how many events of one list have one of their own in the other, of the same word, at the same time."""
    free, n_matches = list(right), 0
    for each in left:
        for other in free:
            gap_s = max(abs(each.onset_s - other.onset_s), abs(each.offset_s - other.offset_s))
            if each.word == other.word and gap_s <= tolerance_s + 1e-6:
                free.remove(other)
                n_matches += 1
                break
    return n_matches


def find_in_floats(analysis: Analysis, words: Sequence[str]) -> list[Event]:
    """Return the events of rows of a second that have not been put into 8 bits."""
    token_s = analysis.rows.span_s
    logits = analysis.rows.logits[: math.ceil(analysis.duration_s / token_s - 1e-6)]
    rows = pool_rows(smooth(logits, count_rows(SMOOTH_S, token_s)), token_s, ROW_S)
    stored = StoredRows(rows, ROW_S * np.arange(len(rows), dtype=np.float64), ROW_S)
    settings = Settings(merge_gap_s=max(0.0, Settings().merge_gap_s - (ROW_S - token_s)))  # as ask.py does
    return find_events(track_words(stored, understand_words(words), analysis.tag_stats, SMOOTHED_RULE), settings)


def find_in_store(folder: Path, words: Sequence[str]) -> dict[str, list[Event]]:
    """Return a store's events by path."""
    found: dict[str, list[Event]] = {}
    for each in open_store(folder).ask(words).events:
        found.setdefault(each.path, []).append(each.event)
    return found


def list_seconds(events: Sequence[Event]) -> set[tuple[str, int]]:
    """Return each second in which a word is heard."""
    return {(e.word, s) for e in events for s in range(int(e.onset_s), math.ceil(e.offset_s - 1e-6))}


def compare(paths: Sequence[Path], words: Sequence[str], encoder: LoadedEncoder, folder: Path) -> dict[str, list[int]]:
    """Return (events of the one, of the other, of both) for each comparison, and likewise seconds."""
    found = {}
    for name, is_by_token in (("rows", False), ("tokens", True)):
        index_recordings(paths, folder / name, ONNX, encoder, IndexOptions(is_by_token=is_by_token))
        found[name] = find_in_store(folder / name, words)
    counts = {name: [0, 0, 0] for name in ("8 bits", "tokens", "rows", "seconds")}
    for path in paths:
        analysis = analyse(path, ONNX, encoder)
        true, floats = earwitness.ask(analysis, words).events, find_in_floats(analysis, words)
        rows, tokens = (found[name].get(str(path.absolute()), []) for name in ("rows", "tokens"))
        detected, stored = list_seconds(true), list_seconds(rows)
        for name, left, right, n_both in (
            ("8 bits", floats, rows, count_matches(floats, rows)),
            ("tokens", true, tokens, count_matches(true, tokens)),
            ("rows", true, rows, count_matches(true, rows)),
            ("seconds", detected, stored, len(detected & stored)),
        ):
            counts[name] = [a + b for a, b in zip(counts[name], (len(left), len(right), n_both), strict=True)]
    return counts


def main() -> None:
    """Index, ask, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--every", type=int, default=1, help="take every so many-th recording")
    options = parser.parse_args()
    paths = [path.resolve() for path in find_audio(options.folders)][:: options.every]
    encoder = load_encoder(compute=EncoderSettings(runtime="onnx"))
    with tempfile.TemporaryDirectory() as folder:
        counts = compare(paths, [*WORDS, *MORE_WORDS], encoder, Path(folder))
        for name, title in (
            ("8 bits", "events of rows of a second, 8 bits against floats"),
            ("tokens", "events of --tokens against recognize"),
            ("rows", "events of rows of a second against recognize"),
            ("seconds", "seconds with a word, rows of a second against recognize"),
        ):
            n_true, n_found, n_both = counts[name]
            print(
                f"{title}: {n_both} of {n_true} found ({n_both / max(1, n_true):.1%}), "
                f"{n_both / max(1, n_found):.1%} of {n_found} right"
            )
        for name in ("rows", "tokens"):
            details = open_store(Path(folder) / name).inform()
            print(f"{name}: {details.n_bytes / details.hours * 24 / 1e6:.1f} MB a day of audio")


if __name__ == "__main__":
    main()
