"""Golden outputs of the public names of `earwitness`: the steps of recognition, one after the other."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from cases_recordings import PLACES_TOML, WORDS_TOML, get_sounds
from golden_case import Workspace, case
from golden_reading import summarise

import earwitness

WORDS = ["dog bark", "thunder"]


@case("python_steps")
def run_the_steps(work: Workspace) -> Any:
    """Load, slide, score, match, find events, rank scenes; what each step gives."""
    street = get_sounds(work) / "street.wav"
    encoder = earwitness.load_encoder(compute=earwitness.EncoderSettings(runtime="onnx"))
    waveform = earwitness.load_audio(street, 16000)
    batches = list(earwitness.slide(waveform, 2.0, 1.0))
    windows = list(earwitness.score_windows(batches, encoder))
    tokens = list(earwitness.score_tokens(batches, encoder))
    meanings = earwitness.understand_words(WORDS)
    matched = list(earwitness.match_words(tokens, meanings, encoder.tag_stats))
    clip = earwitness.summarise_tags(windows)
    Path("places.toml").write_text(PLACES_TOML)
    profiles = earwitness.profile_scenes(["park", "office", "my porch"], earwitness.read_places("places.toml"))
    return {
        "names": sorted(earwitness.__all__),
        "encoder": [encoder.spec.name, encoder.spec.sample_rate_hz],
        "waveform": [waveform.sample_rate_hz, waveform.duration_s, summarise(waveform.samples)],
        "windows": [_list_arrays(each) for each in batches],
        "scores": [_list_arrays(each) for each in windows],
        "tokens": [_list_arrays(each) for each in tokens],
        "meanings": _list_arrays(meanings),
        "matched": [_list_arrays(each) for each in matched],
        "clip": _list_arrays(clip),
        "profiles": [_list_arrays(each) for each in profiles],
    }


@case("python_recognition")
def recognise(work: Workspace) -> Any:
    """`recognize`, `classify`, `embed`, and `analyse` with `ask`."""
    street = get_sounds(work) / "street.wav"
    Path("words.toml").write_text(WORDS_TOML)
    settings = earwitness.read_settings("words.toml")
    settings = earwitness.Settings(**{**asdict(settings), "runtime": "onnx"})
    analysis = earwitness.analyse(street, settings)
    features = earwitness.embed(street, "window", settings)
    return {
        "settings": settings.to_dict(),
        "recognition": asdict(earwitness.recognize(street, WORDS, ["park", "office"], settings)),
        "classified": [asdict(each) for each in earwitness.classify(street, [*WORDS, "rain"], settings)],
        "analysis": _list_arrays(analysis),
        "asked": asdict(earwitness.ask(analysis, WORDS, ["park", "office"])),
        "features": _list_arrays(features),
    }


def _list_arrays(owner: Any) -> dict[str, Any]:
    """Return the public arrays, numbers and texts of an object, arrays in short."""
    found = {}
    for name in sorted(name for name in dir(owner) if not name.startswith("_")):
        value = getattr(owner, name)
        if isinstance(value, np.ndarray):
            found[name] = summarise(value) if value.dtype.kind in "fiub" else value.tolist()
        elif isinstance(value, (int, float, str, tuple)) and not isinstance(value, type):
            found[name] = value if not isinstance(value, tuple) else [str(each) for each in value]
    return found
