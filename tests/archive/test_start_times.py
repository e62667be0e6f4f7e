"""When a recording began, by its name or its file's time."""

from __future__ import annotations

import time

import pytest

from earwitness.archive.start_times import find_start, format_time, parse_time

NOON = parse_time("2026-03-01T12:00:00")


@pytest.mark.parametrize(
    "name",
    [
        *(
            "20260301_120000.wav",
            "SITE-7_20260301_120000.WAV",
            "2026-03-01T12:00:00.flac",
            "rec 2026-03-01 12-00-00.mp3",
        ),
        *("20260301T120000Z.wav", "2026-03-01_12.00.00.wav", "REC20260301120000.wav", "69A42940.WAV"),
    ],
)
def test_names_as_recorders_write_them_say_the_start(name: str) -> None:
    found = find_start(f"/a/19990101_000000/{name}", 0.0, 5.0)
    if name == "69A42940.WAV":  # seconds since 1970 in hex
        assert found == float(0x69A42940)
    else:
        assert found == NOON


@pytest.mark.parametrize("name", ["street.wav", "20261399_120000.wav", "12345678.wav", "1-17367-A.ogg", "20260301.wav"])
def test_other_names_leave_it_to_the_files_time(name: str) -> None:
    modified = time.mktime((2026, 3, 1, 12, 0, 10, 0, 0, -1))
    assert find_start(name, modified, 10.0) == NOON
    assert find_start(name, modified, None) is None
    assert find_start(name, modified, 10.0, "none") is None


def test_the_files_time_can_be_preferred() -> None:
    modified = time.mktime((2026, 3, 1, 12, 0, 10, 0, 0, -1))
    assert find_start("20200101_000000.wav", modified, 10.0, "mtime") == NOON
    assert find_start("20260301_120000.wav", modified, 10.0, "none") is None


def test_times_are_read_as_they_are_written() -> None:
    assert format_time(parse_time("2026-03-01T12:00:30")) == "2026-03-01T12:00:30"
    assert parse_time("2026-03-01") == NOON - 12 * 3600
    with pytest.raises(ValueError, match="without a time zone"):
        parse_time("2026-03-01T12:00:00+01:00")
