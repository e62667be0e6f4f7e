"""A download that loses nothing: it goes on where it stopped, over dropped connections and killed processes.

In: a URL. Out: a file, whole and right. Until then it has another name (`.part`), so that a file under its own name is
always a whole one.

Source: HTTP range requests (RFC 9110, section 14).
"""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from earwitness.errors import DownloadError
from earwitness.files.atomic import write_errors_reported
from earwitness.files.paths import CACHE_ADVICE, hash_file
from earwitness.version import __version__

Report = Callable[[int, "int | None"], None]  # bytes done, bytes in all (None where the server does not say)

N_TRIES = 5  # in a row that bring nothing new
RETRY_WAIT_S = 1.0  # before the second try; doubled from try to try
TIMEOUT_S = 30.0  # of silence
BLOCK_BYTES = 1 << 18
LARGEST_BYTES = 8 << 30  # the largest file that M2D publishes is 1.7 GB
PASSING_STATUS = (408, 425, 429, 500, 502, 503, 504)  # worth another try


def download_file(
    url: str,
    path: Path,
    n_bytes: int | None = None,
    sha256: str | None = None,
    on_progress: Report | None = None,
    md5: str | None = None,
) -> None:
    """Download to `path`, going on where an earlier try stopped; if the file is there already, only check it.

    Args:
        url: where it is published.
        path: where it goes. Meanwhile it is `path` with `.part` added.
        n_bytes: its published size; None if it is not known.
        sha256: its published hash in hex; None if it is not known.
        on_progress: called with the bytes done and the bytes in all, now and then.
        md5: its published md5 in hex, as Zenodo states it; None if it is not known.

    Raises:
        DownloadError: the server does not have it, stays out of reach, or gives something else; the disk is full.
    """
    if path.is_file():
        return check_whole(path, n_bytes, sha256, md5)
    part = path.with_name(f"{path.name}.part")
    with write_errors_reported(part, DownloadError, CACHE_ADVICE):
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(part):
            _download_part(url, part, n_bytes, on_progress or (lambda done, total: None))
            check_whole(part, n_bytes, sha256, md5)
            part.replace(path)
    _version_path(part).unlink(missing_ok=True)
    return None


def check_whole(path: Path, n_bytes: int | None, sha256: str | None, md5: str | None = None) -> None:
    """Compare a file with its published size (bytes), sha256 and md5 (hex), where known; delete a `.part` that differs.

    Raises:
        DownloadError: it differs.
    """
    size = path.stat().st_size
    if n_bytes is not None and size != n_bytes:
        reason = f"it has {size} bytes, but {n_bytes} were published"
    elif sha256 is not None and hash_file(path) != sha256:
        reason = f"its sha256 is {hash_file(path)}, but {sha256} was published"
    elif md5 is not None and hash_file(path, "md5") != md5:
        reason = f"its md5 is {hash_file(path, 'md5')}, but {md5} was published"
    else:
        return
    way_out = "fetch it again"
    if path.suffix == ".part":
        path.unlink()
        way_out = "it is deleted; run the same command again"
    raise DownloadError(f"{path}: {reason}; {way_out}")


class _DroppedError(Exception):
    """The network failed in a way that may pass."""


def _download_part(url: str, part: Path, n_bytes: int | None, on_progress: Report) -> None:
    furthest, n_vain = -1, 0
    while True:
        try:
            return _continue_part(url, part, n_bytes, on_progress)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code not in PASSING_STATUS:
                raise DownloadError(f"{url}: the server says {error.code} {error.reason}") from error
            reason = f"{error.code} {error.reason}"
        except _DroppedError as error:
            reason = str(error)
        size = part.stat().st_size if part.exists() else 0
        n_vain = 0 if size > furthest else n_vain + 1
        furthest = max(furthest, size)
        if n_vain >= N_TRIES - 1:
            raise DownloadError(
                f"{url}: out of reach after {N_TRIES} tries ({reason}); run the same command again to go on from "
                f"{size} bytes, or fetch it in another way and give it with --from"
            )
        time.sleep(RETRY_WAIT_S * 2**n_vain)


def _continue_part(url: str, part: Path, n_bytes: int | None, on_progress: Report) -> None:
    """Ask for what is missing and add it; start again if the server gives the whole or has another file by now."""
    done = part.stat().st_size if part.exists() else 0
    version_path = _version_path(part)
    version = version_path.read_text() if version_path.exists() else ""
    headers = {"User-Agent": f"earwitness/{__version__}", "Accept-Encoding": "identity"}
    if done:
        headers |= {"Range": f"bytes={done}-"} | ({"If-Range": version} if version else {})
    try:
        response = _open(urllib.request.Request(url, headers=headers))
    except urllib.error.HTTPError as error:
        if error.code != 416:  # 416: there is nothing from there on
            raise
        error.close()
        total = _range_of(error.headers)[1]
        if total == done:
            return
        part.unlink()
        raise _DroppedError("the file has changed on the server") from error
    with response, part.open("ab") as file:
        start, total = _range_of(response.headers) if response.status == 206 else (0, _length_of(response.headers))
        if start not in (0, done):
            raise DownloadError(f"{url}: the server gives another range than requested; fetch it in another way")
        if n_bytes is not None and total not in (None, n_bytes):
            raise DownloadError(f"{url}: the server has {total} bytes, but {n_bytes} were published")
        total = n_bytes if total is None else total
        if start == 0:
            file.truncate(0)
            done = 0
            etag = response.headers.get("ETag") or "W/"
            version = response.headers.get("Last-Modified") or "" if etag.startswith("W/") else etag
            version_path.write_text(version)
        for block in _read_blocks(response):
            done += len(block)
            if done > (LARGEST_BYTES if total is None else total):
                raise DownloadError(f"{url}: the server sends more than it should; fetch it in another way")
            file.write(block)
            on_progress(done, total)
        file.flush()
        os.fsync(file.fileno())
    if total is not None and done < total:
        raise _DroppedError(f"the connection ended at {done} of {total} bytes")


def _open(request: urllib.request.Request) -> Any:
    try:
        return urllib.request.urlopen(request, timeout=TIMEOUT_S)
    except urllib.error.HTTPError:
        raise
    except (OSError, http.client.HTTPException) as error:
        raise _DroppedError(str(error) or type(error).__name__) from error


def _read_blocks(response: Any) -> Iterator[bytes]:
    while True:
        try:
            block = response.read(BLOCK_BYTES)
        except http.client.IncompleteRead as error:
            block = error.partial
            if block:
                yield block
            raise _DroppedError("the connection ended early") from error
        except (OSError, http.client.HTTPException) as error:
            raise _DroppedError(str(error) or type(error).__name__) from error
        if not block:
            return
        yield block


def _range_of(headers: Any) -> tuple[int | None, int | None]:
    """Return the first byte and the size of the whole that a Content-Range states."""
    match = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)", (headers.get("Content-Range") or "").strip())
    if match is None:
        return None, None
    start, total = match.groups()
    return int(start) if start else None, int(total) if total != "*" else None


def _length_of(headers: Any) -> int | None:
    length = headers.get("Content-Length") or ""
    return int(length) if length.isdecimal() else None


def _version_path(part: Path) -> Path:
    return part.with_name(f"{part.name}.etag")


@contextlib.contextmanager
def _alone(part: Path) -> Iterator[None]:
    """Keep a second process from writing to the same file; where the system has no such locks, trust the user."""
    if sys.platform == "win32":
        yield
        return
    import fcntl

    with part.with_name(f"{part.name}.lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DownloadError(f"{part}: another process is fetching it; wait for it") from error
        yield
