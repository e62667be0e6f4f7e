"""Ways of running the package other than its own: module constants are changed for a while, then put back.

In: nothing. Out: context managers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from earwitness.encoders.base import Floats
from earwitness.encoders.load import LoadedEncoder


@contextmanager
def untrimmed() -> Iterator[None]:
    """Pad the frames that do not fill a patch, as M2D does, wherever the package would drop them."""
    encode = LoadedEncoder.token_logits

    def encode_padded(encoder: LoadedEncoder, windows: Floats, *, is_trimmed: bool = True) -> Floats:
        return encode(encoder, windows, is_trimmed=False)

    with mock.patch.object(LoadedEncoder, "token_logits", encode_padded):
        yield
