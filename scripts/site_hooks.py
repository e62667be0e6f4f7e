"""Give the documentation's site the project's addresses, which stand once, in pyproject.toml.

In: `[project.urls]` of pyproject.toml. Out: MkDocs' `site_url`, and a link to the source in each page's footer.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PYPROJECT_PATH = Path(__file__).parent.parent / "pyproject.toml"


def on_config(config: Any) -> Any:
    """Return MkDocs' configuration with the addresses; `repo_url` stays unset, since the theme asks GitHub about it."""
    urls = tomllib.loads(PYPROJECT_PATH.read_text(encoding="utf-8"))["project"].get("urls", {})
    config.site_url = urls.get("Documentation") or urls.get("Homepage")
    source = urls.get("Source") or urls.get("Repository") or urls.get("Homepage")
    link = f' · <a href="{source}">Source</a>' if source else ""
    config.copyright = f"Apache-2.0{link}"
    return config
