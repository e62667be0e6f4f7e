"""Names of a package that are loaded when they are first used, so that importing any folder costs nothing."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from collections.abc import Callable
from functools import lru_cache
from typing import Any


def load_on_use(package: str) -> Callable[[str], Any]:
    """Return the `__getattr__` of a package (PEP 562): names come from where its TYPE_CHECKING block imports them.

    Args:
        package: the package's full name; the imports of its `__init__.py` are read when a name is first used.
    """

    @lru_cache(maxsize=1)
    def find_homes() -> dict[str, str]:
        nodes = ast.walk(ast.parse(pkgutil.get_data(package, "__init__.py") or b""))
        froms = [node for node in nodes if isinstance(node, ast.ImportFrom)]
        return {alias.name: node.module for node in froms if node.module for alias in node.names}

    def load(name: str) -> Any:
        home = find_homes().get(name, "")
        if not home.startswith(f"{package}."):
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(home), name)

    return load
