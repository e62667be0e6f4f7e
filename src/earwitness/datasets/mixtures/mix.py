"""Mixtures with an exact truth: an event laid into a background at a wanted event-to-background ratio (EBR).

In: backgrounds, and events by label: TUT Rare Sound Events' sources, or the user's own folders. Out: `Recipe`s, all
chance from one seed; from a recipe and its sources, always the same samples. The EBR is the rms of the event over the
rms of the background under it, in dB. An event begins at the last sample before its stated onset.

Source: TUT Rare Sound Events 2017 (Diment et al.), the development set's README for what is done; the order of the
draws and the factor of 0.2 as the project's notes on the published synthesiser state them. Its code was not used, and
its mixtures were not at hand: not verified is whether the same seed draws the very same mixtures. Known differences:
resampling is soxr's, of the whole recording, before the event is cut out; mixtures have exactly the set length (the
published ones have one sample more); the name's hash is over the recipe without its name.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from earwitness.audio import Samples, Waveform, load_audio
from earwitness.datasets.mixtures.recipes import MixedEvent, Recipe, dump_recipes, to_fields
from earwitness.errors import DatasetError

MIX_GAIN = 0.2  # for all mixtures, against clipping


@dataclass(frozen=True)
class MixSettings:
    """How mixtures are made; the defaults are those of TUT Rare Sound Events 2017.

    Attributes:
        n_per_label: mixtures for each label.
        event_share: the share of them with an event, in [0, 1].
        ebrs_db: event-to-background ratios to draw from.
        length_s: their length.
        sample_rate_hz: their rate.
        seed: of all that is drawn.
        subset: stands in the names of files.
    """

    n_per_label: int = 500
    event_share: float = 0.5
    ebrs_db: tuple[float, ...] = (-6.0, 0.0, 6.0)
    length_s: float = 30.0
    sample_rate_hz: int = 44100
    seed: int = 42
    subset: str = "own"

    def __post_init__(self) -> None:
        """Refuse what cannot be made.

        Raises:
            DatasetError: a setting is out of range.
        """
        checks = {
            f"n_per_label is {self.n_per_label}; it must be 1 or more": self.n_per_label >= 1,
            f"event_share is {self.event_share}; it must be from 0 to 1": 0.0 <= self.event_share <= 1.0,
            f"ebrs_db is {self.ebrs_db}; it must be one or more numbers": bool(self.ebrs_db)
            and all(map(math.isfinite, self.ebrs_db)),
            f"length_s is {self.length_s}; it must be 1 or more": 1.0 <= self.length_s < math.inf,
            f"sample_rate_hz is {self.sample_rate_hz}; it must be 8000 or more": self.sample_rate_hz >= 8000,
            f"seed is {self.seed}; it must be from 0 to {2**32 - 1}": 0 <= self.seed < 2**32,
            f"subset is {self.subset!r}; it must be letters and digits": self.subset.isalnum(),
        }
        if wrong := [reason for reason, is_right in checks.items() if not is_right]:
            raise DatasetError("; ".join(wrong))


@dataclass(frozen=True)
class EventSource:
    """An event to mix in: its label, its recording relative to the events' folder, and from when to when (s)."""

    label: str
    path: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class BackgroundSource:
    """A background: its recording relative to the backgrounds' folder, its scene (or ""), and its length."""

    path: str
    scene: str
    duration_s: float


@dataclass(frozen=True)
class Sources:
    """What mixtures are made of; the order of backgrounds and events is part of what the seed draws."""

    backgrounds_dir: Path
    backgrounds: tuple[BackgroundSource, ...]
    events_dir: Path
    events: tuple[EventSource, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """The events' labels, in order."""
        return tuple(dict.fromkeys(event.label for event in self.events))


@dataclass(frozen=True)
class Mixture:
    """A mixture's samples, and the recipe of it with the scaling that the ratio took."""

    recipe: Recipe
    waveform: Waveform


def draw_recipes(sources: Sources, settings: MixSettings) -> dict[str, list[Recipe]]:
    """Return the recipes of each label's mixtures; the scaling is not known before `mix`, and NaN until then.

    Raises:
        DatasetError: there is no event, or no background that is long enough, or an event is longer than a mixture.
    """
    backgrounds = [each for each in sources.backgrounds if each.duration_s >= settings.length_s - 1e-3]
    if not backgrounds:
        longest = max((each.duration_s for each in sources.backgrounds), default=0.0)
        raise DatasetError(
            f"{sources.backgrounds_dir}: none of {len(sources.backgrounds)} backgrounds lasts {settings.length_s:g} s; "
            f"the longest has {longest:.2f} s: make shorter mixtures (--length), or give longer backgrounds"
        )
    if not sources.events:
        raise DatasetError(f"{sources.events_dir}: no event in it; give a folder of folders named by label")
    for event in sources.events:
        if event.end_s - event.start_s > settings.length_s:
            raise DatasetError(
                f"{sources.events_dir / event.path}: the event lasts {event.end_s - event.start_s:.2f} s, a mixture "
                f"{settings.length_s:g} s; make longer mixtures (--length), or shorten the event"
            )
    prefixes = {_make_safe(label): label for label in sources.labels}
    if len(prefixes) < len(sources.labels):
        raise DatasetError(
            f"{sources.events_dir}: of the labels {', '.join(sources.labels)} two make the same file names; rename one"
        )
    # The old generator on purpose: its streams are frozen, so a seed means the same in years, as it does for TUT's.
    random = np.random.RandomState(settings.seed)
    starts = np.random.RandomState(settings.seed)
    recipes = {}
    for label in sources.labels:
        events = [event for event in sources.events if event.label == label]
        recipes[label] = _draw_label(label, events, backgrounds, settings, random, starts)
    return recipes


def mix(recipe: Recipe, sources: Sources, settings: MixSettings) -> Mixture:
    """Return the mixture of a recipe: 0.2 (background + scaling event), divided by its peak only if that reaches 1.

    Raises:
        AudioError: a recording cannot be read.
        DatasetError: a recording is shorter than its recipe, or silent where a ratio must be set.
    """
    rate = settings.sample_rate_hz
    path = sources.backgrounds_dir / recipe.background_path
    begin, size = round(recipe.background_start_s * rate), round(settings.length_s * rate)
    mixed = load_audio(path, rate).samples[begin : begin + size].astype(np.float64)
    if len(mixed) < size - 0.001 * rate:
        raise DatasetError(
            f"{path}: has {len(mixed) / rate:.2f} s from {recipe.background_start_s:.2f} s on, not enough"
        )
    if event := recipe.event:
        sound = _cut_event(event, sources, rate)
        start = min(int(event.onset_s * rate), len(mixed) - len(sound))
        under = mixed[start : start + len(sound)]
        scaling = _find_scaling(event, sound, under, sources.events_dir / event.path, path)
        mixed[start : start + len(sound)] = under + scaling * sound
        recipe = replace(recipe, event=replace(event, scaling=scaling))
    mixed *= MIX_GAIN
    peak = float(np.abs(mixed).max())
    if peak >= 1.0:
        mixed /= peak
    return Mixture(recipe, Waveform(mixed.astype(np.float32), rate))


def measure_rms(samples: Samples) -> float:
    """Return the root of the mean square."""
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


def _draw_label(
    label: str,
    events: Sequence[EventSource],
    backgrounds: Sequence[BackgroundSource],
    settings: MixSettings,
    random: np.random.RandomState,
    starts: np.random.RandomState,
) -> list[Recipe]:
    n, n_events = settings.n_per_label, round(settings.n_per_label * settings.event_share)
    drawn_events = [events[index] for index in random.choice(len(events), n_events)]
    drawn_backgrounds = [backgrounds[index] for index in random.choice(len(backgrounds), n)]
    flags = random.permutation([1] * n_events + [0] * (n - n_events))
    onsets = [(settings.length_s - (event.end_s - event.start_s)) * random.rand() for event in drawn_events]
    ebrs = random.choice(settings.ebrs_db, size=n_events)
    recipes, place = [], 0
    for index, (background, flag) in enumerate(zip(drawn_backgrounds, flags, strict=True)):
        event = None
        if flag:
            source, onset_s, ebr_db = drawn_events[place], float(onsets[place]), float(ebrs[place])
            length_s = source.end_s - source.start_s
            event = MixedEvent(
                label, source.path, source.start_s, source.end_s, onset_s, length_s, ebr_db, scaling=math.nan
            )
            place += 1
        spare_s = background.duration_s - settings.length_s
        start_s = round(spare_s * starts.rand(), 3) if spare_s > 0.01 else 0.0
        recipe = Recipe("", background.path, background.scene, event, start_s)
        recipes.append(replace(recipe, file_name=_name_file(recipe, settings, label, index)))
    return recipes


def _name_file(recipe: Recipe, settings: MixSettings, label: str, index: int) -> str:
    content = to_fields(recipe)
    for unknown in ("annotation_string", "mixture_audio_filename", "scaling_factor"):
        content.pop(unknown, None)
    md5 = hashlib.md5(dump_recipes(content).encode(), usedforsecurity=False).hexdigest()
    return f"mixture_{settings.subset}_{_make_safe(label)}_{index:03d}_{md5}.wav"


def _make_safe(label: str) -> str:
    return "".join(char if char.isalnum() else "_" for char in label)


def _cut_event(event: MixedEvent, sources: Sources, rate: int) -> np.ndarray:
    path = sources.events_dir / event.path
    samples = load_audio(path, rate).samples
    sound = samples[int(event.segment_start_s * rate) : int(event.segment_end_s * rate)].astype(np.float64)
    if len(sound) < 0.9 * event.length_s * rate:
        raise DatasetError(
            f"{path}: has {len(samples) / rate:.2f} s, but its event is from {event.segment_start_s:.2f} to "
            f"{event.segment_end_s:.2f} s; it is not the recording that the recipe was made with"
        )
    return sound


def _find_scaling(event: MixedEvent, sound: np.ndarray, under: np.ndarray, event_path: Path, path: Path) -> float:
    event_rms, under_rms = measure_rms(sound), measure_rms(under)
    for rms, which in ((event_rms, event_path), (under_rms, path)):
        if rms < 1e-7:
            raise DatasetError(f"{which}: silent where it is mixed, so no ratio can be set; leave this recording out")
    return float(10 ** (event.ebr_db / 20) / (event_rms / under_rms))
