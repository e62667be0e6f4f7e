"""The command `earwitness doctor`: whether this machine has what earwitness needs, one line and one advice a check.

In: settings. Out: a line for each check on standard output; exit status 1 if something is wrong. No network.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import typer

from earwitness.cli.exit_status import EXTRAS
from earwitness.cli.options import encoder_options
from earwitness.errors import EarwitnessError
from earwitness.settings import Settings
from earwitness.version import __version__

LEAST_FREE_MB, ENOUGH_FREE_MB = 100, 2000
LIBRARIES = ("numpy", "soundfile", "soxr", "typer")
USES = {  # extra -> what it is for
    "media": "m4a, mp4, webm and other files of FFmpeg",
    "mpnet": "words and phrases beyond the shipped table",
    "plot": "'show' and visualize.py",
    "archive": "Parquet, and SQL over stores",
    "server": "'serve'",
    "live": "microphones and MQTT",
    "ray": "'index' on many machines",
    "clap": "'embed --per clap'",
}


@dataclass(frozen=True)
class Finding:
    """What a check found: its name, whether that is fine, a fact, and what to do."""

    name: str
    state: Literal["ok", "note", "wrong"]
    fact: str
    advice: str = "nothing to do"

    def __str__(self) -> str:
        return f"{self.state:5}  {self.name:10}  {self.fact}: {self.advice}"


@encoder_options
def doctor(settings: Settings) -> None:
    """Check versions, encoder, runtime, caches, disk and microphone; exit status 1 if something is wrong.

    Nothing is changed, and nothing is fetched.
    """
    n_wrong = 0
    for check in (check_versions, lambda: check_encoder(settings), check_folders, check_microphone, check_extras):
        for finding in check():
            n_wrong += finding.state == "wrong"
            print(finding, flush=True)
    if n_wrong:
        raise typer.Exit(1)


def check_versions() -> Iterator[Finding]:
    """Report the versions of earwitness, Python and the libraries that sound needs."""
    from importlib.metadata import PackageNotFoundError, version  # slow to import, and only this needs it

    yield Finding("earwitness", "ok", f"{__version__} on Python {platform.python_version()}, {platform.platform()}")
    for name in LIBRARIES:
        try:
            yield Finding(name, "ok", version(name))
        except PackageNotFoundError:
            yield Finding(name, "wrong", "not installed", f"pip install {name}")


def check_encoder(settings: Settings) -> Iterator[Finding]:
    """Load the encoder and compute ten seconds of silence."""
    import numpy as np

    from earwitness.encoders import choose_encoder
    from earwitness.recognition import classify

    here = [name for name in ("torch", "onnxruntime") if importlib.util.find_spec(name)]
    if not here:
        yield Finding("runtime", "wrong", "neither torch nor onnxruntime", "pip install 'earwitness[onnx]'")
        return
    try:
        loaded = choose_encoder(settings)
        rate = loaded.spec.sample_rate_hz
        silence = np.zeros(10 * rate, np.float32)
        classify((silence, rate), ["rain"], settings, loaded)
        began = time.perf_counter()
        classify((silence, rate), ["rain"], settings, loaded)
        ratio = 10 / (time.perf_counter() - began)
    except (EarwitnessError, ModuleNotFoundError) as error:
        yield Finding("encoder", "wrong", str(error), "give another --encoder, or install earwitness again")
        return
    yield Finding("encoder", "ok", f"{loaded.spec.name}, sha256 {loaded.sha256[:16]}...")
    speed = f"{loaded.backend.computed_on}, {ratio:.0f} times as fast as real time"
    advice = "nothing to do" if ratio > 10 else "slow; close other programs, or try --runtime onnx"
    yield Finding("runtime", "ok" if ratio > 10 else "note", speed, advice)


def check_folders() -> Iterator[Finding]:
    """Look at the caches and at the space on their disks, and here."""
    from earwitness.files import cache_dir, datasets_dir

    places = (("cache", cache_dir(), "EARWITNESS_CACHE"), ("data sets", datasets_dir(), "EARWITNESS_DATA"))
    for name, folder, variable in places:
        existing = next(each for each in (folder, *folder.absolute().parents) if each.exists())
        if not existing.is_dir() or not os.access(existing, os.W_OK):
            yield Finding(name, "wrong", f"{folder} cannot be written", f"set {variable} to a folder of yours")
        elif not folder.exists():
            yield Finding(name, "ok", f"{folder}, not there yet", "made when it is needed")
        else:
            yield Finding(name, "ok", f"{folder}, {_measure_mb(folder):.0f} MB", f"{variable} moves it")
        yield check_space(f"{name.split()[0]} disk", existing)
    yield check_space("disk here", Path.cwd())


def check_microphone() -> Iterator[Finding]:
    """List what sound can be recorded from."""
    from earwitness.live import list_devices

    try:
        devices = list_devices()
    except EarwitnessError as error:
        yield Finding("microphone", "note", "not usable", str(error))
        return
    except Exception as error:  # what PortAudio raises differs between systems
        devices, reason = [], f" ({error})"
    else:
        reason = ""
    if devices:
        yield Finding("microphone", "ok", devices[0].replace("\t", ", "), "'earwitness live --list-devices' lists all")
    else:
        yield Finding("microphone", "note", f"none found{reason}", "plug one in, or give live a pipe or URL")


def check_extras() -> Iterator[Finding]:
    """Report which extras are not installed, and what they are for."""
    for extra, use in USES.items():
        missing = [module for module, of in EXTRAS.items() if of == extra and not importlib.util.find_spec(module)]
        if missing:
            yield Finding(extra, "note", f"not installed, for {use}", f"pip install 'earwitness[{extra}]'")


def check_space(name: str, folder: Path, disk_usage: Callable[[Path], tuple[int, int, int]] | None = None) -> Finding:
    """Return whether the disk of a folder has room enough; `disk_usage` gives total, used and free bytes."""
    free_mb = (disk_usage or shutil.disk_usage)(folder)[2] / 1e6
    if free_mb < LEAST_FREE_MB:
        return Finding(name, "wrong", f"{free_mb:.0f} MB free at {folder}", "free some space")
    state: Literal["ok", "note"] = "ok" if free_mb >= ENOUGH_FREE_MB else "note"
    advice = "nothing to do" if state == "ok" else "enough for results, little for weights and data sets"
    return Finding(name, state, f"{free_mb / 1000:.1f} GB free at {folder}", advice)


def _measure_mb(folder: Path) -> float:
    return sum(each.stat().st_size for each in folder.rglob("*") if each.is_file()) / 1e6
