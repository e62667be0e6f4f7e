"""The limits of a server: upload size, length, memory, time, retention, waiting lines; a TOML file sets them.

In: keyword arguments or a TOML file. Out: checked `Limits`; unknown keys, wrong types, values out of range are refused.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from pathlib import Path

from earwitness.errors import SettingsError
from earwitness.settings import read_fields, read_toml


@dataclass(frozen=True)
class Limits:
    """The limits of a server; a request beyond one is refused with a problem that names it.

    Attributes:
        max_upload_mb: the upload limit, its size (413).
        max_duration_s: length of a recording (413, as the recording's error).
        max_rate_hz, max_channels: of a recording (422, as its error).
        n_workers: processes that analyse recordings at the same time.
        max_waiting: recordings that are being received or wait for analysis (429).
        max_recordings: recordings stored at the same time (503).
        max_stored_mb: disk space for them (503).
        keep_s: retention, how long a recording is stored after its analysis.
        worker_memory_mb: memory for a recording in a worker, beyond the loaded encoder (422, as its error).
        worker_s: time for a recording in a worker (422, as its error).
        upload_idle_s: longest pause of an upload (408).
        upload_least_kb_s: lowest average speed of an upload, checked after `upload_idle_s` (408).
        max_words: event and scene words in one query (422).
        max_question_kb: size of a query (413).
        n_askers: queries that are answered at the same time.
        max_asking: queries that wait or are being answered (429).
        max_connections: connections at the same time (503).
        header_s: time to send the headers of a request; then the connection is closed.
        stop_s: time for open requests when the server stops.
    """

    max_upload_mb: float = 200.0
    max_duration_s: float = 3600.0
    max_rate_hz: int = 384_000
    max_channels: int = 16
    n_workers: int = 1
    max_waiting: int = 64
    max_recordings: int = 200
    max_stored_mb: float = 4000.0
    keep_s: float = 3600.0
    worker_memory_mb: float = 1500.0
    worker_s: float = 900.0
    upload_idle_s: float = 15.0
    upload_least_kb_s: float = 4.0
    max_words: int = 50
    max_question_kb: float = 64.0
    n_askers: int = 2
    max_asking: int = 64
    max_connections: int = 256
    header_s: float = 10.0
    stop_s: float = 3.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value, default = getattr(self, field.name), getattr(type(self), field.name)
            is_number = isinstance(value, int if isinstance(default, int) else int | float)
            if not is_number or isinstance(value, bool):
                kind = "a whole number" if isinstance(default, int) else "a number"
                raise SettingsError(f"{field.name}={value!r}: give {kind}, such as {default}")
            if not 0 < value < math.inf:
                raise SettingsError(f"{field.name}={value}: must be above 0 and finite")

    @property
    def max_upload_bytes(self) -> int:
        """Largest upload in bytes."""
        return round(self.max_upload_mb * 1e6)

    @property
    def max_stored_bytes(self) -> int:
        """Disk space for all recordings in bytes."""
        return round(self.max_stored_mb * 1e6)

    @property
    def max_query_bytes(self) -> int:
        """Largest body of a query in bytes."""
        return round(self.max_question_kb * 1e3)


def read_limits(path: str | Path) -> Limits:
    """Read limits from a TOML file.

    Raises:
        SettingsError: the file is missing or not TOML, a key is unknown, or a value has a wrong type or range.
    """
    return read_fields(Limits, read_toml(path), str(path))
