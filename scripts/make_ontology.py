"""Make data/ontology.json: of each of AudioSet's 632 nodes what earwitness reads, without addresses of examples.

In: AudioSet's ontology.json (https://github.com/audioset/ontology, CC BY 4.0). Out: the same list, shorter.

    python scripts/make_ontology.py ontology.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from earwitness.files.paths import DATA_DIR

KEYS = ("id", "name", "description", "child_ids", "restrictions")


def main(source: Path) -> None:
    """Write the nodes, one a line, without what is empty."""
    nodes = json.loads(source.read_text(encoding="utf-8"))
    short = [{key: node[key] for key in KEYS if node[key]} for node in nodes]
    lines = [json.dumps(node, ensure_ascii=False, separators=(",", ":")) for node in short]
    path = DATA_DIR / "ontology.json"
    path.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")
    print(f"{len(short)} nodes, {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
