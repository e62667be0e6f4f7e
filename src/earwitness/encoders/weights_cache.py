"""Weights on this machine: taken in so that nothing else is touched, and checked whenever they are used.

In: a `WeightsSpec`, or a file that the user has. Out: the path of the weights, stored as `weights/NAME/FILE` in the
cache, with a `sha256.json` beside it: what is not published is recorded when it is first seen, and holds from then on.
"""

from __future__ import annotations

import json
import logging
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from earwitness.encoders.base import WeightsSpec
from earwitness.errors import DownloadError, WeightsError
from earwitness.files import (
    CACHE_ADVICE,
    DATA_DIR,
    Report,
    cache_dir,
    check_member,
    check_whole,
    copy_file,
    download_file,
    hash_file,
    unreadable_reported,
    write_errors_reported,
    write_stream,
    write_text,
)

logger = logging.getLogger(__name__)

SUFFIXES = (".safetensors", ".pth")  # in the order in which they are preferred
HASHES = "sha256.json"


def find_weights(spec: WeightsSpec) -> Path | None:
    """Return where known weights lie, shipped or in the cache; None if they are not here."""
    if spec.url is None:
        return DATA_DIR / (spec.file_name or f"{spec.name}.safetensors")
    folder = weights_dir(spec)
    for suffix in SUFFIXES:
        found = sorted(path for path in folder.glob(f"*{suffix}") if not path.name.startswith("."))
        if found:
            return next((path for path in found if path.name == spec.file_name), found[0])
    return None


def weights_dir(spec: WeightsSpec) -> Path:
    """Return the folder of published weights in the cache; it bears the published name, from which sizes are read."""
    return cache_dir() / "weights" / spec.name


def fetch_weights(spec: WeightsSpec, on_progress: Report | None = None) -> Path:
    """Download published weights and unpack them; if they are here already, only check them. Return their path.

    Raises:
        WeightsError: the download failed, is not what was published, or cannot be stored.
    """
    path = find_weights(spec)
    if path is None:
        if spec.url is None:
            raise WeightsError(f"{spec.name}: comes with earwitness and is not fetched; install earwitness again")
        zip_path = cache_dir() / "weights" / f"{spec.name}.zip"
        download_file(spec.url, zip_path, spec.zip_bytes, spec.zip_sha256, on_progress)
        try:
            path = extract_weights(zip_path, weights_dir(spec), spec.file_name)
            _check_published(spec, path)
        except WeightsError as error:
            if not isinstance(error.__cause__, OSError):  # not a full disk: another try would meet the same zip again
                zip_path.unlink()
            raise
        zip_path.unlink()
    check_hash(spec, path)
    return path


def take_weights(spec: WeightsSpec, source: Path, check: Callable[[Path], object]) -> Path:
    """Keep weights that the user has, as the published .zip, a .pth or a .safetensors; return their path.

    They replace what was there, but only once `check`, such as `load_encoder`, has not refused them.

    Raises:
        WeightsError: the file is none of these, is not what was published, or cannot be stored.
    """
    if spec.url is None:
        raise WeightsError(f"{spec.name}: comes with earwitness and is not taken from a file")
    if not source.is_file():
        raise WeightsError(f"{source}: no such file; give the published .zip, a .pth or a .safetensors")
    folder = cache_dir() / "weights" / ".incoming" / spec.name
    if source.suffix == ".zip":
        check_whole(source, spec.zip_bytes, spec.zip_sha256)
        path = extract_weights(source, folder, spec.file_name)
    elif source.suffix in SUFFIXES:
        path = folder / f"{spec.name}{source.suffix}"
        if source.suffix == ".pth":
            check_whole(source, None, spec.sha256)
            path = folder / (spec.file_name or source.name)
        copy_file(source, path)
    else:
        raise WeightsError(f"{source}: not weights by its name; give the published .zip, a .pth or a .safetensors")
    cached = weights_dir(spec) / path.name
    try:
        _check_published(spec, path)
        check(path)
        sha256 = hash_file(path)
        with write_errors_reported(cached, DownloadError, CACHE_ADVICE):
            cached.parent.mkdir(parents=True, exist_ok=True)
            path.replace(cached)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    _record_hash(cached, sha256)
    return cached


def check_hash(spec: WeightsSpec, path: Path) -> str:
    """Return the sha256 of weights after comparing it with the published or else the recorded one; record it if new.

    A hash is recorded only for what lies in the cache: what lies elsewhere is the user's, and may change.

    Raises:
        WeightsError: the hash is another one, or the record cannot be read.
    """
    sha256 = hash_file(path)
    is_cached = path.parent == weights_dir(spec)
    wanted = spec.sha256 if path.name == spec.file_name else None
    if wanted is None and is_cached:
        wanted = _read_hashes(path).get(path.name)
    if wanted is None and is_cached:
        try:
            _record_hash(path, sha256)
        except WeightsError as error:  # a cache that may only be read can still be used
            logger.warning("%s", error)
    elif wanted not in (None, sha256):
        way_out = f"delete it and run 'earwitness weights get {spec.name}'" if spec.url else "install earwitness again"
        raise WeightsError(
            f"{path}: the sha256 is {sha256}, but {spec.name} has {wanted}; the file is damaged or another one: "
            f"{way_out}, or rename the file if it is your own"
        )
    return sha256


def extract_weights(zip_path: Path, folder: Path, file_name: str | None = None) -> Path:
    """Unpack the one .pth of a published zip into a folder, and nothing else; return its path.

    Args:
        zip_path: the zip, as downloaded.
        folder: where the .pth goes, whatever folder the zip says.
        file_name: which .pth, if there are several.

    Raises:
        WeightsError: the zip is damaged, names places outside its folder, or does not hold the file.
    """
    with unreadable_reported(zip_path), zipfile.ZipFile(zip_path) as archive:
        for member in archive.infolist():
            check_member(zip_path, member)
        found = [member for member in archive.infolist() if member.filename.endswith(".pth")]
        if len(found) > 1:
            found = [member for member in found if PurePosixPath(member.filename).name == file_name]
        if len(found) != 1:
            raise WeightsError(f"{zip_path}: holds no {file_name or 'single .pth'}; is it the published zip?")
        path = folder / PurePosixPath(found[0].filename).name
        with archive.open(found[0]) as file:
            write_stream(file, path)
    return path


def _check_published(spec: WeightsSpec, path: Path) -> None:
    """Compare an unpacked file with its published hash; delete it if it differs."""
    if path.name == spec.file_name and spec.sha256 is not None and hash_file(path) != spec.sha256:
        path.unlink()
        raise WeightsError(f"{path}: its sha256 is not the published {spec.sha256}; it is deleted, fetch it again")


def _read_hashes(path: Path) -> dict[str, str]:
    record = path.with_name(HASHES)
    if not record.is_file():
        return {}
    try:
        hashes = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(f"{record}: not readable ({error}); delete it to have the file hashed anew") from error
    if not isinstance(hashes, dict):
        raise WeightsError(f"{record}: not a table of hashes; delete it to have the file hashed anew")
    return hashes


def _record_hash(path: Path, sha256: str) -> None:
    hashes = {**_read_hashes(path), path.name: sha256}
    write_text(path.with_name(HASHES), json.dumps(hashes, indent=1) + "\n", DownloadError, CACHE_ADVICE)
