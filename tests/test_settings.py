"""Settings are checked where they enter, and survive being written down."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from earwitness.errors import SettingsError
from earwitness.settings import Settings, read_settings


def test_a_toml_file_gives_settings(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text('hop_s = 0.5\nevent_threshold = 1\nmethod = "tmrl"\nblind_calibration = true\n')
    assert read_settings(path) == Settings(hop_s=0.5, event_threshold=1, method="tmrl", blind_calibration=True)


def test_an_empty_toml_file_gives_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text("")
    assert read_settings(path) == Settings()


def test_a_toml_file_of_a_windows_editor_is_read(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_bytes(b"\xef\xbb\xbfhop_s = 0.5\r\n")
    assert read_settings(path).hop_s == 0.5


def test_settings_come_back_from_their_plain_values() -> None:
    settings = Settings(hop_s=0.25, n_tags=3, encoder="some/where.safetensors", noise_factor=0.1)
    assert set(settings.to_dict()) == {field.name for field in fields(Settings)}
    assert Settings.from_mapping(settings.to_dict()) == settings


def test_an_unknown_key_is_refused_and_the_known_ones_are_named(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text("treshold = 0.4\n")
    with pytest.raises(SettingsError, match=r"s\.toml: unknown key 'treshold'; known are: method, .*event_threshold"):
        read_settings(path)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('hop_s = "1"', "hop_s='1': must be float"),
        ("hop_s = true", "hop_s=True: must be float"),
        ("n_tags = 2.5", "n_tags=2.5: must be int"),
        ("n_tags = false", "n_tags=False: must be int"),
        ("blind_calibration = 1", "blind_calibration=1: must be bool"),
        ("encoder = 3", "encoder=3: must be str"),
        ("places = []", r"places=\[\]: must be str"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused(tmp_path: Path, line: str, reason: str) -> None:
    path = tmp_path / "s.toml"
    path.write_text(line)
    with pytest.raises(SettingsError, match=rf"s\.toml: {reason}"):
        read_settings(path)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"method": "magic"}, "method='magic': choose 'earwitness' or 'tmrl'"),
        ({"hop_s": 0.0}, "need 0 < hop_s <= window_s"),
        ({"hop_s": 2.5}, r"hop_s=2\.5, window_s=2\.0: need 0 < hop_s <= window_s"),
        ({"window_s": float("inf")}, "need 0 < hop_s <= window_s"),
        ({"window_s": 0.1, "hop_s": 0.1}, r"window_s=0\.1, .* at least 0\.2 s"),
        ({"clip_window_s": 0.1}, r"clip_window_s=0\.1: at least 0\.2 s"),
        ({"clip_window_s": float("nan")}, "clip_window_s=nan: at least"),
        ({"event_threshold": 1.5}, r"event_threshold=1\.5: need 0 <= event_hold <= event_threshold <= 1"),
        ({"event_threshold": 0.2}, r"event_hold=0\.33, event_threshold=0\.2"),
        ({"event_hold": -0.1}, r"event_hold=-0\.1"),
        ({"event_threshold": float("nan")}, "event_threshold=nan"),
        ({"merge_gap_s": -1.0}, r"merge_gap_s=-1\.0: must not be negative"),
        ({"min_duration_s": float("nan")}, "min_duration_s=nan: must not be negative, infinite or nan"),
        ({"noise_factor": float("inf")}, "noise_factor=inf: must not be"),
        ({"n_tags": -1}, "n_tags=-1: must not be negative"),
    ],
)
def test_a_value_out_of_range_is_refused(values: dict[str, Any], reason: str) -> None:
    with pytest.raises(SettingsError, match=reason):
        Settings(**values)


@pytest.mark.parametrize("content", [b"hop_s: 0.5", b"hop_s = ", b"\xff\xfe\x00", b"{}"])
def test_a_file_that_is_not_toml_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "s.toml"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=r"s\.toml: not readable as TOML"):
        read_settings(path)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.toml: not readable as TOML .*No such file"):
        read_settings(tmp_path / "none.toml")
