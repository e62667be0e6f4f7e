"""The files of one stored recording: a folder that its worker writes and the server reads, also while it grows.

In: intermediate results of `analyse`. Out: an `Analysis` of the part that is done so far, and its `Spectrogram`.
The files are JSON, FLAC and arrays without pickles, so that reading them runs no code.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from earwitness.audio import Spectrogram
from earwitness.encoders import LoadedEncoder, TagStats
from earwitness.files import written_whole
from earwitness.recognition import Analysis, ClipTags, Logits, StoredRows
from earwitness.settings import Settings

UPLOAD, AUDIO, LOGITS, VIEW = "upload", "audio.flac", "logits.f32", "view.json"
PICTURE_BYTES_PER_S = 25_000  # 18 MB were measured for an hour; short recordings take more per second
FACTS, ARRAYS, ROWS = "facts.json", "first_pass.npz", "rows.npz"  # FACTS is written last: then the others are there
USUAL = "usual_"  # in the names of arrays, before the fields of `TagStats`


@dataclass(frozen=True)
class FirstPass:
    """The results of the first pass, before the rows."""

    name: str
    duration_s: float
    clip: ClipTags
    spectrogram: Spectrogram
    notes: list[str]


def write_first_pass(folder: Path, first: FirstPass, settings: Settings, encoder: LoadedEncoder) -> None:
    """Write the results of the first pass; from then on `read_analysis` returns an analysis."""
    picture = first.spectrogram
    facts = {
        "name": first.name,
        "duration_s": first.duration_s,
        "settings": settings.to_dict(),
        "encoder": encoder.spec.name,
        "weights_sha256": encoder.sha256,
        "notes": first.notes,
        "token_s": encoder.spec.token_s,
        "n_tags": encoder.spec.n_tags,
        "spectrogram": {"step_s": picture.step_s, "duration_s": picture.duration_s},
    }
    arrays = {
        "mean_logits": first.clip.mean_logits,
        "peak_logits": first.clip.peak_logits,
        "peak_s": first.clip.peak_s,
        "levels": picture.levels,
        "centres_hz": picture.centres_hz,
        **_name_stats(encoder.tag_stats),
    }
    _save(folder / ARRAYS, **arrays)
    with written_whole(folder / FACTS) as scratch:
        scratch.write_text(json.dumps(facts), encoding="utf-8")


def write_rows(folder: Path, rows: StoredRows) -> None:
    """Write when the rows are, once all are there; their logits are in their file already."""
    _save(folder / ROWS, start_s=rows.start_s, span_s=np.array(rows.span_s))


def read_analysis(folder: Path) -> Analysis | None:
    """Return the analysis so far, or None before the end of the first pass.

    Raises:
        OSError: the recording has been deleted.
    """
    facts = read_facts(folder)
    if facts is None:
        return None
    with np.load(folder / ARRAYS, allow_pickle=False) as arrays:
        clip = ClipTags(arrays["mean_logits"], arrays["peak_logits"], arrays["peak_s"])
        usual = {key.removeprefix(USUAL): arrays[key] for key in arrays if key.startswith(USUAL)}
    return Analysis(
        source=facts["name"],
        duration_s=facts["duration_s"],
        rows=_read_rows(folder, facts),
        clip=clip,
        tag_stats=TagStats(**usual) if usual else None,
        settings=Settings.from_mapping(facts["settings"]),
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
    with np.load(folder / ARRAYS, allow_pickle=False) as arrays:
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
    n_bytes_per_s = (4 + 2) * sample_rate_hz + 4 * n_tags / token_s + PICTURE_BYTES_PER_S
    return round(duration_s * n_bytes_per_s) + 1_000_000


def remove_folder(folder: Path) -> None:
    """Remove a recording; files that are open elsewhere live until they are closed."""
    shutil.rmtree(folder, ignore_errors=True)


def _read_rows(folder: Path, facts: dict[str, Any]) -> StoredRows:
    n_tags = facts["n_tags"]
    if (folder / ROWS).exists():
        with np.load(folder / ROWS, allow_pickle=False) as rows:
            start_s, span_s = rows["start_s"], float(rows["span_s"])
    else:
        n_rows = (folder / LOGITS).stat().st_size // (4 * n_tags) if (folder / LOGITS).exists() else 0
        start_s, span_s = facts["token_s"] * np.arange(n_rows, dtype=np.float64), facts["token_s"]
    if not len(start_s):
        return StoredRows(np.zeros((0, n_tags), np.float32), start_s, span_s)
    logits: Logits = np.memmap(folder / LOGITS, np.float32, "r", shape=(len(start_s), n_tags))
    return StoredRows(logits, start_s, span_s)


def _name_stats(stats: TagStats | None) -> dict[str, Any]:
    """Return the statistics that an encoder has as arrays by name."""
    known = {field.name: getattr(stats, field.name) for field in fields(TagStats)} if stats else {}
    return {USUAL + name: array for name, array in known.items() if array is not None}


def _save(path: Path, **arrays: Any) -> None:
    with written_whole(path) as scratch, scratch.open("wb") as file:
        np.savez(file, **arrays)
