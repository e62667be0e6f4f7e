"""Remakes constraints.txt: one version of each package that `.[dev]` brings, for each Python from 3.10 on.

In: pyproject.toml. Out: constraints.txt. `uv pip compile --universal` resolves for all Pythons and systems at once and
writes a marker where they differ. torch stays at the version below, because its wheels are large and mirrors hold few
of them; NVIDIA's packages, which torch asks for on Linux, are left out: torch pins them itself.

    python scripts/lock.py      # `make lock` installs uv and calls it; half a minute
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
TORCH = "torch==2.13.0"
LEFT_OUT = ("nvidia-", "cuda-", "triton")
HEADER = """\
# The versions that are tested: pip install -c constraints.txt -e '.[dev]'
# `make lock` remakes this file from pyproject.toml.
"""


def resolve(python: str) -> list[str]:
    """Return the lines `name==version ; marker`, sorted by name.

    Raises:
        subprocess.CalledProcessError: uv is not there, or finds no set of versions; it says why.
    """
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    options = [option for extra in ("dev", "docs") if extra in extras for option in ("--extra", extra)]
    command = ["uv", "pip", "compile", "--quiet", "--universal", "--python-version", python, "--constraints", "-"]
    command += ["--no-annotate", "--no-header", *options, "pyproject.toml"]
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, input=TORCH, stdout=-1, text=True, check=True)
    return [line for line in done.stdout.splitlines() if not line.startswith(LEFT_OUT)]


def main() -> None:
    """Write constraints.txt."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default="3.10", help="the oldest Python")
    lines = resolve(parser.parse_args().python)
    (ROOT / "constraints.txt").write_text(HEADER + "\n".join(lines) + "\n", encoding="utf-8")
    print(f"constraints.txt: {len(lines)} lines")


if __name__ == "__main__":
    main()
