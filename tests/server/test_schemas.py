"""The OpenAPI says what the server does: schemathesis looks for what it does not say, or does not survive."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from running_server import RunningServer

CHECKS = [
    *(not_a_server_error, status_code_conformance, content_type_conformance),
    *(response_headers_conformance, response_schema_conformance),
]
N_CASES = 1000
POSITIVE, NEGATIVE = schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE


@pytest.fixture(scope="module")
def roomy(tmp_path_factory: pytest.TempPathFactory, demo_wav: bytes) -> Any:
    """A server with room for all that is made up here, and a recording that it has heard."""
    from earwitness.server.limits import Limits

    limits = Limits(max_recordings=20_000, max_waiting=20_000, max_stored_mb=1e6)
    with RunningServer(tmp_path_factory.mktemp("roomy"), limits) as running:
        running.detected = running.analyse(demo_wav)["id"]  # type: ignore[attr-defined]
        yield running


@pytest.mark.slow
def test_a_thousand_made_up_requests_find_no_error_of_the_server(roomy: RunningServer) -> None:
    schema = schemathesis.openapi.from_url(f"{roomy.url}openapi.json")
    counted: Counter[str] = Counter()
    for found in schema.get_all_operations():
        for mode in (POSITIVE, NEGATIVE):
            try_operation(found.ok(), mode, roomy, counted)
    print(dict(counted), sum(counted.values()))
    assert len(counted) == 12
    assert sum(counted.values()) >= N_CASES
    assert roomy.client.get("/v1/health").json()["status"] == "ok"
    assert roomy.count_restarts() == 0


def try_operation(operation: Any, mode: Any, server: RunningServer, counted: Counter[str]) -> None:
    """Send requests that fit the description, or do not; each also to the recording that was heard."""

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=50, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None)
    def try_case(case: Any) -> None:
        case.call_and_validate(checks=CHECKS, timeout=30)
        counted[operation.label] += 1
        if "id" in (case.path_parameters or {}) and case.method != "DELETE":
            case.path_parameters["id"] = server.detected  # type: ignore[attr-defined]
            case.call_and_validate(checks=CHECKS, timeout=30)
            counted[operation.label] += 1

    try:
        try_case()
    except Unsatisfiable:
        assert mode is NEGATIVE, operation.label  # where everything fits, nothing can fail to


def test_examples_and_problems_are_described(server: RunningServer) -> None:
    details = httpx.get(f"{server.url}openapi.json").json()
    assert set(details["paths"]) == {
        *("/v1/recordings", "/v1/recordings/{id}", "/v1/recordings/{id}/view", "/v1/recordings/{id}/audio"),
        *("/v1/recordings/{id}/ask", "/v1/recordings/{id}/attention", "/v1/words", "/v1/words/suggestions"),
        *("/v1/health", "/v1/limits", "/v1/metrics"),
    }
    upload = details["paths"]["/v1/recordings"]["post"]
    assert {"202", "403", "408", "413", "415", "421", "422", "429", "503"} <= set(upload["responses"])
    for path, methods in details["paths"].items():
        for operation in methods.values():
            problems = {status: each for status, each in operation["responses"].items() if status >= "400"}
            assert problems, path
            for each in problems.values():
                assert list(each["content"]) == ["application/problem+json"]
    assert details["components"]["schemas"]["AskModel"]["examples"][0]["events"] == ["dog bark", "siren"]
    assert "HTTPValidationError" not in json.dumps(details)
