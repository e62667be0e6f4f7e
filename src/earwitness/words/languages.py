"""Common sounds in ten languages: a word in German, French, ..., Japanese to its English name.

In: `data/languages.toml`, read as JSON that scripts/make_lexicon.py makes of it. Out: English names of the lexicon.

Source: written by the project.
"""

from __future__ import annotations

import json
import unicodedata
from functools import lru_cache

from earwitness.files import DATA_DIR


def translate(word: str) -> str | None:
    """Return the English name of a sound in one of the languages; None where the table does not hold it."""
    return _read_table().get(fold_letters(word))


def fold_letters(word: str) -> str:
    """Return a word in lower case, in one form of its accents, with single spaces."""
    return " ".join(unicodedata.normalize("NFKC", word).replace("_", " ").casefold().split())


@lru_cache(maxsize=1)
def _read_table() -> dict[str, str]:
    languages = json.loads((DATA_DIR / "languages.json").read_text(encoding="utf-8"))
    table: dict[str, str] = {}
    for names in languages.values():
        for english, foreign in names.items():
            for name in foreign:
                table.setdefault(fold_letters(name), english)
    return table
