"""How words are compared as text: what a user may type, and the one form that it is looked up in.

In: words as typed. Out: normalised words, and keys in which "Baby_cry" and "babycry" are one.
"""

from __future__ import annotations

import unicodedata

from earwitness.errors import WordError

LONGEST_WORD = 200  # characters


def normalise_word(word: str) -> str:
    """Return a word as the text model reads it: lower case, without accents, `_` as a space, single spaces.

    Raises:
        WordError: the word is empty, too long, or has letters that are not Latin.
    """
    plain = word
    if not word.isascii():
        plain = "".join(char for char in unicodedata.normalize("NFKD", word) if not unicodedata.combining(char))
    key = " ".join(plain.replace("_", " ").lower().split())
    if not any(char.isalnum() for char in key):
        raise WordError(f"{word!r}: an empty word; give a word or a short phrase in English")
    if len(key) > LONGEST_WORD:
        raise WordError(f"{word[:40]!r}...: {len(key)} characters; give a word or a short phrase")
    for char in "" if key.isascii() else key:
        if char.isalpha() and not unicodedata.name(char, "").startswith("LATIN"):
            raise WordError(
                f"{word!r}: {char!r} is not a Latin letter; the text model knows English only, so translate it"
            )
    return key


def as_key(word: str) -> str:
    """Return a word without spaces and signs, so that "baby cry", "Baby_cry" and "babycry" are one."""
    return "".join(char for char in normalise_word(word) if char.isalnum()) if word else ""
