"""Does a promised rate of false alarms hold on background of another source than the thresholds were chosen on?

In: the benchmark's folder of ambience (docs/benchmark.md). Out: a row for each source with half an hour or more: the
rate that the thresholds of all other sources raise there, pooled over 18 words, beside the mean of the 95 % bounds that
`earwitness calibrate` prints. A background whose name says that it may hold a word is left out for that word.

    python bench/calibration.py --data ../shared/data                  # a minute
    python bench/calibration.py --data ../shared/data --may-lower      # thresholds below the usual one, too
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from earwitness.calibration.thresholds import HIGHEST, WordTraces, choose_thresholds, trace_words
from earwitness.encoders.load import LoadedEncoder, load_encoder
from earwitness.evaluation.benchmark.material import list_ambience, read_words
from earwitness.settings import Settings
from earwitness.words.meanings import understand_words

PROMISES = (1.0, 5.0)  # an hour and word
LEAST_HOURS = 0.5  # of a source that is left out


@dataclass(frozen=True)
class Promise:
    """What a promise became on a source that was left out: events, hours times words, the mean of the bounds."""

    source: str
    n_events: int
    word_hours: float
    bound: float

    @property
    def rate(self) -> float:
        """Events an hour and word."""
        return self.n_events / max(self.word_hours, 1e-9)


def leave_out(
    source: str,
    traces: Mapping[str, Sequence[tuple[str, WordTraces]]],
    promised: float,
    encoder: LoadedEncoder,
    *,
    may_lower: bool,
) -> Promise:
    """Return what thresholds of all other sources raise on one source.

    Args:
        source: the one to leave out.
        traces: for each word, recordings with their sources; each holds the scores of this word only.
        promised: false alarms an hour and word.
        encoder: the one that made the scores.
        may_lower: see `calibrate_thresholds`.
    """
    n_events, word_hours, bounds = 0, 0.0, []
    for word, every in traces.items():
        others = [each for name, each in every if name != source]
        own = [each for name, each in every if name == source]
        (found,) = choose_thresholds(others, promised, Settings(), encoder, may_lower=may_lower).words
        settings = Settings(thresholds=((word, HIGHEST if found.threshold is None else found.threshold),))
        n_events += sum(len(each.find(0, settings)) for each in own)
        word_hours += sum(each.duration_s for each in own) / 3600
        bounds.append(found.upper_per_hour)
    return Promise(source, n_events, word_hours, float(np.mean(bounds)))


def main() -> None:
    """Print a row for each promise and source."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--may-lower", action="store_true")
    options = parser.parse_args()
    encoder, ambience = load_encoder(), list_ambience(options.data)
    words = [each for each in read_words(options.data) if each.is_for_alarms]
    meanings = understand_words([each.word for each in words])
    heard = [(each, trace_words(each.path, meanings, Settings(), encoder)) for each in ambience]
    traces = {
        each.word: [
            (background.source, WordTraces(trace.track.select(index), trace.duration_s))
            for background, trace in heard
            if not each.may_be_in(background.path.name)
        ]
        for index, each in enumerate(words)
    }
    hours: dict[str, float] = {}
    for background, trace in heard:
        hours[background.source] = hours.get(background.source, 0.0) + trace.duration_s / 3600
    print("| promised | source left out | hours | rate there | mean 95 % bound |\n|--:|---|--:|--:|--:|")
    for promised in PROMISES:
        rates = []
        for source in (each for each, length in hours.items() if length >= LEAST_HOURS):
            kept = leave_out(source, traces, promised, encoder, may_lower=options.may_lower)
            rates.append(kept.rate)
            print(f"| {promised:g} | {source} | {hours[source]:.1f} | {kept.rate:.2f} | {kept.bound:.2f} |", flush=True)
        print(f"| {promised:g} | geometric mean | | {np.exp(np.mean(np.log(np.maximum(rates, 0.01)))):.2f} | |")


if __name__ == "__main__":
    main()
