"""Modules that version 0.1.0 documented under other names: importing one still works, with a warning, until 0.3.

In: an import such as `from earwitness.tags import tag_names`. Out: a module that takes its names from the new ones.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

# Name of 0.1.0 below `earwitness` -> the modules that hold its names now; a folder of such modules holds none.
MOVED: dict[str, tuple[str, ...]] = {
    "attention": ("recognition.explain",),
    "clap": ("encoders.m2d.clap",),
    "datasets.loading": ("datasets",),
    "evaluation.annotations": ("metrics.annotations",),
    "pages": (),
    "pages.reporting": ("reports.report",),
    "pictures": (),
    "pictures.timeline": ("plots.timeline",),
    "tags": ("recognition.tags", "words.ontology"),
}


class _Finder:
    """Finds the modules of `MOVED`, after everything else has found nothing, and makes them."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        package, _, old = name.partition(".")
        if package != "earwitness" or old not in MOVED:
            return None
        return ModuleSpec(name, _Finder, is_package=not MOVED[old])  # type: ignore[arg-type]

    @staticmethod
    def create_module(spec: ModuleSpec) -> None:
        return None

    @staticmethod
    def exec_module(module: ModuleType) -> None:
        homes = [f"earwitness.{home}" for home in MOVED[module.__name__.partition(".")[2]]]
        if homes:
            message = f"{module.__name__} has moved: import from {' or '.join(homes)}; the old name goes in version 0.3"
            warnings.warn(message, DeprecationWarning, stacklevel=2)

        def find(name: str) -> Any:
            for home in homes:
                if hasattr(importlib.import_module(home), name):
                    return getattr(importlib.import_module(home), name)
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")

        module.__dict__["__getattr__"] = find


def find_moved_modules() -> None:
    """Let Python find the modules of `MOVED`; it costs nothing until one is imported."""
    if _Finder not in sys.meta_path:
        sys.meta_path.append(_Finder)
