"""What a report plays: what the encoder heard, kept in the page while it is small, else the recording itself, linked.

In: the blocks that are heard; a recording's path. Out: a `Sound`. Memory does not grow with the recording: FLAC goes to
a file as it comes, and no further than a page may hold.
"""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from types import TracebackType
from typing import Literal
from urllib.parse import quote

import numpy as np
import soundfile

from earwitness.audio import Source, Waveform
from earwitness.reports.recording_page import Sound

AudioChoice = Literal["embed", "link", "none"]
MAX_PAGE_BYTES = 20_000_000  # of a page with its sound in it
PICTURE_BYTES = 4_000_000  # of it, what else is in a page with so much sound
MAX_FLAC_BYTES = (MAX_PAGE_BYTES - PICTURE_BYTES) * 3 / 4  # as base64; some 12 minutes
# What browsers play, by suffix; a recording of another kind is linked all the same, and the page says if it is silent.
PLAYED = {".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".m4a", ".mp4", ".aac", ".webm"}


class SoundKeeper:
    """Takes blocks in order and keeps them as FLAC, 16 bit, in `path`, up to `max_bytes`; use it in a `with` block."""

    def __init__(self, path: Path, max_bytes: float = MAX_FLAC_BYTES) -> None:
        self.path, self.max_bytes = path, max_bytes
        self.is_whole = True
        self._file: soundfile.SoundFile | None = None

    def __enter__(self) -> SoundKeeper:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        self.close()

    def add(self, block: Waveform) -> None:
        """Take the next block."""
        if not self.is_whole:
            return
        if self._file is None:
            rate = block.sample_rate_hz
            self._file = soundfile.SoundFile(self.path, "w", rate, 1, "PCM_16", format="FLAC")
        self._file.write(np.clip(block.samples, -1, 1))
        if self.path.stat().st_size > self.max_bytes:
            self.is_whole = False
            self.close()
            self.path.unlink()

    def close(self) -> None:
        """End the file."""
        if self._file:
            with contextlib.closing(self._file):
                self._file = None

    def read(self) -> bytes:
        """Return the FLAC, empty where it would be too large."""
        self.close()
        content = self.path.read_bytes() if self.is_whole and self.path.exists() else b""
        return content if len(content) <= self.max_bytes else b""


def choose_sound(source: Source, page: Path, choice: AudioChoice, content: bytes = b"") -> Sound:
    """Return what a page plays: what was kept, else a link to the recording, else nothing; and what to say of it."""
    if choice == "embed" and content:
        return Sound(content=content)
    if choice == "none":
        return Sound(note="This report was written without sound.")
    if not isinstance(source, str | Path):
        return Sound(note="The sound is too long to be kept in this page, and there is no file to link.")
    said = "The sound is in the recording itself, not in this page: keep both where they are."
    if Path(source).suffix.lower() not in PLAYED:
        said += f" Browsers seldom play {Path(source).suffix or 'this kind of file'}."
    return Sound(url=link_to(Path(source), page.parent), note=said)


def link_to(path: Path, folder: Path) -> str:
    """Return the address of a file for a page in a folder: relative, so that both can move together."""
    try:
        relative = os.path.relpath(path.resolve(), folder.resolve())
    except ValueError:  # another drive
        return path.resolve().as_uri()
    return quote(os.fsencode(relative.replace(os.sep, "/")))


def name_page(name: str, taken: set[str]) -> str:
    """Return a page's name for a recording, that any system takes, and none of those taken; it is taken then."""
    stem = re.sub(r"[^A-Za-z0-9_-]+", "_", Path(name).stem).strip("_")[:80] or "recording"
    if re.fullmatch(r"(?i)con|prn|aux|nul|com\d|lpt\d", stem):
        stem += "_"
    number, page = 1, f"{stem}.html"
    while page.lower() in taken:
        number += 1
        page = f"{stem}_{number}.html"
    taken.add(page.lower())
    return page
