"""Recognitions made by hand, to be written in any format."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from earwitness.recognition.events import Event
from earwitness.recognition.match import TagEvidence
from earwitness.recognition.pipeline import Recognition
from earwitness.recognition.scenes import SceneScore
from earwitness.recognition.tags import TagSummary
from earwitness.results.formats.base import Format, RecordingResult, TokenScores
from earwitness.settings import Settings

BARK = TagEvidence("Bark", 0.91, 0.5, 0.75)
DOG = TagEvidence("Dog", 0.8, 0.25, 0.25)
RECOGNITION = Recognition(
    source="sounds/yard.wav",
    duration_s=12.5,
    events=[
        Event(0.16, 2.4, "dog bark", 0.8125, 1.12, (BARK, DOG), "sure"),
        Event(3.0, 3.5, 'a "quoted", word', 0.5, 3.0, (DOG,), "possible"),
    ],
    scenes=[SceneScore("park", 1.25, ("Bird", "Wind"), ("Engine",)), SceneScore("tram", -0.5)],
    tags=[TagSummary("Bark", 0.4, 0.9, 1.0)],
    event_words=["dog bark", 'a "quoted", word'],
    settings=Settings(hop_s=0.5),
    encoder="some_encoder",
    weights_sha256="0" * 64,
    version="0.1.0",
    notes=["truncated: half of it is missing"],
)
SILENT = replace(RECOGNITION, source="sounds/quiet.wav", events=[], notes=[])

SCORES = TokenScores(
    words=tuple(RECOGNITION.event_words),
    edges_s=np.array([0.0, 0.16, 0.32, 0.48]),
    scores=np.array([[0.25, 0.5], [0.9999994, 0.0], [1 / 3, 1.0]]),
)


def encode(form: Format, *recognitions: Recognition) -> str:
    """Return a file of recognitions as text."""
    return form.encode([RecordingResult(each) for each in recognitions]).decode("utf-8")


def read_cells(form: Format, *recognitions: Recognition) -> list[list[str]]:
    """Return the cells of a table between tabs, line by line."""
    return [line.split("\t") for line in encode(form, *recognitions).splitlines()]
