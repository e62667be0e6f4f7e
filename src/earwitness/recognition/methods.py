"""The methods: how windows are cut, events found and scenes ranked.

In: `Settings`, whose `method` names one. Out: a `Method`. Code outside this file reads a method's attributes and never
compares names.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from earwitness.recognition.events import Event, find_events
from earwitness.recognition.evidence import track_words
from earwitness.recognition.match import add_reasons
from earwitness.recognition.published_method import HOP_S, WINDOW_S, find_events_tmrl, rank_scenes_tmrl
from earwitness.recognition.scenes import SceneScore, rank_scenes
from earwitness.recognition.tags import WindowCut
from earwitness.settings import Settings
from earwitness.words import (
    PlaceProfile,
    WordMeanings,
    compare_with_tags,
    embed_words,
    profile_scenes,
    read_places,
    understand_words,
)

if TYPE_CHECKING:
    from earwitness.recognition.analysis import Analysis

RowKind: TypeAlias = Literal["rows", "windows"]  # see `Analysis`
Words: TypeAlias = Sequence[str]


class Method(Protocol):
    """One way from tag logits to events and scenes.

    Attributes:
        has_word_scores: it scores words from 0 to 1 in every row, which thresholds, curves over time, PSDS, live
            listening and archives need.
        clip_kind: the rows that the tags of a whole recording are summarised from.
        n_winners: how many scenes it may mark as the answer.
    """

    has_word_scores: bool
    clip_kind: RowKind
    n_winners: int

    def cut_rows(self, settings: Settings) -> WindowCut:
        """Return how the rows that events are found in are cut."""
        ...

    def check_words(self, events: Words, scenes: Words, settings: Settings) -> None:
        """Understand words before any recording is read; raises `WordError` or `PlaceError`."""
        ...

    def find_events(self, analysis: Analysis, words: Words, settings: Settings) -> Iterable[Event]:
        """Return the events of words, in any order."""
        ...

    def rank_scenes(self, analysis: Analysis, scenes: Words, settings: Settings) -> list[SceneScore]:
        """Return the scenes, best first."""
        ...


class EarwitnessMethod:
    """Word scores of tokens against thresholds; scenes by profiles over the tags of windows; see `Method`."""

    has_word_scores = True
    clip_kind: RowKind = "windows"
    n_winners = 1

    def cut_rows(self, settings: Settings) -> WindowCut:
        """Return overlapping windows, a row for each of their tokens."""
        return WindowCut(settings.window_s, settings.hop_s, per="token")

    def check_words(self, events: Words, scenes: Words, settings: Settings) -> None:
        """Understand words and places."""
        understand(tuple(events))
        _profile(tuple(scenes), settings.places)

    def find_events(self, analysis: Analysis, words: Words, settings: Settings) -> Iterable[Event]:
        """Return the events of words; see `events.find_events`."""
        meanings = understand(tuple(words))
        track = track_words(analysis.rows, meanings, analysis.tag_stats)
        return add_reasons(find_events(track, settings), analysis.rows, meanings)

    def rank_scenes(self, analysis: Analysis, scenes: Words, settings: Settings) -> list[SceneScore]:
        """Return the scenes, best first; see `scenes.rank_scenes`."""
        return rank_scenes(analysis.clip, _profile(tuple(scenes), settings.places), analysis.tag_stats)


class TmrlMethod:
    """The published method; see `tmrl`. Its 4 s windows serve events, scenes and tags."""

    has_word_scores = False
    clip_kind: RowKind = "rows"
    n_winners = 2

    def cut_rows(self, settings: Settings) -> WindowCut:
        """Return windows of 4 s, a row each, the last ones repeated."""
        hop_s = settings.hop_s if settings.hop_s <= WINDOW_S else HOP_S
        return WindowCut(WINDOW_S, hop_s, is_tail_repeated=True, is_trimmed=False)

    def check_words(self, events: Words, scenes: Words, settings: Settings) -> None:
        """Compare words with the tags, and embed scenes."""
        compare_with_tags(events)
        embed_words(scenes)

    def find_events(self, analysis: Analysis, words: Words, settings: Settings) -> Iterable[Event]:
        """Return the events of words; see `find_events_tmrl`."""
        return find_events_tmrl(analysis.rows.batches(), words, self.cut_rows(settings).hop_s)

    def rank_scenes(self, analysis: Analysis, scenes: Words, settings: Settings) -> list[SceneScore]:
        """Return the scenes, the winners first; see `rank_scenes_tmrl`."""
        return rank_scenes_tmrl(analysis.rows.batches(), scenes).ranked


METHODS: dict[str, Method] = {"earwitness": EarwitnessMethod(), "tmrl": TmrlMethod()}


def choose_method(settings: Settings) -> Method:
    """Return the method that settings name."""
    return METHODS[settings.method]


@lru_cache(maxsize=8)
def understand(words: tuple[str, ...]) -> WordMeanings:
    """Return what `understand_words` returns, cached for the next recording.

    Raises:
        WordError: a word cannot be understood.
    """
    return understand_words(words)


@lru_cache(maxsize=8)
def _profile(scenes: tuple[str, ...], places_path: str) -> list[PlaceProfile]:
    return profile_scenes(scenes, read_places(places_path))
