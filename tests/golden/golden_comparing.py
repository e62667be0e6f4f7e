"""Compare golden outputs with what is put out now: scores to 1e-4, times to a token, all else exactly."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

EXPECTED_DIR = Path(__file__).parent / "outputs"
SCORE_TOLERANCE = 1e-4
TOKEN_S = 0.16
TIMES = {"onset_s", "offset_s", "peak_s", "start_s", "end_s", "at_s", "seconds", "Begin Time (s)", "End Time (s)"}
TIMES |= {"File Offset (s)", "heard_until_s"}
BYTE_TOLERANCE = 1.01  # of scores and pixels that are kept as bytes: one step
DECIMAL = re.compile(r"-?\d+\.\d+")
MISSING = "(nothing)"


def compare(expected: Any, actual: Any, path: str = "", tolerance: float = SCORE_TOLERANCE) -> list[str]:
    """Return a line "path: old -> new" for each difference; `path` names the values, such as events[0].score."""
    if _is_table(expected) and _is_table(actual):
        rows = [_name_cells(each) for each in (expected, actual)]
        columns = compare(expected["columns"], actual["columns"], f"{path}.columns")
        return columns or compare(rows[0], rows[1], path)
    if isinstance(expected, dict) and isinstance(actual, dict):
        found = []
        for key in [*expected, *(key for key in actual if key not in expected)]:
            one, other = expected.get(key, MISSING), actual.get(key, MISSING)
            found += compare(one, other, f"{path}.{key}" if path else key, _choose_tolerance(key, tolerance))
        return found
    if isinstance(expected, list) and isinstance(actual, list):
        found = [f"{path}: {len(expected)} items -> {len(actual)}"] if len(expected) != len(actual) else []
        for index, (one, other) in enumerate(zip(expected, actual, strict=False)):
            found += compare(one, other, f"{path}[{index}]", tolerance)
        return found
    if _is_number(expected) and _is_number(actual):
        is_close = abs(expected - actual) <= tolerance + 1e-6 * abs(expected)
    elif isinstance(expected, str) and isinstance(actual, str):
        is_close = expected == actual or _is_rounded_differently(expected, actual)
    else:
        is_close = expected == actual and type(expected) is type(actual)
    return [] if is_close else [f"{path}: {_show(expected)} -> {_show(actual)}"]


def read_expected(name: str) -> Any:
    """Return the golden output of a case.

    Raises:
        FileNotFoundError: there is none yet.
    """
    path = EXPECTED_DIR / f"{name}.json"
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no golden output of the case {name}; 'make golden' makes it")
    return json.loads(path.read_text(encoding="utf-8"))


def write_expected(name: str, value: Any) -> None:
    """Keep a case's output as the golden one: a line for each first key, so that changes are seen in a diff."""
    lines = [f"{json.dumps(key)}:{_to_json(each)}" for key, each in value.items()]
    EXPECTED_DIR.mkdir(exist_ok=True)
    (EXPECTED_DIR / f"{name}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def _to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _is_table(value: Any) -> bool:
    return isinstance(value, dict) and "columns" in value and "rows" in value


def _name_cells(table: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows by column; cells beyond the last column have numbers for names."""
    columns, rows = table["columns"], table["rows"]
    names = [*columns, *(str(index) for index in range(len(columns), max(map(len, rows), default=0)))]
    return [dict(zip(names, row, strict=False)) for row in rows]


def _choose_tolerance(key: str, tolerance: float) -> float:
    if key == "bytes":
        return BYTE_TOLERANCE
    return TOKEN_S + SCORE_TOLERANCE if key in TIMES else tolerance


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_rounded_differently(expected: str, actual: str) -> bool:
    """Tell whether two texts differ only in the last digit of decimal numbers, by one."""
    if DECIMAL.sub("", expected) != DECIMAL.sub("", actual):
        return False
    pairs = zip(DECIMAL.findall(expected), DECIMAL.findall(actual), strict=True)
    return all(abs(float(a) - float(b)) <= 1.01 * 10.0 ** -len(a.partition(".")[2]) for a, b in pairs)


def _show(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}..."
