"""Errors as RFC 9457 problem details: one table of kinds, one exception.

In: a kind and the details of a case. Out: a `Problem`, as a dictionary or `application/problem+json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from earwitness.errors import EarwitnessError

MEDIA_TYPE = "application/problem+json"
KINDS: dict[str, tuple[int, str]] = {
    "bad-request": (400, "The request cannot be read"),
    "token-needed": (401, "A token is needed"),
    "foreign-site": (403, "Requests from other sites are refused"),
    "not-found": (404, "Not found or deleted"),
    "wrong-method": (405, "Method not allowed"),
    "too-slow": (408, "The upload is too slow"),
    "not-ready": (409, "Not analysed yet"),
    "not-audible": (409, "The recording could not be analysed"),
    "too-large": (413, "Too large"),
    "too-long": (413, "The recording is too long"),
    "wrong-type": (415, "Wrong content type"),
    "unsatisfiable": (416, "Range outside the recording"),
    "wrong-host": (421, "Unknown host name"),
    "unreadable": (422, "The recording cannot be read"),
    "invalid": (422, "The query cannot be answered"),
    "too-much-work": (422, "The recording takes too much memory or time"),
    "busy": (429, "Too many requests are waiting"),
    "failed": (500, "The server failed"),
    "worker-lost": (500, "The worker ended during the analysis"),
    "not-offered": (501, "Not offered by this server"),
    "full": (503, "No space for another recording"),
    "stopping": (503, "The server is stopping"),
}
STOPPING = "the server is stopping; try again in a moment"
NOT_READY = "words can be queried after the first pass; try again in a moment"


@dataclass(frozen=True)
class Problem:
    """An error: a kind of `KINDS`, the details of this case, and further headers."""

    kind: str
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """The HTTP status."""
        return KINDS[self.kind][0]

    def to_dict(self) -> dict[str, Any]:
        """Return the members of RFC 9457."""
        status, title = KINDS[self.kind]
        return {
            "type": f"urn:earwitness:problem:{self.kind}",
            "title": title,
            "status": status,
            "detail": self.detail,
        }


class Refused(EarwitnessError):
    """Ends a request with a problem."""

    def __init__(self, kind: str, detail: str, **headers: str) -> None:
        super().__init__(detail)
        named = {name.replace("_", "-").title(): value for name, value in headers.items()}
        self.problem = Problem(kind, detail, named)
