"""Schemas of the API's requests and answers, for its OpenAPI, with examples.

In: JSON of queries, checked. Out: the shapes of answers. Words are checked where they are matched, so that their errors
are the same everywhere.
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
PROBLEM: JsonDict = {
    "type": "urn:earwitness:problem:not-found",
    "title": "Not found or deleted",
    "status": 404,
    "detail": "no recording has this id; it may have been deleted or have expired",
}


class _Model(BaseModel):
    model_config = ConfigDict(allow_inf_nan=False)


class ProblemModel(_Model):
    """An error (RFC 9457)."""

    model_config = ConfigDict(json_schema_extra={"examples": [PROBLEM]})
    type: str
    title: str
    status: int
    detail: str


class RecordingModel(_Model):
    """A recording and its progress."""

    id: str = Field(examples=["x2Jq7mUuV5h9sWbYp0aZkLQn"])
    name: str = Field(examples=["street.wav"])
    state: Literal["waiting", "working", "done", "failed"] = Field(examples=["working"])
    share: float = Field(ge=0, le=1, description="Share of the work that is done.", examples=[0.4])
    heard_until_s: float = Field(description="Words can be queried up to this time.", examples=[12.8])
    duration_s: float | None = Field(description="Length; null until it is known.", examples=[60.0])
    created: str = Field(examples=["2026-01-31T12:00:00Z"])
    expires: str = Field(
        description="When it is deleted, unless its analysis is still running.", examples=["2026-01-31T13:00:00Z"]
    )
    error: ProblemModel | None = Field(description="Why it failed.", examples=[None])


class AskSettings(_Model):
    """Settings of a query; omitted ones are the server's."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, strict=True)
    event_threshold: float | None = Field(default=None, ge=0, le=1, description="Score at which an event begins.")
    event_hold: float | None = Field(default=None, ge=0, le=1, description="Score down to which it continues.")
    thresholds: dict[str, float] | None = Field(default=None, description="Thresholds of single words.", max_length=200)
    merge_gap_s: float | None = Field(default=None, ge=0, le=1e6, description="Closer events of a word are merged.")
    min_duration_s: float | None = Field(default=None, ge=0, le=1e6, description="Shorter events are left out.")
    only_sure: bool | None = Field(default=None, description="Events of the tier 'possible' are left out.")
    n_tags: int | None = Field(default=None, ge=0, le=len(tag_names()), description="Number of listed tags.")


class AskModel(_Model):
    """Words to detect in a recording."""

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
    events: list[str] = Field(default=[], description="Sounds.")
    scenes: list[str] = Field(default=[], description="Places.")
    settings: AskSettings = Field(default_factory=AskSettings)

    def to_query(self) -> FileQuery:
        """Return the query for the worker threads."""
        given = self.settings.model_dump(exclude_none=True)
        return FileQuery(tuple(self.events), tuple(self.scenes), tuple(given.items()))


class AnswerModel(_Model):
    """The answer: see `earwitness.reports.view.make_answer`."""

    schema_: int = Field(alias="schema", examples=[1])
    recognition: dict[str, Any] = Field(description="As in recognitions.jsonl: events, scenes, tags, settings.")
    curves: dict[str, Any] | None = Field(description="Each word's score over time, one byte per step, in base64.")
    thresholds: dict[str, list[float]] = Field(examples=[{"dog bark": [0.5, 0.33]}])
    state: Literal["waiting", "working", "done", "failed"]
    heard_until_s: float
    elapsed_ms: float = Field(description="Response time.")


class ViewModel(_Model):
    """The part of a report that needs no words: see `earwitness.reports.view.make_view`."""

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
    """Attention of the encoder at a time: weights by band and time."""

    weights: list[list[float]] = Field(description="By band, the lowest first, and time; they sum to 1.")
    start_s: float
    token_s: float
    edges_hz: list[float] = Field(description="The bands' edges.")
    map: dict[str, Any] = Field(description="The same in the form of reports.")


class TagModel(_Model):
    """A tag that hears a word."""

    tag: str = Field(examples=["Dog"])
    similarity: float = Field(examples=[0.82])
    weight: float = Field(examples=[0.4])


class WordModel(_Model):
    """The meaning of a word."""

    word: str = Field(examples=["dog bark"])
    is_understood: bool
    is_far: bool = Field(description="It is a guess, or cannot be heard: results may be unreliable.")
    grade: str = Field(description="exact, close, guess or cannot be heard", examples=["exact"])
    understood_as: list[str] = Field(description="The known sounds that it is taken for.", examples=[["dog bark"]])
    tags: list[TagModel]
    error: str | None = Field(description="Why it is unknown.")


class WordsModel(_Model):
    """The meanings of words."""

    words: list[WordModel]


class SuggestionsModel(_Model):
    """Words that need no text model."""

    words: list[str] = Field(examples=[["glass", "glass breaking"]])


class HealthModel(_Model):
    """The health of the server."""

    status: Literal["ok", "degraded", "stopping"]
    version: str
    encoder: str
    workers: int = Field(description="Workers that are ready or at work.")
    waiting: int
    working: int
    stored: int = Field(alias="kept")
