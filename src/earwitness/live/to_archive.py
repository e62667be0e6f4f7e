"""The tags of live sound in a store of `earwitness index`, so that any words can be queried later.

In: rows and windows of unbroken segments. Out: a store in which each hour of a segment is a recording, named
`live/SOURCE/TIME`, for `earwitness ask`. No audio, and nothing of what privacy drops.
"""

from __future__ import annotations

import calendar
import time
from pathlib import Path

import numpy as np

from earwitness.archive import (
    ANALYSED,
    Chunk,
    Levels,
    RunningMedian,
    check_settings,
    describe_analysis,
    make_store,
    quantise_logits,
    quantise_scores,
)
from earwitness.encoders import LoadedEncoder
from earwitness.recognition import TagScores, count_rows
from earwitness.settings import Settings

PERIOD_S = 3600.0  # a whole number of rows, and of tokens of 20 ms to 640 ms
ROW_S = 1.0  # a row holds the largest of the smoothed tokens whose middle lies in it
NO_SOUND = -30.0  # logit where sound was dropped or is missing


class TagRecorder:
    """Gathers the rows of the current hour and commits it when it is over; 8 MB at most.

    Args:
        folder: the store; made if it is not there.
        source: the name of the stream.
        settings, encoder: what it is analysed with; a store takes one encoder and one set of windows.

    Raises:
        ArchiveError: the folder holds something else, another encoder's scores, or cannot be written.
    """

    def __init__(self, folder: str | Path, source: str, settings: Settings, encoder: LoadedEncoder) -> None:
        check_settings(settings)
        made = describe_analysis(settings, encoder, ROW_S)
        self._store = make_store(folder, made)
        self._store.check_provenance(made)
        self._median = RunningMedian(count_rows(made.smooth_s, made.token_s))
        self._source, self._row_s, self._rate_hz = source, made.row_s, encoder.spec.sample_rate_hz
        self._rows = np.full((round(PERIOD_S / made.row_s), encoder.spec.n_tags), NO_SOUND, np.float32)
        self._clips: list[tuple[float, Levels]] = []  # start in the segment, and its bytes (1, C)
        self._clips_end_s = 0.0  # of the last of them
        self._latest: TagScores | None = None  # the last window, where it is not among them
        self._start_time = self._from_s = 0.0  # of the segment; of the hour in it

    def begin(self, start_time: float) -> None:
        """Begin a segment, at a time of day in seconds since 1970, UTC."""
        self._start_time, self._from_s, self._clips = start_time, 0.0, []
        self._clips_end_s, self._latest = 0.0, None
        self._rows[:] = NO_SOUND

    def add_rows(self, rows: TagScores) -> None:
        """Take the logits of tokens, in order."""
        for each in self._median.add(rows):
            self._add_smoothed(each)

    def _add_smoothed(self, rows: TagScores) -> None:
        middle_s = rows.start_s + rows.span_s / 2
        while len(middle_s) and middle_s[-1] >= self._from_s + PERIOD_S:
            is_now = middle_s < self._from_s + PERIOD_S
            self._put(middle_s[is_now], rows.logits[is_now])
            middle_s, rows = middle_s[~is_now], TagScores(rows.logits[~is_now], rows.start_s[~is_now], rows.span_s)
            self._commit(PERIOD_S)
        self._put(middle_s, rows.logits)

    def add_windows(self, rows: TagScores) -> None:
        """Take the logits (N, C) of overlapping windows; those side by side are stored."""
        for index in range(len(rows.start_s)):
            part = slice(index, index + 1)
            window = TagScores(rows.logits[part], rows.start_s[part], rows.span_s)
            if window.start_s[0] >= self._clips_end_s - 1e-6:
                self._add_clip(window)
            else:
                self._latest = window

    def end(self, duration_s: float) -> None:
        """End the segment: commit what is left of it."""
        for each in self._median.finish():
            self._add_smoothed(each)
        if self._latest and self._latest.start_s[0] + self._latest.span_s > self._clips_end_s + 1e-6:
            self._add_clip(self._latest)  # the last window reaches back from where the segment ends
        while duration_s - self._from_s > PERIOD_S:
            self._commit(PERIOD_S)
        if duration_s > self._from_s:
            self._commit(duration_s - self._from_s)

    def _add_clip(self, window: TagScores) -> None:
        start_s = float(window.start_s[0])
        self._clips.append((start_s, quantise_logits(window.logits)))
        self._clips_end_s, self._latest = start_s + window.span_s, None

    def _put(self, middle_s: np.ndarray, logits: np.ndarray) -> None:
        index = np.floor((middle_s - self._from_s) / self._row_s + 1e-9).astype(int)
        np.maximum.at(self._rows, index, logits)

    def _commit(self, length_s: float) -> None:
        start_time = self._start_time + self._from_s
        of_now = [each for each in self._clips if each[0] < self._from_s + PERIOD_S]
        self._clips = self._clips[len(of_now) :]
        local = time.localtime(start_time)  # with its zone: where clocks are set back, an hour comes twice
        stamp = time.strftime("%Y%m%d-%H%M%S", local) + f".{int(start_time % 1 * 1000):03}{time.strftime('%z', local)}"
        no_clips = np.zeros((0, self._rows.shape[1]), np.uint8)
        chunk = Chunk(
            path=f"live/{self._source}/{stamp}",
            size=0,
            mtime_ns=round(start_time * 1e9),
            sha256="",
            attempt=1,
            state=ANALYSED,
            start_time=calendar.timegm(time.localtime(start_time)) + start_time % 1,  # a store holds local time
            rate_hz=self._rate_hz,
            end_s=length_s,
            rows=quantise_scores(self._rows[: int(np.ceil(length_s / self._row_s - 1e-6))]),
            clips=np.concatenate([no_clips, *(clip for _, clip in of_now)]),
            clip_start_s=np.array([start_s - self._from_s for start_s, _ in of_now]),
        )
        self._store.commit([chunk])
        self._from_s += PERIOD_S
        self._rows[:] = NO_SOUND
