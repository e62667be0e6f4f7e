"""Does a promised rate of false alarms hold on background that was not used to choose the threshold?

In: ESC-10's clips, and TUT's recordings with their annotated events cut out. Out: for each word and promise, the rate
on the other half of the files, with its Poisson interval, and the mean over many divisions. A word's own clips are left
out. Half the files are some ten minutes: promises above 3 / hours are counted, those below extrapolated.

    python bench/calibration.py --esc10 ../shared/data/esc10 --tut ../shared/data/tut   # four minutes
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from earwitness.audio.read import Waveform, find_audio
from earwitness.calibration.poisson import find_interval
from earwitness.calibration.thresholds import CalibratedWord, WordTraces, choose_thresholds, trace_words
from earwitness.encoders.load import LoadedEncoder, load_encoder
from earwitness.settings import Settings
from earwitness.words.meanings import understand_words
from mixtures import RATE_HZ, clear_events, read_tut

WORDS = ("baby cry", "dog bark", "gunshot", "glass break", "siren", "rooster", "person sneeze", "chainsaw")
PROMISES = (30.0, 10.0, 3.0)  # per hour
N_DIVISIONS = 8  # of the files into halves; each half is calibrated on once
DEFAULT = 0.5  # the threshold without calibration, for comparison


@dataclass(frozen=True)
class Background:
    """A recording as it was heard, and what is in it: the name of its class, or of its scene."""

    content: str
    detected: WordTraces


@dataclass(frozen=True)
class Held:
    """What a promise became: the calibrated word, and the events on the other half of the files, in hours."""

    word: CalibratedWord
    n_events: int
    hours: float
    promised: float

    @property
    def is_stored(self) -> bool:
        """Whether so many events are no surprise if the promise is true: its mean lies in or above the interval."""
        return self.word.threshold is None or find_interval(self.n_events)[0] <= self.promised * self.hours


def hear_backgrounds(esc10: Path, tut: Path, words: Sequence[str], encoder: LoadedEncoder) -> list[Background]:
    """Listen once to all recordings."""
    meanings = understand_words(words)
    cases = read_tut(tut)
    sources = [
        (case.scene, Waveform(samples, RATE_HZ)) for case, samples in zip(cases, clear_events(cases), strict=True)
    ]
    clips = [(path.parent.name.replace("_", " "), path) for path in find_audio([esc10])]
    return [
        Background(content, trace_words(source, meanings, Settings(), encoder))
        for content, source in [*sources, *clips]
    ]


def take_word(backgrounds: Sequence[Background], index: int) -> list[WordTraces]:
    """Return the scores of one word, without the recordings of its own class."""
    word = backgrounds[0].detected.words[index]
    return [_pick(each.detected, index) for each in backgrounds if each.content != word]


def hold_out(detected: Sequence[WordTraces], promised: float, seed: int, encoder: LoadedEncoder) -> list[Held]:
    """Divide the recordings by chance, calibrate on each half and count on the other."""
    order = np.random.default_rng(seed).permutation(len(detected))
    halves = [[detected[at] for at in order[side::2]] for side in (0, 1)]
    held = []
    for here, there in (halves, halves[::-1]):
        calibration = choose_thresholds(here, promised, Settings(), encoder)
        (word,) = calibration.words
        hours = sum(each.duration_s for each in there) / 3600
        n_events = 0 if word.threshold is None else count(there, word.threshold)
        held.append(Held(word, n_events, hours, promised))
    return held


def count(detected: Sequence[WordTraces], threshold: float) -> int:
    """Return how many events of the only word begin at a threshold."""
    settings = Settings(thresholds=((detected[0].words[0], threshold),))
    return sum(len(each.find(0, settings)) for each in detected)


def main() -> None:
    """Print a row for each promise and word."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--esc10", type=Path, required=True)
    parser.add_argument("--tut", type=Path, required=True)
    parser.add_argument("--divisions", type=int, default=N_DIVISIONS)
    options = parser.parse_args()
    encoder = load_encoder()
    backgrounds = hear_backgrounds(options.esc10, options.tut, WORDS, encoder)
    hours = sum(each.detected.duration_s for each in backgrounds) / 3600
    print(f"{len(backgrounds)} recordings, {hours:.2f} hours, {options.divisions} divisions into halves\n")
    print(
        "| promised per hour | word | by | threshold | at 0.5: per hour | other half: per hour (95 %) | mean | kept |"
    )
    print("|--:|---|---|--:|--:|--:|--:|--:|")
    for promised in PROMISES:
        every: list[Held] = []
        for index, word in enumerate(WORDS):
            detected = take_word(backgrounds, index)
            held = [one for seed in range(options.divisions) for one in hold_out(detected, promised, seed, encoder)]
            usual = count(detected, DEFAULT) / (sum(each.duration_s for each in detected) / 3600)
            print(_row(word, promised, usual, held))
            every += held
        given = [each for each in every if each.word.threshold is not None]
        mean = sum(each.n_events for each in given) / sum(each.hours for each in given)
        stored = sum(each.is_stored for each in given)
        print(f"| {promised:g} | all | | | | | {mean:.1f} | {stored} of {len(given)} |")


def _row(word: str, promised: float, usual: float, held: Sequence[Held]) -> str:
    first = held[0]
    by = "tail" if first.word.is_extrapolated else "count"
    given = [each for each in held if each.word.threshold is not None]
    if first.word.threshold is None:
        shown, rate = "none", ""
    else:
        low, high = (each / first.hours for each in find_interval(first.n_events))
        shown, rate = f"{first.word.threshold:.3f}", f"{first.n_events / first.hours:.1f} ({low:.1f} to {high:.1f})"
    mean = f"{sum(each.n_events for each in given) / sum(each.hours for each in given):.1f}" if given else ""
    stored = f"{sum(each.is_stored for each in given)} of {len(given)}"
    return f"| {promised:g} | {word} | {by} | {shown} | {usual:.1f} | {rate} | {mean} | {stored} |"


def _pick(detected: WordTraces, index: int) -> WordTraces:
    return WordTraces(detected.track.select(index), detected.duration_s)


if __name__ == "__main__":
    main()
