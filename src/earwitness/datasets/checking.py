"""Whether a data set is all here, and whole.

In: a data set's folder. Out: `Findings`: how many clips are here, what is missing, what is damaged.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

from earwitness.audio import measure_duration
from earwitness.datasets.base import Clip
from earwitness.datasets.fetch import read_record
from earwitness.datasets.loading import find_folder, load_dataset
from earwitness.datasets.registry import DatasetSpec
from earwitness.files import BLOCK_BYTES, Unpacked


@dataclass(frozen=True)
class Findings:
    """How a data set lies here.

    Attributes:
        folder: where.
        n_clips: recordings that can be used.
        notes: what is missing or left out, a sentence each.
        missing: files that tables or packages name and that are not here.
        n_absent: published recordings that are not here, whether a table names them or not.
        damaged: what is wrong with files that are here, a sentence each.
    """

    folder: Path
    n_clips: int
    notes: tuple[str, ...]
    missing: tuple[str, ...]
    n_absent: int
    damaged: tuple[str, ...]


def check_dataset(spec: DatasetSpec, dir: Path | None = None, split: str | None = None) -> Findings:
    """Read all tables, look for every file that they name, and compare what was unpacked with its checksum.

    Recordings that were not unpacked by us have no checksum; of these only the header is read.

    Raises:
        DatasetError: nothing of it is here, or a table is damaged.
    """
    folder = find_folder(spec, dir)
    dataset = load_dataset(spec.name, folder, split)
    missing, damaged = list(dataset.missing), []
    recorded = set()
    for unpacked in [each for package in read_record(folder).values() for each in package]:
        path = folder / unpacked.name
        recorded.add(path)
        if not path.is_file():
            missing.append(unpacked.name)
        elif reason := _find_change(path, unpacked):
            damaged.append(f"{path}: {reason}; delete it and run 'earwitness data get {spec.name}'")
    others = [clip for clip in dataset.clips if clip.path not in recorded]
    damaged += [f"{clip.path}: not readable as audio; replace it" for clip in others if not _is_readable(clip)]
    absent = tuple(dict.fromkeys(missing))
    return Findings(folder, len(dataset.clips), dataset.notes, absent, dataset.n_absent, tuple(damaged))


def _find_change(path: Path, unpacked: Unpacked) -> str | None:
    size = path.stat().st_size
    if size != unpacked.n_bytes:
        return f"it has {size} bytes, but {unpacked.n_bytes} were unpacked"
    crc32 = 0
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            crc32 = zlib.crc32(block, crc32)
    return None if crc32 == unpacked.crc32 else "its content is not what was unpacked"


def _is_readable(clip: Clip) -> bool:
    return (measure_duration(clip.path) or 0.0) > 0.0
