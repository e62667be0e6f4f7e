"""The REST routes of the API: each checks its input, calls one function, answers.

In: requests. Out: JSON, audio, files; or problems, which `app.py` handles.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime, timezone
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse
from pydantic import ValidationError
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from earwitness.server.answers import answer_query, draw_view, explain_word, suggest_words, write_download
from earwitness.server.download_names import clean_name, offer_download
from earwitness.server.problems import KINDS, MEDIA_TYPE, NOT_READY, STOPPING, Problem, Refused
from earwitness.server.recording_files import AUDIO, UPLOAD
from earwitness.server.recordings import Recording
from earwitness.server.schemas import (
    AnswerModel,
    AskModel,
    AttentionModel,
    Format,
    HealthModel,
    ProblemModel,
    RecordingModel,
    SuggestionsModel,
    ViewModel,
    WordsModel,
)
from earwitness.server.service import Service
from earwitness.server.uploads import ProblemResponse, check_announced, receive_bytes, receive_file


class SoundResponse(FileResponse):
    """A file or a range of it; a range outside the file is a problem."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wrong: dict[str, str] = {}

        async def send_parts(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] >= 400:
                wrong.update({"Content-Range": Headers(raw=message["headers"]).get("content-range", "bytes */*")})
            if not wrong:
                await send(message)

        await super().__call__(scope, receive, send_parts)
        if wrong:
            detail = f"Range: {Headers(scope=scope).get('range', '')[:100]!r} is outside the recording"
            await ProblemResponse(Problem("unsatisfiable", detail, wrong))(scope, receive, send)


router = APIRouter(prefix="/v1")
FORM = "multipart/form-data"
HOW_TO_SEND = "send the recording as the body: curl --data-binary @street.wav 'URL/v1/recordings?name=street.wav'"
RAW_BODY = {"schema": {"type": "string", "format": "binary"}}
UPLOAD_BODY = {
    "requestBody": {
        "required": True,
        "description": "The recording's bytes: wav, flac, ogg, opus, mp3, aiff; with PyAV also m4a, mp4, webm.",
        "content": {"application/octet-stream": RAW_BODY, "audio/*": RAW_BODY},
    }
}
ASK_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/AskModel"}}},
    }
}


def report_problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI of a route's problems."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemModel"}}}
    titles = {each: "; or ".join(title for status, title in KINDS.values() if status == each) for each in statuses}
    return {each: {"description": titles[each], "content": content} for each in statuses}


def service_of(request: Request) -> Service:
    """Return the service of a request."""
    service: Service = request.app.state.service
    return service


def show_recording(recording: Recording, service: Service) -> dict[str, Any]:
    """Return a recording's state as the fields of `RecordingModel`."""
    return {
        "id": recording.id,
        "name": recording.name,
        "state": recording.state,
        "share": recording.share,
        "heard_until_s": recording.heard_until_s(service.recordings.grid),
        "duration_s": recording.duration_s,
        "created": _write_time(recording.created),
        "expires": _write_time(recording.expires),
        "error": recording.problem.to_dict() if recording.problem else None,
    }


@router.post(
    "/recordings",
    status_code=202,
    response_model=RecordingModel,
    responses={
        202: {"headers": {"Location": {"description": "The URL of its state.", "schema": {"type": "string"}}}},
        **report_problems(408, 413, 415, 422, 429, 503),
    },
    openapi_extra=UPLOAD_BODY,
    summary="Upload a recording",
)
async def upload_recording(
    request: Request,
    response: Response,
    name: Annotated[str, Query(description="Its name.", examples=["street.wav"], max_length=1000)] = "",
) -> dict[str, Any]:
    """Receive a recording and queue it for analysis; poll its state at Location."""
    service = service_of(request)
    try:
        recording = await _receive(request, service, clean_name(name))
    except Refused as refused:
        service.metrics.uploads.labels(refused.problem.kind).inc()
        raise
    except ClientDisconnect:
        service.metrics.uploads.labels("given-up").inc()
        raise
    service.metrics.uploads.labels("received").inc()
    service.workers.submit(recording)
    response.headers["Location"] = f"/v1/recordings/{recording.id}"
    return show_recording(recording, service)


@router.get(
    "/recordings/{id}",
    response_model=RecordingModel,
    responses=report_problems(404, 422),
    summary="State of a recording",
)
async def get_recording(request: Request, id: str) -> dict[str, Any]:
    """Return the state and progress of a recording."""
    service = service_of(request)
    return show_recording(service.recordings.find(id), service)


@router.delete("/recordings/{id}", status_code=204, responses=report_problems(404, 422), summary="Delete a recording")
async def delete_recording(request: Request, id: str) -> None:
    """Delete a recording and its results; a running analysis is stopped."""
    recordings = service_of(request).recordings
    await recordings.delete(recordings.find(id))


@router.get(
    "/recordings/{id}/view",
    response_model=ViewModel,
    responses=report_problems(404, 409, 422, 429),
    summary="Spectrogram and strongest tags of a recording",
)
async def get_view(request: Request, id: str) -> Response:
    """Return the spectrogram and the strongest tags over time, during the analysis for the part that is done."""
    service = service_of(request)
    recording = _find_known(service, id)
    content = await service.think(draw_view, recording.folder, is_done=recording.state == "done")
    return Response(content, media_type="application/json")


@router.get(
    "/recordings/{id}/audio",
    response_class=FileResponse,
    responses={
        200: {"content": {"audio/flac": RAW_BODY}},
        206: {"description": "A range", "content": {"audio/flac": RAW_BODY}},
        **report_problems(404, 409, 416, 422),
    },
    summary="The analysed audio",
)
async def get_audio(request: Request, id: str) -> FileResponse:
    """Return the audio that was analysed, one channel at the encoder's rate, as FLAC; with Range a part of it."""
    recording = _find_known(service_of(request), id)
    if not (recording.folder / AUDIO).is_file():
        raise Refused("not-found", "the recording has been deleted")
    return SoundResponse(recording.folder / AUDIO, media_type="audio/flac")


@router.post(
    "/recordings/{id}/ask",
    response_model=AnswerModel,
    responses=report_problems(404, 408, 409, 413, 415, 422, 429, 501, 503),
    openapi_extra=ASK_BODY,
    summary="Query events and scenes",
)
async def ask_recording(
    request: Request,
    id: str,
    form: Annotated[Format | None, Query(alias="format", description="Download the answer in this format.")] = None,
) -> Response:
    """Detect events and scenes for any words; during the analysis for the part that is done."""
    service = service_of(request)
    recording = service.recordings.find(id)
    query = (await _read_query(request, service)).to_query()
    n_words = len(query.events) + len(query.scenes)
    if n_words > service.limits.max_words:
        raise Refused("invalid", f"{n_words} words: this server accepts up to {service.limits.max_words} per query")
    _check_known(recording)
    if form:
        file = await service.think(write_download, recording.folder, query, form, service.attender)
        disposition = offer_download(recording.name, file.suffix)
        return Response(file.content, media_type=file.media_type, headers={"Content-Disposition": disposition})
    state, heard_until_s = recording.state, recording.heard_until_s(service.recordings.grid)

    def answer() -> bytes:
        found = answer_query(recording.folder, query)
        return json.dumps({**found, "state": state, "heard_until_s": heard_until_s}).encode()

    return Response(await service.think(answer), media_type="application/json")


@router.get(
    "/recordings/{id}/attention",
    response_model=AttentionModel,
    responses=report_problems(404, 409, 422, 429, 501),
    summary="Attention map at a time",
)
async def get_attention(
    request: Request, id: str, at_s: Annotated[float, Query(ge=0, allow_inf_nan=False, examples=[6.2])]
) -> Response:
    """Return which times and frequencies the encoder attended to."""
    service = service_of(request)
    recording = _find_known(service, id)
    found = await service.think(service.attender.attend, recording.folder, at_s)
    return Response(json.dumps(found), media_type="application/json")


@router.get("/words", response_model=WordsModel, responses=report_problems(422, 429), summary="Meanings of words")
async def get_words(
    request: Request, word: Annotated[list[str], Query(description="A word; may be repeated.", examples=[["dog bark"]])]
) -> dict[str, Any]:
    """Return each word's nearest tags, and whether it is far from all of them or unknown."""
    service = service_of(request)
    if len(word) > service.limits.max_words:
        raise Refused("invalid", f"{len(word)} words: this server accepts up to {service.limits.max_words} per query")
    return {"words": await service.think(lambda: [explain_word(each) for each in word])}


@router.get(
    "/words/suggestions",
    response_model=SuggestionsModel,
    responses=report_problems(422, 429),
    summary="Completions of a word",
)
async def get_suggestions(
    request: Request, start: Annotated[str, Query(max_length=200, examples=["gla"])]
) -> dict[str, Any]:
    """List words of the shipped table, which need no text model."""
    return {"words": await service_of(request).think(suggest_words, start)}


@router.get("/health", response_model=HealthModel, summary="Health of the server")
async def get_health(request: Request) -> dict[str, Any]:
    """Return the health of the server; needs no token."""
    return service_of(request).report_health()


@router.get("/limits", summary="Limits of the server")
async def get_limits(request: Request) -> dict[str, float]:
    """Return the limits, named as in the settings."""
    return asdict(service_of(request).limits)


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    summary="Counters for Prometheus",
)
async def get_metrics(request: Request) -> Response:
    """Return the metrics in Prometheus' text format."""
    return Response(service_of(request).metrics.to_text(), media_type="text/plain; version=0.0.4; charset=utf-8")


async def _receive(request: Request, service: Service, name: str) -> Recording:
    """Receive an upload completely; of a failed one nothing is left."""
    if request.headers.get("content-type", "").lower().startswith(FORM):
        raise Refused("wrong-type", f"forms are not accepted; {HOW_TO_SEND}")
    if service.is_stopping:
        raise Refused("stopping", STOPPING, retry_after="5")
    n_announced = check_announced(request, service.limits)
    recording = service.recordings.create(name, n_announced)
    try:
        path = recording.folder / UPLOAD
        n_bytes = await receive_file(
            request,
            path,
            service.limits,
            lambda: service.is_stopping,
            lambda n_bytes: service.recordings.grow(recording, max(n_bytes, n_announced)),
        )
        service.metrics.upload_bytes.inc(n_bytes)
        recording.n_bytes, recording.is_received = n_bytes, True
    except OSError as error:
        raise Refused("full", f"the upload cannot be stored ({error.strerror}); try again later") from error
    finally:
        if not recording.is_received:
            await service.recordings.delete(recording)
    return recording


async def _read_query(request: Request, service: Service) -> AskModel:
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refused("wrong-type", f"a query is JSON (Content-Type: application/json), not {kind[:100]!r}")
    limits = service.limits
    body = await receive_bytes(request, limits.max_query_bytes, limits, lambda: service.is_stopping)
    try:
        return AskModel.model_validate_json(body)
    except ValidationError as error:
        raise Refused("invalid", report_mistakes(error.errors(include_url=False))) from error


def report_mistakes(mistakes: Any) -> str:
    """Return which values are wrong and why, without the values themselves."""
    mistakes_shown = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in list(mistakes)[:5]]
    return "; ".join(each.lstrip(": ") for each in mistakes_shown)[:1000].encode("utf-8", "replace").decode()


def _find_known(service: Service, name_id: str) -> Recording:
    return _check_known(service.recordings.find(name_id))


def _check_known(recording: Recording) -> Recording:
    if recording.state == "failed":
        assert recording.problem
        raise Refused("not-audible", recording.problem.detail)
    if not recording.is_known:
        raise Refused("not-ready", NOT_READY, retry_after="1")
    return recording


def _write_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


SCHEMAS = (AskModel, ProblemModel)  # referenced by routes without FastAPI's knowledge
