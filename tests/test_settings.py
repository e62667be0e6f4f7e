"""Settings are checked where they enter, and survive being written down."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from earwitness.errors import SettingsError
from earwitness.settings import EncoderSettings, QuerySettings, Settings, WindowSettings, read_settings, setting_names


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


def test_words_have_thresholds_of_their_own_and_all_else_the_common_one(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text('event_hold = 0.25\n[thresholds]\nsiren = 0.8\n"Dog bark" = 1\n')
    settings = read_settings(path)
    assert settings == Settings(event_hold=0.25, thresholds=(("siren", 0.8), ("Dog bark", 1.0)))
    assert hash(settings) == hash(read_settings(path))
    assert [settings.threshold_of(word) for word in ("Siren", "dog_bark", "rain")] == [0.8, 1.0, 0.5]
    assert [settings.hold_of(word) for word in ("Siren", "dog_bark", "rain")] == pytest.approx([0.4, 0.5, 0.25])


def test_a_hold_is_never_above_its_threshold() -> None:
    for common, hold, own in ((0.5, 0.5, 0.1), (0.0, 0.0, 0.3), (1.0, 1.0, 0.0)):
        settings = Settings(event_threshold=common, event_hold=hold, thresholds=(("siren", own),))
        assert settings.hold_of("siren") <= settings.threshold_of("siren") == own
        assert settings.hold_of("rain") == hold


def test_settings_with_thresholds_survive_json_and_toml(tmp_path: Path) -> None:
    words = (('a "b" = \\ [c]', 0.25), ("d\x7f\te", 1e-05), ("größe", 0.123456789))
    settings = Settings(encoder="some\\where.pth", hop_s=0.5, blind_calibration=True, thresholds=words)
    assert json.loads(json.dumps(settings.to_dict()))["thresholds"] == dict(words)
    assert Settings.from_mapping(json.loads(json.dumps(settings.to_dict()))) == settings
    path = tmp_path / "s.toml"
    path.write_text(settings.to_toml(), encoding="utf-8")
    assert read_settings(path) == settings
    assert "n_tags" not in settings.to_toml()
    assert "event_hold = 0.33" in settings.to_toml()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("thresholds = 0.5", "thresholds=0.5: give words with a score each"),
        ("thresholds = ['siren']", "thresholds='siren': give words"),
        ("thresholds.siren = 1.5", "thresholds: 'siren' has 1.5; give a score from 0 to 1"),
        ("thresholds.siren = nan", "thresholds: 'siren' has nan; give a score"),
        ("thresholds.siren = true", "thresholds: 'siren' has True; give a score"),
        ("thresholds.siren = '0.5'", "thresholds: 'siren' has '0.5'; give a score"),
        ("thresholds.' ' = 0.5", "thresholds: an empty word ' ' with 0.5; remove it"),
        ("thresholds.Siren = 0.5\nthresholds.siren = 0.6", "thresholds: 'siren' is there already as 'Siren'"),
    ],
)
def test_a_threshold_that_cannot_be_is_refused(tmp_path: Path, line: str, reason: str) -> None:
    path = tmp_path / "s.toml"
    path.write_text(line)
    with pytest.raises(SettingsError, match=rf"s\.toml: {reason}"):
        read_settings(path)


def test_an_unknown_key_is_refused_and_the_known_ones_are_named(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text("treshold = 0.4\n")
    with pytest.raises(SettingsError, match=r"s\.toml: unknown key 'treshold'; known are: encoder, .*event_threshold"):
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
        ({"hop_s": 10.5}, r"hop_s=10\.5, window_s=10\.0: need 0 < hop_s <= window_s"),
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


def test_the_three_kinds_hold_each_setting_once() -> None:
    kinds = (EncoderSettings, WindowSettings, QuerySettings)
    names = [name for kind in kinds for name in setting_names(kind)]
    assert sorted(names) == sorted(setting_names(Settings))
    assert isinstance(Settings(), EncoderSettings)
    with pytest.raises(SettingsError, match="n_threads=-1: must not be negative"):
        EncoderSettings(n_threads=-1)
    with pytest.raises(SettingsError, match="need 0 < hop_s <= window_s"):
        WindowSettings(hop_s=11.0)
    assert QuerySettings(thresholds={"a": 1}).threshold_of("A") == 1.0  # type: ignore[arg-type]
