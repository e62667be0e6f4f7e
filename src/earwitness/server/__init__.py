"""The server: recordings in, answers out over HTTP; by default for this machine only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from earwitness.lazy import load_on_use

if TYPE_CHECKING:
    from earwitness.server.limits import Limits, read_limits
    from earwitness.server.run import serve
    from earwitness.server.security import Access
    from earwitness.server.service import Options

__getattr__ = load_on_use(__name__)
