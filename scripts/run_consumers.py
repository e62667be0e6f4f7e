"""Whether the programs that people read our files with can read them: each in an environment of its own.

In: nothing. Recordings are made in code, `earwitness listen` writes every format of them, and each script in
tests/consumers compares what its reader finds with events.csv. Out: a line a reader; the exit status is 1 where
one fails.

    python scripts/run_consumers.py                      # `make consumers`
    python scripts/run_consumers.py --only crowsetta --keep /tmp/results

The first line of each requirements file names the Python that its reader needs, because some need an old numpy. The
environments are made two at a time and stay in the cache until their requirements change.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import numpy as np
import soundfile

from demo_recording import make_recording
from run_matrix import find_interpreters

ROOT = Path(__file__).resolve().parents[1]
CONSUMERS = ROOT / "tests" / "consumers"
# Each group is one run. Several readers take every *.tsv or *.json of a folder, so no group has two of a kind.
GROUPS = (
    ("dcase", "audacity", "raven", "vtt", "srt", "jams", "labelstudio", "kaleidoscope", "textgrid"),
    ("scores", "aoef"),
)
WORDS = "siren,telephone ringing,glass breaking,alarm"
N_AT_ONCE = 2
RATE_HZ = 16000  # of the demo


def write_results(folder: Path) -> Path:
    """Write three recordings' results; return their folder, with a folder of each format's name in it.

    Raises:
        RuntimeError: the command fails; what it printed is in the message.
    """
    sounds, results = folder / "sounds", folder / "results"
    sounds.mkdir()
    demo = make_recording()[0]
    soundfile.write(sounds / "street.wav", demo, RATE_HZ)
    soundfile.write(sounds / "a yard, at night.wav", np.roll(demo, 3 * RATE_HZ), RATE_HZ)
    soundfile.write(sounds / "nothing.wav", np.zeros(5 * RATE_HZ), RATE_HZ)
    for number, names in enumerate(GROUPS):
        together = folder / f"group_{number}"
        command = ["listen", str(sounds), "-e", WORDS, "-o", str(together), *(f"--format={name}" for name in names)]
        arguments = [sys.executable, "-m", "earwitness", *command, "--progress", "none"]
        done = subprocess.run(arguments, capture_output=True, text=True, check=False, cwd=folder)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} ended with status {done.returncode}: {done.stderr}")
        for name in names:
            shutil.copytree(together, results / name)
    return results


def make_environment(requirements: Path, interpreters: dict[str, Path], cache: Path) -> Path:
    """Return the Python of a reader's environment, made where its requirements have changed.

    Raises:
        RuntimeError: the Python that it needs is not here.
        subprocess.CalledProcessError: pip cannot install.
    """
    content = requirements.read_text(encoding="utf-8")
    version = content.splitlines()[0].removeprefix("# Python ")
    if version not in interpreters:
        raise RuntimeError(f"needs Python {version}: pyenv install {version}")
    folder = cache / requirements.stem
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    stamp, state = folder / "installed", hashlib.sha256(content.encode()).hexdigest()
    if not stamp.is_file() or stamp.read_text() != state:
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([str(interpreters[version]), "-m", "venv", "--without-pip", str(folder)], check=True)
        install = ["install", "-qq", "--no-compile", "--disable-pip-version-check", "-r", str(requirements)]
        subprocess.run([sys.executable, "-m", "pip", "--python", str(python), *install], check=True)
        stamp.write_text(state)
    return python


def run_reader(python: Path, script: Path, results: Path) -> tuple[bool, str]:
    """Run a reader's script; return whether it is content, and the last line it printed."""
    done = subprocess.run(
        [str(python), "-W", "ignore", str(script), str(results)], capture_output=True, text=True, check=False
    )
    lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    return done.returncode == 0, lines[-1] if lines else f"no output, status {done.returncode}"


def check_reader(name: str, interpreters: dict[str, Path], cache: Path, results: Path) -> tuple[bool, str]:
    """Let a reader read the results in its environment; return whether it is content, and a line that says more."""
    begun = time.monotonic()
    try:
        python = make_environment(CONSUMERS / "requirements" / f"{name}.txt", interpreters, cache)
    except (RuntimeError, subprocess.CalledProcessError) as error:
        return False, f"no environment: {error}"
    installed = time.monotonic()
    is_content, line = run_reader(python, CONSUMERS / f"{name}_reader.py", results)
    return is_content, f"{line} (environment {installed - begun:.0f} s, reading {time.monotonic() - installed:.0f} s)"


def main() -> int:
    """Write the results, let each reader read them, and return 1 where one cannot."""
    names = sorted(path.stem for path in (CONSUMERS / "requirements").glob("*.txt"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=names, help="only this reader; may be repeated")
    parser.add_argument("--cache", type=Path, default=ROOT / ".consumers", help="folder of the environments")
    parser.add_argument("--keep", type=Path, help="new folder for the results, to look at; else they are removed")
    options = parser.parse_args()
    if options.keep and options.keep.exists():
        parser.error(f"--keep {options.keep}: is there already; name a new folder")
    interpreters, cache, failed = find_interpreters(), options.cache.absolute(), []
    with tempfile.TemporaryDirectory(prefix="earwitness-consumers-") as scratch:
        folder = (options.keep or Path(scratch)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        results = write_results(folder)
        with ThreadPoolExecutor(N_AT_ONCE) as pool:
            readers = {
                pool.submit(check_reader, name, interpreters, cache, results): name for name in options.only or names
            }
            for done in as_completed(readers):
                is_content, line = done.result()
                print(f"{'ok    ' if is_content else 'FAILED'} {readers[done]}: {line}", flush=True)
                failed += [] if is_content else [readers[done]]
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
