"""What a page plays: kept while it is small, linked beside it else, and pages' names that any system takes."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from earwitness.audio.read import Waveform
from earwitness.reports.page import link_to
from earwitness.reports.sound import FlacWriter, choose_sound, name_page
from made_sounds import make_noise


def test_what_is_heard_is_kept_as_flac(tmp_path: Path) -> None:
    detected = 4 * make_noise(2.0)  # some of it above full scale
    with contextlib.closing(FlacWriter(tmp_path / "heard.flac")) as flac:
        flac.add(Waveform(detected[:20000], 16000))
        flac.add(Waveform(detected[20000:], 16000, 1.25))
        samples, rate = soundfile.read(io.BytesIO(flac.read()))
    assert rate == 16000
    assert np.abs(samples - np.clip(detected, -1, 1)).max() < 1e-4


def test_what_is_too_large_is_not_kept_and_its_file_is_gone(tmp_path: Path) -> None:
    with contextlib.closing(FlacWriter(tmp_path / "heard.flac", max_bytes=100_000)) as flac:
        for start in range(20):
            flac.add(Waveform(make_noise(1.0, seed=start), 16000, float(start)))
        assert not flac.is_whole
        assert not (tmp_path / "heard.flac").exists()
        assert flac.read() == b""


def test_nothing_heard_is_nothing_kept(tmp_path: Path) -> None:
    with contextlib.closing(FlacWriter(tmp_path / "heard.flac")) as flac:
        assert flac.read() == b""


def test_a_page_keeps_links_or_leaves_out_the_sound(tmp_path: Path) -> None:
    recording, page = tmp_path / "my sounds" / "street #1 50%.wav", tmp_path / "out" / "page.html"
    assert choose_sound(recording, page, "embed", b"flac").content == b"flac"
    for linked in (choose_sound(recording, page, "link", b"flac"), choose_sound(recording, page, "embed")):
        assert linked.url == "../my%20sounds/street%20%231%2050%25.wav"
        assert "leave both where they are" in linked.note
    silent = choose_sound(recording, page, "none", b"flac")
    assert (silent.content, silent.url) == (b"", "")
    assert "without audio" in silent.note
    assert "no file to link" in choose_sound(Waveform(make_noise(), 16000), page, "embed").note
    assert "cannot play .aiff" in choose_sound(tmp_path / "a.aiff", page, "link").note


def test_a_link_to_a_name_that_is_not_utf_8_keeps_its_bytes(tmp_path: Path) -> None:
    assert link_to(tmp_path / "caf\udce9.wav", tmp_path) == "caf%E9.wav"


@pytest.mark.parametrize(
    ("name", "page"),
    [
        ("a/Straße <1>.wav", "Stra_e_1.html"),
        ("con.wav", "con_.html"),
        ("声.wav", "recording.html"),
        ("..", "recording.html"),
    ],
)
def test_a_pages_name_is_one_that_any_system_takes(name: str, page: str) -> None:
    assert name_page(name, set()) == page


def test_equal_names_get_pages_of_their_own() -> None:
    taken: set[str] = set()
    names = [name_page(name, taken) for name in ("a/x.wav", "b/x.wav", "c/X.flac", "d/x_2.wav")]
    assert names == ["x.html", "x_2.html", "X_3.html", "x_2_2.html"]
