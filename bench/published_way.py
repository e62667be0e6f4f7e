"""The published method's own way of computing, as a yardstick for speed: one window and one pair of texts at a time.

In: a 16 kHz `Waveform`, event words, scene words, an encoder. Out: `WorkCount`, how many windows and pairs of texts a
whole recording needs, and `Stage`s, each a sample of that work with its time, from which the whole is extrapolated.

What is slow here is slow on purpose, as in the published code: windows go through the encoder with a batch size of 1,
and both texts of each pair are encoded anew by MPNet, one sentence after the other: 20 tags x words for each window
(events), tag x later tag to form groups, and group x scene word (scenes). `hop_s` is the documented hop of 1 s; the
published code's own is 2.76 s, because it cuts windows with the 44.1 kHz rate, and so needs about a third of the work.

    python bench/published_way.py RECORDING [--hop 1.0]     # about 20 s on 2 idle cores

Source: shared/design/SEED_METHOD.md, the published method in our words.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from earwitness.audio.read import Waveform, load_audio
from earwitness.audio.windows import Windows, slide
from earwitness.encoders.load import LoadedEncoder, load_encoder
from earwitness.recognition.published_method import (
    EVENT_SIMILARITY,
    GROUP_SIMILARITY,
    N_RANKS,
    SCENE_SIMILARITY,
    WINDOW_S,
    best_tags,
)
from earwitness.recognition.tags import score_windows
from earwitness.words.embeddings import embed_words
from earwitness.words.ontology import tag_names
from earwitness.words.text_model import embed_with_mpnet

HOP_S = 1.0
CODE_HOP_S = 44100 / 16000  # of the published code: a second of 44.1 kHz samples, counted at 16 kHz
EVENT_WORDS = ("baby cry", "glass break", "gunshot")
SCENE_WORDS = (
    "beach",
    "bus",
    "cafe/restaurant",
    "car",
    "city center",
    "forest path",
    "grocery store",
    "home",
    "library",
    "metro station",
    "office",
    "park",
    "residential area",
    "train",
    "tram",
)

Similarity = Callable[[str, str], float]
Pair = tuple[str, str]
Item = TypeVar("Item")


@dataclass(frozen=True)
class Stage:
    """A part of the work: `n_measured` items took `measured_s`, the whole needs `n_needed`."""

    what: str
    n_measured: int
    measured_s: float
    n_needed: int

    @property
    def total_s(self) -> float:
        """Seconds of the whole, by count."""
        if not self.n_needed:
            return 0.0
        if not self.n_measured:
            raise ValueError(f"{self.what}: nothing was measured, but {self.n_needed} are needed")
        return self.measured_s / self.n_measured * self.n_needed


@dataclass(frozen=True)
class WorkCount:
    """All windows and all pairs of texts that a recording needs, and what comes of them."""

    windows: list[Windows]
    event_pairs: list[Pair]
    tag_pairs: list[Pair]
    scene_pairs: list[Pair]
    events: list[tuple[int, str]] = field(default_factory=list)
    scenes: list[str] = field(default_factory=list)


def name_events(best: np.ndarray, words: Sequence[str], similarity: Similarity) -> list[tuple[int, str]]:
    """Return (window, word) wherever one of the window's best tags (N, 20) names the word."""
    named: dict[tuple[int, str], None] = {}
    for window, row in enumerate(best):
        for tag in (tag_names()[index].lower() for index in row):
            for word in words:
                if similarity(tag, word.lower()) >= EVENT_SIMILARITY or word.lower() in tag:
                    named[window, word] = None
    return list(named)


def group_tags(best: np.ndarray, similarity: Similarity) -> list[tuple[int, str]]:
    """Return (count, text) of the groups of tags that rank first and second by how often they are among the best."""
    found = [tag_names()[index] for index in best.ravel()]
    present = sorted(set(found) - {"Silence"})
    groups = []
    for first, tag in enumerate(present):
        later = [
            other for other in present[first + 1 :] if GROUP_SIMILARITY <= similarity(tag.lower(), other.lower()) < 1
        ]
        group = [tag, *later]
        groups.append((sum(found.count(each) for each in group), ", ".join(group).lower()))
    stored = sorted({count for count, _ in groups}, reverse=True)[:N_RANKS]
    return [(count, text) for count, text in groups if count in stored]


def rank_scenes(groups: Sequence[tuple[int, str]], scenes: Sequence[str], similarity: Similarity) -> list[str]:
    """Return the scenes by the sum of count x similarity over the groups, best first."""
    scores = dict.fromkeys(scenes, 0.0)
    for count, text in groups:
        for scene in scenes:
            close = similarity(text, scene.lower())
            scores[scene] += count * close if close >= SCENE_SIMILARITY else 0.0
    return sorted(scores, key=lambda scene: -scores[scene])


def count_work(
    waveform: Waveform,
    encoder: LoadedEncoder,
    events: Sequence[str] = EVENT_WORDS,
    scenes: Sequence[str] = SCENE_WORDS,
    hop_s: float = HOP_S,
) -> WorkCount:
    """Walk through the whole method with embeddings that are kept, and note each window and pair that it asks for."""
    batches = list(slide(waveform, WINDOW_S, hop_s, is_tail_repeated=True))
    rows = [each.logits for each in score_windows(batches, encoder, is_trimmed=False)]
    best = best_tags(np.concatenate(rows))
    event_pairs, tag_pairs, scene_pairs = Recorder(), Recorder(), Recorder()
    named = name_events(best, events, event_pairs)
    ranked = rank_scenes(group_tags(best, tag_pairs), scenes, scene_pairs)
    windows = [one for batch in batches for one in split_batch(batch)]
    return WorkCount(windows, event_pairs.pairs, tag_pairs.pairs, scene_pairs.pairs, named, ranked)


def time_published(
    work: WorkCount, encoder: LoadedEncoder, n_windows: int = 10, n_pairs: int = 30, n_scene_pairs: int = 10
) -> list[Stage]:
    """Do a sample of the work in the published way and time it; `Stage.total_s` says what the whole would take."""
    embed_with_mpnet(["warm up"])
    return [
        time_stage("windows", work.windows, n_windows, lambda one: score_alone(one, encoder)),
        time_stage("tag x event word", work.event_pairs, n_pairs, lambda pair: compare_anew(*pair)),
        time_stage("tag x later tag", work.tag_pairs, n_pairs, lambda pair: compare_anew(*pair)),
        time_stage("group x scene word", work.scene_pairs, n_scene_pairs, lambda pair: compare_anew(*pair)),
    ]


def time_stage(what: str, items: Sequence[Item], n_wanted: int, do: Callable[[Item], object]) -> Stage:
    """Time `do` on `n_wanted` items, spread evenly over all of them."""
    sample = spread(items, n_wanted)
    started = time.perf_counter()
    for item in sample:
        do(item)
    return Stage(what, len(sample), time.perf_counter() - started, len(items))


def spread(items: Sequence[Item], n_wanted: int) -> list[Item]:
    """Return at most `n_wanted` items, evenly spaced."""
    n = min(n_wanted, len(items))
    return [items[(2 * index + 1) * len(items) // (2 * n)] for index in range(n)]


def score_alone(window: Windows, encoder: LoadedEncoder) -> np.ndarray:
    """Return the 20 best tags of one window, encoded by itself."""
    (row,) = score_windows([window], encoder, is_trimmed=False)
    return best_tags(row.logits)


def compare_anew(first: str, second: str) -> float:
    """Return the cosine of two texts; both are encoded now, one after the other."""
    return float(embed_with_mpnet([first])[0] @ embed_with_mpnet([second])[0])


def split_batch(batch: Windows) -> list[Windows]:
    """Return the windows of a batch as batches of one."""
    return [
        Windows(batch.samples[row : row + 1], batch.start_s[row : row + 1], batch.n_valid[row : row + 1], rate)
        for row, rate in enumerate([batch.sample_rate_hz] * len(batch.samples))
    ]


class Recorder:
    """A similarity that encodes each text once, and keeps the list of the pairs that it was asked for."""

    def __init__(self) -> None:
        self.pairs: list[Pair] = []
        self.known: dict[str, np.ndarray] = {}

    def __call__(self, first: str, second: str) -> float:
        self.pairs.append((first, second))
        for text in (first, second):
            if text not in self.known:
                self.known[text] = embed_words([text])[0]
        return float(self.known[first] @ self.known[second])


def main() -> None:
    """Print each part of the work and the extrapolated whole."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recording")
    parser.add_argument("--hop", type=float, default=HOP_S, help="seconds between windows (1.0)")
    options = parser.parse_args()
    encoder = load_encoder()
    work = count_work(load_audio(options.recording), encoder, hop_s=options.hop)
    stages = time_published(work, encoder)
    print("| part | timed | seconds | needed | seconds of the whole |\n|---|---|---|---|---|")
    for each in stages:
        print(f"| {each.what} | {each.n_measured} | {each.measured_s:.2f} | {each.n_needed} | {each.total_s:.1f} |")
    print(f"\nwhole recording: {sum(each.total_s for each in stages):.0f} s; first scene: {work.scenes[0]}")
    print(f"events: {', '.join(sorted({word for _, word in work.events})) or 'none'}")


if __name__ == "__main__":
    main()
