"""The files of one stored recording: a folder that its worker writes and the server reads, also while it grows.

In: intermediate results of `analyse`. Out: an `Analysis` of the part that is done so far, and its `Spectrogram`.
The files are JSON, FLAC and arrays without pickles, so that reading them runs no code.
"""

from __future__ import annotations

import json
import shutil
import threading
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from earwitness.audio import Spectrogram
from earwitness.encoders import LoadedEncoder, TagStats
from earwitness.files import written_whole
from earwitness.recognition import Analysis, Logits, StoredRows, choose_method, summarise_tags
from earwitness.settings import Settings

UPLOAD, AUDIO, VIEW = "upload", "audio.flac", "view.json"
LOGITS, WINDOW_LOGITS = "logits.f32", "window_logits.f32"
PICTURE_BYTES_PER_S = 25_000  # 18 MB were measured for an hour; short recordings take more per second
FACTS, ARRAYS, ROWS = "facts.json", "first_pass.npz", "rows.npz"  # FACTS is written last: then the others are there
_READING = threading.Lock()  # numpy parses headers with ast, which CPython 3.11 breaks in threads (gh-106905)
USUAL = "usual_"  # in the names of arrays, before the fields of `TagStats`


@dataclass(frozen=True)
class FirstPass:
    """What is known once a recording is decoded, before it is encoded."""

    name: str
    spectrogram: Spectrogram
    notes: list[str]


def write_first_pass(folder: Path, first: FirstPass, settings: Settings, encoder: LoadedEncoder) -> None:
    """Write the results of the first pass; from then on `read_analysis` returns an analysis."""
    picture = first.spectrogram
    facts = {
        "name": first.name,
        "duration_s": picture.duration_s,
        "settings": settings.to_dict(),
        "encoder": encoder.spec.name,
        "weights_sha256": encoder.sha256,
        "notes": first.notes,
        "token_s": encoder.spec.token_s,
        "n_tags": encoder.spec.n_tags,
        "spectrogram": {"step_s": picture.step_s, "duration_s": picture.duration_s},
    }
    arrays = {
        "levels": picture.levels,
        "centres_hz": picture.centres_hz,
        **_name_stats(encoder.tag_stats),
    }
    _save(folder / ARRAYS, **arrays)
    with written_whole(folder / FACTS) as scratch:
        scratch.write_text(json.dumps(facts), encoding="utf-8")


def write_rows(folder: Path, analysis: Analysis) -> None:
    """Write when the rows and windows are, once all are there; their logits are in their files already."""
    rows, windows = analysis.rows, analysis.windows
    _save(
        folder / ROWS,
        start_s=rows.start_s,
        span_s=np.array(rows.span_s),
        window_start_s=windows.start_s,
        window_span_s=np.array(windows.span_s),
    )


def read_analysis(folder: Path) -> Analysis | None:
    """Return the analysis so far, or None before the first window is encoded.

    Raises:
        OSError: the recording has been deleted.
    """
    facts = read_facts(folder)
    if facts is None:
        return None
    with _READING, np.load(folder / ARRAYS, allow_pickle=False) as arrays:
        usual = {key.removeprefix(USUAL): arrays[key] for key in arrays if key.startswith(USUAL)}
    settings = Settings.from_mapping(facts["settings"])
    rows = _read_rows(folder / LOGITS, folder / ROWS, "", facts["token_s"], facts["token_s"], facts["n_tags"])
    has_windows = choose_method(settings).clip_kind == "windows"
    windows = (
        _read_rows(
            *(folder / WINDOW_LOGITS, folder / ROWS, "window_"),
            *(settings.hop_s, settings.clip_window_s, facts["n_tags"]),
        )
        if has_windows
        else rows
    )
    if not len(windows):
        return None
    return Analysis(
        source=facts["name"],
        duration_s=facts["duration_s"],
        rows=rows,
        clip=summarise_tags(windows.batches()),
        tag_stats=TagStats(**usual) if usual else None,
        settings=settings,
        encoder=facts["encoder"],
        weights_sha256=facts["weights_sha256"],
        notes=facts["notes"],
    )


def read_spectrogram(folder: Path) -> Spectrogram:
    """Return the spectrogram; only once `read_analysis` returns an analysis.

    Raises:
        OSError: the recording has been deleted.
    """
    facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    with _READING, np.load(folder / ARRAYS, allow_pickle=False) as arrays:
        return Spectrogram(arrays["levels"], facts["spectrogram"]["step_s"], arrays["centres_hz"], facts["duration_s"])


def read_facts(folder: Path) -> dict[str, Any] | None:
    """Return the facts of the first pass, or None before its end."""
    try:
        facts: dict[str, Any] = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return facts


def measure_analysed(folder: Path, token_s: float, n_tags: int) -> float:
    """Return the time in seconds up to which the rows are written."""
    try:
        return (folder / LOGITS).stat().st_size // (4 * n_tags) * token_s
    except FileNotFoundError:
        return 0.0


def measure_folder(folder: Path) -> int:
    """Return the size of a recording's files in bytes."""
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())


def estimate_bytes(duration_s: float, sample_rate_hz: int, token_s: float, n_tags: int) -> int:
    """Return the bytes that a recording of this length may take: samples, audio, logits, pictures."""
    n_bytes_per_s = (4 + 2) * sample_rate_hz + 4 * n_tags * (1 / token_s + 1) + PICTURE_BYTES_PER_S
    return round(duration_s * n_bytes_per_s) + 1_000_000


def remove_folder(folder: Path) -> None:
    """Remove a recording; files that are open elsewhere live until they are closed."""
    shutil.rmtree(folder, ignore_errors=True)


def _read_rows(path: Path, times: Path, prefix: str, step_s: float, span_s: float, n_tags: int) -> StoredRows:
    """Return the rows of a file of logits so far; without a file of `times` there is one every `step_s` seconds."""
    if times.exists():
        with _READING, np.load(times, allow_pickle=False) as rows:
            start_s, span_s = rows[f"{prefix}start_s"], float(rows[f"{prefix}span_s"])
    else:
        n_rows = path.stat().st_size // (4 * n_tags) if path.exists() else 0
        start_s = step_s * np.arange(n_rows, dtype=np.float64)
    if not len(start_s):
        return StoredRows(np.zeros((0, n_tags), np.float32), start_s, span_s)
    logits: Logits = np.memmap(path, np.float32, "r", shape=(len(start_s), n_tags))
    return StoredRows(logits, start_s, span_s)


def _name_stats(stats: TagStats | None) -> dict[str, Any]:
    """Return the statistics that an encoder has as arrays by name."""
    known = {field.name: getattr(stats, field.name) for field in fields(TagStats)} if stats else {}
    return {USUAL + name: array for name, array in known.items() if array is not None}


def _save(path: Path, **arrays: Any) -> None:
    with written_whole(path) as scratch, scratch.open("wb") as file:
        np.savez(file, **arrays)
