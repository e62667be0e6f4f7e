"""Workers tell every recording's end, whatever happens to it, one at a time or several at once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from earwitness.archive.extract import FAILED, Chunk, ExtractTask
from earwitness.archive.worker import End, LeftOut, Listing, extract_several
from earwitness.encoders.load import LoadedEncoder
from earwitness.errors import AudioError

LISTINGS = [Listing(f"memory://{name}.wav", size=5, mtime_ns=7) for name in ("whole", "bad", "odd", "later")]


def analyse(listing: Listing, template: ExtractTask, encoder: LoadedEncoder) -> Iterator[Chunk]:
    yield Chunk(listing.path, 5, 7, "", 1, "heard", number=0, is_last=False)
    if "bad" in listing.path:
        raise AudioError(f"{listing.path}: bad")
    if "odd" in listing.path:
        raise ValueError("odd")
    if "later" in listing.path:
        raise LeftOut
    yield Chunk(listing.path, 5, 7, "", 1, "heard", number=1)


@pytest.mark.parametrize("n_at_once", [1, 3])
def test_each_recording_has_its_pieces_and_its_end(encoder: LoadedEncoder, n_at_once: int) -> None:
    detected = list(extract_several(LISTINGS, ExtractTask(""), encoder, n_at_once, analyse))
    ends = {each.path: each.chunks for each in detected if isinstance(each, End)}
    failed = ((0, "heard"), (0, FAILED))
    assert ends == {
        "memory://whole.wav": ((0, "heard"), (1, "heard")),
        "memory://bad.wav": failed,
        "memory://odd.wav": failed,
    }
    reasons = {each.path: each.reason for each in detected if isinstance(each, Chunk) and each.state == FAILED}
    assert reasons["memory://bad.wav"] == "memory://bad.wav: bad"
    assert "ValueError: odd; please report this" in reasons["memory://odd.wav"]


def test_what_stops_a_worker_is_raised_by_several_at_once_too(encoder: LoadedEncoder) -> None:
    def stop(listing: Listing, template: ExtractTask, encoder: LoadedEncoder) -> Iterator[Chunk]:
        raise KeyboardInterrupt
        yield

    with pytest.raises(KeyboardInterrupt):
        list(extract_several(LISTINGS, ExtractTask(""), encoder, 2, stop))


def test_a_listing_says_what_differs_from_the_template() -> None:
    task = Listing("a.wav", 3, (0, 2)).task(ExtractTask("", row_s=0.16))
    assert (task.path, task.attempt, task.done, task.row_s) == ("a.wav", 3, frozenset({0, 2}), 0.16)
