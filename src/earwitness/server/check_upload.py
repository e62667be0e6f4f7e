"""Checks the header of an upload against the limits before anything is decoded.

In: an uploaded file, without a suffix, and `Limits`. Out: the length in its header, or None; or a refusal.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import soundfile

from earwitness.server.limits import Limits
from earwitness.server.problems import Refused

# FFmpeg's formats of self-contained files. Playlists and the like could name other files.
MEDIA_FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,aac,mp3,asf,avi,mpegts,mpeg,amr,ac3,eac3,flac,ogg,wav,aiff,caf"
UNKNOWN_LENGTH = 2**62  # frames; libsndfile returns the largest integer where a header has no length


def check_container(path: Path, limits: Limits) -> float | None:
    """Return the length in seconds in an upload's header, None if there is none.

    Raises:
        Refused: there are too many channels, the rate or the length is too large, or FFmpeg would read it in a format
            that may refer to other files.
    """
    try:
        info = soundfile.info(str(path))
    except (soundfile.SoundFileError, OSError, TypeError, UnicodeError):
        return _check_media(path, limits)
    check_shape(info.samplerate, info.channels, limits)
    duration_s = info.frames / info.samplerate if 0 < info.frames < UNKNOWN_LENGTH else None
    return check_length(duration_s, limits)


def check_shape(rate_hz: int, n_channels: int, limits: Limits) -> None:
    """Refuse rates and numbers of channels that no recorder has.

    Raises:
        Refused: they are above the limits.
    """
    if not 0 < rate_hz <= limits.max_rate_hz:
        detail = f"its sample rate is {rate_hz} Hz; this server accepts up to {limits.max_rate_hz} Hz"
        raise Refused("unreadable", detail)
    if n_channels > limits.max_channels:
        raise Refused("unreadable", f"it has {n_channels} channels; this server accepts up to {limits.max_channels}")


def check_length(duration_s: float | None, limits: Limits) -> float | None:
    """Return a length that is within the limit, or unknown.

    Raises:
        Refused: it is not.
    """
    if duration_s is not None and duration_s > limits.max_duration_s:
        detail = f"it lasts {duration_s:.0f} s or more; this server accepts up to {limits.max_duration_s:g} s: cut it"
        raise Refused("too-long", detail)
    return duration_s


def _check_media(path: Path, limits: Limits) -> float | None:
    """Check a file that libsndfile cannot read; without PyAV the worker reports it."""
    if importlib.util.find_spec("av") is None:
        return None
    import av

    guards = {"format_whitelist": MEDIA_FORMATS, "protocol_whitelist": "file"}
    try:
        with av.open(str(path), container_options=guards, metadata_errors="ignore") as container:
            for stream in container.streams.audio[:1]:
                check_shape(stream.rate or 0, stream.channels, limits)
            duration_s = container.duration / av.time_base if container.duration else None
            return check_length(duration_s, limits)
    except (av.FFmpegError, OSError) as error:
        detail = f"not readable as audio or video ({error.strerror}); check that it is complete"
        raise Refused("unreadable", detail) from error
