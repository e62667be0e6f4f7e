"""earwitness: what is heard in a recording, when, and where it was made, in your own words.

    import earwitness
    recognition = earwitness.recognize("street.wav", events=["siren", "dog bark"], scenes=["park", "tram", "office"])

Every name below is loaded when it is first used, so that importing the package stays cheap.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from earwitness.errors import EarwitnessError
from earwitness.version import __version__

if TYPE_CHECKING:
    from earwitness.analysis import Analysis, analyse
    from earwitness.archive.tag_store import open_store
    from earwitness.audio import Waveform, load_audio, read_blocks
    from earwitness.events import Event, find_events
    from earwitness.features import Features, embed
    from earwitness.match import WordScores, match_words
    from earwitness.places import profile_scenes, read_places
    from earwitness.recognition import Recognition, ask, calibrate_run, classify, recognize
    from earwitness.runtime import Compute, LoadedEncoder, load_encoder
    from earwitness.scenes import SceneScore, rank_scenes
    from earwitness.settings import Settings, read_settings
    from earwitness.tags import ClipTags, TagScores, score_tokens, score_windows, summarise_tags
    from earwitness.windows import Windows, slide
    from earwitness.words import WordMeanings, understand_words

_HOMES = {
    "analysis": ("Analysis", "analyse"),
    "audio": ("Waveform", "load_audio", "read_blocks"),
    "windows": ("Windows", "slide"),
    "runtime": ("Compute", "LoadedEncoder", "load_encoder"),
    "tags": ("ClipTags", "TagScores", "score_tokens", "score_windows", "summarise_tags"),
    "words": ("WordMeanings", "WordScores", "match_words", "understand_words"),
    "events": ("Event", "find_events"),
    "places": ("profile_scenes", "read_places"),
    "scenes": ("SceneScore", "rank_scenes"),
    "settings": ("Settings", "read_settings"),
    "features": ("Features", "embed"),
    "archive.tag_store": ("open_store",),
    "recognition": ("Recognition", "ask", "calibrate_run", "classify", "recognize"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Analysis",
    "ClipTags",
    "Compute",
    "EarwitnessError",
    "Event",
    "Features",
    "LoadedEncoder",
    "Recognition",
    "SceneScore",
    "Settings",
    "TagScores",
    "Waveform",
    "Windows",
    "WordMeanings",
    "WordScores",
    "__version__",
    "analyse",
    "ask",
    "calibrate_run",
    "classify",
    "embed",
    "find_events",
    "load_audio",
    "load_encoder",
    "match_words",
    "open_store",
    "profile_scenes",
    "rank_scenes",
    "read_blocks",
    "read_places",
    "read_settings",
    "recognize",
    "score_tokens",
    "score_windows",
    "slide",
    "summarise_tags",
    "understand_words",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'earwitness' has no attribute {name!r}")
    return getattr(importlib.import_module(f"earwitness.{_HOME_OF[name]}"), name)
