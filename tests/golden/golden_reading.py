"""What programs put out, as plain values for JSON: tables, pages, arrays and pictures, short where they are large."""

from __future__ import annotations

import base64
import contextlib
import csv
import io
import json
import math
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# Keys whose values differ between runs:
ONES_OWN = {"version", "computed_on", "date", "created", "expires", "id", "elapsed_ms"}
N_ROWS, N_COLUMNS = 6, 12  # of arrays, that are kept
PACKED = re.compile(r"[A-Za-z0-9+/]+={0,2}")
HOLD_PACKED = {"weights", "scores", "curves"}  # keys below which texts are bytes in base64
PICTURE = "data:image/png;base64,"


def read_table(path: Path, columns: Sequence[str] = ()) -> dict[str, Any]:
    """Return a table of text as columns and rows; `columns` names those of a table without a header."""
    delimiter = "\t" if path.suffix in (".tsv", ".txt") else ","
    return parse_table(path.read_text(encoding="utf-8"), columns, delimiter)


def parse_table(text: str, columns: Sequence[str] = (), delimiter: str = ",") -> dict[str, Any]:
    """Return a table as columns and rows, with numbers as numbers; see `read_table`."""
    lines = list(csv.reader(io.StringIO(text), delimiter=delimiter))
    header, rows = (list(columns), lines) if columns else (lines[0] if lines else [], lines[1:])
    return {"columns": header, "rows": [[to_number(cell) for cell in row] for row in rows]}


def to_number(text: str) -> Any:
    """Return a cell as a number if it is one."""
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) and "_" not in text else text


def read_json(path: Path) -> Any:
    """Return a JSON file's content."""
    return json.loads(path.read_text(encoding="utf-8"))


def read_json_lines(text: str) -> list[Any]:
    """Return what stands in lines of JSON."""
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def read_toml(path: Path) -> dict[str, Any]:
    """Return a TOML file's values."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


def read_parquet(path: Path) -> dict[str, Any]:
    """Return a Parquet file's columns with their types, and its rows."""
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(path)
    types = {name: str(table.schema.field(name).type) for name in table.column_names}
    rows = [list(row.values()) for row in table.to_pylist()]
    return {"types": types, "columns": table.column_names, "rows": rows}


def read_folder(folder: Path) -> dict[str, Any]:
    """Return all tables and JSON of a folder of results, by name; of errors.csv only which files it names.

    The wording of reasons is no part of the golden outputs, nor are pages, which `read_page` reads.
    """
    found: dict[str, Any] = {}
    for path in sorted(folder.iterdir()):
        if path.name == "errors.csv":
            errors = read_table(path)
            found[path.name] = sorted(row[0] for row in errors["rows"]) if errors["columns"][:1] == ["file"] else None
        elif path.suffix in (".csv", ".tsv") and path.name != "submission.tsv":
            found[path.name] = read_table(path)
        elif path.name in ("submission.tsv", "events_dcase.txt"):
            found[path.name] = read_table(path, ("file", "onset_s", "offset_s", "label"))
        elif path.suffix == ".json":
            found[path.name] = read_json(path)
        elif path.suffix == ".jsonl":
            found[path.name] = read_json_lines(path.read_text(encoding="utf-8"))
        elif path.suffix == ".parquet":
            found[path.name] = read_parquet(path)
    return found


def read_page(text: str) -> dict[str, Any]:
    """Return the data in a page, named by what is in it, the numbers of its tables, its pictures and its sound."""
    found: dict[str, Any] = {"numbers": [float(each) for each in re.findall(r'data-value="([-\d.e]+)"', text)]}
    for content in re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', text, re.DOTALL):
        data = json.loads(content)
        keys = set(data) if isinstance(data, dict) else set()
        names = {"spectrogram": "view", "recognition": "answer", "maps": "attention", "url": "audio"}
        found[next((name for key, name in names.items() if key in keys), "grids")] = data
    for content in re.findall(r'<script type="text/plain"[^>]*>(.*?)</script>', text, re.DOTALL):
        if content.startswith(PICTURE):
            found.setdefault("tiles", []).append(content)
        else:
            found["sound"] = read_sound(base64.b64decode(content))
    return found


def read_sound(content: bytes) -> dict[str, Any]:
    """Return how long and how loud a sound file is."""
    samples, rate_hz = soundfile.read(io.BytesIO(content))
    return {"rate_hz": rate_hz, "shape": list(samples.shape), "rms": float(np.sqrt(np.mean(samples**2)))}


def summarise(values: Any, n_rows: int = N_ROWS, n_columns: int = N_COLUMNS) -> Any:
    """Return an array's shape, mean, and evenly spread values."""
    array = np.ma.filled(np.ma.asarray(values, dtype=float), np.nan)
    if array.ndim == 0:
        return float(array)
    kept = array
    for axis, most in enumerate([n_rows] * (array.ndim - 1) + [n_columns]):
        kept = kept.take(range(0, array.shape[axis], max(1, -(-array.shape[axis] // most))), axis=axis)
    mean = float(np.nanmean(array)) if np.isfinite(array).any() else None
    return {"shape": list(array.shape), "mean": mean, "values": kept.tolist()}


def unpack_text(text: str, is_packed: bool) -> Any:
    """Return a picture or bytes that stand in a text as numbers from 0 to 255, in short; any other text as it is."""
    if text.startswith(PICTURE):
        from PIL import Image

        with Image.open(io.BytesIO(base64.b64decode(text[len(PICTURE) :]))) as picture:
            return {"bytes": summarise(np.asarray(picture.convert("L")))}
    if is_packed and len(text) % 4 == 0 and PACKED.fullmatch(text):
        numbers = np.frombuffer(base64.b64decode(text), np.uint8)
        return {"bytes": summarise(numbers, n_columns=40)}
    return text


def normalise(value: Any, folder: Path, is_packed: bool = False) -> Any:
    """Return plain values without what differs between runs: versions, dates, ids, paths; floats with 6 decimals."""
    if isinstance(value, dict):
        kept = {str(key): each for key, each in value.items() if key not in ONES_OWN}
        if "notes" in kept and isinstance(kept["notes"], list):
            kept["notes"] = len(kept["notes"])  # how they are worded is no part of it
        return {key: normalise(each, folder, is_packed or key in HOLD_PACKED) for key, each in kept.items()}
    if isinstance(value, (list, tuple)):
        return [normalise(each, folder, is_packed) for each in value]
    if isinstance(value, (float, np.floating)):
        return round(float(value), 6) if math.isfinite(value) else str(float(value))
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, (bytes, bytearray)):
        return normalise({"bytes": summarise(np.frombuffer(bytes(value), np.uint8), n_columns=40)}, folder)
    if value is None or isinstance(value, (bool, int)):
        return value
    text = str(value)
    unpacked = unpack_text(text, is_packed)
    if unpacked is not text:
        return normalise(unpacked, folder)
    text = re.sub(r"earwitness \d+\.\d+[\w.]*", "earwitness <version>", text)
    return text.replace(f"{folder}/", "").replace(str(folder), ".")


@contextlib.contextmanager
def figures_kept() -> Iterator[list[Any]]:
    """Give a list of the figures that are saved within the block."""
    from matplotlib.figure import Figure

    kept: list[Any] = []
    save = Figure.savefig

    def keep(figure: Any, *arguments: Any, **options: Any) -> None:
        save(figure, *arguments, **options)
        kept.append(read_figure(figure))

    Figure.savefig = keep  # type: ignore[method-assign]
    try:
        yield kept
    finally:
        Figure.savefig = save  # type: ignore[method-assign]


def read_figure(figure: Any) -> dict[str, Any]:
    """Return the data behind a figure: each of its axes' lines, images, bars, points and texts."""
    return {"axes": [read_axes(axes) for axes in figure.axes], "texts": _texts(figure)}


def read_axes(axes: Any) -> dict[str, Any]:
    """Return the data of one of a figure's axes; what it does not have is left out."""
    found: dict[str, Any] = {
        "title": axes.get_title(loc="left") or axes.get_title(),
        "labels": [axes.get_xlabel(), axes.get_ylabel()],
        "limits": [float(each) for each in (*axes.get_xlim(), *axes.get_ylim())],
        "lines": [{"x": summarise(each.get_xdata()), "y": summarise(each.get_ydata())} for each in axes.lines],
        "images": [summarise(each.get_array()) for each in axes.images],
        "bars": [[float(n) for n in each.get_bbox().bounds] for each in axes.patches if hasattr(each, "get_bbox")],
        "points": [summarise(each.get_offsets(), 20) for each in axes.collections if len(each.get_offsets())],
        "meshes": [summarise(each.get_array()) for each in axes.collections if each.get_array() is not None],
        "texts": _texts(axes),
        "ticks": [each.get_text() for each in axes.get_yticklabels()] if axes.get_yticklabels() else [],
        "legend": [each.get_text() for each in axes.get_legend().get_texts()] if axes.get_legend() else [],
    }
    return {name: value for name, value in found.items() if value not in ([], "", ["", ""])}


def _texts(owner: Any) -> list[str]:
    return [each.get_text() for each in owner.texts if each.get_text()]
