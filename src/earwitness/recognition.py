"""The whole chain on one page: a recording and the user's words in, events, scenes and tags out.

In: a recording (path, file object, (samples, rate) or `Waveform`), event words, scene words, `Settings`.
Out: a `Recognition`. Every stage that it calls is public and can be entered by itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from earwitness.audio import Source, Waveform, find_truncation, measure_duration, read_ahead, read_blocks
from earwitness.errors import SettingsError
from earwitness.events import Event, find_events
from earwitness.places import PlaceProfile, profile_scenes, read_places
from earwitness.runtime import LoadedEncoder, choose_encoder
from earwitness.scenes import SceneScore, calibrate_blindly, mark_winner, rank_scenes
from earwitness.settings import Settings
from earwitness.tags import ClipTags, TagSummary, score_tokens, score_windows, summarise_tags
from earwitness.tmrl import WINDOW_S, find_events_tmrl, rank_scenes_tmrl
from earwitness.version import __version__
from earwitness.windows import slide
from earwitness.words import TagEvidence, WordMeanings, embed_words, match_words, understand_words

logger = logging.getLogger(__name__)

NOISE_SEED = 0


@dataclass(frozen=True)
class Recognition:
    """What was heard in one recording, and how it was found out.

    `event_words` were asked for; those without an event were not heard. `events` are in order of their
    onsets, `scenes` best first, `tags` the largest mean scores first. `notes` say what the user should know about this
    recording, such as that it is truncated.
    """

    source: str
    duration_s: float
    events: list[Event]
    scenes: list[SceneScore]
    tags: list[TagSummary]
    event_words: list[str]
    settings: Settings
    encoder: str
    weights_sha256: str
    version: str = __version__
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ClipScore:
    """The score in [0, 1] of a word for a whole clip, with the tags it rests on; 0.5 and more counts as heard."""

    word: str
    score: float
    tags: tuple[TagEvidence, ...]


def recognize(
    source: Source,
    events: Sequence[str] = (),
    scenes: Sequence[str] = (),
    settings: Settings | None = None,
    encoder: LoadedEncoder | None = None,
    on_progress: Callable[[float], None] | None = None,
) -> Recognition:
    """Tell what is heard in a recording, when, and where it was made.

    Args:
        source: a path, a seekable file object, a pair (samples, rate in Hz), or a `Waveform`.
        events: words for what may be heard, such as "baby cry".
        scenes: words for where it may have been made, such as "tram".
        settings: thresholds, windows and method; the defaults suit most recordings.
        encoder: an encoder that is already loaded, to use it for many recordings.
        on_progress: called now and then with the share of the work that is done, 0 to 1.

    Raises:
        AudioError: the recording cannot be used.
        WordError: a word cannot be understood.
        PlaceError: the user's file of places is not usable.
        WeightsError: the encoder cannot be loaded, or has no tag head.
    """
    settings = settings or Settings()
    encoder = choose_encoder(settings, encoder)
    run = _run_tmrl if settings.method == "tmrl" else _run_earwitness
    reader = _Reader(source, settings, encoder, on_progress)
    found, ranked, clip = run(reader, events, scenes)
    found = [replace(event, offset_s=min(event.offset_s, reader.duration_s)) for event in found]  # tokens overhang
    truncation = find_truncation(source)
    return Recognition(
        source=_name(source),
        duration_s=reader.duration_s,
        events=sorted(found, key=lambda event: (event.onset_s, event.word)),
        scenes=ranked,
        tags=clip.summarise(settings.n_tags),
        event_words=list(events),
        settings=settings,
        encoder=encoder.spec.name,
        weights_sha256=encoder.sha256,
        notes=[truncation] if truncation else [],
    )


def classify(
    source: Source,
    words: Sequence[str],
    settings: Settings | None = None,
    encoder: LoadedEncoder | None = None,
) -> list[ClipScore]:
    """Score words for a whole clip, best first: zero-shot classification, or clip-level event classification.

    A clip longer than `clip_window_s` takes each word's best window.

    Raises:
        AudioError, WordError, WeightsError: see `recognize`.
    """
    settings = settings or Settings()
    encoder = choose_encoder(settings, encoder)
    meanings = _understand(tuple(words))
    blocks = _Reader(source, settings, encoder, None).blocks()
    windows = slide(blocks, settings.clip_window_s, settings.clip_window_s, n_batch=encoder.batch)
    best: dict[str, ClipScore] = {}
    for rows in match_words(score_windows(windows, encoder), meanings, encoder.tag_stats):
        for index, word in enumerate(meanings.words):
            row = int(rows.scores[:, index].argmax())
            score = float(rows.scores[row, index])
            if word not in best or score > best[word].score:
                best[word] = ClipScore(word, score, rows.explain(row, index))
    return sorted(best.values(), key=lambda each: -each.score)


def check_words(events: Sequence[str], scenes: Sequence[str], settings: Settings) -> None:
    """Find out, before hours of work, whether all words can be understood; what is understood is kept for the run.

    Raises:
        WordError, PlaceError: see `recognize`.
    """
    if settings.method == "tmrl":
        if settings.thresholds:
            logger.warning("the method 'tmrl' has no thresholds: those of single words are not used")
        embed_words([*events, *scenes])
    else:
        _understand(tuple(events))
        _profile(tuple(scenes), settings.places)


def read_heard(source: Source, settings: Settings, sample_rate_hz: int) -> Iterator[Waveform]:
    """Yield a recording's blocks as they are heard: at the encoder's rate, with the noise that was asked for.

    Raises:
        AudioError: the recording cannot be used.
    """
    noise = np.random.default_rng(NOISE_SEED)
    for block in read_blocks(source, sample_rate_hz):
        if settings.noise_factor:
            added = settings.noise_factor * noise.standard_normal(len(block.samples), dtype=np.float32)
            block = replace(block, samples=block.samples + added)
        yield block


def calibrate_run(recognitions: Sequence[Recognition]) -> list[Recognition]:
    """Return the recognitions of a run with their scenes ranked against the run ("blind calibration").

    Raises:
        SettingsError: there are too few recordings, or they were not asked for the same scenes.
    """
    scenes = sorted(each.scene for each in recognitions[0].scenes) if recognitions else []
    by_scene = [{each.scene: each for each in recognition.scenes} for recognition in recognitions]
    if any(sorted(each) != scenes for each in by_scene):
        raise SettingsError("blind calibration needs the same scene words for every recording of the run")
    try:
        scores = calibrate_blindly(np.array([[each[scene].score for scene in scenes] for each in by_scene]))
    except ValueError as error:
        raise SettingsError(f"{error}; listen to more recordings at once, or leave blind_calibration out") from error
    calibrated = []
    for recognition, known, row in zip(recognitions, by_scene, scores, strict=True):
        ranked = [replace(known[scene], score=float(score)) for scene, score in zip(scenes, row, strict=True)]
        calibrated.append(replace(recognition, scenes=mark_winner(ranked)))
    return calibrated


@dataclass
class _Reader:
    """Reads a recording's blocks, as often as a method needs them, and tells how far it is."""

    source: Source
    settings: Settings
    encoder: LoadedEncoder
    on_progress: Callable[[float], None] | None
    n_passes: int = 1
    n_begun: int = 0
    duration_s: float = 0.0  # known once the blocks have been read

    def blocks(self) -> Iterator[Waveform]:
        self.n_begun += 1
        expected_s = measure_duration(self.source) if self.on_progress else None
        for block in read_ahead(read_heard(self.source, self.settings, self.encoder.spec.sample_rate_hz)):
            self.duration_s = block.start_s + block.duration_s
            yield block
            if self.on_progress and expected_s:
                share = min(1.0, self.duration_s / expected_s)
                self.on_progress((self.n_begun - 1 + share) / self.n_passes)


def _run_earwitness(
    reader: _Reader, events: Sequence[str], scenes: Sequence[str]
) -> tuple[list[Event], list[SceneScore], ClipTags]:
    settings, encoder = reader.settings, reader.encoder
    meanings = _understand(tuple(events)) if events else None
    profiles = _profile(tuple(scenes), settings.places) if scenes else []
    reader.n_passes = 2 if meanings else 1
    clip_windows = slide(reader.blocks(), settings.clip_window_s, settings.clip_window_s, n_batch=encoder.batch)
    clip = summarise_tags(score_windows(clip_windows, encoder))
    found: list[Event] = []
    if meanings:
        windows = slide(reader.blocks(), settings.window_s, settings.hop_s, n_batch=encoder.batch)
        word_scores = match_words(score_tokens(windows, encoder), meanings, encoder.tag_stats)
        found = list(find_events(word_scores, settings))
    return found, rank_scenes(clip, profiles, encoder.tag_stats), clip


def _run_tmrl(
    reader: _Reader, events: Sequence[str], scenes: Sequence[str]
) -> tuple[list[Event], list[SceneScore], ClipTags]:
    hop_s = min(reader.settings.hop_s, WINDOW_S)
    windows = slide(reader.blocks(), WINDOW_S, hop_s, is_tail_repeated=True, n_batch=reader.encoder.batch)
    rows = list(score_windows(windows, reader.encoder, is_trimmed=False))
    found = list(find_events_tmrl(rows, events, hop_s)) if events else []
    return found, rank_scenes_tmrl(rows, scenes).ranked if scenes else [], summarise_tags(rows)


# The same words are asked of every recording of a run, so what is understood by them is kept.
@lru_cache(maxsize=8)
def _understand(words: tuple[str, ...]) -> WordMeanings:
    return understand_words(words)


@lru_cache(maxsize=8)
def _profile(scenes: tuple[str, ...], own_places: str) -> list[PlaceProfile]:
    return profile_scenes(scenes, read_places(own_places))


def _name(source: Source) -> str:
    if isinstance(source, str | Path):
        return str(source)
    return str(getattr(source, "name", type(source).__name__))
