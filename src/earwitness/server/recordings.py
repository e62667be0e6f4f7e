"""The recordings of a server: states, retention (how long they are stored), number and size.

In: uploads. Out: `Recording`s by ids that cannot be guessed. Everything runs in the server's event loop, so that there
are no locks; files are removed in threads.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from earwitness.server.limits import Limits
from earwitness.server.problems import Problem, Refused
from earwitness.server.recording_files import UPLOAD, estimate_bytes, measure_analysed, measure_folder, remove_folder
from earwitness.words import tag_names

State = Literal["waiting", "working", "done", "failed"]
RETRY_S = 5


@dataclass(frozen=True)
class Grid:
    """The encoder's rows: they give the analysed time of a recording from the size of its file."""

    rate_hz: int = 16000
    token_s: float = 0.16
    n_tags: int = field(default_factory=lambda: len(tag_names()))


@dataclass(eq=False)
class Recording:
    """One upload and its state. Times are seconds since 1970."""

    id: str
    name: str
    folder: Path
    created: float
    expires: float
    state: State = "waiting"
    is_received: bool = False
    n_sent: int = 0  # times that a worker got it
    is_taken: bool = False  # a worker has begun with it
    is_known: bool = False  # the first pass is done, words can be queried
    is_gone: bool = False
    share: float = 0.0
    duration_s: float | None = None
    n_bytes: int = 0
    problem: Problem | None = None
    cancel: Callable[[], None] | None = field(default=None, repr=False)  # stops its worker

    def heard_until_s(self, grid: Grid) -> float:
        """Return the time up to which words can be queried."""
        if not self.is_known or self.duration_s is None:
            return 0.0
        if self.state == "done":
            return self.duration_s
        return min(self.duration_s, measure_analysed(self.folder, grid.token_s, grid.n_tags))


class Recordings:
    """All recordings of a server, in `folder`."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self.folder, self.limits = folder, limits
        self.grid = Grid()  # the encoder's, once it is known
        self._by_id: dict[str, Recording] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Recording]:
        return iter(list(self._by_id.values()))

    def count(self, *states: State) -> int:
        """Return how many are in one of these states."""
        return sum(each.state in states for each in self._by_id.values())

    def count_bytes(self) -> int:
        """Return the disk space that all take, or may take by the end of their analysis."""
        return sum(each.n_bytes for each in self._by_id.values())

    def check_room(self, n_bytes: int) -> None:
        """Refuse an upload that there is no room for, before it is received.

        Raises:
            Refused: too many recordings wait, or there is no room.
        """
        limits = self.limits
        if self.count("waiting") >= limits.max_waiting:
            detail = f"{limits.max_waiting} recordings are waiting; try again later"
            raise Refused("busy", detail, retry_after=str(RETRY_S))
        if len(self) >= limits.max_recordings:
            detail = (
                f"this server stores up to {limits.max_recordings} recordings; delete one, or wait until one expires"
            )
            raise Refused("full", detail, retry_after=self._next_expiry_s())
        self._check_stored(n_bytes)

    def create(self, name: str, n_bytes: int) -> Recording:
        """Return a new recording, before its upload.

        Raises:
            Refused: see `check_room`.
        """
        self.check_room(n_bytes)
        now, name_id = time.time(), secrets.token_urlsafe(18)
        recording = Recording(name_id, name, self.folder / name_id, now, now + self.limits.keep_s, n_bytes=n_bytes)
        recording.folder.mkdir(mode=0o700)
        self._by_id[name_id] = recording
        return recording

    def find(self, name_id: str) -> Recording:
        """Return a recording whose upload is complete.

        Raises:
            Refused: there is none with this id, or it has expired.
        """
        recording = self._by_id.get(name_id)
        if recording is None or not recording.is_received or self._is_expired(recording):
            raise Refused("not-found", "no recording has this id; it may have been deleted or have expired")
        return recording

    def grow(self, recording: Recording, n_bytes: int) -> None:
        """Reserve more disk space for a recording.

        Raises:
            Refused: there is no room for that.
        """
        self._check_stored(n_bytes - recording.n_bytes)
        recording.n_bytes = max(recording.n_bytes, n_bytes)

    def expect(self, recording: Recording, duration_s: float) -> None:
        """Set the length of a recording and reserve the disk space for it.

        Raises:
            Refused: there is no room for that.
        """
        is_first, recording.duration_s = recording.duration_s is None, duration_s
        if is_first:
            n_more = estimate_bytes(duration_s, self.grid.rate_hz, self.grid.token_s, self.grid.n_tags)
            self.grow(recording, recording.n_bytes + n_more)

    async def finish(self, recording: Recording, problem: Problem | None = None) -> None:
        """Set a recording's outcome; its retention of `keep_s` begins."""
        if recording.is_gone:
            return
        recording.cancel = None
        recording.n_bytes = await asyncio.to_thread(_tidy, recording.folder, is_failed=problem is not None)
        recording.expires = time.time() + self.limits.keep_s
        if problem is None:
            recording.share, recording.state = 1.0, "done"
        else:
            recording.problem, recording.state = problem, "failed"

    async def delete(self, recording: Recording) -> None:
        """Delete a recording, stop its analysis and remove its files."""
        if recording.is_gone:
            return
        recording.is_gone = True
        self._by_id.pop(recording.id, None)
        if recording.cancel:
            recording.cancel()
        await asyncio.to_thread(remove_folder, recording.folder)

    async def sweep(self) -> int:
        """Delete expired recordings; return their number."""
        expired = [each for each in self._by_id.values() if self._is_expired(each)]
        for each in expired:
            await self.delete(each)
        return len(expired)

    def _check_stored(self, n_more: int) -> None:
        if n_more > 0 and self.count_bytes() + n_more > self.limits.max_stored_bytes:
            detail = (
                f"all {self.limits.max_stored_mb:g} MB for recordings on this server are in use; delete one, or wait"
            )
            raise Refused("full", detail, retry_after=self._next_expiry_s())

    def _is_expired(self, recording: Recording) -> bool:
        return recording.state in ("done", "failed") and recording.expires <= time.time()

    def _next_expiry_s(self) -> str:
        ends = [each.expires for each in self._by_id.values()]
        return str(max(1, round(min(ends, default=0.0) - time.time())))


def _tidy(folder: Path, *, is_failed: bool) -> int:
    """Remove files that are no longer needed; return the size of the others in bytes."""
    if is_failed:
        remove_folder(folder)
        return 0
    try:
        (folder / UPLOAD).unlink(missing_ok=True)
        return measure_folder(folder)
    except OSError:  # deleted by now
        return 0
