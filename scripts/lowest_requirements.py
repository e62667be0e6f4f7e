"""The lowest versions that pyproject.toml allows, as constraints: what CI's "lowest" jobs install.

In: pyproject.toml. Out, on standard output: `name==version` for each lower bound of the dependencies and of all extras,
with the bound's marker. Where a package has several bounds under one marker, the highest counts. What those packages
need themselves is not in it: pip takes the newest of that.

    python scripts/lowest_requirements.py > lowest.txt
    pip install -c lowest.txt '.[test]'
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]


def list_requirements(pyproject: Path) -> list[Requirement]:
    """Return the dependencies and those of all extras."""
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    return [Requirement(line) for line in lines]


def find_lowest(requirements: list[Requirement]) -> list[str]:
    """Return a line `name==version` with its marker for each package that has a lower bound."""
    lowest: dict[tuple[str, str], Version] = {}
    for each in requirements:
        bounds = [Version(part.version) for part in each.specifier if part.operator in (">=", "==", "~=")]
        if bounds:
            key = (each.name.lower(), str(each.marker or ""))
            lowest[key] = max(*bounds, lowest.get(key, bounds[0]))
    return [f"{name}=={lowest[name, marker]}{f' ; {marker}' if marker else ''}" for name, marker in sorted(lowest)]


def main() -> None:
    """Print the constraints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pyproject", type=Path, default=ROOT / "pyproject.toml")
    print("\n".join(find_lowest(list_requirements(parser.parse_args().pyproject))))


if __name__ == "__main__":
    main()
