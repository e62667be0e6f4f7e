"""The shared options: how they become words, settings and recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from earwitness.cli import options
from earwitness.cli.options import change_settings, encoder_options, read_words, suggest, takes, takes_recordings
from earwitness.cli.recordings import GivenRecordings
from earwitness.errors import WordError
from earwitness.results import FORMATS
from earwitness.settings import Settings
from made_sounds import WriteWav, make_tone


def test_words_come_from_options_comma_lists_and_files_in_order(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_bytes("\ufeffsiren\n\n# a note\n  glass breaking  \r\ndog, wet\n".encode())
    given = ["rain, dog bark", f"@{path}", "dog bark", "speech"]
    assert read_words(given) == ["rain", "dog bark", "siren", "glass breaking", "dog, wet", "speech"]


@pytest.mark.parametrize("given", [[""], ["dog,,rain"], ["dog", " "], ["dog,"]])
def test_an_empty_word_is_refused(given: list[str]) -> None:
    with pytest.raises(WordError, match="an empty word in"):
        read_words(given)


def test_a_list_of_words_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    with pytest.raises(WordError, match=r"none\.txt: not readable as a list of words"):
        read_words([f"@{tmp_path / 'none.txt'}"])
    (tmp_path / "bytes.txt").write_bytes(b"caf\xe9")
    with pytest.raises(WordError, match=r"bytes\.txt: .* \(it is not UTF-8 text\)"):
        read_words([f"@{tmp_path / 'bytes.txt'}"])


def test_case_and_repetition_do_not_make_a_second_word(capsys: pytest.CaptureFixture[str]) -> None:
    assert read_words(["Dog bark,rain", "dog_bark", "rain"]) == ["Dog bark", "rain"]
    assert capsys.readouterr().err == "earwitness: 2 of 4 words are given twice; each counts once\n"


def test_a_command_takes_settings_and_recordings_that_decorators_build(write_wav: WriteWav, tmp_path: Path) -> None:
    taken: list[tuple[GivenRecordings, Settings, int]] = []

    @takes_recordings
    @encoder_options
    @takes("hop_s", "event_threshold")
    def work(recordings: GivenRecordings, settings: Settings, number: Annotated[int, typer.Option()] = 3) -> None:
        """Work."""
        taken.append((recordings, settings, number))

    app = typer.Typer()
    app.command()(work)
    path, toml = write_wav("a.wav", make_tone(0.1)), tmp_path / "mine.toml"
    toml.write_text("hop_s = 0.25\nevent_hold = 0.4\n")
    given = [str(path), "--settings", str(toml), "--threshold", "0.3", "--runtime", "onnx", "--number", "4", "--quiet"]
    assert CliRunner().invoke(app, given).exit_code == 0
    [(recordings, settings, number)] = taken
    assert (recordings.paths, recordings.progress, recordings.is_quiet, number) == ([path], "none", True, 4)
    assert settings == Settings(hop_s=0.25, event_threshold=0.3, event_hold=0.3, runtime="onnx")


def test_every_shared_option_is_a_setting() -> None:
    assert set(options.SETTINGS) - {"is_fast"} <= set(Settings().to_dict())  # which sets the hop


def test_a_short_window_takes_the_hop_along() -> None:
    assert change_settings(Settings(), window_s=0.5).hop_s == 0.5
    assert change_settings(Settings(), window_s=8.0).hop_s == 5.0
    assert change_settings(Settings(), window_s=0.5, hop_s=0.25).hop_s == 0.25


def test_near_names_are_suggested() -> None:
    assert suggest("jsonlines", ["csv", "jsonl"]) == ", did you mean jsonl?"
    assert suggest("xyz", ["csv", "jsonl"]) == ""


def test_the_help_names_every_format() -> None:
    assert {"csv", *options.FORMAT_NAMES.split(", ")} == set(FORMATS)
    assert options.complete_format("dc") == ["dcase", "dcase_txt"]


def test_fast_means_windows_further_apart() -> None:
    assert options.change_settings(Settings(), is_fast=True).hop_s == 8.5
    assert options.change_settings(Settings(), is_fast=True, hop_s=2.0).hop_s == 2.0
    assert options.change_settings(Settings(window_s=4.0, hop_s=1.0), is_fast=True).hop_s == 4.0
