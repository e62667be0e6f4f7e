"""The command line: one file a command; `main` joins them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from earwitness.lazy import load_on_use

if TYPE_CHECKING:
    from earwitness.cli.main import app

__getattr__ = load_on_use(__name__)
