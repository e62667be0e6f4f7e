"""What thresholds that keep a promise still find: recall and F1 on a few labelled recordings.

In: `WordTraces` of recordings, with the times of the word in each, and a threshold. Out: `Recall`. Thresholds below the
given one are not tried, since they would break the promise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from earwitness.calibration.thresholds import WordTraces, descend
from earwitness.recognition import Event
from earwitness.settings import Settings

COLLAR_S = 0.5  # an event that comes so close to a labelled one counts as found: windows smear

Times = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Recall:
    """How many labelled events of a word are found at a threshold, and which stricter thresholds are worth a thought.

    Attributes:
        word: the word.
        threshold: the one that was given.
        n_labelled: labelled events of the word.
        n_found: those that an event of the word meets, within half a second.
        n_besides: events that meet no labelled one.
        strictest: the highest threshold that finds as many.
        best: the threshold with the best F1, from `threshold` on; the highest of equals.
        best_f1: its F1.
    """

    word: str
    threshold: float
    n_labelled: int
    n_found: int
    n_besides: int
    strictest: float
    best: float
    best_f1: float

    @property
    def recall(self) -> float:
        """The share of the labelled events that is found."""
        return self.n_found / self.n_labelled

    @property
    def f1(self) -> float:
        """The harmonic mean of recall and precision at the threshold."""
        return _f1(self.n_labelled, self.n_found, self.n_besides)


def measure_recall(
    clips: Sequence[tuple[WordTraces, Times]], index: int, threshold: float, settings: Settings
) -> Recall | None:
    """Return what is found of the word at `index`, None where no clip holds it.

    Args:
        clips: the scores of each recording, with onset and offset of all labelled events of the word.
        index: of the word in the recordings' scores.
        threshold: the one that keeps the promise.
        settings: those the recordings were analysed with.
    """
    n_labelled = sum(len(times) for _, times in clips)
    if not n_labelled:
        return None
    word = clips[0][0].words[index]
    highest = max(float(traces.scores[:, index].max()) for traces, _ in clips)
    tried = [*descend(highest, threshold), threshold] if highest >= threshold else [threshold]
    counts = {}
    for each in tried:  # from the strictest down
        chosen = replace(settings, thresholds=((word, each),))
        found = [_count(traces.find(index, chosen), times) for traces, times in clips]
        counts[each] = (sum(n for n, _ in found), sum(n for _, n in found))
    n_found, n_besides = counts[threshold]
    best = max(counts, key=lambda each: (_f1(n_labelled, *counts[each]), each))
    return Recall(
        word=word,
        threshold=threshold,
        n_labelled=n_labelled,
        n_found=n_found,
        n_besides=n_besides,
        strictest=max(each for each in counts if counts[each][0] >= n_found),
        best=best,
        best_f1=_f1(n_labelled, *counts[best]),
    )


def _count(events: Sequence[Event], times: Times) -> tuple[int, int]:
    """Return how many labelled times are met by an event, and how many events meet none."""
    meets = [[_meet(event, time) for event in events] for time in times]
    return sum(map(any, meets)), sum(not any(row[at] for row in meets) for at in range(len(events)))


def _meet(event: Event, time: tuple[float, float]) -> bool:
    return event.onset_s <= time[1] + COLLAR_S and event.offset_s >= time[0] - COLLAR_S


def _f1(n_labelled: int, n_found: int, n_besides: int) -> float:
    # Each labelled event counts once, however many events meet it.
    return 2 * n_found / (n_labelled + n_found + n_besides)
