"""Bytes of a stream to samples: raw PCM, or a wav whose header may be wrong.

In: bytes in chunks of any length, cut anywhere. Out: mono samples (S,) float32, the same as libsndfile reads from a
file. A wav that is written to a pipe cannot know its length: 0 and nearly 2 or 4 GiB mean "until it ends".

Source: RIFF/WAVE as Microsoft and IBM describe it (1991), WAVE_FORMAT_EXTENSIBLE (2001), RF64 (EBU Tech 3306).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from earwitness.audio import LARGEST_SAMPLE, Samples, mix_down
from earwitness.errors import AudioError

N_BYTES = {"u8": 1, "s16": 2, "s24": 3, "s32": 4, "f32": 4}  # bytes of a sample, little-endian
RIFF = (b"RIFF", b"RF64")
LONGEST_HEADER = 1 << 20  # bytes before the sound; more is no header
LONGEST_LENGTH = (1 << 31) - 65536  # bytes of sound: a header that states more is made up by a recorder
PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE


@dataclass(frozen=True)
class PcmFormat:
    """The format of raw PCM: a name of `N_BYTES`, rate in Hz, interleaved channels."""

    sample: str = "s16"
    sample_rate_hz: int = 16000
    n_channels: int = 1

    def __post_init__(self) -> None:
        if self.sample not in N_BYTES:
            raise AudioError(f"--format {self.sample}: choose from {', '.join(N_BYTES)} (little-endian)")
        if not 100 <= self.sample_rate_hz <= 1_000_000:
            raise AudioError(f"a rate of {self.sample_rate_hz} Hz: give 100 to 1000000")
        if not 1 <= self.n_channels <= 1024:
            raise AudioError(f"{self.n_channels} channels: give 1 to 1024")

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of every channel."""
        return N_BYTES[self.sample] * self.n_channels


class PcmDecoder:
    """Turns bytes into samples; holds back an incomplete frame or header.

    Args:
        name: of the source, for messages.
        assumed: the format of raw PCM; a wav header at the beginning overrides it.
    """

    def __init__(self, name: str, assumed: PcmFormat) -> None:
        self.name, self.format = name, assumed
        self.n_bad = 0  # samples that were no numbers, taken as silence
        self._held = b""
        self._is_header_read = False
        self._n_left: int | None = None  # bytes of sound that the header promises and that have not come yet

    def decode(self, data: bytes) -> Samples:
        """Return the mono samples (S,) that are complete with `data`; there may be none.

        Raises:
            AudioError: a wav header is damaged, or of a format that is not PCM.
        """
        self._held += data
        if not self._is_header_read and not self._read_header():
            return np.zeros(0, np.float32)
        size = self.format.frame_bytes
        n_bytes = len(self._held) if self._n_left is None else min(len(self._held), self._n_left)
        n_bytes -= n_bytes % size
        sound, self._held = self._held[:n_bytes], self._held[n_bytes:]
        if self._n_left is not None:
            self._n_left -= n_bytes
            if self._n_left < size:  # what follows a wav's sound are notes about it
                self._held, self._n_left = b"", 0
        with np.errstate(invalid="ignore"):  # of infinities on two channels
            samples = mix_down(read_samples(sound, self.format.sample).reshape(-1, self.format.n_channels))
        is_sound = np.abs(samples) <= LARGEST_SAMPLE  # False for NaN too
        if not is_sound.all():
            self.n_bad += int(np.count_nonzero(~is_sound))
            samples = np.where(is_sound, samples, np.float32(0))
        return samples

    def warn_missing(self) -> str:
        """Return a warning about sound that a wav header states and that did not arrive; "" if there is none."""
        if not self._is_header_read and self._held:
            return f"{self.name}: ended within {len(self._held)} bytes of a wav header; nothing of it was analysed"
        if self._n_left:
            missing_s = self._n_left / self.format.frame_bytes / self.format.sample_rate_hz
            return f"{self.name}: ended {missing_s:.1f} s before its header says; it is cut off, or was being written"
        return ""

    def restart(self) -> None:
        """Begin anew for another writer: it may send a header, and the last one's half frame is void."""
        self._held, self._is_header_read, self._n_left = b"", False, None

    def _read_header(self) -> bool:
        """Take a wav header off the held bytes; return whether sound can be read now."""
        if len(self._held) < 4 and RIFF[0].startswith(self._held[:2]):
            return False
        if self._held[:4] in RIFF:
            header = parse_wav_header(self.name, self._held)
            if header is None:
                return False
            self.format, n_header, self._n_left = header
            self._held = self._held[n_header:]
        self._is_header_read = True
        return True


def read_samples(data: bytes, sample: str) -> np.ndarray:
    """Return samples (N,) float32 in [-1, 1] of little-endian bytes."""
    if sample == "s24":
        three = np.frombuffer(data, np.uint8).reshape(-1, 3)
        four = np.zeros((len(three), 4), np.uint8)
        four[:, 1:] = three  # as the upper bytes of 32 bits, so that the sign comes right
        return four.view("<i4")[:, 0].astype(np.float32) / np.float32(2**31)
    kind = {"u8": "u1", "s16": "<i2", "s32": "<i4", "f32": "<f4"}[sample]
    samples = np.frombuffer(data, kind).astype(np.float32)
    if sample == "f32":
        return samples
    if sample == "u8":
        samples = samples - np.float32(128)
    return samples / np.float32(2 ** (8 * N_BYTES[sample] - 1))


def parse_wav_header(name: str, data: bytes) -> tuple[PcmFormat, int, int | None] | None:
    """Return the format, the header's length and the bytes of sound (None: until it ends); None: more is needed.

    Raises:
        AudioError: it is no wav of PCM.
    """
    form: PcmFormat | None = None
    long_length, at = None, 12
    while len(data) >= at + 8:
        kind, size = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        body = at + 8
        if kind == b"data":
            if form is None:
                raise AudioError(f"{name}: a wav without a format before its sound; make it again, or send raw PCM")
            length = long_length if size == 0xFFFFFFFF and long_length else size
            is_known = 0 < length < LONGEST_LENGTH or (long_length is not None and length == long_length)
            return form, body, length if is_known else None
        if size > LONGEST_HEADER or at > LONGEST_HEADER:
            raise AudioError(f"{name}: not a wav ({kind!r} of {size} bytes before any sound); send wav or raw PCM")
        if len(data) < body + size:
            return None
        if kind == b"fmt ":
            form = _parse_format(name, data[body : body + size])
        elif kind == b"ds64" and size >= 16:
            long_length = struct.unpack_from("<Q", data, body + 8)[0]
        at = body + size + size % 2
    return None


def _parse_format(name: str, body: bytes) -> PcmFormat:
    if len(body) < 16:
        raise AudioError(f"{name}: a wav whose format takes {len(body)} bytes; 16 are needed")
    code, n_channels, rate, _, _, n_bits = struct.unpack_from("<HHIIHH", body)
    if code == EXTENSIBLE and len(body) >= 26:
        code = struct.unpack_from("<H", body, 24)[0]
    known = {(PCM, 8): "u8", (PCM, 16): "s16", (PCM, 24): "s24", (PCM, 32): "s32", (FLOAT, 32): "f32"}
    if (code, n_bits) not in known:
        raise AudioError(
            f"{name}: a wav of format {code} with {n_bits} bits; send PCM of 8 to 32 bits, or 32-bit floats"
        )
    return PcmFormat(known[code, n_bits], rate, n_channels)
