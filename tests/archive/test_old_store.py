"""A store that 0.1.0 has made: it is queried by the statistics that it has, and extended as it was made."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from earwitness.archive.extract import ANALYSED, Chunk, pool_rows
from earwitness.archive.index import index_recordings
from earwitness.archive.parquet_parts import read_levels
from earwitness.archive.quantise import quantise_logits, quantise_scores
from earwitness.archive.tag_store import open_store
from earwitness.audio.read import load_audio
from earwitness.audio.windows import slide
from earwitness.encoders.load import LoadedEncoder
from earwitness.errors import ArchiveError
from earwitness.recognition.tags import score_tokens
from earwitness.settings import Settings
from earwitness.words import tag_names
from made_archives import QuickBackend
from made_parts import put_part
from made_sounds import make_noise

ENCODER, SHA256 = "m2d_vit_tiny-80x1001p16x16-261122-distil_as", "fb" * 32


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Make a store of schema 1: a minute of nothing, with a siren from 20 s to 22 s, and rain from 30 s on."""
    tags = list(tag_names())
    made = {
        "schema": 1,
        "encoder": ENCODER,
        "weights_sha256": SHA256,
        "runtime": "onnx",
        "heard_with": {
            **{"method": "earwitness", "window_s": 2.0, "hop_s": 1.0, "clip_window_s": 10.0, "noise_factor": 0.0},
        },
        "row_s": 1.0,
        "token_s": 0.16,
        "tag_mean": [-8.0] * len(tags),
        "tag_std": [1.3] * len(tags),
        "version": "0.1.0",
        "encoder_option": "",
        "quantisation": {"rows.scores": "score = (q / 255) ** 3", "clips.logits": "logit = -16 + 0.1 * q"},
        "tags": tags,
    }
    folder = tmp_path / "old"
    folder.mkdir()
    (folder / "store.json").write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    logits = np.full((60, len(tags)), -8.0, np.float32)
    logits[20:22, [tags.index("Siren"), tags.index("Emergency vehicle")]] = 1.0
    logits[30:, [tags.index("Rain"), tags.index("Raindrop"), tags.index("Rain on surface")]] = -2.0
    chunk = Chunk(
        *("/archive/20260301_120000.wav", 1, 1, "", 1, ANALYSED),
        start_time=1772366400.0,
        end_s=60.0,
        rows=quantise_scores(logits),
        clips=quantise_logits(logits.reshape(6, 10, -1).max(axis=1)),
        clip_start_s=10.0 * np.arange(6),
    )
    put_part(folder, [chunk])
    return folder


def test_it_answers_by_the_statistics_that_it_has(old: Path) -> None:
    store = open_store(old)
    stats = store.parts.provenance.tag_stats
    assert stats is not None
    assert stats.of_tokens is stats
    answer = store.ask(["siren", "rain", "dog bark"], ["street", "office"])
    assert [(e.event.word, e.event.onset_s, e.event.offset_s) for e in answer.events] == [
        ("siren", 20.0, 22.0),
        ("rain", 30.0, 60.0),
    ]
    assert answer.events[0].event.tags[0].tag in ("Siren", "Emergency vehicle")
    assert [each.n_windows for each in answer.scenes] == [6]
    assert answer.problems == []
    assert store.verify() == {}


def test_what_needs_its_encoder_names_it(old: Path, tmp_path: Path, quick: LoadedEncoder) -> None:
    soundfile.write(tmp_path / "new.wav", make_noise(3.0), 16000)
    with pytest.raises(ArchiveError, match=f"was made with '{ENCODER}'.*another --store"):
        index_recordings([tmp_path / "new.wav"], old, None, quick)
    with pytest.raises(ArchiveError, match=f"was made with '{ENCODER}'"):
        open_store(old).similar(tmp_path / "new.wav", encoder=quick)
    assert len(open_store(old).files) == 1


def test_with_its_encoder_it_is_extended_as_it_was_made(old: Path, tmp_path: Path, onnx: LoadedEncoder) -> None:
    spec = replace(onnx.spec, name=ENCODER)
    encoder = LoadedEncoder(QuickBackend(spec), SHA256, None, None)
    soundfile.write(tmp_path / "new.wav", make_noise(9.0), 16000)
    assert index_recordings([tmp_path / "new.wav"], old, None, encoder).n_analysed == 1
    assert json.loads((old / "store.json").read_text(encoding="utf-8"))["schema"] == 1
    store = open_store(old)
    (entry,) = (each for each in store.files if each.path.endswith("new.wav"))
    windows = slide(load_audio(tmp_path / "new.wav"), 2.0, 1.0)
    tokens = np.concatenate([each.logits for each in score_tokens(windows, encoder)])
    rows = read_levels(store.parts.part_path(entry.chunks[0].part))
    assert np.array_equal(rows, quantise_scores(pool_rows(tokens, 0.16, 1.0))), "largest tokens, as in all its rows"


def test_settings_of_its_windows_do_not_matter_to_a_query(old: Path) -> None:
    answer = open_store(old).ask(["siren"], settings=Settings(event_threshold=0.6))
    assert len(answer.events) == 1
