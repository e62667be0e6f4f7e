"""The ASGI app: routes, errors, the files of the page, and middleware.

In: `Options`, `Limits`, `Access`. Out: an app that starts its workers when its lifespan begins.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import FileResponse, Response

from earwitness.server.answers import FILES
from earwitness.server.limits import Limits
from earwitness.server.metrics import Measured, Metrics
from earwitness.server.problems import Problem, Refused
from earwitness.server.routes import SCHEMAS, report_mistakes, report_problems, router
from earwitness.server.security import Access, Guard
from earwitness.server.service import Options, Service
from earwitness.server.uploads import ProblemResponse
from earwitness.version import __version__

logger = logging.getLogger(__name__)

PAGE_DIR = Path(__file__).parent / "static"
ASSETS_DIR = Path(__file__).parent.parent / "reports" / "assets"
DESCRIPTION = """Detect sound events and acoustic scenes in recordings, in your own words.

Upload a recording, poll its state until it is done, and query it for any words, as often as you like: the answers equal
those of `earwitness listen`. Errors are problem details (RFC 9457). If the server has a token, send
`Authorization: Bearer TOKEN`."""
STATUS_KINDS = {400: "bad-request", 404: "not-found", 405: "wrong-method", 416: "unsatisfiable"}


def make_app(options: Options, limits: Limits | None = None, access: Access | None = None) -> FastAPI:
    """Return the app; its service is made when the lifespan begins, as `app.state.service`."""
    limits, access = limits or Limits(), access or Access()

    metrics = Metrics()

    @contextlib.asynccontextmanager
    async def live(app: FastAPI) -> AsyncIterator[None]:
        try:
            service = app.state.service = Service(options, limits, metrics)
            await service.start()
        except Exception as error:  # uvicorn only logs it; `serve` raises it
            app.state.failure = error
            raise
        yield
        await service.stop()

    app = FastAPI(
        title="earwitness",
        version=__version__,
        description=DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        lifespan=live,
        responses=report_problems(*((401,) if access.token else ()), 403, 421),
        separate_input_output_schemas=False,
    )
    app.state.failure = None
    app.include_router(router)
    app.add_api_route("/", _show_page, methods=["GET", "HEAD"], include_in_schema=False)
    app.mount("/assets", PageFiles(), name="assets")
    for kind, answer in HANDLERS:
        app.add_exception_handler(kind, answer)  # type: ignore[arg-type]
    app.add_middleware(Guard, access=access)
    app.add_middleware(Measured, metrics=metrics)  # the outermost
    app.openapi = lambda: _describe(app, access)  # type: ignore[method-assign]
    return app


class PageFiles(StaticFiles):
    """The files of the page, and those that it shares with reports."""

    def __init__(self) -> None:
        super().__init__(directory=PAGE_DIR)
        self.all_directories = [each for each in (PAGE_DIR, ASSETS_DIR) if each.is_dir()]


async def _show_page() -> FileResponse:
    return FileResponse(PAGE_DIR / "index.html", media_type="text/html; charset=utf-8")


async def _refuse(_: Request, error: Refused) -> Response:
    return ProblemResponse(error.problem)


async def _refuse_http(_: Request, error: HTTPException) -> Response:
    kind = STATUS_KINDS.get(error.status_code, "bad-request")
    return ProblemResponse(Problem(kind, str(error.detail), dict(error.headers or {})))


async def _refuse_values(_: Request, error: RequestValidationError) -> Response:
    return ProblemResponse(Problem("invalid", report_mistakes(error.errors())))


async def _drop(_: Request, __: ClientDisconnect) -> Response:
    return ProblemResponse(Problem("bad-request", "the client disconnected"))  # nobody reads it


HANDLERS = (
    (Refused, _refuse),
    (HTTPException, _refuse_http),
    (RequestValidationError, _refuse_values),
    (ClientDisconnect, _drop),
)


def _describe(app: FastAPI, access: Access) -> dict[str, Any]:
    """Return the OpenAPI, completed by what FastAPI does not know: bodies read by routes, problems, the token."""
    if app.openapi_schema:
        return app.openapi_schema
    openapi = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        license_info=app.license_info,
        routes=app.routes,
        separate_input_output_schemas=False,
    )
    known = openapi["components"]["schemas"]
    for model in SCHEMAS:
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        known.update(schema.pop("$defs", {}))
        known[model.__name__] = schema
    for route in (each for path in openapi["paths"].values() for each in path.values()):
        if "422" in route["responses"]:
            route["responses"]["422"] = report_problems(422)[422]
    for unused in ("HTTPValidationError", "ValidationError"):
        known.pop(unused, None)
    answers = openapi["paths"]["/v1/recordings/{id}/ask"]["post"]["responses"]["200"]["content"]
    recognition = {"type": "object", "title": "Recognition", "description": "With format=json: the recognition alone."}
    answers["application/json"]["schema"] = {"anyOf": [answers["application/json"]["schema"], recognition]}
    for media_type, _ in FILES.values():
        answers.setdefault(media_type, {"schema": {"type": "string", "format": "binary"}})
    if access.token:
        openapi["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        openapi["security"] = [{"token": []}]
        openapi["paths"]["/v1/health"]["get"]["security"] = []
    app.openapi_schema = openapi
    return openapi
