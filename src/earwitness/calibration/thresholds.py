"""Thresholds without labels: from background without a word, the score that keeps a promised rate of false alarms.

In: recordings of background, words, a rate of false alarms per hour. Out: a `Calibration`: for each word the lowest
threshold at which events begin at most that often, counted by `find_events` itself, and `Settings` with them.

Events on T hours are modelled as Poisson. A threshold right above the (n + 1)-th largest peak lets n events through,
but n + 1 are to be expected on as much other background, so n + 1 <= rate x T must hold. Where even no event at all
would leave a 95 % bound above the promise (T < 3 / rate), the threshold is extrapolated from the tail of the peaks, as
logits, and marked so: upwards only. Both assume that other background is like this one, and that events come singly.

No threshold is below that of the settings unless this is asked for: background that happens to be quiet about a word is
no reason to trust it more.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from earwitness.audio import Source
from earwitness.calibration.poisson import bound_count, extrapolate_level
from earwitness.encoders import LoadedEncoder, choose_encoder
from earwitness.errors import SettingsError
from earwitness.recognition import Event, Logits, ScoreTrack, analyse_rows, choose_method, find_events, track_words
from earwitness.settings import Settings, fold_word
from earwitness.words import WordMeanings, understand_words

LEAST_S = 60.0  # of background
LOWEST, HIGHEST = 0.01, 0.99  # thresholds: below, a score says nothing; above, it is always reached or never
STEP = 0.05  # logits between the thresholds that are tried
N_TAIL = 20  # peaks from which a tail is extrapolated
LEAST_TAIL = 5  # peaks; with fewer, peaks are taken to fall off e-fold in a logit
LOOSER = 10.0  # times the promised rate, whose threshold is reported too


@dataclass(frozen=True)
class WordTraces:
    """Scores of the words in one recording, and its length; 180 kB an hour and word."""

    track: ScoreTrack
    duration_s: float

    @property
    def words(self) -> tuple[str, ...]:
        """The words."""
        return self.track.words

    @property
    def scores(self) -> Logits:
        """The larger of each word's scores (N, V), of short sounds and of those that last."""
        return self.track.largest

    def find(self, index: int, settings: Settings) -> list[Event]:
        """Return the events of one word, as `find_events` finds them in the recording, without their tags."""
        return find_events(self.track.select(index), settings)


@dataclass(frozen=True)
class CalibratedWord:
    """A word's threshold, and the events that it finds on the background.

    Attributes:
        word: as it was given.
        threshold: the lowest score that keeps the promise, not below that of the settings unless this was asked for;
            None where none up to 0.99 does: take another word.
        n_events: events on the background at the threshold; where there is none, at 0.99.
        n_recordings: recordings that hold them; many events in one are not Poisson.
        rate_per_hour: events per hour.
        upper_per_hour: the rate that so many events exclude at 95 %, whatever the tail.
        is_extrapolated: the threshold rests on the tail, since the background is too short to verify the promise.
        looser: the threshold that would do for ten times the promised rate, None where none does.
    """

    word: str
    threshold: float | None
    n_events: int
    n_recordings: int
    rate_per_hour: float
    upper_per_hour: float
    is_extrapolated: bool
    looser: float | None


@dataclass(frozen=True)
class Calibration:
    """Thresholds by word, the settings with them, and the background."""

    words: tuple[CalibratedWord, ...]
    false_alarms_per_hour: float
    hours: float
    n_recordings: int
    settings: Settings
    encoder: str
    weights_sha256: str

    @property
    def hours_needed(self) -> float:
        """Hours of background on which the promise can be verified, if they hold no event."""
        return bound_count(0) / self.false_alarms_per_hour

    @property
    def provable_per_hour(self) -> float:
        """The rate that this background can exclude at best: at 95 %, without any event."""
        return bound_count(0) / self.hours


def calibrate_thresholds(
    sources: Sequence[Source],
    words: Sequence[str],
    false_alarms_per_hour: float = 1.0,
    settings: Settings | None = None,
    encoder: LoadedEncoder | None = None,
    *,
    may_lower: bool = False,
) -> Calibration:
    """Return for each word the lowest threshold at which events begin at most so often on this background.

    Args:
        sources: recordings without the words, or with few of them.
        words: words for events.
        false_alarms_per_hour: the promised rate of each word.
        settings: windows, hold and gaps, as they will be used later.
        encoder: an encoder that is already loaded.
        may_lower: let thresholds be below `settings.event_threshold`, where background allows it.

    Raises:
        AudioError, WordError, WeightsError: see `recognize`.
        SettingsError: the method has no thresholds, the rate is not above 0, or the background is below a minute.
    """
    settings = settings or Settings()
    encoder = choose_encoder(settings, encoder)
    check_promise(false_alarms_per_hour, settings)
    meanings = understand_words(words)
    traces = [trace_words(source, meanings, settings, encoder) for source in sources]
    return choose_thresholds(traces, false_alarms_per_hour, settings, encoder, may_lower=may_lower)


def check_promise(false_alarms_per_hour: float, settings: Settings) -> None:
    """Find out, before hours of work, whether thresholds can be chosen at all.

    Raises:
        SettingsError: see `calibrate_thresholds`.
    """
    if not choose_method(settings).has_word_scores:
        raise SettingsError(f"method={settings.method!r}: it has no thresholds to calibrate; take method='earwitness'")
    if not 0 < false_alarms_per_hour < math.inf:
        raise SettingsError(f"false_alarms_per_hour={false_alarms_per_hour}: give a rate above 0, such as 1")


def trace_words(
    source: Source,
    meanings: WordMeanings,
    settings: Settings,
    encoder: LoadedEncoder,
    on_progress: Callable[[float], None] | None = None,
) -> WordTraces:
    """Return the words' scores over a recording; `on_progress` is called with the share of it that is done.

    Raises:
        AudioError: the recording cannot be used.
    """
    rows, duration_s = analyse_rows(source, "rows", settings, encoder, on_progress)
    return WordTraces(track_words(rows, meanings, encoder.tag_stats), duration_s)


def choose_thresholds(
    traces: Sequence[WordTraces],
    false_alarms_per_hour: float,
    settings: Settings,
    encoder: LoadedEncoder,
    *,
    may_lower: bool = False,
) -> Calibration:
    """Return the thresholds of words from their scores on background, all with the same `settings`.

    Raises:
        SettingsError: see `calibrate_thresholds`.
    """
    check_promise(false_alarms_per_hour, settings)
    hours = sum(each.duration_s for each in traces) / 3600
    if 3600 * hours < LEAST_S:
        raise SettingsError(f"{3600 * hours:.0f} s of background: give {LEAST_S:.0f} s at least, better some hours")
    words, least = [], 0.0 if may_lower else settings.event_threshold
    for index in range(len(traces[0].words)):
        words.append(_calibrate_word(_Peaks(traces, index, settings), hours, false_alarms_per_hour, least))
    found = tuple((each.word, each.threshold) for each in words if each.threshold is not None)
    known = {fold_word(each.word) for each in words}
    others = tuple(pair for pair in settings.thresholds if fold_word(pair[0]) not in known)
    return Calibration(
        words=tuple(words),
        false_alarms_per_hour=false_alarms_per_hour,
        hours=hours,
        n_recordings=len(traces),
        settings=replace(settings, thresholds=(*others, *found)),
        encoder=encoder.spec.name,
        weights_sha256=encoder.sha256,
    )


class _Peaks:
    """The events of one word on the background, at any threshold."""

    def __init__(self, traces: Sequence[WordTraces], index: int, settings: Settings) -> None:
        self.traces, self.index, self.settings = traces, index, settings
        self.word = traces[0].words[index]
        self.tops = [float(each.scores[:, index].max()) for each in traces]
        self.lowest, self.highest = min(float(each.scores[:, index].min()) for each in traces), max(self.tops)
        self.at = lru_cache(maxsize=None)(self._find)

    def _find(self, threshold: float) -> list[list[float]]:
        """Return the peak scores of the events of each recording at a threshold."""
        settings = replace(self.settings, thresholds=((self.word, threshold),))
        return [
            [event.score for event in each.find(self.index, settings)] if top >= threshold else []  # none can begin
            for each, top in zip(self.traces, self.tops, strict=True)
        ]

    def count(self, threshold: float) -> int:
        return sum(map(len, self.at(threshold)))

    def find_lowest(self, most: float) -> float | None:
        """Return the lowest threshold, from above all peaks on, down to which at most `most` events begin."""
        found = None
        for threshold in descend(self.highest, LOWEST):
            if self.count(threshold) > most:
                break
            found = threshold
        return found

    def extrapolate(self, n_wanted: float) -> float:
        """Return the score that is passed by `n_wanted` events on as much background, from the tail of the peaks."""
        tail, level = list[float](), _logit(max(self.highest, 1e-6))
        for threshold in descend(self.highest, max(self.lowest, 1e-6)):
            peaks = [_logit(peak) for peaks in self.at(threshold) for peak in peaks]
            if len(peaks) > len(tail):
                tail, level = peaks, _logit(threshold)
            if len(tail) >= N_TAIL:
                break
        excesses = [max(0.0, peak - level) for peak in tail]
        if len(tail) < LEAST_TAIL:
            return _score(level + max(0.0, math.log(max(1, len(tail)) / n_wanted)))
        return _score(level + extrapolate_level(excesses, n_wanted))


def _calibrate_word(peaks: _Peaks, hours: float, rate: float, least: float) -> CalibratedWord:
    threshold, is_extrapolated = _choose(peaks, hours * rate)
    if threshold is not None and threshold < least:
        threshold, is_extrapolated = least, False
    level = HIGHEST if threshold is None else threshold
    counts = [len(each) for each in peaks.at(level)]
    n_events = sum(counts)
    return CalibratedWord(
        word=peaks.word,
        threshold=threshold,
        n_events=n_events,
        n_recordings=sum(map(bool, counts)),
        rate_per_hour=n_events / hours,
        upper_per_hour=bound_count(n_events) / hours,
        is_extrapolated=is_extrapolated,
        looser=_choose(peaks, hours * rate * LOOSER)[0],
    )


def _choose(peaks: _Peaks, n_promised: float) -> tuple[float | None, bool]:
    """Return the threshold for so many events on as much background, None above 0.99; and if it is extrapolated."""
    is_extrapolated = n_promised < bound_count(0)
    threshold = peaks.find_lowest(max(0.0, n_promised - 1 + 1e-9))
    if threshold is not None and is_extrapolated:
        threshold = max(threshold, _round_up(peaks.extrapolate(n_promised)))
    if threshold is None or threshold > HIGHEST:
        return None, is_extrapolated
    return threshold, is_extrapolated


def descend(highest: float, lowest: float) -> list[float]:
    """Return thresholds to try, 0.05 logits apart: from right above the highest score down, none below the lowest."""
    level = _logit(min(max(highest, lowest), 1 - 1e-6)) + STEP
    n_steps = max(0, math.ceil((level - _logit(lowest)) / STEP))
    tried = [max(lowest, _round_up(_score(level - step * STEP))) for step in range(n_steps + 1)]
    return list(dict.fromkeys(tried))


def _round_up(score: float) -> float:
    """Return a score with four significant digits of its distance from 0 and 1, never lower."""
    digits = 3 - math.floor(math.log10(min(score, 1 - score))) if 0 < score < 1 else 4
    return min(1.0, math.ceil(score * 10.0**digits - 1e-6) / 10.0**digits)


def _logit(score: float) -> float:
    clipped = min(max(score, 1e-6), 1 - 1e-6)
    return math.log(clipped / (1 - clipped))


def _score(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))
