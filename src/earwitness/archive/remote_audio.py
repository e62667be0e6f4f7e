"""Recordings at URLs, through fsspec: listed, and copied to this machine one at a time.

In: URLs such as s3://bucket/2026/ or file:///data. Out: `RemoteFile`s; a local copy while it is analysed.

A recording is copied whole before it is analysed: its sha256 needs all of it anyway, so it crosses the network once,
where decoders that seek in a stream would request it again and again.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path, PurePosixPath
from typing import Any

from earwitness.audio import MEDIA_SUFFIXES, SNDFILE_SUFFIXES
from earwitness.errors import AudioError, MissingExtraError

COPY_BYTES = 1 << 20
# What file systems call the time at which a file was written.
_TIMES = ("mtime", "LastModified", "last_modified", "updated", "modified", "created")


@dataclass(frozen=True)
class RemoteFile:
    """A recording at a URL, as a listing shows it; `mtime_ns` is 0 where the listing has no time."""

    url: str
    size: int
    mtime_ns: int


def is_url(path: str | Path) -> bool:
    """Return whether this is a URL rather than a path."""
    return isinstance(path, str) and "://" in path


def find_remote_audio(urls: Iterable[str]) -> list[RemoteFile]:
    """Return the recordings at URLs of files, folders (searched in depth) and glob patterns, each once, in order.

    Raises:
        AudioError: a URL cannot be listed, or there is no recording.
        MissingExtraError: fsspec, or what it needs for such URLs, is not installed.
    """
    found: dict[str, RemoteFile] = {}
    for url in urls:
        filesystem, path = connect(url)
        with _trouble_reported(url):
            infos = _list_files(filesystem, path)
        files = [_describe(filesystem, info) for info in infos if info["type"] == "file"]
        if len(files) != 1 or infos[0]["name"].rstrip("/") != path.rstrip("/"):
            files = [
                each for each in files if PurePosixPath(each.url).suffix.lower() in SNDFILE_SUFFIXES | MEDIA_SUFFIXES
            ]
        if not files:
            raise AudioError(f"{url}: no recording there; give a folder, a file or a pattern that exists")
        for each in files:
            found.setdefault(each.url, each)
    return list(found.values())


@contextlib.contextmanager
def brought_here(file: RemoteFile) -> Iterator[Path]:
    """Give a local copy of a recording, with its name and time, and remove it afterwards.

    Raises:
        AudioError: it cannot be read, or is not as it was listed.
    """
    filesystem, path = connect(file.url)
    with tempfile.TemporaryDirectory(prefix="earwitness-", ignore_cleanup_errors=True) as folder:
        local = Path(folder) / PurePosixPath(path).name
        with _trouble_reported(file.url), filesystem.open(path, "rb") as there, local.open("wb") as here:
            shutil.copyfileobj(there, here, COPY_BYTES)
        if local.stat().st_size != file.size:
            raise AudioError(
                f"{file.url}: {local.stat().st_size} bytes came, {file.size} were listed; it changed meanwhile, "
                "or was cut off: 'index' takes it when it is run again"
            )
        os.utime(local, ns=(file.mtime_ns, file.mtime_ns))
        yield local


def connect(url: str) -> tuple[Any, str]:
    """Return the fsspec file system of a URL, and the path in it.

    Raises:
        MissingExtraError: fsspec, or what it needs for such URLs, is not installed.
        AudioError: the protocol is unknown.
    """
    try:
        import fsspec
    except ImportError as error:
        raise MissingExtraError(f"{url}: URLs need fsspec: pip install 'earwitness[ray]'") from error
    try:
        filesystem, path = fsspec.core.url_to_fs(url)
    except ImportError as error:  # "Install s3fs to access S3"
        raise MissingExtraError(f"{url}: {error}") from error
    except ValueError as error:
        raise AudioError(f"{url}: {error}; see fsspec's list of protocols") from error
    return filesystem, path


def _list_files(filesystem: Any, path: str) -> list[Mapping[str, Any]]:
    """Return the listing's entries, sorted by name."""
    if any(sign in path for sign in "*?["):
        found = filesystem.glob(path, detail=True)
    elif filesystem.isfile(path):
        found = {path: filesystem.info(path)}
    else:
        found = filesystem.find(path, detail=True)
    return [found[name] for name in sorted(found)]


def _describe(filesystem: Any, info: Mapping[str, Any]) -> RemoteFile:
    time = next((info[name] for name in _TIMES if info.get(name) is not None), 0)
    if isinstance(time, str):
        with contextlib.suppress(ValueError):
            time = datetime.fromisoformat(time.replace("Z", "+00:00"))
    if isinstance(time, datetime):
        time = (time if time.tzinfo else time.replace(tzinfo=timezone.utc)).timestamp()
    seconds = float(time) if isinstance(time, int | float) else 0.0
    # Whole microseconds, which a double holds and every file system stores: the same file, the same time, everywhere.
    return RemoteFile(filesystem.unstrip_protocol(info["name"]), int(info["size"] or 0), round(seconds * 1e6) * 1000)


@contextlib.contextmanager
def _trouble_reported(url: str) -> Iterator[None]:
    """Turn what a file system raises into one error.

    Raises:
        AudioError: the file system cannot be reached, or refuses.
    """
    try:
        yield
    except OSError as error:
        raise AudioError(f"{url}: cannot be read ({error.strerror or error})") from error
