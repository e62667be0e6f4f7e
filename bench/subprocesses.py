"""A command's wall time and peak memory, measured from outside.

In: a command line. Out: `Run`. A small launcher process stands between, because Linux counts the memory of the process
that starts a command towards the command's peak; the launcher has next to none.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

LAUNCHER = """
import json, os, sys, time
started = time.perf_counter()
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=[
    (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)])
_, status, usage = os.wait4(pid, 0)
print(json.dumps([time.perf_counter() - started, usage.ru_maxrss, os.waitstatus_to_exitcode(status)]))
"""
KIB_PER_UNIT = 1 / 1024 if sys.platform == "darwin" else 1  # of ru_maxrss: bytes on macOS, KiB on Linux


@dataclass(frozen=True)
class Run:
    """Seconds from start to end of a command, and its peak memory in MiB."""

    seconds: float
    peak_mib: float


def run_measured(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Run:
    """Run a command to its end; its standard output is dropped.

    Args:
        command: the program and its arguments.
        environment: the variables that it gets; if not given, those of this process.

    Raises:
        RuntimeError: the command's exit status is not 0; its standard error is in the message.
    """
    launcher = [sys.executable, "-S", "-c", LAUNCHER, *command]
    done = subprocess.run(launcher, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} cannot be started: {done.stderr}")
    seconds, peak, status = json.loads(done.stdout)
    if status:
        raise RuntimeError(f"{' '.join(command)} ended with status {status}: {done.stderr}")
    return Run(seconds, peak * KIB_PER_UNIT / 1024)
