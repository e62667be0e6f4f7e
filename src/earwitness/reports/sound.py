"""The sound of a report: the analysed audio, embedded while it is small, else a link to the recording itself.

In: the analysed blocks; a recording's path. Out: a `Sound`. Memory does not grow with the recording: FLAC is written to
a file block by block, up to the size that a page may hold.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile

from earwitness.audio import Source, Waveform
from earwitness.reports.page import link_to
from earwitness.reports.recording_page import Sound

AudioChoice = Literal["embed", "link", "none"]
MAX_PAGE_BYTES = 20_000_000  # of a page with its sound in it
PICTURE_BYTES = 4_000_000  # of it, for all but the sound
MAX_FLAC_BYTES = (MAX_PAGE_BYTES - PICTURE_BYTES) * 3 / 4  # as base64; some 12 minutes
# What browsers play, by suffix; other recordings are linked too, and the page says when one cannot be played.
PLAYED = {".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".m4a", ".mp4", ".aac", ".webm"}


class FlacWriter:
    """Writes blocks in order to `path` as FLAC, 16 bit, up to `max_bytes`; use it in `contextlib.closing`."""

    def __init__(self, path: Path, max_bytes: float = MAX_FLAC_BYTES) -> None:
        self.path, self.max_bytes = path, max_bytes
        self.is_whole = True
        self._file: soundfile.SoundFile | None = None

    def add(self, block: Waveform) -> None:
        """Write the next block; more than `max_bytes` removes the file."""
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
        """Close the file."""
        if self._file:
            self._file.close()
            self._file = None

    def read(self) -> bytes:
        """Return the FLAC; empty if it is too large."""
        self.close()
        content = self.path.read_bytes() if self.is_whole and self.path.exists() else b""
        return content if len(content) <= self.max_bytes else b""


def choose_sound(source: Source, page: Path, choice: AudioChoice, content: bytes = b"") -> Sound:
    """Return what a page plays: the FLAC, else a link to the recording, else nothing; with a note for the reader."""
    if choice == "embed" and content:
        return Sound(content=content)
    if choice == "none":
        return Sound(note="This report was written without audio.")
    if not isinstance(source, str | Path):
        return Sound(note="The audio is too long to embed in this page, and there is no file to link to.")
    note = "This page plays the recording's own file: leave both where they are."
    if Path(source).suffix.lower() not in PLAYED:
        note += f" Most browsers cannot play {Path(source).suffix or 'this kind of file'}."
    return Sound(url=link_to(Path(source), page.parent), note=note)


def name_page(name: str, taken: set[str]) -> str:
    """Return a file name for a recording's page, valid on any system, that is not yet in `taken`; add it there."""
    stem = re.sub(r"[^A-Za-z0-9_-]+", "_", Path(name).stem).strip("_")[:80] or "recording"
    if re.fullmatch(r"(?i)con|prn|aux|nul|com\d|lpt\d", stem):
        stem += "_"
    number, page = 1, f"{stem}.html"
    while page.lower() in taken:
        number += 1
        page = f"{stem}_{number}.html"
    taken.add(page.lower())
    return page
