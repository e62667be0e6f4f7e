"""Results as tests read them: tables, run.json, and what a page comes to show."""

from __future__ import annotations

import csv
import json
import time
from pathlib import Path
from typing import Any


def read_rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def read_run(folder: Path) -> dict[str, Any]:
    """Return the content of a result folder's `run.json`."""
    content: dict[str, Any] = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    return content


def wait_until(page: Any, expression: str, timeout_s: float = 3.0) -> None:
    """Wait until a script's expression holds in a page; `page.wait_for_function` is refused by pages' policies."""
    begun = time.monotonic()
    while not page.evaluate(expression):
        assert time.monotonic() - begun < timeout_s, expression
        page.wait_for_timeout(20)
