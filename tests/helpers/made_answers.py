"""Answers as a store would give them, of any size and with any names, without a store."""

from __future__ import annotations

import numpy as np

from earwitness.archive.ask import Answer, ArchiveEvent, QueriedRecording
from earwitness.archive.hourly import HourScene, find_hour, sum_events
from earwitness.archive.provenance import Provenance
from earwitness.recognition.events import Event
from earwitness.recognition.match import TagEvidence
from earwitness.recognition.scenes import SceneScore, mark_winner
from earwitness.reports.archive_page import ArchiveQuery
from earwitness.settings import Settings

FIRST_S = 1772323200.0  # 2026-03-01
BUSY = {"dog bark": 7, "siren": 17, "blackbird": 5, "rain": 22, "gunshot": 2}  # the hour of the day with the most
SCENES = ("park", "street", "night in the forest", "beach")
QUESTION = ArchiveQuery(
    "/stores/tags", Provenance("embedded", "0" * 64, "onnx", {"window_s": 2.0}, 1.0, 0.16), Settings()
)


def make_answer(
    n_files: int = 24,
    duration_s: float = 3600.0,
    n_events: int = 200,
    words: tuple[str, ...] = tuple(BUSY),
    every_s: float = 3600.0,
    folder: str = "/archive",
    is_timed: bool = True,
    problems: tuple[str, ...] = (),
) -> Answer:
    """Return an answer over recordings one after another; each word has its hour of the day."""
    generator = np.random.default_rng(3)
    recordings = [
        QueriedRecording(f"{folder}/{n:05d}.wav", FIRST_S + n * every_s if is_timed else None, 0.0, duration_s)
        for n in range(n_files)
    ]
    events = []
    hours = np.array([(n * every_s // 3600) % 24 for n in range(n_files)])
    for place, word in enumerate(words):
        away = np.abs((hours - BUSY.get(word, 5 * place) + 12) % 24 - 12)
        likely = np.exp(-((away / 3) ** 2)) + 0.02
        n_word = n_events // len(words) + (place < n_events % len(words))
        for n in sorted(generator.choice(n_files, n_word, p=likely / likely.sum())):
            onset_s, start = float(generator.uniform(0, duration_s)), recordings[n].start_time
            event = Event(
                *(onset_s, min(onset_s + 2, duration_s), word, float(generator.uniform(0.3, 1)), onset_s),
                (TagEvidence("Bark", 0.8, 0.5, 0.6), TagEvidence("Dog", 0.7, 0.5, 0.4)),
            )
            events.append(ArchiveEvent(recordings[n].path, event, None if start is None else start + onset_s))
    events.sort(key=lambda each: (each.path, each.event.onset_s, each.event.word))
    files, hour_sums = sum_events([(each.path, each.event, each.start_time) for each in events])
    return Answer(
        *(words, SCENES, events, files, hour_sums, _make_scenes(recordings)),
        n_files=n_files,
        duration_s=n_files * duration_s,
        problems=list(problems),
        recordings=tuple(recordings),
    )


def _make_scenes(recordings: list[QueriedRecording]) -> list[HourScene]:
    hours = {}
    for each in recordings:
        for onset_s in np.arange(0, each.end_s, 3600.0):
            hours[find_hour(each.path, each.start_time, float(onset_s))] = (each.start_time or 0) + onset_s
    scenes = []
    for hour, time_s in sorted(hours.items()):
        of_day = time_s // 3600 % 24
        best = SCENES[2] if of_day < 6 else SCENES[1] if 7 <= of_day < 10 or 16 <= of_day < 19 else SCENES[0]
        scenes.append(HourScene(hour, 1, mark_winner([SceneScore(scene, float(scene == best)) for scene in SCENES])))
    return scenes
