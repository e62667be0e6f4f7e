"""What went wrong, as RFC 9457 problem details: one table of kinds, one exception.

In: a kind and what is special about this case. Out: `Problem`, as a dictionary and as `application/problem+json`.
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
    "foreign-site": (403, "Other sites may not use this server"),
    "not-found": (404, "Not here, or not any more"),
    "wrong-method": (405, "Not with this method"),
    "too-slow": (408, "The upload is too slow"),
    "not-ready": (409, "Not heard yet"),
    "not-audible": (409, "Nothing was heard in this recording"),
    "too-large": (413, "Too large"),
    "too-long": (413, "The recording is too long"),
    "wrong-type": (415, "Not this kind of content"),
    "unsatisfiable": (416, "Not a part of this recording"),
    "wrong-host": (421, "Not a name of this server"),
    "unreadable": (422, "The recording cannot be used"),
    "invalid": (422, "The question cannot be answered"),
    "too-much-work": (422, "The recording takes too much memory or time"),
    "busy": (429, "Too much is waiting"),
    "failed": (500, "The server failed"),
    "worker-lost": (500, "The worker ended while it heard this recording"),
    "not-offered": (501, "Not offered by this server"),
    "full": (503, "No room for another recording"),
    "stopping": (503, "The server stops"),
}


@dataclass(frozen=True)
class Problem:
    """One thing that went wrong: a kind of `KINDS`, what is special about it, and headers that belong to it."""

    kind: str
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """The HTTP status."""
        return KINDS[self.kind][0]

    def to_dict(self) -> dict[str, Any]:
        """Return the problem as RFC 9457 writes it."""
        status, title = KINDS[self.kind]
        return {
            "type": f"urn:earwitness:problem:{self.kind}",
            "title": title,
            "status": status,
            "detail": self.detail,
        }


class Refused(EarwitnessError):
    """A request ends in a problem."""

    def __init__(self, kind: str, detail: str, **headers: str) -> None:
        super().__init__(detail)
        named = {name.replace("_", "-").title(): value for name, value in headers.items()}
        self.problem = Problem(kind, detail, named)
