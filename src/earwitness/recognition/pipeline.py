"""The whole chain on one page: a recording and the user's words in, events, scenes and tags out.

In: a recording (path, file object, (samples, rate) or `Waveform`), or an `Analysis` of one, event words, scene words,
`Settings`. Out: a `Recognition`. Every stage is public and can be used by itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from earwitness.audio import Source
from earwitness.encoders import LoadedEncoder, TagStats, choose_encoder
from earwitness.errors import SettingsError, WordError
from earwitness.recognition.analysis import Analysis, analyse, analyse_rows
from earwitness.recognition.events import Event
from earwitness.recognition.match import TagEvidence, match_words
from earwitness.recognition.methods import choose_method, understand
from earwitness.recognition.rows import StoredRows
from earwitness.recognition.scenes import SceneScore, calibrate_blindly
from earwitness.recognition.tags import TagSummary
from earwitness.settings import QuerySettings, Settings, setting_names
from earwitness.version import __version__

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recognition:
    """Events, scenes and tags of one recording, and what they were found with.

    `event_words` are the words of the query; those without an event were not detected. `events` are in order of their
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
    """The score in [0, 1] of a word for a whole clip, with the tags it rests on; 0.5 or more counts as detected."""

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
    """Find events with onset and offset in a recording, and rank scenes.

    Args:
        source: a path, a seekable file object, a pair (samples, rate in Hz), or a `Waveform`.
        events: words for events, such as "baby cry".
        scenes: words for where it may have been recorded, such as "tram".
        settings: thresholds, windows and method; the defaults suit most recordings.
        encoder: an encoder that is already loaded, to use it for many recordings.
        on_progress: called now and then with the share of the work that is done, 0 to 1.

    Raises:
        AudioError: the recording cannot be used.
        WordError: a word cannot be understood.
        PlaceError: the user's file of places is not usable.
        WeightsError: the encoder cannot be loaded, or has no tag head.
        OutputError: the logits of a long recording do not fit into the temporary folder.
    """
    settings = settings or Settings()
    encoder = choose_encoder(settings, encoder)
    choose_method(settings).check_words(events, scenes, settings)  # before minutes of work
    return ask(analyse(source, settings, encoder, on_progress, kinds=["rows"] if events else []), events, scenes)


def ask(
    analysis: Analysis, events: Sequence[str] = (), scenes: Sequence[str] = (), settings: Settings | None = None
) -> Recognition:
    """Return what `recognize` returns, from an analysis alone: no audio, no encoder, any words.

    Args:
        analysis: of the recording.
        events, scenes: words, see `recognize`.
        settings: those of the analysis if not given. Settings of a query may differ (`QuerySettings`: thresholds, gaps,
            places); those of the analysis may not.

    Raises:
        WordError, PlaceError: see `recognize`.
        SettingsError: the recording was analysed with other settings.
    """
    settings = _check_query(settings or analysis.settings, analysis.settings)
    method = choose_method(settings)
    found = method.find_events(analysis, events, settings) if events else []
    # The last token of a recording overhangs it, its event does not.
    inside = [replace(event, offset_s=min(event.offset_s, analysis.duration_s)) for event in found]
    return Recognition(
        source=analysis.source,
        duration_s=analysis.duration_s,
        events=sorted(inside, key=lambda event: (event.onset_s, event.word)),
        scenes=method.rank_scenes(analysis, scenes, settings) if scenes else [],
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
    understand(tuple(words))  # before any work
    windows, _ = analyse_rows(source, "windows", settings, encoder)
    return classify_windows(windows, words, encoder.tag_stats)


def classify_windows(windows: StoredRows, words: Sequence[str], tag_stats: TagStats | None) -> list[ClipScore]:
    """Return what `classify` returns, from the windows of an analysis (`Analysis.windows`).

    Raises:
        WordError: a word cannot be understood.
    """
    best: dict[str, ClipScore] = {}
    for rows in match_words(windows.batches(), understand(tuple(words)), tag_stats):
        for index, word in enumerate(rows.meanings.words):
            row = int(rows.scores[:, index].argmax())
            score = float(rows.scores[row, index])
            if word not in best or score > best[word].score:
                best[word] = ClipScore(word, score, rows.explain(row, index))
    return sorted(best.values(), key=lambda each: -each.score)


def check_words(events: Sequence[str], scenes: Sequence[str], settings: Settings) -> tuple[str, ...]:
    """Find out, before hours of work, what words mean; return those that cannot be heard, which are never detected.

    Raises:
        WordError: none of the event words can be heard; see `recognize` for the rest.
        PlaceError: see `recognize`.
    """
    method = choose_method(settings)
    if settings.thresholds and not method.has_word_scores:
        logger.warning("the method %r has no thresholds: those of single words are not used", settings.method)
    method.check_words(events, scenes, settings)
    if not method.has_word_scores:
        return ()
    unusable = understand(tuple(events)).unusable
    if events and len(unusable) == len(understand(tuple(events)).words):
        raise WordError(f"{', '.join(unusable)}: cannot be heard; 'earwitness words' shows what is known")
    return unusable


def calibrate_run(recognitions: Sequence[Recognition]) -> list[Recognition]:
    """Return the recognitions of a run with a second score for each scene, against the run ("blind calibration").

    Raises:
        SettingsError: there are too few recordings, or their scene words differ.
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
    for recognition, row in zip(recognitions, scores, strict=True):
        run_scores = dict(zip(scenes, map(float, row), strict=True))
        scored = [replace(each, run_score=run_scores[each.scene]) for each in recognition.scenes]
        calibrated.append(replace(recognition, scenes=scored))
    return calibrated


def _check_query(query: Settings, analysed: Settings) -> Settings:
    for name, value in analysed.to_dict().items():
        if name not in setting_names(QuerySettings) and getattr(query, name) != value:
            raise SettingsError(
                f"{name}={getattr(query, name)!r}: the recording was analysed with {value!r}; analyse it again, or "
                f"change only {', '.join(setting_names(QuerySettings))}"
            )
    return query
