"""Recordings in: a file, bytes or an array becomes mono float32 blocks at the rate that the encoder needs.

In: a path, file-like object, (samples, rate) pair or `Waveform`. Out: `Waveform` blocks of bounded length, so that
memory does not grow with the recording. libsndfile decodes wav, flac, ogg, opus and mp3; PyAV (extra `[media]`) the
rest.
"""

from __future__ import annotations

import contextlib
import glob
import importlib.util
import os
import queue
import re
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeAlias

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from earwitness.errors import AudioError, MissingExtraError

Samples = npt.NDArray[np.float32]
Source: TypeAlias = "str | Path | IO[bytes] | tuple[np.ndarray, int] | Waveform"

BLOCK_S = 30.0
LEAST_S = 0.025  # one STFT window
LARGEST_SAMPLE = 1e10  # larger than integers stored as floats; the power would overflow
NOISE_SEED = 0
SNDFILE_SUFFIXES = frozenset(
    ".wav .wave .w64 .rf64 .bwf .flac .ogg .oga .opus .mp3 .aif .aiff .aifc .au .snd .caf".split()
)
MEDIA_SUFFIXES = frozenset(".m4a .mp4 .m4v .mov .aac .webm .mkv .mka .avi .wma .3gp .amr .ac3 .ts .mpg .mpeg".split())


@dataclass(frozen=True)
class Waveform:
    """Mono samples (S,) float32 in [-1, 1]; `start_s` is their place in the recording."""

    samples: Samples
    sample_rate_hz: int
    start_s: float = 0.0

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.sample_rate_hz


def load_audio(source: Source, sample_rate_hz: int = 16000) -> Waveform:
    """Read a whole recording; for long ones use `read_blocks`.

    Raises:
        AudioError: see `read_blocks`.
    """
    blocks = [block.samples for block in read_blocks(source, sample_rate_hz)]
    return Waveform(np.concatenate(blocks), sample_rate_hz)


def read_blocks(
    source: Source, sample_rate_hz: int = 16000, block_s: float = BLOCK_S, noise_factor: float = 0.0
) -> Iterator[Waveform]:
    """Yield a recording as consecutive mono blocks of about `block_s` seconds, resampled to `sample_rate_hz`.

    Channels are averaged. The resampler (soxr, high quality) runs on across blocks, so their joints are inaudible.

    Args:
        source: a path, a seekable file object, a pair (samples, rate in Hz), or a `Waveform`.
        sample_rate_hz: the rate of the blocks.
        block_s: length of a block in seconds.
        noise_factor: standard deviation of noise added to the samples, the same in every reading.

    Raises:
        AudioError: the recording is missing, unreadable, empty or too short, or a sample is not a number.
        MissingExtraError: the format needs PyAV.
    """
    name, raw_blocks = _open(source, block_s)
    noise = np.random.default_rng(NOISE_SEED)
    n_read = 0
    for samples in resample(name, raw_blocks, sample_rate_hz):
        is_valid = np.abs(samples) <= LARGEST_SAMPLE  # False for NaN too
        if not is_valid.all():
            first = int(np.argmin(is_valid))
            raise AudioError(
                f"{name}: the sample at {(n_read + first) / sample_rate_hz:.3f} s is {samples[first]:g}, "
                "not a number in [-1, 1]; repair or re-export the recording"
            )
        if len(samples):
            if noise_factor:
                samples = samples + noise_factor * noise.standard_normal(len(samples), dtype=np.float32)
            yield Waveform(samples, sample_rate_hz, n_read / sample_rate_hz)
        n_read += len(samples)
    if n_read == 0:
        raise AudioError(f"{name}: the recording has no samples")
    if n_read < LEAST_S * sample_rate_hz:
        raise AudioError(
            f"{name}: {1000 * n_read / sample_rate_hz:.1f} ms is too short; at least {1000 * LEAST_S:.0f} ms are needed"
        )


@dataclass(frozen=True)
class FoundAudio:
    """The recordings below some paths, in order, and how many hidden files and dead links in folders were left out."""

    paths: list[Path]
    n_hidden: int = 0
    n_dead: int = 0


def find_audio(paths: Iterable[str | Path]) -> list[Path]:
    """Return the recordings named by files, folders (searched in depth) and glob patterns, each once, in order.

    See `search_audio`.
    """
    return search_audio(paths).paths


def search_audio(paths: Iterable[str | Path]) -> FoundAudio:
    """Find the recordings named by files, folders (searched in depth) and glob patterns, each once, in order.

    A file that is named itself is taken whatever its name, a link to nothing, too, so that it is reported; in folders
    and globs the known audio suffixes count, and hidden files and links to nothing are left out.

    Raises:
        AudioError: a path does not exist, or a folder or pattern holds no recording.
    """
    found: dict[str, Path] = {}
    left_out: dict[str, set[Path]] = {"hidden": set(), "dead": set()}
    for path in map(Path, paths):
        try:
            names = _list_audio(path, left_out)
        except OSError as error:
            raise AudioError(f"{path}: cannot be read ({error.strerror})") from error
        if not names and not glob.has_magic(str(path)) and not path.exists():
            raise AudioError(f"{path}: no such file or folder")
        if not names:
            besides = f" besides {len(left_out['hidden'])} hidden files" if left_out["hidden"] else ""
            raise AudioError(f"{path}: no recording in it{besides}; looked for names ending in {_list_suffixes()}")
        for name in names:
            found.setdefault(os.path.abspath(name), name)  # noqa: PTH100 (resolve would join links to one file)
    return FoundAudio(list(found.values()), len(left_out["hidden"]), len(left_out["dead"]))


def is_audio_name(path: Path) -> bool:
    """Return whether a file, or a link to nothing, is named as recordings are."""
    is_known = path.suffix.lower() in SNDFILE_SUFFIXES | MEDIA_SUFFIXES
    return is_known and (path.is_file() or (path.is_symlink() and not path.exists()))


def measure_duration(source: Source) -> float | None:
    """Return a recording's length in seconds as its header or array says, or None where that takes decoding."""
    if isinstance(source, Waveform):
        return source.duration_s
    if isinstance(source, tuple):
        return len(source[0]) / source[1]
    try:
        return float(soundfile.info(source if isinstance(source, str) else str(source)).duration)
    except _UNREADABLE:
        return None


def find_truncation(source: Source) -> str | None:
    """Return what is missing of an uncompressed file (wav, rf64, w64, aiff, au) that ends before its header says."""
    if not isinstance(source, str | Path):
        return None
    try:
        with soundfile.SoundFile(source) as file:
            log, rate, n_channels, n_frames = file.extra_info, file.samplerate, file.channels, file.frames
    except _UNREADABLE:
        return None
    match = _PROMISED_LENGTH.search(log)
    if match is None or int(match[1]) <= int(match[2]) or -int(match[1]) % 2**31 <= 4096:
        return None  # lengths just below 2 or 4 GiB are what a recorder writes that cannot seek back
    present_s = n_frames / rate
    promised_s = present_s * int(match[1]) / max(1, int(match[2])) if n_channels else 0.0
    return f"truncated: its header promises {promised_s:.2f} s, it holds {present_s:.2f} s; the results cover these"


def read_ahead(blocks: Iterator[Waveform], n_ahead: int = 2) -> Iterator[Waveform]:
    """Yield blocks that another thread reads meanwhile, at most `n_ahead` of them in advance.

    What goes wrong in reading is raised here, in its place. Closing the iterator stops the thread.
    """
    done, held = object(), queue.Queue[Any](n_ahead)
    is_closed = threading.Event()

    def put(item: Any) -> bool:
        while not is_closed.is_set():
            with contextlib.suppress(queue.Full):
                held.put(item, timeout=0.1)
                return True
        return False

    def read() -> None:
        try:
            if all(map(put, blocks)):
                put(done)
        except BaseException as error:
            put(error)

    thread = threading.Thread(target=read, name="read ahead", daemon=True)
    thread.start()
    try:
        while (item := held.get()) is not done:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        is_closed.set()
        thread.join()


def resample(name: str, blocks: Iterable[tuple[Samples, int]], sample_rate_hz: int) -> Iterator[Samples]:
    """Yield samples (S,) with their rate at another one (soxr, high quality); how they are cut does not matter.

    Raises:
        AudioError: a rate is not positive; `name` says where.
    """
    stream: soxr.ResampleStream | None = None
    for samples, rate in blocks:
        if rate == sample_rate_hz:
            yield samples
            continue
        if rate <= 0:
            raise AudioError(f"{name}: the sample rate is {rate} Hz")
        stream = stream or soxr.ResampleStream(rate, sample_rate_hz, 1, dtype="float32", quality="HQ")
        yield stream.resample_chunk(samples)
    if stream:
        yield stream.resample_chunk(np.zeros(0, np.float32), last=True)


def _open(source: Source, block_s: float) -> tuple[str, Iterator[tuple[Samples, int]]]:
    """Return the source's name for messages and its blocks (S, channels or none) with their rate."""
    if isinstance(source, Waveform):
        return "waveform", _cut(source.samples, source.sample_rate_hz, block_s)
    if isinstance(source, tuple):
        samples, rate = source
        return "array", _cut(np.asarray(samples), rate, block_s)
    if isinstance(source, str | Path):
        path = Path(source)
        _check_file(path)
        if path.suffix.lower() in MEDIA_SUFFIXES or _is_unnamed_media(path):
            return str(path), _decode_media(path, block_s)
        return str(path), _decode_sndfile(str(path), str(path), block_s)
    source.seek(0)
    return str(getattr(source, "name", "stream")), _decode_sndfile("stream", source, block_s)


def _is_unnamed_media(path: Path) -> bool:
    """Say whether a file without a suffix, such as one that came on standard input, is for PyAV."""
    if path.suffix or measure_duration(path) is not None:
        return False
    return importlib.util.find_spec("av") is not None


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise AudioError(f"{path}: a folder, not a recording")
    try:
        with path.open("rb") as file:
            if not file.read(1):
                raise AudioError(f"{path}: the file is empty (0 bytes)")
    except OSError as error:
        raise AudioError(f"{path}: cannot be read ({error.strerror})") from error


def _cut(samples: np.ndarray, rate: int, block_s: float) -> Iterator[tuple[Samples, int]]:
    if samples.ndim not in (1, 2) or (samples.ndim == 2 and samples.shape[1] > samples.shape[0] > 0):
        raise AudioError(f"array: the shape is {samples.shape}; give (samples,) or (samples, channels)")
    if not np.issubdtype(samples.dtype, np.floating):
        raise AudioError(f"array: the samples are {samples.dtype}; give floating-point numbers in [-1, 1]")
    step = max(1, int(block_s * rate))
    for start in range(0, len(samples), step):
        yield mix_down(samples[start : start + step]), rate


def mix_down(samples: np.ndarray) -> Samples:
    """Return samples (S,) or (S, channels) as mono (S,) float32, the mean of the channels."""
    mono = samples if samples.ndim == 1 else samples.mean(axis=1)
    return np.ascontiguousarray(mono, dtype=np.float32)


def _decode_sndfile(name: str, file: Any, block_s: float) -> Iterator[tuple[Samples, int]]:
    try:
        with soundfile.SoundFile(file) as sound:
            step = max(1, int(block_s * sound.samplerate))
            while len(block := sound.read(step, dtype="float32", always_2d=True)):
                yield mix_down(block), sound.samplerate
    except _UNREADABLE as error:
        reason = str(getattr(error, "error_string", error)).rstrip(".")
        raise AudioError(
            f"{name}: not readable as audio ({reason}); convert it to wav or flac, or check that it is whole"
        ) from error


def _decode_media(path: Path, block_s: float) -> Iterator[tuple[Samples, int]]:
    try:
        import av
    except ImportError as error:
        raise MissingExtraError(f"{path}: {path.suffix} needs PyAV: pip install 'earwitness[media]'") from error
    try:
        with av.open(str(path), metadata_errors="ignore") as container:  # a title may be in any encoding
            if not container.streams.audio:
                raise AudioError(f"{path}: no sound in it")
            rate = container.streams.audio[0].rate
            to_floats = av.AudioResampler(format="fltp", rate=rate)  # its own way to mono is louder than the mean
            held: list[Samples] = []
            for frame in container.decode(audio=0):
                held += [mix_down(out.to_ndarray().T) for out in to_floats.resample(frame)]
                if sum(map(len, held)) >= block_s * rate:
                    yield np.concatenate(held), rate
                    held = []
            if held:
                yield np.concatenate(held), rate
    except (av.FFmpegError, OSError) as error:
        raise AudioError(
            f"{path}: not readable as audio or video ({error.strerror}); check that it is whole"
        ) from error


def _list_audio(path: Path, left_out: dict[str, set[Path]]) -> list[Path]:
    """Return the recordings at a path; hidden files and dead links that a search comes upon go to `left_out`."""
    is_folder = path.is_dir()
    if not is_folder and (path.exists() or path.is_symlink()):
        return [path]
    candidates = path.rglob("*") if is_folder else map(Path, glob.glob(str(path), recursive=True))
    names = []
    for each in filter(is_audio_name, candidates):
        if is_folder and any(part.startswith(".") for part in each.relative_to(path).parts):
            left_out["hidden"].add(each)
        elif not each.exists():
            left_out["dead"].add(each)
        else:
            names.append(each)
    return sorted(names)


def _list_suffixes() -> str:
    return " ".join(sorted(SNDFILE_SUFFIXES | MEDIA_SUFFIXES))


# soundfile raises TypeError for .raw, which does not say its rate, and UnicodeError for a name that is not UTF-8.
_UNREADABLE = (soundfile.SoundFileError, OSError, TypeError, UnicodeError)
# libsndfile logs "data : 2646000 (should be 1000000)", or likewise, where fewer bytes follow than the header promises.
_PROMISED_LENGTH = re.compile(r"^ *(?:data|riff|Riff size|SSND|Data Size) *: (\d+) \(should be (\d+)\)", re.MULTILINE)
