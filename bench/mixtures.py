"""Mixtures with a known truth: a short event laid into a background at a wanted event-to-background ratio.

In: event clips by word and backgrounds, 16 kHz samples. Out: `Case`s, a waveform with its event's word, onset and
offset. All chance comes from one seed. The ratio (EBR, in dB) is that of TUT Rare Sound Events: the event's rms over
the background's rms under the event.

Source: the recipe follows TUT Rare Sound Events 2017 (Diment et al.); events are ESC-10's (Piczak 2015).
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from earwitness.audio.read import Samples, Waveform, load_audio

RATE_HZ = 16000
MOST_S = 2.0  # longest event
FRAME_S = 0.02
SILENT_DB = -30.0  # frames this far below the event's loudest are cut off its ends, so that the onset is true
FADE_S = 0.01
JOINT_S = 0.05  # cross-fade where an annotated event was cut out of a background
MARGIN_S = 0.25  # cut out around an annotated event, for its reverberation
EBR_DB = (-6.0, 0.0, 6.0)


@dataclass(frozen=True)
class Case:
    """A recording whose truth is known: one event, or none (an empty `word`)."""

    name: str
    waveform: Waveform
    word: str = ""
    onset_s: float = 0.0
    offset_s: float = 0.0
    ebr_db: float = float("-inf")
    scene: str = ""


def make_mixtures(
    events: Mapping[str, Sequence[Samples]], backgrounds: Sequence[Samples], n: int = 96, seed: int = 0
) -> list[Case]:
    """Return `n` mixtures: the words take turns, then the ratios, and each word's clips are drawn without repetition.

    Every word meets every ratio and background; 12 mixtures are each word at each ratio once.
    """
    random = np.random.default_rng(seed)
    words = list(events)
    orders = {word: random.permutation(len(events[word])) for word in words}
    cases = []
    for index in range(n):
        turn, place = divmod(index, len(words))
        word, ebr_db = words[place], EBR_DB[turn % len(EBR_DB)]
        # The shift after each round of the ratios lets every word and ratio meet every background.
        background = backgrounds[(index + turn // len(EBR_DB)) % len(backgrounds)]
        event = cut_loudest(events[word][orders[word][turn % len(orders[word])]])
        start = int(random.integers(len(background) - len(event)))
        mixed = mix(background, event, start, ebr_db)
        mixed = mixed / max(1.0, float(np.abs(mixed).max()))  # as a whole, so that the ratio stays
        onset_s = start / RATE_HZ
        waveform = Waveform(mixed.astype(np.float32), RATE_HZ)
        cases.append(Case(f"{index:03d} {word}", waveform, word, onset_s, onset_s + len(event) / RATE_HZ, ebr_db))
    return cases


def mix(background: Samples, event: Samples, start: int, ebr_db: float) -> Samples:
    """Return the background with the event added from sample `start` on, at the wanted ratio.

    Raises:
        ValueError: the event does not fit, or event or background is silent there, so that no ratio exists.
    """
    under = background[start : start + len(event)]
    if len(under) < len(event):
        raise ValueError(f"the event of {len(event)} samples does not fit at {start} of {len(background)}")
    event_rms, under_rms = measure_rms(event), measure_rms(under)
    if not event_rms or not under_rms:
        raise ValueError(f"event or background is silent (rms {event_rms}, {under_rms}): no ratio can be set")
    gain = 10 ** (ebr_db / 20) * under_rms / event_rms
    mixed = background.astype(np.float32).copy()
    mixed[start : start + len(event)] += np.float32(gain) * event
    return mixed


def cut_loudest(samples: Samples, most_s: float = MOST_S) -> Samples:
    """Return the stretch of at most `most_s` seconds with the most energy, without quiet ends, faded in and out."""
    size = min(len(samples), round(most_s * RATE_HZ))
    energy = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    start = int(np.argmax(energy[size:] - energy[: len(energy) - size]))
    segment = samples[start : start + size]
    frame = round(FRAME_S * RATE_HZ)
    levels = np.array([measure_rms(segment[at : at + frame]) for at in range(0, len(segment), frame)])
    loud = np.flatnonzero(levels >= levels.max() * 10 ** (SILENT_DB / 20))
    segment = segment[loud[0] * frame : (loud[-1] + 1) * frame].astype(np.float32)
    n_fade = min(round(FADE_S * RATE_HZ), len(segment) // 2)
    ramp = np.linspace(0, 1, n_fade, dtype=np.float32)
    segment[:n_fade] *= ramp
    segment[len(segment) - n_fade :] *= ramp[::-1]
    return segment


def cut_out(samples: Samples, start_s: float, end_s: float) -> Samples:
    """Return the samples without the stretch from `start_s` to `end_s`; the joint is cross-faded."""
    start, end = max(0, round(start_s * RATE_HZ)), min(len(samples), round(end_s * RATE_HZ))
    before, after = samples[:start], samples[end:]
    n_fade = min(round(JOINT_S * RATE_HZ), len(before), len(after))
    ramp = np.linspace(0, 1, n_fade, dtype=np.float32)
    joint = before[len(before) - n_fade :] * (1 - ramp) + after[:n_fade] * ramp
    return np.concatenate([before[: len(before) - n_fade], joint, after[n_fade:]]).astype(np.float32)


def measure_rms(samples: Samples) -> float:
    """Return the root of the mean square."""
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


def read_esc10(folder: Path, words: Sequence[str]) -> dict[str, list[Samples]]:
    """Return the clips of ESC-10's classes, by word: the class' name with `_` as a space."""
    return {
        word.replace("_", " "): [load_audio(path).samples for path in sorted((folder / word).glob("*.ogg"))]
        for word in words
    }


def read_tut(folder: Path) -> list[Case]:
    """Return the recordings of TUT Rare Sound Events that are there, with their scene, ratio and event."""
    with (folder / "meta" / "meta.csv").open(newline="") as file:
        meta = {row["mixture_audio_filename"]: row for row in csv.DictReader(file)}
    with (folder / "meta" / "event_list_evaltest_total.csv").open(newline="") as file:
        annotated = {row[0]: row[1:] for row in csv.reader(file)}
    names = {"babycry": "baby cry", "glassbreak": "glass break", "gunshot": "gunshot"}
    cases = []
    for path in sorted((folder / "audio").glob("*.wav")):
        onset, offset, event = annotated[path.name]
        short = path.stem.removeprefix("mixture_evaltest_").rsplit("_", 1)[0]
        case = Case(short, load_audio(path), scene=meta[path.name]["bg_classname"].replace("_", " "))
        if event:
            truth = (names[event], float(onset), float(offset), float(meta[path.name]["ebr"]))
            case = Case(case.name, case.waveform, *truth, scene=case.scene)
        cases.append(case)
    return cases


def clear_events(cases: Sequence[Case]) -> list[Samples]:
    """Return the recordings with their annotated events cut out, as backgrounds."""
    return [
        cut_out(case.waveform.samples, case.onset_s - MARGIN_S, case.offset_s + MARGIN_S)
        if case.word
        else case.waveform.samples
        for case in cases
    ]
