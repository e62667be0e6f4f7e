"""Event detection: the default against variations, on mixtures and on TUT's recordings.

In: `Case`s and an encoder. Out: for each `Variation` a `Tally` of hits, false alarms and onset errors. The logits of an
encoding (window, hop, trimming, method) are computed once for all variations that share it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import NamedTuple
from unittest import mock

import numpy as np

from earwitness.audio.windows import slide
from earwitness.encoders.load import LoadedEncoder
from earwitness.recognition import match
from earwitness.recognition.events import Event, find_events
from earwitness.recognition.match import match_words
from earwitness.recognition.published_method import WINDOW_S, find_events_tmrl
from earwitness.recognition.tags import TagScores, score_tokens, score_windows
from earwitness.settings import Settings
from earwitness.words.meanings import understand_words
from mixtures import Case
from variations import untrimmed

MIXTURE_WORDS = ("baby cry", "dog bark", "person sneeze", "rooster", "glass break", "gunshot", "siren", "scream")
TUT_WORDS = ("baby cry", "glass break", "gunshot")
COLLAR_S = 1.0
TIGHT_COLLAR_S = 0.5
SHIFTS = tuple(np.arange(-2.0, 3.01, 0.25).tolist())  # of the threshold, in logits, tried for `is_tuned`


@dataclass(frozen=True)
class Variation:
    """One way of finding events; with `is_tuned` the threshold is the one with the best F1 on the mixtures.

    A threshold is moved by `match.OFFSET`, in logits, so that `event_hold` moves with it.
    """

    name: str
    settings: Settings = field(default_factory=Settings)
    is_trimmed: bool = True
    prior_share: float = match.PRIOR_SHARE
    offset: float = match.OFFSET
    is_tuned: bool = False

    @property
    def encoding(self) -> Encoding:
        """What the logits depend on."""
        return Encoding(self.settings.method, self.settings.window_s, self.settings.hop_s, self.is_trimmed)


class Encoding(NamedTuple):
    """What logits over time depend on."""

    method: str
    window_s: float
    hop_s: float
    is_trimmed: bool


@dataclass
class Tally:
    """Counts over recordings. `errors_s` are onset errors of hits; `ebr_db` the ratios of the hits."""

    n_events: int = 0
    n_tight: int = 0
    n_other: int = 0
    n_elsewhere: int = 0
    errors_s: list[float] = field(default_factory=list)
    ebr_db: list[float] = field(default_factory=list)
    false_words: list[str] = field(default_factory=list)

    @property
    def f1(self) -> float:
        """F1 of hits within 1 s."""
        n_hits, n_false = len(self.errors_s), self.n_other + self.n_elsewhere
        return 2 * n_hits / max(1, n_hits + n_false + self.n_events)

    def add(self, case: Case, events: Sequence[Event]) -> None:
        """Count the events found in a recording.

        A hit is the right word's event with the nearest onset, if within 1 s. Every other event is a false alarm: of
        another word where it overlaps the true event, else "elsewhere", the right word with a wrong onset included.
        """
        right = [event for event in events if event.word == case.word]
        hit = min(right, key=lambda event: abs(event.onset_s - case.onset_s), default=None)
        if hit and abs(hit.onset_s - case.onset_s) > COLLAR_S:
            hit = None
        self.n_events += bool(case.word)
        if hit:
            error_s = hit.onset_s - case.onset_s
            self.errors_s.append(error_s)
            self.ebr_db.append(case.ebr_db)
            self.n_tight += abs(error_s) <= TIGHT_COLLAR_S
        for event in events:
            if event is hit:
                continue
            is_during = case.word != "" and event.onset_s < case.offset_s and event.offset_s > case.onset_s
            is_other = is_during and event.word != case.word
            self.n_other += is_other
            self.n_elsewhere += not is_other
            self.false_words.append(event.word)


@dataclass(frozen=True)
class Result:
    """A variation, its threshold found if that was asked for, with its tallies on both sets."""

    variation: Variation
    mixtures: Tally
    recordings: Tally


def make_variations() -> list[Variation]:
    """Return the variations of the table, the default first."""
    plain = Variation("default: 2 s windows, hop 1 s")
    encodings = [
        *(replace(plain, name=f"windows of {size:g} s", settings=Settings(window_s=size)) for size in (1.5, 4, 10)),
        replace(plain, name="hop 0.5 s", settings=Settings(hop_s=0.5)),
        replace(plain, name="the padded patch kept", is_trimmed=False),
    ]
    rules = {
        "no hold: as the threshold, 0.5": Settings(event_hold=plain.settings.event_threshold),
        "hold 0.2": Settings(event_hold=0.2),
        "hold 0.1": Settings(event_hold=0.1),
        "merge gap 0 s": Settings(merge_gap_s=0.0),
        "merge gap 0.5 s": Settings(merge_gap_s=0.5),
        "merge gap 2 s": Settings(merge_gap_s=2.0),
        "at least 0.3 s long": Settings(min_duration_s=0.3),
        "at least 0.5 s long": Settings(min_duration_s=0.5),
    }
    shares = [replace(plain, name=f"PRIOR_SHARE {share:g}", prior_share=share) for share in (0.0, 0.5, 1.0)]
    return [
        plain,
        *encodings,
        *(replace(plain, name=name, settings=settings) for name, settings in rules.items()),
        *(replace(each, name=f"{each.name}, best threshold", is_tuned=True) for each in (*shares, *encodings)),
        replace(plain, name="published method (`tmrl`)", settings=Settings(method="tmrl")),
    ]


def ablate_events(
    variations: Sequence[Variation], mixtures: Sequence[Case], recordings: Sequence[Case], encoder: LoadedEncoder
) -> list[Result]:
    """Return the results of the variations, in their order; each encoding is computed once, and one is held."""
    results: dict[str, Result] = {}
    for encoding in dict.fromkeys(variation.encoding for variation in variations):
        mixed = [_encode(case, encoding, encoder) for case in mixtures]
        real = [_encode(case, encoding, encoder) for case in recordings]
        for each in variations:
            if each.encoding == encoding:
                chosen = _tune(each, mixtures, mixed, encoder) if each.is_tuned else each
                results[each.name] = Result(
                    chosen,
                    count(chosen, mixtures, mixed, MIXTURE_WORDS, encoder),
                    count(chosen, recordings, real, TUT_WORDS, encoder),
                )
    return [results[each.name] for each in variations]


def count(
    variation: Variation,
    cases: Sequence[Case],
    logits: Sequence[TagScores],
    query: Sequence[str],
    encoder: LoadedEncoder,
) -> Tally:
    """Return the tally of a variation over recordings with known logits."""
    tally, settings = Tally(), variation.settings
    meanings = understand_words(query)
    with mock.patch.multiple(match, PRIOR_SHARE=variation.prior_share, OFFSET=variation.offset):
        for case, rows in zip(cases, logits, strict=True):
            if settings.method == "tmrl":
                found = find_events_tmrl([rows], query, settings.hop_s)
            else:
                found = find_events(match_words([rows], meanings, encoder.tag_stats), settings)
            tally.add(case, list(found))
    return tally


def _tune(
    variation: Variation, cases: Sequence[Case], logits: Sequence[TagScores], encoder: LoadedEncoder
) -> Variation:
    """Return the variation with the offset of the best F1; the grid moves with what PRIOR_SHARE takes off."""
    middle = match.OFFSET - (variation.prior_share - match.PRIOR_SHARE) * match.USUAL_LOGIT
    tried = [replace(variation, offset=middle + shift) for shift in SHIFTS]
    return max(tried, key=lambda each: count(each, cases, logits, MIXTURE_WORDS, encoder).f1)


def _encode(case: Case, encoding: Encoding, encoder: LoadedEncoder) -> TagScores:
    """Return all rows of a recording at once."""
    with nullcontext() if encoding.is_trimmed else untrimmed():
        if encoding.method == "tmrl":
            windows = slide(case.waveform, WINDOW_S, encoding.hop_s, is_tail_repeated=True)
            rows = list(score_windows(windows, encoder, is_trimmed=False))
        else:
            rows = list(score_tokens(slide(case.waveform, encoding.window_s, encoding.hop_s), encoder))
    logits = np.concatenate([each.logits for each in rows])
    return TagScores(logits, np.concatenate([each.start_s for each in rows]), rows[0].span_s)
