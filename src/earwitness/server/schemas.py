"""What the API takes and gives, for its OpenAPI: each with an example.

In: JSON of questions, checked. Out: the shapes of answers. Words are checked where they are understood, so that their
errors are the same everywhere.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic.config import JsonDict

from earwitness.server.answers import FILES, FileQuery
from earwitness.words import tag_names


def _check_format(name: str) -> str:
    if name not in FILES:
        raise ValueError(f"{name!r}: choose from {', '.join(FILES)}")
    return name


Format = Annotated[str, AfterValidator(_check_format), WithJsonSchema({"type": "string", "enum": list(FILES)})]
Score = float
PROBLEM: JsonDict = {
    "type": "urn:earwitness:problem:not-found",
    "title": "Not here, or not any more",
    "status": 404,
    "detail": "no recording has this id; it may have been deleted, or kept long enough",
}


class _Model(BaseModel):
    model_config = ConfigDict(allow_inf_nan=False)


class ProblemModel(_Model):
    """What went wrong (RFC 9457)."""

    model_config = ConfigDict(json_schema_extra={"examples": [PROBLEM]})
    type: str
    title: str
    status: int
    detail: str


class RecordingModel(_Model):
    """A recording and how far it is."""

    id: str = Field(examples=["x2Jq7mUuV5h9sWbYp0aZkLQn"])
    name: str = Field(examples=["street.wav"])
    state: Literal["waiting", "working", "done", "failed"] = Field(examples=["working"])
    share: float = Field(ge=0, le=1, description="Share of the work that is done.", examples=[0.4])
    heard_until_s: float = Field(description="Words are answered up to here.", examples=[12.8])
    duration_s: float | None = Field(description="Length; null until it is known.", examples=[60.0])
    created: str = Field(examples=["2026-01-31T12:00:00Z"])
    expires: str = Field(description="When it is deleted, unless it is still heard.", examples=["2026-01-31T13:00:00Z"])
    error: ProblemModel | None = Field(description="Why it failed.", examples=[None])


class AskSettings(_Model):
    """Settings that words are asked with; those that are left out are the server's."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, strict=True)
    event_threshold: float | None = Field(default=None, ge=0, le=1, description="Score at which an event begins.")
    event_hold: float | None = Field(default=None, ge=0, le=1, description="Score down to which it goes on.")
    thresholds: dict[str, Score] | None = Field(
        default=None, description="Words with thresholds of their own.", max_length=200
    )
    merge_gap_s: float | None = Field(
        default=None, ge=0, le=1e6, description="Events of a word closer than this are one."
    )
    min_duration_s: float | None = Field(default=None, ge=0, le=1e6, description="Shorter events are dropped.")
    n_tags: int | None = Field(default=None, ge=0, le=len(tag_names()), description="How many tags are listed.")


class AskModel(_Model):
    """Words to be heard in a recording."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [
                {
                    "events": ["dog bark", "siren"],
                    "scenes": ["street", "park", "office"],
                    "settings": {"event_threshold": 0.5},
                }
            ]
        },
    )
    events: list[str] = Field(default=[], description="What may be heard.")
    scenes: list[str] = Field(default=[], description="Where it may have been made.")
    settings: AskSettings = Field(default_factory=AskSettings)

    def to_query(self) -> FileQuery:
        """Return the question, as threads take it."""
        given = self.settings.model_dump(exclude_none=True)
        return FileQuery(tuple(self.events), tuple(self.scenes), tuple(given.items()))


class AnswerModel(_Model):
    """What is heard: see `earwitness.reports.view.make_answer`."""

    schema_: int = Field(alias="schema", examples=[1])
    recognition: dict[str, Any] = Field(description="As recognitions.jsonl has it: events, scenes, tags, settings.")
    curves: dict[str, Any] | None = Field(description="Each word's score over time, a byte a step, in base64.")
    thresholds: dict[str, list[float]] = Field(examples=[{"dog bark": [0.5, 0.33]}])
    state: Literal["waiting", "working", "done", "failed"]
    heard_until_s: float
    elapsed_ms: float = Field(description="Time that the answer took.")


class ViewModel(_Model):
    """What is shown of a recording before any word: see `earwitness.reports.view.make_view`."""

    schema_: int = Field(alias="schema", examples=[1])
    name: str
    duration_s: float
    encoder: str
    weights_sha256: str
    version: str
    settings: dict[str, Any]
    notes: list[str]
    spectrogram: dict[str, Any]
    tags: dict[str, Any]


class AttentionModel(_Model):
    """Where the encoder looked at a moment: weights by band and time."""

    weights: list[list[float]] = Field(description="By band, the lowest first, and time; they sum to 1.")
    start_s: float
    token_s: float
    edges_hz: list[float] = Field(description="The bands' edges.")
    map: dict[str, Any] = Field(description="The same as a report draws it.")


class TagModel(_Model):
    """A tag near to a word."""

    tag: str = Field(examples=["Dog"])
    similarity: float = Field(examples=[0.82])
    weight: float = Field(examples=[0.4])


class WordModel(_Model):
    """What is understood by a word."""

    word: str = Field(examples=["dog bark"])
    is_understood: bool
    is_far: bool = Field(description="It is far from every tag: expect little of it.")
    tags: list[TagModel]
    error: str | None = Field(description="Why it is not understood.")


class WordsModel(_Model):
    """What is understood by words."""

    words: list[WordModel]


class SuggestionsModel(_Model):
    """Words that need no text model."""

    words: list[str] = Field(examples=[["glass", "glass breaking"]])


class HealthModel(_Model):
    """How the server is."""

    status: Literal["ok", "degraded", "stopping"]
    version: str
    encoder: str
    workers: int = Field(description="Workers that are ready or at work.")
    waiting: int
    working: int
    stored: int = Field(alias="kept")
