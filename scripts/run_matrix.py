"""The tests on every Python at hand from 3.10 on, each in an environment of its own, without torch.

In: the Pythons on PATH and in pyenv. Out: a line a Python, with what passed and what skipped; the exit status is 1
where one failed. Tests that need torch skip and say so.

    python scripts/run_matrix.py                            # `make matrix`: the quick tests, pinned versions
    python scripts/run_matrix.py --dependencies lowest      # the lowest versions that pyproject.toml allows
    python scripts/run_matrix.py --only 3.12 --whole -- tests/live -x
"""

from __future__ import annotations

import argparse
import glob
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VERSIONS = ("3.10", "3.11", "3.12", "3.13")
QUICK = "not slow and not browser and not ray"
WHOLE = "not browser and not ray"


def find_interpreters() -> dict[str, Path]:
    """Return an interpreter for each version that starts, from PATH or from pyenv's folder."""
    pyenv = os.environ.get("PYENV_ROOT", str(Path.home() / ".pyenv"))
    found = {}
    for version in VERSIONS:
        candidates = [shutil.which(f"python{version}"), *sorted(glob.glob(f"{pyenv}/versions/{version}.*/bin/python"))]
        for each in filter(None, candidates):
            command = [each, "-c", "import sys, venv; print('%d.%d' % sys.version_info[:2])"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.stdout.strip() == version:  # pyenv's shims stand on PATH even where they start nothing
                found[version] = Path(each)
                break
    return found


def make_environment(version: str, interpreter: Path, dependencies: str, cache: Path) -> Path:
    """Return the Python of an environment that holds `.[test]`, made where pyproject.toml or the pins have changed.

    Raises:
        subprocess.CalledProcessError: pip cannot install; it says why.
    """
    folder = cache / f"{version}-{dependencies}"
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    pins = write_pins(dependencies, cache)
    inputs = (ROOT / "pyproject.toml").read_bytes() + (pins.read_bytes() if pins else b"")
    stamp, state = folder / "installed", hashlib.sha256(inputs).hexdigest()
    if not stamp.is_file() or stamp.read_text() != state:
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([str(interpreter), "-m", "venv", str(folder)], check=True)
        constraints = ["-c", str(pins)] if pins else []
        subprocess.run([str(python), "-m", "pip", "install", "-q", *constraints, "-e", f"{ROOT}[test]"], check=True)
        stamp.write_text(state)
    return python


def write_pins(dependencies: str, cache: Path) -> Path | None:
    """Return the constraints file of a choice of dependencies; for the newest there is none."""
    if dependencies == "newest":
        return None
    if dependencies == "locked":
        return ROOT / "constraints.txt"
    pins = cache / "lowest.txt"
    script = ROOT / "scripts" / "lowest_requirements.py"
    pins.write_bytes(subprocess.run([sys.executable, str(script)], check=True, stdout=subprocess.PIPE).stdout)
    return pins


def run_tests(python: Path, selection: str, arguments: Sequence[str]) -> tuple[bool, str]:
    """Run pytest; return whether it passed, and its last line."""
    command = [str(python), "-m", "pytest", "-n", "2", "--dist", "loadfile", "-rsfE", "-m", selection, *arguments]
    lines = []
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line.strip())
    return process.returncode == 0, next((line for line in reversed(lines) if line), "no output")


def main() -> int:
    """Test on each Python, and return 1 where one fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=VERSIONS, help="only this Python; may be repeated")
    parser.add_argument("--dependencies", default="locked", choices=("locked", "lowest", "newest"))
    parser.add_argument("--whole", action="store_true", help="the slow tests, too")
    parser.add_argument("--cache", type=Path, default=ROOT / ".matrix", help="folder of the environments")
    parser.add_argument("pytest", nargs="*", help="arguments for pytest, after --")
    options = parser.parse_args()
    options.cache.mkdir(parents=True, exist_ok=True)
    interpreters, results = find_interpreters(), {}
    for version in options.only or VERSIONS:
        if version not in interpreters:
            print(f"Python {version}: not here; pyenv install {version}, or put python{version} on PATH")
            continue
        begun = time.monotonic()
        print(f"Python {version}, {options.dependencies} dependencies: {interpreters[version]}", flush=True)
        try:
            python = make_environment(version, interpreters[version], options.dependencies, options.cache.absolute())
            is_passed, last = run_tests(python, WHOLE if options.whole else QUICK, options.pytest)
        except subprocess.CalledProcessError as error:
            is_passed, last = False, f"cannot be installed: {' '.join(map(str, error.cmd))}"
        results[version] = is_passed
        verdict = "passed" if is_passed else "FAILED"
        print(f"Python {version}: {verdict} in {time.monotonic() - begun:.0f} s: {last}\n", flush=True)
    print(", ".join(f"{version} {'passed' if each else 'FAILED'}" for version, each in results.items()) or "no Python")
    return 0 if results and all(results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
