"""Published data sets on this machine: fetched or taken from files, unpacked safely, and checked.

In: a `DatasetSpec`. Out: its folder, with a `packages.json` of what was unpacked: every file's size and CRC-32, by
which `check_dataset` finds damage later. A package is deleted once it is unpacked; an interrupted download is resumed.
"""

from __future__ import annotations

import json
import shutil
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from earwitness.audio import measure_duration
from earwitness.datasets.base import DatasetPackage, DatasetSpec
from earwitness.datasets.registry import find_folder, load_dataset
from earwitness.errors import DatasetError, DownloadError
from earwitness.files import (
    BLOCK_BYTES,
    CACHE_ADVICE,
    TAR_SUFFIXES,
    Report,
    Unpacked,
    check_whole,
    copy_file,
    datasets_dir,
    download_file,
    hash_file,
    unpack_archive,
    write_text,
)

RECORD = "packages.json"
INCOMING = ".packages"  # where packages are until they are unpacked
ARCHIVE_SUFFIXES = (".zip", *TAR_SUFFIXES)


@dataclass(frozen=True)
class Findings:
    """What of a data set is here.

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


def fetch_dataset(
    spec: DatasetSpec,
    folder: Path | None = None,
    part: str | None = None,
    on_progress: Report | None = None,
    on_package: Callable[[str], None] | None = None,
) -> Path:
    """Fetch and unpack the packages of a data set that are not unpacked yet; return its folder.

    Args:
        spec: which data set.
        folder: where it goes; without it, the data sets' own folder.
        part: only this part of it, such as `evaluation`.
        on_progress: called with the bytes done and the bytes in all, now and then.
        on_package: called with each package's name before it is fetched.

    Raises:
        DatasetError: there is no such part; a download failed or is not what was published; the disk is full.
    """
    folder = folder or datasets_dir() / spec.folder
    done = read_record(folder)
    for package in choose_packages(spec, part):
        if _is_unpacked(folder, done.get(package.file_name)):
            continue
        if on_package:
            on_package(package.file_name)
        path = folder / INCOMING / package.file_name
        download_file(package.url, path, package.n_bytes, on_progress=on_progress, md5=package.md5)
        try:
            _take_in(path, folder, _choose_place(spec, package.part))
        except DownloadError as error:
            if not isinstance(error.__cause__, OSError):  # another try would meet the same package again
                path.unlink()
            raise
        path.unlink(missing_ok=True)
    shutil.rmtree(folder / INCOMING, ignore_errors=True)
    return folder


def take_dataset(spec: DatasetSpec, source: Path, folder: Path | None = None, part: str | None = None) -> Path:
    """Unpack packages that were fetched in another way; return the data set's folder.

    Args:
        spec: which data set.
        source: a folder with published packages under their names, or one archive of any name. Known ones are
            compared with their published size and md5. They stay where they are.
        folder: where the data set goes; without it, the data sets' own folder.
        part: only this part of it.

    Raises:
        DatasetError: there is no package; one is damaged or not what was published; the disk is full.
    """
    folder = folder or datasets_dir() / spec.folder
    known = {package.file_name: package for package in choose_packages(spec, part)}
    if source.is_dir():
        found = [source / name for name in known if (source / name).is_file()]
    else:
        found = [source] if source.is_file() and source.name.endswith(ARCHIVE_SUFFIXES) else []
    if not found:
        names = ", ".join(list(known)[:3]) + (", ..." if len(known) > 3 else "")
        raise DatasetError(f"{source}: no package of {spec.name} here; looked for {names}")
    for path in found:
        package = known.get(path.name)
        if package:
            check_whole(path, package.n_bytes, None, package.md5)
        _take_in(path, folder, _choose_place(spec, package.part if package else part))
    return folder


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
    damaged += [f"{clip.path}: not readable as audio; replace it" for clip in others if not measure_duration(clip.path)]
    absent = tuple(dict.fromkeys(missing))
    return Findings(folder, len(dataset.clips), dataset.notes, absent, dataset.n_absent, tuple(damaged))


def choose_packages(spec: DatasetSpec, part: str | None = None) -> list[DatasetPackage]:
    """Return the packages of a part, or all.

    Raises:
        DatasetError: there is no such part.
    """
    if part is not None and part not in spec.parts:
        raise DatasetError(f"{spec.name}: no part {part!r}; its parts are {', '.join(spec.parts)}")
    return [package for package in spec.packages if part in (None, package.part)]


def read_record(folder: Path) -> dict[str, list[Unpacked]]:
    """Return what was unpacked into a folder, by package; empty where nothing was.

    Raises:
        DatasetError: the record is damaged.
    """
    record = folder / RECORD
    if not record.is_file():
        return {}
    try:
        content: dict[str, Any] = json.loads(record.read_text(encoding="utf-8"))
        return {name: [Unpacked(*file) for file in package["files"]] for name, package in content.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise DatasetError(f"{record}: not readable ({error}); delete it to have everything fetched anew") from error


def _choose_place(spec: DatasetSpec, part: str | None) -> str:
    """Return the folder of a part inside the data set's, so that equal names of two parts do not meet."""
    return part if part and len(spec.parts) > 1 else ""


def _is_unpacked(folder: Path, files: list[Unpacked] | None) -> bool:
    """Return whether a package was unpacked and its files are still there in their size."""
    if files is None:
        return False
    paths = ((folder / each.name, each.n_bytes) for each in files)
    return all(path.is_file() and path.stat().st_size == n_bytes for path, n_bytes in paths)


def _take_in(path: Path, folder: Path, place: str) -> None:
    """Unpack a package, or copy it if it is no archive, and record what came out."""
    if path.name.endswith(ARCHIVE_SUFFIXES):
        unpacked = unpack_archive(path, folder / place)
    else:
        unpacked = [Unpacked(path.name, path.stat().st_size, copy_file(path, folder / place / path.name))]
    record = folder / RECORD
    content = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {}
    files = [[(PurePosixPath(place) / each.name).as_posix(), each.n_bytes, each.crc32] for each in unpacked]
    content[path.name] = {"n_bytes": path.stat().st_size, "md5": hash_file(path, "md5"), "files": files}
    write_text(record, json.dumps(content) + "\n", DownloadError, CACHE_ADVICE)


def _find_change(path: Path, unpacked: Unpacked) -> str | None:
    size = path.stat().st_size
    if size != unpacked.n_bytes:
        return f"it has {size} bytes, but {unpacked.n_bytes} were unpacked"
    crc32 = 0
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            crc32 = zlib.crc32(block, crc32)
    return None if crc32 == unpacked.crc32 else "its content is not what was unpacked"
