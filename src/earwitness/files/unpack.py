"""Archives that touch nothing but the folder that they are unpacked into.

In: a .zip or .tar.gz. Out: its plain files, whole, below one folder. An archive that names a place outside it, holds
links or devices, or grows beyond all measure is refused before anything is written.
"""

from __future__ import annotations

import contextlib
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from earwitness.errors import DownloadError
from earwitness.files.atomic import write_errors_reported, written_whole
from earwitness.files.download import BLOCK_BYTES, LARGEST_BYTES
from earwitness.files.paths import CACHE_ADVICE

TAR_SUFFIXES = (".tar.gz", ".tgz")
MOST_FILES = 1_000_000


@dataclass(frozen=True)
class Unpacked:
    """A file that came out of an archive: its path inside the folder, its size, and its CRC-32."""

    name: str
    n_bytes: int
    crc32: int


@dataclass(frozen=True)
class _Member:
    name: str
    n_bytes: int
    is_plain: bool  # an ordinary file, or a folder
    is_folder: bool
    open: Callable[[], IO[bytes]]


def unpack_archive(archive_path: Path, folder: Path) -> list[Unpacked]:
    """Unpack all files of a .zip or .tar.gz into a folder, in the archive's own folders; return what came out.

    Raises:
        DownloadError: the archive is damaged or of another kind, or names places outside the folder; the disk is full.
    """
    with unreadable_reported(archive_path), _members(archive_path) as members:
        found = list(members)
        for member in found:
            check_name(archive_path, member.name, member.is_plain)
        if len(found) > MOST_FILES or sum(member.n_bytes for member in found) > LARGEST_BYTES:
            raise DownloadError(f"{archive_path}: unpacks to more than {LARGEST_BYTES >> 30} GiB; not a published file")
        unpacked = []
        for member in found:
            if not member.is_folder:
                with member.open() as file:
                    crc32 = write_stream(file, folder / member.name)
                unpacked.append(Unpacked(member.name, member.n_bytes, crc32))
        return unpacked


@contextlib.contextmanager
def unreadable_reported(archive_path: Path) -> Iterator[None]:
    """Turn what the readers of archives raise into a `DownloadError` that names the archive."""
    kind = "a tar" if archive_path.name.endswith(TAR_SUFFIXES) else "a zip"
    damage = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)
    try:
        yield
    except (*damage, OSError) as error:
        raise DownloadError(
            f"{archive_path}: not readable as {kind} ({error}); delete it and fetch it again"
        ) from error


def check_member(zip_path: Path, member: zipfile.ZipInfo) -> None:
    """Refuse a member of a zip that is no plain file inside the zip, is packed unusually, or is too large.

    Raises:
        DownloadError: it is one of these.
    """
    check_name(zip_path, member.filename, _is_plain(member))
    is_usual = member.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    if member.file_size > LARGEST_BYTES or not is_usual:
        raise DownloadError(
            f"{zip_path}: {member.filename!r} is too large or packed unusually; this is not the published zip"
        )


def check_name(archive_path: Path, name: str, is_plain: bool) -> None:
    """Refuse a member that is neither a plain file nor a folder, or whose name leads out of the folder.

    Raises:
        DownloadError: it is or does.
    """
    is_outside = name.startswith("/") or ".." in PurePosixPath(name).parts or re.search(r"[\\:\x00]", name)
    if is_outside or not is_plain:
        raise DownloadError(
            f"{archive_path}: {name!r} leads out of its folder; this is not the published zip, delete it"
        )


def write_stream(file: IO[bytes], path: Path) -> int:
    """Write a stream to a file, whole or not at all; return the CRC-32 of what was written.

    Raises:
        DownloadError: the file cannot be written.
    """
    crc32 = 0
    with (
        write_errors_reported(path, DownloadError, CACHE_ADVICE),
        written_whole(path, is_synced=True) as scratch,
        scratch.open("wb") as target,
    ):
        while block := file.read(BLOCK_BYTES):
            crc32 = zlib.crc32(block, crc32)
            target.write(block)
    return crc32


def copy_file(source: Path, path: Path) -> int:
    """Copy a file, whole or not at all; return the CRC-32 of its content.

    Raises:
        DownloadError: the source cannot be read, or the file cannot be written.
    """
    try:
        file = source.open("rb")
    except OSError as error:
        raise DownloadError(f"{source}: cannot be read ({error.strerror}); give a file that can be read") from error
    with file:
        return write_stream(file, path)


@contextlib.contextmanager
def _members(archive_path: Path) -> Iterator[Iterator[_Member]]:
    if archive_path.name.endswith(TAR_SUFFIXES):
        with tarfile.open(archive_path, "r:gz") as archive:
            yield (_from_tar(archive, member) for member in archive)
        return
    with zipfile.ZipFile(archive_path) as archive:
        yield (_from_zip(archive_path, archive, member) for member in archive.infolist())


def _from_tar(archive: tarfile.TarFile, member: tarfile.TarInfo) -> _Member:
    name = member.name.removeprefix("./")
    is_plain = member.isdir() or member.isreg()
    return _Member(name, member.size, is_plain, member.isdir(), lambda: _open_in_tar(archive, member))


def _open_in_tar(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    file = archive.extractfile(member)
    if file is None:
        raise tarfile.TarError(f"{member.name} is no file")
    return file


def _from_zip(zip_path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> _Member:
    check_member(zip_path, member)
    return _Member(member.filename, member.file_size, True, member.is_dir(), lambda: archive.open(member))


def _is_plain(member: zipfile.ZipInfo) -> bool:
    return stat.S_IFMT(member.external_attr >> 16) in (0, stat.S_IFREG, stat.S_IFDIR)
