"""Ways of running the package other than its own: module constants are changed for a while, then put back.

In: nothing. Out: context managers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from earwitness import tags
from earwitness.tags import Logits
from earwitness.weights import LoadedEncoder
from earwitness.windows import Windows


@contextmanager
def untrimmed() -> Iterator[None]:
    """Pad the frames that do not fill a patch, as M2D does, wherever the package would drop them."""
    encode = tags._encode

    def encode_padded(batch: Windows, encoder: LoadedEncoder, is_trimmed: bool) -> Logits:
        return encode(batch, encoder, False)

    with mock.patch.object(tags, "_encode", encode_padded):
        yield
