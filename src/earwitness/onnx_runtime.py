"""ONNX Runtime without its telemetry: the only way in which earwitness imports it.

Version 1.32 sends events unless it is told not to: it looks up a collector's name, and keeps a device id and a database
under ~/.cache/Microsoft.
"""

from __future__ import annotations

import os
from typing import Any


def import_onnxruntime() -> Any:
    """Return the module onnxruntime, its telemetry switched off before any session is made.

    Raises:
        ImportError: it is not installed.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # read when the library is loaded, here and in processes that this starts
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    return onnxruntime
