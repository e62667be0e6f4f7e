"""earwitness: what is heard in a recording, when, and where it was made, in your own words.

    import earwitness
    recognition = earwitness.recognize("street.wav", events=["siren", "dog bark"], scenes=["park", "tram", "office"])

Every name below is loaded when it is first used, so that importing the package stays cheap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from earwitness.errors import EarwitnessError
from earwitness.lazy import load_on_use
from earwitness.moved import find_moved_modules
from earwitness.version import __version__

if TYPE_CHECKING:
    from earwitness.archive import open_store
    from earwitness.audio import Waveform, Windows, load_audio, read_blocks, slide
    from earwitness.encoders import Compute, Features, LoadedEncoder, embed, load_encoder
    from earwitness.recognition import (
        Analysis, ClipTags, Event, Recognition, SceneScore, TagScores, WordScores, analyse, ask, calibrate_run,
        classify, find_events, match_words, rank_scenes, recognize, score_tokens, score_windows, summarise_tags,
    )  # fmt: skip
    from earwitness.settings import EncoderSettings, Settings, read_settings
    from earwitness.words import WordMeanings, profile_scenes, read_places, understand_words

__all__ = [
    "Analysis",
    "ClipTags",
    "Compute",
    "EarwitnessError",
    "EncoderSettings",
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

__getattr__ = load_on_use(__name__)
find_moved_modules()
