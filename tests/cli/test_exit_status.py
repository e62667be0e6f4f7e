"""How commands end: with a line and a status, whatever is raised."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
import typer

from earwitness.cli.exit_status import end, errors_reported, stopped_by_sigterm
from earwitness.errors import AudioError
from earwitness.results import Failures


@pytest.mark.parametrize(
    ("error", "line", "status"),
    [
        (AudioError("a.wav: no sound in it"), "earwitness: a.wav: no sound in it", 2),
        (ModuleNotFoundError(name="matplotlib.figure"), "pip install 'earwitness[plot]'", 2),
        (OSError(28, "No space left on device", "out.csv"), "out.csv: No space left on device; what was finished", 2),
        (KeyboardInterrupt(), "earwitness: stopped; the results so far are stored", 130),
    ],
)
def test_what_is_raised_becomes_a_line_and_a_status(
    error: BaseException, line: str, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as ended, errors_reported():
        raise error
    assert ended.value.exit_code == status
    assert line in capsys.readouterr().err


@pytest.mark.parametrize("error", [ModuleNotFoundError(name="earwitness.nothing"), BrokenPipeError(), KeyError("x")])
def test_what_is_our_fault_or_the_shells_is_not_caught(error: Exception) -> None:
    with pytest.raises(type(error)), errors_reported():
        raise error


def test_sigterm_stops_as_ctrl_c_does_and_is_as_before_afterwards() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), stopped_by_sigterm():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(
    ("failures", "text", "status"),
    [
        (Failures(5, 2), "2 of 5 files could not be read; the reasons are in out/errors.csv", 1),
        (Failures(5, 1, 1), "1 of 5 files could not be read, 1 of 5 files read in part", 1),
        (Failures(1, 0, 1), "1 of 1 file read in part", 1),
        (Failures(3, 3), "3 of 3 files could not be read", 2),
    ],
)
def test_a_run_ends_with_what_was_left_out(
    failures: Failures, text: str, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as ended:
        end(failures, Path("out/errors.csv"))
    assert ended.value.exit_code == status
    assert text in capsys.readouterr().err


def test_a_run_without_failures_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    end(Failures(3))
    assert capsys.readouterr().err == ""
