"""When a recording began: from its name, as recorders write it, or from when its file was last written.

In: a path, its modification time, its length. Out: seconds since 1970-01-01 of the clock on the wall, without a time
zone: a time in a name is used as it is, and a file's time as this machine's local time.
"""

from __future__ import annotations

import calendar
import re
import time
from datetime import datetime, timedelta
from pathlib import PurePath
from typing import Literal

StartFrom = Literal["name", "mtime", "none"]

# 20260301_120000, 2026-03-01T12:00:00, 2026-03-01 12-00-00, REC_20260301120000, SITE1_20260301_120000Z
_STAMP = re.compile(
    r"(?<!\d)((?:19|20)\d\d)([-_.]?)(\d\d)\2(\d\d)[T_\- .]{0,2}(\d\d)([-_:.h]?)(\d\d)[-_:.m]?(\d\d)(?!\d)"
)
_HEX = re.compile(r"[0-9A-F]{8}")  # the first AudioMoths: seconds since 1970 in hex
_EARLIEST, _LATEST = 1262304000, 4102444800  # 2010 and 2100: outside, eight hex digits are something else


def find_start(path: str, modified_s: float, duration_s: float | None, start_from: StartFrom = "name") -> float | None:
    """Return when a recording began, or None where that is not known.

    Args:
        path: the recording's path; only its name counts.
        modified_s: when its file was last written, in seconds since 1970, UTC.
        duration_s: its length, None if that is not known yet.
        start_from: "name" takes the name, else the file's time less the length; "mtime" the latter; "none" nothing.
    """
    if start_from == "none":
        return None
    named = _read_name(path) if start_from == "name" else None
    if named is not None or duration_s is None:
        return named
    return _to_wall_clock(modified_s) - duration_s


def format_time(start_s: float) -> str:
    """Return a time as ISO 8601 without zone, to the second."""
    return (datetime(1970, 1, 1) + timedelta(seconds=start_s)).isoformat(timespec="seconds")


def parse_time(text: str) -> float:
    """Return a time such as 2026-03-01, 2026-03-01T12:00 or 2026-03-01T12:00:30 as seconds since 1970, without zone.

    Raises:
        ValueError: it is none.
    """
    given = datetime.fromisoformat(text)
    if given.tzinfo is not None:
        raise ValueError(f"{text!r}: give it without a time zone, as the clock of the recordings shows it")
    return calendar.timegm(given.timetuple()) + given.microsecond / 1e6


def _read_name(path: str) -> float | None:
    stem = PurePath(path).stem
    if match := _STAMP.search(stem):
        year, _, month, day, hour, _, minute, second = match.groups()
        try:
            return parse_time(f"{year}-{month}-{day}T{hour}:{minute}:{second}")
        except ValueError:  # digits that are no date
            return None
    if _HEX.fullmatch(stem) and _EARLIEST <= int(stem, 16) < _LATEST:
        return float(int(stem, 16))
    return None


def _to_wall_clock(modified_s: float) -> float:
    return calendar.timegm(time.localtime(modified_s)) + modified_s % 1
