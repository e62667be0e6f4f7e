"""A folder that a run writes to is refused to a second one, until the first ends, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from earwitness.errors import OutputError
from earwitness.files import locked_folder

HOLD = """
import sys, time
from pathlib import Path
from earwitness.files import locked_folder
with locked_folder(Path(sys.argv[1])):
    print("locked", flush=True)
    time.sleep(60)
"""


def test_a_second_run_is_told_which_one_has_the_folder(tmp_path: Path) -> None:
    told = rf"process {os.getpid()}, started 20.*; wait for it, or give another --out"
    with locked_folder(tmp_path), pytest.raises(OutputError, match=told), locked_folder(tmp_path):
        pass
    with locked_folder(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_the_lock_of_a_killed_run_is_no_hindrance(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        with pytest.raises(OutputError, match=f"process {process.pid}"), locked_folder(tmp_path):
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
        with locked_folder(tmp_path):
            pass
