"""How long a server keeps recordings: each is deleted `keep_s` after its analysis, which is a setting of `Limits`."""

from __future__ import annotations

import asyncio
import contextlib

from earwitness.server.recordings import Recordings

SWEEPS_PER_STAY = 20  # expired recordings are deleted within a twentieth of their retention
LONGEST_SWEEP_S = 30.0


async def delete_expired(recordings: Recordings, keep_s: float) -> None:
    """Delete recordings as they expire, until the task is cancelled; `keep_s` is their retention in seconds."""
    while True:
        await asyncio.sleep(min(LONGEST_SWEEP_S, keep_s / SWEEPS_PER_STAY))
        with contextlib.suppress(OSError):
            await recordings.sweep()
