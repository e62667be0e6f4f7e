"""Make the golden outputs in tests/golden/outputs anew, and print what changes: case, path, old -> new.

python scripts/make_golden.py              # all cases, about a minute
python scripts/make_golden.py listen ask   # these
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import tempfile
from pathlib import Path

GOLDEN_DIR = Path(__file__).resolve().parents[1] / "tests" / "golden"


def main() -> None:
    """Run the cases; write those whose output differs from the golden one."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.path.insert(0, str(GOLDEN_DIR))
    for path in sorted(GOLDEN_DIR.glob("cases_*.py")):
        importlib.import_module(path.stem)
    from golden_case import CASES, working_in
    from golden_comparing import EXPECTED_DIR, compare, read_expected, write_expected
    from golden_reading import normalise

    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="case", help=f"all if none is given; {', '.join(CASES)}")
    names = parser.parse_args().names
    if unknown := sorted({*names} - {*CASES}):
        parser.error(f"unknown: {', '.join(unknown)}; the cases are {', '.join(CASES)}")
    n_changed = 0
    with tempfile.TemporaryDirectory(prefix="golden-") as folder, working_in(Path(folder)) as work:
        for name in names or CASES:
            needs = CASES[name].needs
            if needs and not needs.exists():
                print(f"{name}: left as it is; {needs} is not here")
                continue
            output = normalise(CASES[name].run(work), work.folder)
            try:
                changes = compare(read_expected(name), output)
            except FileNotFoundError:
                changes = ["new"]
            if changes:
                n_changed += 1
                write_expected(name, output)
                print("\n".join(f"{name}: {change}" for change in changes), flush=True)
    for path in sorted(EXPECTED_DIR.glob("*.json")):
        if path.stem not in CASES:
            path.unlink()
            print(f"{path.stem}: removed; there is no such case")
    print(f"{n_changed} of {len(names or CASES)} golden outputs changed")


if __name__ == "__main__":
    main()
