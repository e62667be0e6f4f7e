"""A 30 s demo recording made in code: signal processing and simple physical models, no recorded audio, no file read.

In: a seed. Out: mono float32 samples at 16 kHz, and the truth: which sounds, from when to when.

    python scripts/demo_recording.py      # writes demo.ogg and demo.csv for `earwitness demo` into the package

The bed is rain from the first sample to the last: the word for it is "rain", true throughout, and the scene that it
suggests is outdoors, a front door on a street in the rain. `make_recording` lists the separate events only, not the
bed. Nothing else sounds: no speech, no music, no engine. An event's onset is its first sample; its offset is where it
last stands out of the rain, not counting the echo, which rings on for some tenths of a second.

The sounds, their levels and their onsets (soon after a whole second, where windows of 2 s every 1 s place an onset
best) were chosen by what the shipped tagger recognises: the recording shows it at work and is no measure of how well
it hears.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

Samples = npt.NDArray[np.float64]
Synth = Callable[[np.random.Generator], Samples]

DATA_DIR = Path(__file__).parent.parent / "src" / "earwitness" / "data"
COMPRESSION = 0.6  # of Vorbis, 0 to 1: 143 kB
SAMPLE_RATE_HZ = 16_000
DURATION_S = 30.0
RAIN_LEVEL = 0.035  # RMS of full scale, -29 dB; the events' peaks lie 21 to 28 dB above it
ECHO_S = 0.35  # to -60 dB: a porch, not a hall
ECHO_LEVEL = 0.25  # RMS of the echo against the direct sound, -12 dB
DECAY_60_DB = math.log(1000.0)  # exp(-DECAY_60_DB) is -60 dB


@dataclass(frozen=True)
class DemoEvent:
    """One sound of the recording: the word for it, and when it starts and last stands out of the rain."""

    word: str
    onset_s: float
    offset_s: float


def make_recording(seed: int = 7) -> tuple[np.ndarray, list[DemoEvent]]:
    """Return the recording and what happens in it; the same seed gives the same samples.

    Args:
        seed: of everything random: drops, shards, noise and the small unevenness of living sources.

    Returns:
        (480000,) float32 samples in [-1, 1] at 16 kHz, and the events in order of time.
    """
    rng = np.random.default_rng(seed)
    track = RAIN_LEVEL * make_rain(rng, DURATION_S)
    events = []
    for word, onset_s, peak, synth in SCHEDULE:
        sound = synth(rng)
        detected = _add_echo(sound, rng)
        gain = peak / np.abs(detected).max()
        _mix(track, gain * detected, onset_s)
        above_rain = np.flatnonzero(gain * np.abs(sound) > RAIN_LEVEL)
        events.append(DemoEvent(word, onset_s, round(onset_s + int(above_rain[-1]) / SAMPLE_RATE_HZ, 2)))
    return np.clip(track, -1.0, 1.0).astype(np.float32), events


def make_rain(rng: np.random.Generator, duration_s: float) -> Samples:
    """Rain, RMS 1: the hiss of countless far drops, and near drops, each a short ring at its own pitch."""
    hiss = _band_noise(rng, duration_s, 400.0, 6000.0)
    near = np.zeros_like(hiss)
    for _ in range(int(60 * duration_s)):  # drops per second near enough to be told apart
        pitch_hz, gain = rng.uniform(1500.0, 7000.0), min(rng.pareto(3.0), 4.0)  # few large drops, many small
        ring = _partials([pitch_hz], [gain], [0.014], 0.01)
        _mix(near, ring, rng.uniform(0.0, duration_s - 0.01))
    return _to_rms(hiss + 0.4 * _to_rms(near))


def make_telephone(_: np.random.Generator) -> Samples:
    """Two rings of an electronic telephone: a warble between 1000 and 1250 Hz (a major third) at 12.5 Hz."""
    time_s = _time(2.4)
    is_ringing = time_s % 1.5 < 0.9
    return _fade(is_ringing * _harmonics(np.where(12.5 * time_s % 1.0 < 0.5, 1000.0, 1250.0), [1.0, 0.3, 0.3]), 0.005)


def make_dog_bark(rng: np.random.Generator) -> Samples:
    """Four barks of a small dog, source and filter: see `_make_one_bark`."""
    barks = np.zeros(_count(1.7))
    for start_s in (0.0, 0.45, 0.95, 1.4):
        _mix(barks, rng.uniform(0.8, 1.0) * _make_one_bark(rng), start_s)
    return barks


def _make_one_bark(rng: np.random.Generator) -> Samples:
    """One bark: rough glottal pulses at 600 Hz, up to 950, down to 420, and breath, through the throat's formants."""
    duration_s = 0.2
    u = _time(duration_s) / duration_s
    roughness = 1.0 + 0.04 * _band_noise(rng, duration_s, 20.0, 300.0)
    pitch_hz = rng.uniform(0.95, 1.05) * 600.0 * (1.0 + 0.7 * np.sin(np.pi * u**0.7) - 0.3 * u) * roughness
    cycle = np.cumsum(pitch_hz) / SAMPLE_RATE_HZ % 1.0
    flow = np.where(cycle < 0.6, np.sin(np.pi * cycle / 0.6) ** 2, 0.0)  # the glottis is open for 60 % of a cycle
    source = _to_rms(np.diff(flow, prepend=0.0)) + 0.3 * rng.standard_normal(len(u))
    formants = ((700.0, 200.0, 1.0), (1250.0, 250.0, 0.9), (2400.0, 400.0, 0.5), (3600.0, 600.0, 0.3))
    voice = sum(gain * _to_rms(_resonate(source, peak_hz, width_hz)) for peak_hz, width_hz, gain in formants)
    swell = np.minimum(u / 0.12, 1.0) * (1.0 - u) ** 0.8
    return np.tanh(0.75 * _to_rms(voice * swell))  # a bark is loud enough to be driven flat


def make_glass_breaking(rng: np.random.Generator) -> Samples:
    """A pane breaks: a burst of cracking, then shards that land and ring, ever fewer, each with a few modes."""
    duration_s, shard_s = 1.5, 0.4
    crash = np.zeros(_count(duration_s))
    for low_hz, high_hz, decay_s in ((2000.0, 7500.0, 0.4), (200.0, 1500.0, 0.14)):  # splinters; the blow itself
        _mix(crash, 0.6 * _band_noise(rng, shard_s, low_hz, high_hz) * _decay(shard_s, decay_s), 0.0)
    landings_s = np.sort(rng.exponential(0.16, 130))
    for start_s in landings_s[landings_s < duration_s - 0.1]:
        n_modes = rng.integers(2, 5)
        modes_hz = rng.uniform(2200.0, 7600.0) * rng.uniform(0.5, 1.4, n_modes)  # centimetres of glass ring at kHz
        gains = rng.uniform(0.2, 0.8, n_modes) * np.exp(-1.5 * start_s)
        t60s_s = rng.uniform(0.05, 0.35) * rng.uniform(0.5, 1.0, n_modes)
        _mix(crash, _partials(modes_hz, gains, t60s_s, shard_s), start_s)
    return _fade(crash, 0.002)


def make_smoke_alarm(_: np.random.Generator) -> Samples:
    """A smoke alarm: groups of three beeps of a piezo sounder at 3.1 kHz, with its octave."""
    time_s = _time(3.3)
    is_on = (time_s % 2.0 < 1.5) & (time_s % 0.5 < 0.3)
    return is_on * (np.sin(2 * np.pi * 3100.0 * time_s) + 0.3 * np.sin(2 * np.pi * 6200.0 * time_s))


def make_siren(_: np.random.Generator) -> Samples:
    """A siren in its yelp mode: 700 to 1600 Hz and back twice a second, with the harmonics of a driven horn."""
    time_s = _time(4.0)
    return _fade(_harmonics(1150.0 - 450.0 * np.cos(4 * np.pi * time_s), [1.0, 0.5, 0.4, 0.2, 0.15]), 0.05)


def make_thunder(rng: np.random.Generator) -> Samples:
    """Thunder: low noise in claps, one from each bend of the lightning; the farther bends come later and weaker."""
    duration_s = 4.0
    time_s = _time(duration_s)
    loudness = np.zeros_like(time_s)
    for start_s in rng.exponential(0.9, 30):
        since_s = np.maximum(time_s - start_s, 0.0)
        clap = rng.uniform(0.3, 1.0) * np.exp(-start_s) * np.exp(-since_s / rng.uniform(0.15, 0.7))
        loudness += np.where(time_s >= start_s, clap, 0.0)
    return _fade(_band_noise(rng, duration_s, 60.0, 400.0) * loudness, 0.005)  # air has taken the high part on the way


def make_whistling(rng: np.random.Generator) -> Samples:
    """Someone whistles five notes, G6 C7 A6 C7 G6: a nearly pure tone with vibrato, glides and a little breath."""
    note_s, glide_s = 0.45, 0.075
    notes_hz = np.repeat([1568.0, 2093.0, 1760.0, 2093.0, 1568.0], _count(note_s))
    time_s = np.arange(len(notes_hz)) / SAMPLE_RATE_HZ
    glide = np.hanning(_count(glide_s) + 1)
    padded = np.pad(notes_hz, _count(glide_s) // 2, mode="edge")
    pitch_hz = np.convolve(padded, glide / glide.sum(), mode="valid") + 12.0 * np.sin(2 * np.pi * 5.5 * time_s)
    tongue = 1.0 - 0.7 * np.exp(-((time_s % note_s / 0.03) ** 2))  # each note starts softly
    breath = 0.03 * _band_noise(rng, len(time_s) / SAMPLE_RATE_HZ, 1200.0, 4000.0)
    return _fade(tongue * _harmonics(pitch_hz, [1.0, 0.03]) + breath, 0.04)


SCHEDULE: tuple[tuple[str, float, float, Synth], ...] = (  # word, onset in s, peak of full scale, how it is made
    ("telephone ringing", 2.1, 0.6, make_telephone),
    ("dog bark", 6.2, 0.6, make_dog_bark),
    ("thunder", 9.1, 0.5, make_thunder),
    ("glass breaking", 14.2, 0.85, make_glass_breaking),
    ("smoke alarm", 17.1, 0.4, make_smoke_alarm),
    ("siren", 22.1, 0.4, make_siren),
    ("whistling", 27.2, 0.4, make_whistling),
)


def _count(duration_s: float) -> int:
    return round(duration_s * SAMPLE_RATE_HZ)


def _time(duration_s: float) -> Samples:
    return np.arange(_count(duration_s)) / SAMPLE_RATE_HZ


def _decay(duration_s: float, t60_s: float) -> Samples:
    """An exponential decay from 1 that reaches -60 dB at `t60_s`."""
    return np.asarray(np.exp(-DECAY_60_DB / t60_s * _time(duration_s)))


def _partials(pitches_hz: npt.ArrayLike, gains: npt.ArrayLike, t60s_s: npt.ArrayLike, duration_s: float) -> Samples:
    """The sum of a struck body's modes, each a decaying sine; modes above the recording's band are left out."""
    pitch, gain, t60 = (np.asarray(values, dtype=float)[:, None] for values in (pitches_hz, gains, t60s_s))
    time_s = _time(duration_s)
    gain = np.where(pitch < 0.49 * SAMPLE_RATE_HZ, gain, 0.0)
    return np.asarray((gain * np.exp(-DECAY_60_DB / t60 * time_s) * np.sin(2 * np.pi * pitch * time_s)).sum(axis=0))


def _harmonics(pitch_hz: Samples, gains: list[float]) -> Samples:
    """A tone whose pitch follows `pitch_hz` (S,), with harmonics 1, 2, ... of these gains."""
    phase = 2 * np.pi * np.cumsum(pitch_hz) / SAMPLE_RATE_HZ
    return np.asarray(sum(gain * np.sin(order * phase) for order, gain in enumerate(gains, 1)))


def _band_noise(rng: np.random.Generator, duration_s: float, low_hz: float, high_hz: float) -> Samples:
    """Noise of RMS 1 between two corners, falling by 24 dB per octave outside them."""
    spectrum = np.fft.rfft(rng.standard_normal(_count(duration_s)))
    hz = np.fft.rfftfreq(_count(duration_s), 1 / SAMPLE_RATE_HZ)
    gain = 1 / (1 + (low_hz / np.maximum(hz, 1.0)) ** 4) / (1 + (hz / high_hz) ** 4)
    return _to_rms(np.fft.irfft(gain * spectrum, _count(duration_s)))


def _resonate(samples: Samples, peak_hz: float, width_hz: float) -> Samples:
    """Filter with a two-pole resonance: poles at `peak_hz`, as near the unit circle as the width says."""
    n_padded = 2 * len(samples)  # room for the ringing, so that it does not come round to the start
    z = np.exp(-2j * np.pi * np.fft.rfftfreq(n_padded))
    pole = np.exp((-width_hz + 2j * peak_hz) * np.pi / SAMPLE_RATE_HZ)
    response = 1 / ((1 - pole * z) * (1 - pole.conjugate() * z))
    return np.fft.irfft(np.fft.rfft(samples, n_padded) * response, n_padded)[: len(samples)]


def _add_echo(samples: Samples, rng: np.random.Generator) -> Samples:
    """Let the sound ring in a small space, whose echo is decaying noise; the result is longer by `ECHO_S`."""
    tail = _band_noise(rng, ECHO_S, 120.0, 5000.0) * _decay(ECHO_S, ECHO_S)
    n_out = len(samples) + len(tail)
    echo = np.fft.irfft(np.fft.rfft(samples, n_out) * np.fft.rfft(tail, n_out), n_out)
    direct = np.pad(samples, (0, len(tail)))
    return direct + ECHO_LEVEL * float(np.sqrt(np.mean(direct**2) / np.mean(echo**2))) * echo


def _mix(track: Samples, sound: Samples, start_s: float) -> None:
    """Add a sound to a track in place; what goes beyond the track's end is cut."""
    start = _count(start_s)
    track[start : start + len(sound)] += sound[: len(track) - start]


def _fade(samples: Samples, fade_s: float) -> Samples:
    """Round both ends by half a Hann window, so that they do not click."""
    ramp = np.sin(np.linspace(0.0, np.pi / 2, _count(fade_s))) ** 2
    gain = np.ones_like(samples)
    gain[: len(ramp)], gain[-len(ramp) :] = ramp, ramp[::-1]
    return samples * gain


def _to_rms(samples: Samples) -> Samples:
    return samples / float(np.sqrt(np.mean(samples**2)))


def main() -> None:
    """Write the recording and its events into the package."""
    samples, events = make_recording()
    path = DATA_DIR / "demo.ogg"
    soundfile.write(path, samples, SAMPLE_RATE_HZ, format="OGG", subtype="VORBIS", compression_level=COMPRESSION)
    with path.with_suffix(".csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([("word", "onset_s", "offset_s"), *map(astuple, events)])
    print(f"{path}: {path.stat().st_size} bytes, {len(events)} events")


if __name__ == "__main__":
    main()
