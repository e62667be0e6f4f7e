"""A recording as a picture of bounded size: its log-mel levels, pooled in time as it grows, in steps of 0.5 dB.

In: `Waveform` blocks, in order. Out: a `Spectrogram` (M, N) of bytes, at most `MAX_COLUMNS` wide however long the
recording is: when there are too many columns, each two neighbours become one, the larger of both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from earwitness.audio.mel import MelSpec, compute_log_mel_in_numpy, mel_filters
from earwitness.audio.read import Waveform

MAX_COLUMNS = 2**17  # 10 ms each up to 21 minutes, 40 ms for an hour, 0.66 s for a day; 10 MB at most
FLOOR_DB = -70.0  # byte 0: what is fainter is silence on every screen
DB_PER_STEP = 0.5  # so byte 255 is 57.5 dB, above any power of samples in [-1, 1]

LEAST_SHOWN_DB = 20.0  # a picture's loudest colour is this much above the floor, so that silence is dark

Levels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Spectrogram:
    """Levels (M, N) of mel bands, the lowest first, at `centres_hz` (M,); column n begins at n x `step_s` seconds.

    A level is in steps of 0.5 dB above -70 dB, where 0 dB is a power of 1 in a band.
    """

    levels: Levels
    step_s: float
    centres_hz: npt.NDArray[np.float64]
    duration_s: float

    @property
    def levels_db(self) -> npt.NDArray[np.float32]:
        """Levels (M, N) in dB."""
        return self.levels * np.float32(DB_PER_STEP) + np.float32(FLOOR_DB)

    def shown_db(self, range_db: float) -> tuple[float, float]:
        """Return the faintest and the loudest level in dB of a picture: from the loudest point `range_db` down, at most
        to the floor.
        """
        top = max(float(self.levels_db.max()), FLOOR_DB + LEAST_SHOWN_DB)
        return max(top - range_db, FLOOR_DB), top

    def narrowed(self, n_columns: int) -> Spectrogram:
        """Return it with at most `n_columns`, each the largest of those it stands for."""
        n_each = -(-self.levels.shape[1] // n_columns)
        pooled = np.maximum.reduceat(self.levels, np.arange(0, self.levels.shape[1], n_each), axis=1)
        return Spectrogram(pooled, n_each * self.step_s, self.centres_hz, self.duration_s)


class SpectrogramMaker:
    """Takes a recording's blocks one after another; `finish` gives the spectrogram of what came so far."""

    def __init__(self, max_columns: int = MAX_COLUMNS) -> None:
        self.max_columns = max_columns
        self._n_each = 1  # frames that a column stands for
        self._columns: list[Levels] = []  # (M, n)
        self._n_columns = 0
        self._held: npt.NDArray[np.float32] = np.zeros(0, np.float32)  # samples whose frames are not drawn yet
        self._rate = 0
        self._duration_s = 0.0

    def add(self, block: Waveform) -> None:
        """Take the next block."""
        self._rate, self._duration_s = block.sample_rate_hz, block.start_s + block.duration_s
        self._held = np.concatenate([self._held, block.samples])
        while len(self._held) > self._rate // 20:  # the spectrum needs more than half of its window
            per_column = self._n_each * MelSpec.at(self._rate).hop
            n_whole = min(len(self._held) // per_column, self.max_columns // 2)
            n_whole -= (self._n_columns + n_whole) % 2  # an even number in all, so that two neighbours become one
            if n_whole <= 0:
                break
            self._draw(self._held[: n_whole * per_column])
            self._held = self._held[n_whole * per_column :]

    def finish(self) -> Spectrogram:
        """Return the spectrogram.

        Raises:
            ValueError: nothing has come.
        """
        columns = list(self._columns)
        if len(self._held) > self._rate // 40:  # what is left is less than a column, or too short to be seen
            columns.append(self._measure(self._held))
        if not columns:
            raise ValueError("no sound to draw")
        spec = MelSpec.at(self._rate)
        filters = mel_filters(spec).astype(np.float64)  # (M, bins)
        centres_hz = filters @ np.linspace(0.0, self._rate / 2, filters.shape[1]) / filters.sum(axis=1)
        step_s = self._n_each * spec.hop / self._rate
        levels = np.concatenate(columns, axis=1)[:, : max(1, int(np.ceil(self._duration_s / step_s - 1e-6)))]
        return Spectrogram(levels, step_s, centres_hz, self._duration_s)

    def _draw(self, samples: npt.NDArray[np.float32]) -> None:
        self._columns.append(self._measure(samples))
        self._n_columns += self._columns[-1].shape[1]
        if self._n_columns > self.max_columns:
            whole = np.concatenate(self._columns, axis=1)
            self._columns = [whole.reshape(len(whole), -1, 2).max(axis=2)]
            self._n_columns, self._n_each = self._columns[0].shape[1], 2 * self._n_each

    def _measure(self, samples: npt.NDArray[np.float32]) -> Levels:
        """Return the levels (M, n) of samples, a column for each `_n_each` frames that begin in them."""
        spec = MelSpec.at(self._rate)
        log_mel = compute_log_mel_in_numpy(samples[None], spec)[0, 0]  # (M, F)
        n_frames = max(1, spec.count_frames(len(samples)) - 1)  # one more is centred on the end
        pooled = np.maximum.reduceat(log_mel[:, :n_frames], np.arange(0, n_frames, self._n_each), axis=1)
        steps = (pooled * (10 / np.log(10)) - FLOOR_DB) / DB_PER_STEP
        levels: Levels = np.clip(np.rint(steps), 0, 255).astype(np.uint8)
        return levels
