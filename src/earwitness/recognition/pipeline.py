"""The whole chain on one page: a recording and the user's words in, events, scenes and tags out.

In: a recording (path, file object, (samples, rate) or `Waveform`), or an `Analysis` of one, event words, scene words,
`Settings`. Out: a `Recognition`. Every stage that it calls is public and can be entered by itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from earwitness.audio import Source, slide
from earwitness.encoders import LoadedEncoder, TagStats, choose_encoder
from earwitness.errors import SettingsError
from earwitness.recognition.analysis import Analysis, RecordingReader, find_notes, name_source, read_noisy
from earwitness.recognition.events import Event, find_events
from earwitness.recognition.match import TagEvidence, match_words
from earwitness.recognition.scenes import SceneScore, calibrate_blindly, mark_winner, rank_scenes
from earwitness.recognition.tags import ClipTags, TagScores, TagSummary, score_windows, summarise_tags
from earwitness.recognition.tmrl import WINDOW_S, find_events_tmrl, rank_scenes_tmrl
from earwitness.settings import QuerySettings, Settings, setting_names
from earwitness.version import __version__
from earwitness.words import PlaceProfile, WordMeanings, embed_words, profile_scenes, read_places, understand_words

logger = logging.getLogger(__name__)


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
    _understand_all(events, scenes, settings)  # before minutes of work
    reader = RecordingReader(source, settings, encoder, on_progress)
    if settings.method == "tmrl":
        rows = list(reader.score_tmrl())
        clip, found = summarise_tags(rows), _find(rows, events, settings, encoder.tag_stats)
    else:
        reader.n_passes = 2 if events else 1
        rows, clip = [], reader.summarise()
        found = _find(reader.score_tokens(), events, settings, encoder.tag_stats)
    return Recognition(
        source=name_source(source),
        duration_s=reader.duration_s,
        events=_order(found, reader.duration_s),
        scenes=_rank(rows, clip, scenes, settings, encoder.tag_stats),
        tags=clip.summarise(settings.n_tags),
        event_words=list(events),
        settings=settings,
        encoder=encoder.spec.name,
        weights_sha256=encoder.sha256,
        notes=find_notes(source),
    )


def ask(
    analysis: Analysis, events: Sequence[str] = (), scenes: Sequence[str] = (), settings: Settings | None = None
) -> Recognition:
    """Tell what `recognize` would tell of the recording, from its analysis alone: no audio, no encoder, any words.

    Args:
        analysis: what `analyse` heard.
        events, scenes: words, see `recognize`.
        settings: those of the analysis if not given. What words are asked with may differ (`ASKED_WITH`: thresholds,
            gaps, places); what a recording is analysed with may not.

    Raises:
        WordError, PlaceError: see `recognize`.
        SettingsError: the recording was analysed with other settings.
    """
    settings = _check_query(settings or analysis.settings, analysis.settings)
    stats = analysis.tag_stats
    return Recognition(
        source=analysis.source,
        duration_s=analysis.duration_s,
        events=_order(_find(analysis.batches(), events, settings, stats), analysis.duration_s),
        scenes=_rank(analysis.batches(), analysis.clip, scenes, settings, stats),
        tags=analysis.clip.summarise(settings.n_tags),
        event_words=list(events),
        settings=settings,
        encoder=analysis.encoder,
        weights_sha256=analysis.weights_sha256,
        version=analysis.version,
        notes=analysis.notes,
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
    meanings = understand(tuple(words))
    blocks = read_noisy(source, settings, encoder.spec.sample_rate_hz)
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
    if settings.method == "tmrl" and settings.thresholds:
        logger.warning("the method 'tmrl' has no thresholds: those of single words are not used")
    _understand_all(events, scenes, settings)


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


# The same words are asked of every recording of a run, so what is understood by them is kept.
@lru_cache(maxsize=8)
def understand(words: tuple[str, ...]) -> WordMeanings:
    """Return what `words.understand_words` returns, kept for the next recording.

    Raises:
        WordError: a word cannot be understood.
    """
    return understand_words(words)


@lru_cache(maxsize=8)
def _profile(scenes: tuple[str, ...], own_places: str) -> list[PlaceProfile]:
    return profile_scenes(scenes, read_places(own_places))


def _understand_all(events: Sequence[str], scenes: Sequence[str], settings: Settings) -> None:
    if settings.method == "tmrl":
        embed_words([*events, *scenes])
    else:
        understand(tuple(events))
        _profile(tuple(scenes), settings.places)


def _find(
    rows: Iterable[TagScores], words: Sequence[str], settings: Settings, tag_stats: TagStats | None
) -> Iterable[Event]:
    if not words:
        return []
    if settings.method == "tmrl":
        return find_events_tmrl(rows, words, min(settings.hop_s, WINDOW_S))
    return find_events(match_words(rows, understand(tuple(words)), tag_stats), settings)


def _rank(
    rows: Iterable[TagScores], clip: ClipTags, words: Sequence[str], settings: Settings, tag_stats: TagStats | None
) -> list[SceneScore]:
    if not words:
        return []
    if settings.method == "tmrl":
        return rank_scenes_tmrl(rows, words).ranked
    return rank_scenes(clip, _profile(tuple(words), settings.places), tag_stats)


def _order(events: Iterable[Event], duration_s: float) -> list[Event]:
    """Return events by onset; the last token of a recording overhangs it, its event does not."""
    inside = [replace(event, offset_s=min(event.offset_s, duration_s)) for event in events]
    return sorted(inside, key=lambda event: (event.onset_s, event.word))


def _check_query(query: Settings, analysed: Settings) -> Settings:
    for name, value in analysed.to_dict().items():
        if name not in setting_names(QuerySettings) and getattr(query, name) != value:
            raise SettingsError(
                f"{name}={getattr(query, name)!r}: the recording was analysed with {value!r}; analyse it again, or "
                f"change only {', '.join(setting_names(QuerySettings))}"
            )
    return query
