"""Settings: everything that steers a run, in three kinds and together, with a flat TOML file as the written form.

In: keyword arguments or a TOML file. Out: a checked `Settings`, and TOML again. Unknown keys, wrong types and values
out of range are refused.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, TypeVar

from earwitness.errors import SettingsError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


Kind = TypeVar("Kind")

CHOICES = {
    "method": ("earwitness", "tmrl"),
    "runtime": ("auto", "torch", "onnx"),
    "precision": ("auto", "fp32", "bf16", "int8"),
}

NOT_NEGATIVE = ("merge_gap_s", "min_duration_s", "noise_factor", "n_tags", "n_threads")

# What an event threshold was found with; always written, so that it holds when a default changes.
UNDER_THRESHOLDS = ("encoder", "window_s", "hop_s", "event_threshold", "event_hold", "merge_gap_s", "min_duration_s")


class _CheckedFields:
    """Checks of a settings dataclass that need one field alone."""

    def __post_init__(self) -> None:
        for field in fields(self):  # type: ignore[arg-type]
            name, value = field.name, getattr(self, field.name)
            _check_type(name, value, getattr(type(self), name))
            if name in CHOICES and value not in CHOICES[name]:
                raise SettingsError(f"{name}={value!r}: choose {' or '.join(map(repr, CHOICES[name]))}")
            if name in NOT_NEGATIVE and not 0 <= value < math.inf:
                raise SettingsError(f"{name}={value}: must not be negative, infinite or nan")


@dataclass(frozen=True)
class EncoderSettings(_CheckedFields):
    """Which encoder, and what it computes on.

    Attributes:
        encoder: a name that earwitness knows, or the path of a weights file; empty for the embedded one.
        commercial_only: refuse encoder weights whose licence does not allow commercial use, or is not known.
        runtime: "torch" or "onnx"; "auto" takes torch where it is installed.
        device: "cpu", "cuda" or "cuda:N", for torch; "auto" takes the GPU where there is one.
        precision: "fp32"; "bf16" for torch, "int8" for ONNX Runtime; "auto" is bf16 on a GPU, else fp32.
        compile_encoder: compile the encoder with torch.compile: slow to start, faster after.
        n_threads: threads of the CPU; 0 follows OMP_NUM_THREADS and the cores that may be used.
    """

    encoder: str = ""
    commercial_only: bool = False
    runtime: Literal["auto", "torch", "onnx"] = "auto"
    device: str = "auto"
    precision: Literal["auto", "fp32", "bf16", "int8"] = "auto"
    compile_encoder: bool = False
    n_threads: int = 0


@dataclass(frozen=True)
class WindowSettings(_CheckedFields):
    """What a recording is analysed with, for every query. Times are in seconds.

    Attributes:
        method: "earwitness", or "tmrl", the published method.
        window_s, hop_s: windows for events; "tmrl" takes its own 4 s window for everything, with this hop if it is
            4 s or less, else 1 s.
        clip_window_s: windows for scenes, tags and clip scores: those for events, where they are as long.
        noise_factor: standard deviation of noise added to the samples, for robustness experiments.
    """

    method: Literal["earwitness", "tmrl"] = "earwitness"
    window_s: float = 10.0
    hop_s: float = 5.0
    clip_window_s: float = 10.0
    noise_factor: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.hop_s <= self.window_s < math.inf:
            raise SettingsError(f"hop_s={self.hop_s}, window_s={self.window_s}: need 0 < hop_s <= window_s")
        if self.window_s < 0.2 or not 0.2 <= self.clip_window_s < math.inf:
            raise SettingsError(
                f"window_s={self.window_s}, clip_window_s={self.clip_window_s}: at least 0.2 s is needed"
            )


@dataclass(frozen=True)
class QuerySettings(_CheckedFields):
    """What an analysed recording is queried with. Times are in seconds, thresholds are scores in [0, 1].

    Attributes:
        event_threshold: a word's score at which an event begins to count.
        event_hold: the score down to which it goes on, before and after.
        merge_gap_s: events of one word closer than this are one.
        min_duration_s: shorter events are dropped.
        only_sure: events of the tier "possible" are dropped.
        n_tags: how many tags a summary lists.
        places: path of a TOML file with places of your own, added to the shipped ones.
        blind_calibration: give scenes a second score, standardised over the clips of the run.
        thresholds: words with event thresholds of their own, as `earwitness calibrate` finds them: pairs, or a
            mapping, stored as sorted pairs. Each takes its hold along in proportion; other words have
            `event_threshold`. Case and `_` do not matter. The method "tmrl" has no threshold and ignores them.
    """

    event_threshold: float = 0.5
    event_hold: float = 0.33
    merge_gap_s: float = 1.0
    min_duration_s: float = 0.0
    only_sure: bool = False
    n_tags: int = 10
    places: str = ""
    blind_calibration: bool = False
    thresholds: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "thresholds", _check_thresholds(self.thresholds))
        super().__post_init__()
        if not 0 <= self.event_hold <= self.event_threshold <= 1:
            raise SettingsError(
                f"event_hold={self.event_hold}, event_threshold={self.event_threshold}: "
                "need 0 <= event_hold <= event_threshold <= 1"
            )

    def threshold_of(self, word: str) -> float:
        """Return the event threshold of a word: its own, else that of all."""
        return {fold_word(each): score for each, score in self.thresholds}.get(fold_word(word), self.event_threshold)

    def hold_of(self, word: str) -> float:
        """Return the score down to which a word's event goes on: in proportion to its threshold, never above it."""
        threshold = self.threshold_of(word)
        if threshold == self.event_threshold or not self.event_threshold:
            return self.event_hold
        return min(threshold, self.event_hold * threshold / self.event_threshold)


@dataclass(frozen=True)
class Settings(QuerySettings, WindowSettings, EncoderSettings):
    """Everything that steers a run: the attributes of `EncoderSettings`, `WindowSettings` and `QuerySettings`."""

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain values, for a file."""
        return {**asdict(self), "thresholds": dict(self.thresholds)}

    def to_toml(self) -> str:
        """Return the settings as TOML: those that thresholds rest on, those that are not the defaults, thresholds."""
        lines = []
        for name, value in self.to_dict().items():
            if name != "thresholds" and (name in UNDER_THRESHOLDS or value != getattr(type(self), name)):
                lines.append(f"{name} = {_to_toml(value)}")
        if self.thresholds:
            lines += ["", "[thresholds]", *(f"{_to_toml(word)} = {_to_toml(score)}" for word, score in self.thresholds)]
        return "\n".join(lines) + "\n"

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any], origin: str = "settings") -> Settings:
        """Return settings from plain values; `origin` names them in errors.

        Raises:
            SettingsError: a key is unknown, or a value is of the wrong type or out of range.
        """
        return read_fields(cls, values, origin)


def setting_names(kind: type[_CheckedFields]) -> tuple[str, ...]:
    """Return the names of a kind of settings, such as `QuerySettings`."""
    return tuple(field.name for field in fields(kind))  # type: ignore[arg-type]


def read_settings(path: str | Path) -> Settings:
    """Read settings from a TOML file.

    Raises:
        SettingsError: the file is missing or not TOML, or see `Settings.from_mapping`.
    """
    return Settings.from_mapping(read_toml(path), str(path))


def read_fields(kind: Callable[..., Kind], values: Mapping[str, Any], origin: str) -> Kind:
    """Return a dataclass of the given values; `origin` names them in errors.

    Raises:
        SettingsError: a key is not one of its fields, or it refuses a value.
    """
    known = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    unknown = [key for key in values if key not in known]
    if unknown:
        raise SettingsError(f"{origin}: unknown key {unknown[0]!r}; known are: {', '.join(known)}")
    try:
        return kind(**values)
    except SettingsError as error:
        raise SettingsError(f"{origin}: {error}") from error


def read_toml(path: str | Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        SettingsError: the file is missing, unreadable or not TOML.
    """
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: not readable as TOML ({error})") from error


def fold_word(word: str) -> str:
    """Return a word without what does not matter where thresholds are looked up: case, `_` and further spaces."""
    return " ".join(word.replace("_", " ").lower().split())


def _check_type(name: str, value: object, default: object) -> None:
    wanted = type(default)
    is_right = isinstance(value, wanted) or (wanted is float and isinstance(value, int))
    if not is_right or (isinstance(value, bool) and wanted is not bool):
        raise SettingsError(f"{name}={value!r}: must be {wanted.__name__}, as the default {default!r}")


def _check_thresholds(given: object) -> tuple[tuple[str, float], ...]:
    """Return thresholds by word as sorted pairs."""
    pairs = list(given.items() if isinstance(given, Mapping) else given if isinstance(given, tuple | list) else [given])
    seen: dict[str, str] = {}
    for pair in pairs:
        if not isinstance(pair, tuple | list) or len(pair) != 2 or not isinstance(pair[0], str):
            raise SettingsError(f"thresholds={pair!r}: give words with a score each, such as {{'siren': 0.7}}")
        word, score = pair
        if not isinstance(score, int | float) or isinstance(score, bool) or not 0 <= score <= 1:
            raise SettingsError(f"thresholds: {word!r} has {score!r}; give a score from 0 to 1")
        key = fold_word(word)
        if not key:
            raise SettingsError(f"thresholds: an empty word {word!r} with {score}; remove it")
        if key in seen:
            raise SettingsError(f"thresholds: {word!r} is there already as {seen[key]!r}; remove one of them")
        seen[key] = word
    return tuple(sorted((word, float(score)) for word, score in pairs))


def _to_toml(value: str | float | bool) -> str:
    # A JSON string is a TOML string but for DEL, which TOML wants escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
