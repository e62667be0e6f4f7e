"""Licences that are shown before anything is fetched, and accepted once.

In: what is fetched and its terms. Out: a record in the cache of the licences that were accepted.
"""

from __future__ import annotations

import json
import sys

from earwitness.errors import LicenceError
from earwitness.files.atomic import write_text
from earwitness.files.paths import CACHE_ADVICE, cache_dir

ACCEPTED = "accepted_licences.json"  # in the cache


def require_acceptance(name: str, licence: str, terms: str, command: str, is_accepted_now: bool) -> None:
    """Show a licence that has terms and has not been accepted yet; remember it where it is accepted.

    Args:
        name: what is to be fetched.
        licence: its licence's name, under which the acceptance is recorded.
        terms: what is shown on standard error; nothing needs to be accepted where it is empty.
        command: what to run in order to accept.
        is_accepted_now: whether the user accepts with this very command.

    Raises:
        LicenceError: it is not accepted, or the acceptance cannot be recorded.
    """
    record = cache_dir() / ACCEPTED
    try:
        accepted = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else []
    except (OSError, ValueError):
        accepted = []  # shown again, and written anew
    if not terms or (isinstance(accepted, list) and licence in accepted):
        return
    print(f"{licence}\n\n{terms}\n", file=sys.stderr)
    if not is_accepted_now:
        raise LicenceError(f"{name}: the licence above must be accepted first; if you do, run: {command}")
    others = accepted if isinstance(accepted, list) else []
    write_text(record, json.dumps([*others, licence], indent=1) + "\n", LicenceError, CACHE_ADVICE)
