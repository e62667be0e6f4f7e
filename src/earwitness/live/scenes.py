"""Scenes and tags of a stream, a period after the other.

In: the logits of windows, in order of time. Out: a `SceneLine` for each period, once it is over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from earwitness.encoders import TagStats
from earwitness.recognition import SceneScore, TagScores, TagSummary, TagSums, rank_scenes
from earwitness.words import PlaceProfile


@dataclass(frozen=True)
class SceneLine:
    """Scenes, best first, and tags of the sound from `start_s` to `end_s`."""

    start_s: float
    end_s: float
    scenes: list[SceneScore]
    tags: list[TagSummary]


class SceneWatch:
    """Ranks scenes for every period of the stream; a window counts in the period in which its middle lies.

    Args:
        profiles: the scenes.
        tag_stats: the encoder's.
        every_s: length of a period.
        n_tags: how many tags a line lists.
    """

    def __init__(
        self, profiles: Sequence[PlaceProfile], tag_stats: TagStats | None, every_s: float, n_tags: int
    ) -> None:
        self._profiles, self._tag_stats, self._every_s, self._n_tags = profiles, tag_stats, every_s, n_tags
        self._sums, self._period = TagSums(), 0
        self._start_s = self._end_s = 0.0  # of the period's windows
        self._lines: list[SceneLine] = []

    def add(self, rows: TagScores) -> None:
        """Take the logits (N, C) of windows; times are the stream's."""
        if not self._profiles:
            return
        periods = ((rows.start_s + rows.span_s / 2) // self._every_s).astype(int)
        for index, period in enumerate(periods.tolist()):
            if period != self._period:
                self._close_period()
                self._period = period
            if not self._sums.n_rows:
                self._start_s = max(float(rows.start_s[index]), period * self._every_s)
            self._end_s = min(float(rows.start_s[index]) + rows.span_s, (period + 1) * self._every_s)
            part = slice(index, index + 1)
            self._sums.add(TagScores(rows.logits[part], rows.start_s[part], rows.span_s))

    def close(self) -> list[SceneLine]:
        """Return what is left at the end."""
        self._close_period()
        return self.take_lines()

    def take_lines(self) -> list[SceneLine]:
        """Return the periods that are over since the last time."""
        lines, self._lines = self._lines, []
        return lines

    def _close_period(self) -> None:
        if self._sums.n_rows:
            clip = self._sums.summarise()
            scenes = rank_scenes(clip, self._profiles, self._tag_stats)
            self._lines.append(SceneLine(self._start_s, self._end_s, scenes, clip.summarise(self._n_tags)))
        self._sums = TagSums()
