"""Disk and network: paths, files written whole or not at all, downloads, unpacking, licences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from earwitness.lazy import load_on_use

if TYPE_CHECKING:
    from earwitness.files.atomic import (
        write_bytes, write_csv, write_error, write_errors_reported, write_text, written_whole,
    )  # fmt: skip
    from earwitness.files.download import BLOCK_BYTES, Report, check_whole, download_file
    from earwitness.files.licences import require_acceptance
    from earwitness.files.lock import locked_folder
    from earwitness.files.paths import CACHE_ADVICE, DATA_DIR, cache_dir, datasets_dir, find_snapshots, hash_file
    from earwitness.files.unpack import (
        TAR_SUFFIXES, Unpacked, check_member, copy_file, unpack_archive, unreadable_reported, write_stream,
    )  # fmt: skip

__getattr__ = load_on_use(__name__)
