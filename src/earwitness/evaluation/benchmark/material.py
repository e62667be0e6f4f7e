"""The benchmark's recordings: clips, backgrounds and what is mixed of them, all by fixed seeds.

In: a folder laid out as docs/benchmark.md says. Out: lists of its recordings, and `BenchmarkMixture`s: samples at
16 kHz with what is true of them, made as the recipes of that page say.
"""

from __future__ import annotations

import csv
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from earwitness.audio import Waveform, read_blocks
from earwitness.errors import DatasetError

Samples = npt.NDArray[np.float32]

RATE_HZ = 16_000
MIXTURE_S = 20.0
SIDE_S = 15.0  # background before and after a lasting sound
LONGEST_EVENT_S = 2.0
FADE_S = 0.01
RATIOS_DB = (-6.0, 0.0, 6.0)
LASTING_DB = (0.0, 6.0)
LASTING_S = (20.0, 60.0)
LEAST_LEVEL_DB = -50.0  # a background below it is lifted to it
EMPTY_SHARE = 0.25  # of the mixtures
N_MIXTURES = 12  # of each word


@dataclass(frozen=True)
class BenchmarkWord:
    """A word of the tables: which rows count it, the clips that hold it, and the loops that may truly hold it."""

    word: str
    is_for_alarms: bool
    is_for_mixtures: bool
    is_for_lasting: bool
    classes: tuple[str, ...]
    loops_left_out: str

    def may_be_in(self, name: str) -> bool:
        """Say whether a loop's file name says that the word may truly be heard in it."""
        return bool(self.loops_left_out) and re.search(self.loops_left_out, name.lower()) is not None


@dataclass(frozen=True)
class LabelledClip:
    """An isolated clip of a class; `fold` is 1, 2 or 3."""

    path: Path
    label: str
    fold: int


@dataclass(frozen=True)
class Background:
    """A recording that holds no event of the words but what its name says; `source` is where it is from."""

    path: Path
    source: str
    kind: str


@dataclass(frozen=True)
class BenchmarkMixture:
    """A recording made of a background and one event, or none: `onset_s` and `offset_s` are None then."""

    name: str
    word: str
    samples: Samples
    ratio_db: float
    onset_s: float | None
    offset_s: float | None


def read_words(root: Path) -> list[BenchmarkWord]:
    """Return the words of `words_events.tsv`.

    Raises:
        DatasetError: the file is not there.
    """
    path = root / "words_events.tsv"
    if not path.is_file():
        raise DatasetError(f"{path}: not there; give the folder of the benchmark's recordings with --data")
    with path.open(newline="", encoding="utf-8") as file:
        return [
            BenchmarkWord(
                row["word"],
                row["false_alarms"] == "yes",
                row["mixtures"] == "yes",
                row["lasting"] == "yes",
                tuple((row["esc_classes"] or "").split()),
                row["loops_left_out"] or "",
            )
            for row in csv.DictReader(file, delimiter="\t")
        ]


def list_clips(root: Path, name: str, folds: Sequence[int]) -> list[LabelledClip]:
    """Return the clips of `esc10` or `esc50` in some folds, in order."""
    clips = [LabelledClip(path, path.parent.name, int(path.name[0])) for path in sorted((root / name).glob("*/*.ogg"))]
    return [clip for clip in clips if clip.fold in folds]


def list_ambience(root: Path) -> list[Background]:
    """Return the loops of ambience."""
    with (root / "background" / "recordings.csv").open(newline="", encoding="utf-8") as file:
        return [
            Background(root / "background" / row["file"], row["source"], "ambience") for row in csv.DictReader(file)
        ]


def list_speech_music(root: Path, part: str) -> list[Background]:
    """Return the recordings of speech and music of one part: to "tune" on, to "report" on, or "all"."""
    chosen = {"tune": (1,), "report": (3,), "all": (0, 1, 2, 3)}[part]  # 01, 05, 09 ... and 03, 07, 11 ...
    with (root / "speech_music" / "recordings.csv").open(newline="", encoding="utf-8") as file:
        rows = [(row["file"], row["kind"]) for row in csv.DictReader(file)]
    numbered = [(name, kind, int(re.findall(r"\d+", name)[-1])) for name, kind in rows]
    return [
        Background(root / "speech_music" / name, kind, kind) for name, kind, number in numbered if number % 4 in chosen
    ]


@lru_cache(maxsize=256)
def read_samples(path: Path) -> Samples:
    """Return a recording's samples (S,) at 16 kHz."""
    blocks: Iterator[Waveform] = read_blocks(path, RATE_HZ)
    return np.concatenate([block.samples for block in blocks])


def make_mixtures(
    root: Path, words: Sequence[BenchmarkWord], backgrounds: Sequence[Background], folds: Sequence[int], seed: int
) -> Iterator[BenchmarkMixture]:
    """Yield `N_MIXTURES` mixtures of each word: 20 s of background and one event, or none in a quarter of them."""
    clips = [clip for name in ("esc10", "esc50") for clip in list_clips(root, name, folds)]
    for word in words:
        random = np.random.default_rng([seed, zlib.crc32(word.word.encode())])
        mine = [clip for clip in clips if clip.label in word.classes]
        usable = [each for each in backgrounds if not word.may_be_in(each.path.name)]
        n_empty = round(EMPTY_SHARE * N_MIXTURES)
        for number in range(N_MIXTURES):
            bed = take_background(read_samples(usable[random.integers(len(usable))].path), MIXTURE_S, random)
            ratio_db = RATIOS_DB[number % len(RATIOS_DB)]
            name = f"{word.word} {number:02d}"
            if number >= N_MIXTURES - n_empty:
                yield BenchmarkMixture(name, word.word, bed, ratio_db, None, None)
                continue
            event = cut_event(read_samples(mine[random.integers(len(mine))].path))
            first = random.integers(RATE_HZ, len(bed) - len(event))
            samples = add_event(bed, event, int(first), ratio_db)
            yield BenchmarkMixture(name, word.word, samples, ratio_db, first / RATE_HZ, (first + len(event)) / RATE_HZ)


def make_lasting(
    root: Path, words: Sequence[BenchmarkWord], backgrounds: Sequence[Background], folds: Sequence[int], seed: int
) -> Iterator[BenchmarkMixture]:
    """Yield, for each word, 20 s and 60 s of its clips one after another, between 15 s of background, at two ratios."""
    clips = [clip for name in ("esc10", "esc50") for clip in list_clips(root, name, folds)]
    for word in words:
        random = np.random.default_rng([seed, 1, zlib.crc32(word.word.encode())])
        mine = [clip for clip in clips if clip.label in word.classes]
        usable = [each for each in backgrounds if not word.may_be_in(each.path.name)]
        for length_s in LASTING_S:
            for ratio_db in LASTING_DB:
                bed = take_background(
                    read_samples(usable[random.integers(len(usable))].path), length_s + 2 * SIDE_S, random
                )
                event = chain_clips(mine, length_s, random)
                samples = add_event(bed, event, round(SIDE_S * RATE_HZ), ratio_db)
                name = f"{word.word} {length_s:g} s {ratio_db:+g} dB"
                yield BenchmarkMixture(name, word.word, samples, ratio_db, SIDE_S, SIDE_S + length_s)


def take_background(samples: Samples, length_s: float, random: np.random.Generator) -> Samples:
    """Return `length_s` of a loop from a random place, repeated where it is shorter, at least at -50 dBFS."""
    size = round(length_s * RATE_HZ)
    if len(samples) < size:
        samples = np.tile(samples, -(-size // len(samples)))
    first = int(random.integers(len(samples) - size + 1))
    bed = samples[first : first + size].copy()
    level = _rms(bed)
    least = 10 ** (LEAST_LEVEL_DB / 20)
    return np.asarray(bed * (least / level) if 0 < level < least else bed, np.float32)


def cut_event(samples: Samples) -> Samples:
    """Return the loudest at most 2 s of a clip, cut where it is 30 dB below its loudest 20 ms, with 10 ms fades."""
    frame = round(0.02 * RATE_HZ)
    n_frames = len(samples) // frame
    power = np.square(samples[: n_frames * frame].reshape(n_frames, frame)).mean(axis=1)
    n_long = min(n_frames, round(LONGEST_EVENT_S / 0.02))
    first = int(np.convolve(power, np.ones(n_long), "valid").argmax())
    power = power[first : first + n_long]
    loud = np.flatnonzero(power >= power.max() * 1e-3)
    event = samples[(first + loud[0]) * frame : (first + loud[-1] + 1) * frame].copy()
    n_fade = min(round(FADE_S * RATE_HZ), len(event) // 2)
    ramp = np.linspace(0, 1, n_fade, dtype=np.float32)
    event[:n_fade] *= ramp
    event[len(event) - n_fade :] *= ramp[::-1]
    return event


def chain_clips(clips: Sequence[LabelledClip], length_s: float, random: np.random.Generator) -> Samples:
    """Return clips in random order one after another, without their digital silence, each at the same rms."""
    size, chunks, n_samples = round(length_s * RATE_HZ), [], 0
    while n_samples < size:
        for index in random.permutation(len(clips)):
            chunk = cut_silence(read_samples(clips[index].path))
            chunk = chunk * np.float32(0.1 / max(_rms(chunk), 1e-6))
            chunks.append(chunk)
            n_samples += len(chunk)
    return np.concatenate(chunks)[:size]


def cut_silence(samples: Samples) -> Samples:
    """Return a clip without digital silence at its ends and inside it: frames of 20 ms below -80 dBFS."""
    frame = round(0.02 * RATE_HZ)
    n_frames = len(samples) // frame
    frames = samples[: n_frames * frame].reshape(n_frames, frame)
    audible: Samples = frames[np.square(frames).mean(axis=1) > 1e-8].ravel()
    return audible


def add_event(bed: Samples, event: Samples, first: int, ratio_db: float) -> Samples:
    """Return the background with an event from a sample on, its rms `ratio_db` above that of what it covers."""
    under = _rms(bed[first : first + len(event)])
    gain = max(under, 1e-5) / max(_rms(event), 1e-6) * 10 ** (ratio_db / 20)
    mixed = bed.copy()
    mixed[first : first + len(event)] += np.float32(gain) * event
    peak = float(np.abs(mixed).max())
    return mixed if peak <= 1 else mixed / np.float32(peak)


def _rms(samples: Samples) -> float:
    return float(np.sqrt(np.square(samples, dtype=np.float64).mean()))
