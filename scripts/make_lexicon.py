"""Makes sounds.json, languages.json and places.json of the .toml beside them in data/: the same, and read faster.

python scripts/make_lexicon.py
"""

from __future__ import annotations

import json

from earwitness.files.paths import DATA_DIR
from earwitness.settings import read_toml


def main() -> None:
    """Write the tables."""
    for name in ("sounds", "languages", "places"):
        table = read_toml(DATA_DIR / f"{name}.toml")
        text = json.dumps(table, separators=(",", ":"), ensure_ascii=False)
        (DATA_DIR / f"{name}.json").write_text(text + "\n", encoding="utf-8")
        print(f"{name}: {sum(map(len, table.values()))} entries, {len(text) / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
