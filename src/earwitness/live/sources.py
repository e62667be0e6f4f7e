"""Sources of live sound: standard input, pipes, files, network streams, microphones.

In: the name that the user gives. Out: a `Source`, which yields `AudioChunk`s as they arrive, `Break`s, and None now and
then while nothing arrives, so that the reader can stop or notice a stall.
"""

from __future__ import annotations

import math
import os
import re
import select
import stat
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from earwitness.audio import MEDIA_SUFFIXES, SNDFILE_SUFFIXES
from earwitness.errors import AudioError
from earwitness.live.ffmpeg import DEVICE_FORMATS, MediaSource
from earwitness.live.items import AudioChunk, Break, Item, Trouble
from earwitness.live.microphone import MICROPHONE, Microphone
from earwitness.live.pcm import RIFF, PcmDecoder, PcmFormat

WAV_SUFFIXES = {".wav", ".wave"}
IDLE_S = 0.2  # how often None is given while nothing arrives
LOG_EVERY_S = 60.0  # a source may send bad samples for weeks
READ_S = 0.5  # most sound in a chunk: a window should not wait for sound that it does not need


class Source(Protocol):
    """Where sound comes from.

    Attributes:
        name: for people and for each printed line.
        is_clocked: sound arrives in real time, so that time passes while nothing arrives.
        is_endless: its end is a failure, after which it is opened again.
        is_dropping: it does not wait for its reader, so that unread sound is lost.
    """

    name: str
    is_clocked: bool
    is_endless: bool
    is_dropping: bool

    def open(self) -> Iterator[Item | None]:
        """Yield what comes; closing the iterator closes the source.

        Raises:
            AudioError: it cannot be opened or read.
        """


@dataclass
class ByteSource:
    """PCM or wav from standard input, a pipe or a file. A writer that is too fast has to wait.

    A named pipe (FIFO) stays open when its writer goes, so that the next one loses nothing.
    """

    name: str
    format: PcmFormat
    is_clocked: bool = False
    is_endless: bool = False
    is_dropping: bool = False
    logged_at: float = -math.inf  # when bad samples were last reported

    def open(self) -> Iterator[Item | None]:
        """Yield what comes; see `Source`."""
        decoder = PcmDecoder(self.name, self.format)
        with open_bytes(self.name) as file:
            number, is_fifo = file.fileno(), stat.S_ISFIFO(os.fstat(file.fileno()).st_mode) and self.name != "-"
            is_written = is_ignored = False
            while True:
                if not select.select([number], [], [], IDLE_S)[0]:
                    yield None
                    continue
                size = max(1, round(READ_S * decoder.format.sample_rate_hz)) * decoder.format.frame_bytes
                if data := os.read(number, size):
                    is_written = True
                    try:
                        yield from [] if is_ignored else self._decode(decoder, data)
                    except AudioError as error:
                        if not is_fifo:
                            raise
                        yield Trouble(f"{error}; the next writer is waited for")
                        is_ignored = True
                elif not is_fifo:
                    if missing := decoder.warn_missing():
                        yield Trouble(missing)
                    return
                else:
                    if is_written:
                        yield Break("the pipe's writer went away")
                        decoder.restart()
                    is_written = is_ignored = False
                    yield None
                    time.sleep(0.02)  # select calls a pipe without a writer readable

    def _decode(self, decoder: PcmDecoder, data: bytes) -> Iterator[Item]:
        samples = decoder.decode(data)
        if decoder.n_bad and time.monotonic() - self.logged_at >= LOG_EVERY_S:
            yield Trouble(f"{decoder.n_bad} samples are no numbers in [-1, 1]; they are taken as silence")
            self.logged_at, decoder.n_bad = time.monotonic(), 0
        if len(samples):
            yield AudioChunk(samples, decoder.format.sample_rate_hz)


def open_bytes(name: str) -> IO[bytes]:
    """Open standard input ("-") or a path to read from it unbuffered; a pipe nobody writes to yet does not block.

    Raises:
        AudioError: it cannot be opened.
    """
    try:
        if name == "-":
            if sys.stdin is None:
                raise AudioError("-: standard input is closed; send sound to it, or name a source")
            return os.fdopen(os.dup(sys.stdin.fileno()), "rb", buffering=0)
        return os.fdopen(os.open(name, os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0)
    except OSError as error:
        raise AudioError(f"{name}: cannot be opened ({error.strerror or error})") from error


def hide_password(url: str) -> str:
    """Return a URL without a user's name and password: its name is printed, sent and stored."""
    return re.sub(r"(?<=://)[^/?#]*@", "", url)


def choose_source(name: str, form: PcmFormat, stall_s: float, *, is_real_time: bool = False) -> Source:
    """Return the source that a name means.

    Args:
        name: "-" for standard input; "mic" or "mic:DEVICE"; a URL; "FORMAT:DEVICE" of FFmpeg, such as "alsa:default";
            or the path of a pipe or file.
        form: the format of raw PCM; the rate and channels to request from a microphone.
        stall_s: after so many seconds without sound a network stream or a device is given up and opened again.
        is_real_time: standard input or a file comes at the pace of its sound.

    Raises:
        AudioError: there is no such source.
    """
    kind, _, rest = name.partition(":")
    if kind == MICROPHONE:
        return Microphone(name, rest, form)
    if "://" in name:
        return MediaSource(hide_password(name), name, stall_s=stall_s)
    if kind in DEVICE_FORMATS and rest:
        return MediaSource(name, rest, kind, stall_s=stall_s)
    if name == "-":
        return ByteSource(name, form, is_clocked=is_real_time)
    path = Path(name)
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise AudioError(
            f"{name}: no such file or pipe ({error.strerror}); give -, mic, a URL, or the path of a pipe or file"
        ) from error
    if stat.S_ISREG(mode):
        _check_file(path)
    if stat.S_ISFIFO(mode):
        return ByteSource(name, form, is_clocked=True)
    if not stat.S_ISREG(mode) and not stat.S_ISCHR(mode):
        raise AudioError(f"{name}: neither a file nor a pipe")
    if path.suffix.lower() in (SNDFILE_SUFFIXES | MEDIA_SUFFIXES) - WAV_SUFFIXES:
        return MediaSource(name, name, is_endless=False, is_clocked=False, is_dropping=False, stall_s=stall_s)
    return ByteSource(name, form, is_clocked=is_real_time)


def _check_file(path: Path) -> None:
    """Check that a file is not empty, and that one named as a wav is one: else it would be read as raw PCM.

    Raises:
        AudioError: it is empty, not what its name says, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            begin = file.read(len(RIFF[0]))
    except OSError as error:
        raise AudioError(f"{path}: cannot be opened ({error.strerror or error})") from error
    if not begin:
        raise AudioError(f"{path}: the file is empty (0 bytes)")
    if path.suffix.lower() in WAV_SUFFIXES and begin not in RIFF:
        raise AudioError(f"{path}: not a wav in spite of its name; give raw PCM another name, such as .raw")
