"""Tags: their order, and windows and tokens on one time grid."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from earwitness.audio.read import Waveform
from earwitness.audio.windows import slide
from earwitness.encoders.load import LoadedEncoder, load_encoder
from earwitness.encoders.m2d.model import M2DModel
from earwitness.encoders.m2d.spec import M2DSpec
from earwitness.errors import WeightsError
from earwitness.files.paths import DATA_DIR
from earwitness.recognition.tags import TagScores, score_tokens, score_windows, sigmoid, summarise_tags, weigh_tokens
from earwitness.words.ontology import tag_names

RATE_HZ = 16000


@pytest.fixture(scope="module")
def loaded() -> LoadedEncoder:
    return load_encoder()


@pytest.fixture(scope="module")
def beeps() -> Waveform:
    """Eight seconds of faint noise with a beeping alarm from 3.2 to 4.8 s."""
    t = np.arange(8 * RATE_HZ) / RATE_HZ
    is_on = (t > 3.2) & (t < 4.8) & (t % 0.4 < 0.2)
    noise = 0.002 * np.random.default_rng(0).standard_normal(len(t))
    return Waveform((noise + 0.3 * is_on * np.sin(2 * np.pi * 3100 * t)).astype(np.float32), RATE_HZ)


def test_tags_are_in_the_order_of_their_sorted_mids() -> None:
    with (DATA_DIR / "tags.csv").open(newline="", encoding="utf-8") as file:
        mids = [row["mid"] for row in csv.DictReader(file)]
    digest = hashlib.sha256("\n".join(mids).encode()).hexdigest()
    assert digest == "5c6649e023b14c4a0bda2fe820c2794ad7bdb0dbd02d5151dc0c56339b042c53"
    names = tag_names()
    assert [names.index(name) for name in ("Speech", "Music", "Gunshot, gunfire", "Silence")] == [405, 191, 144, 98]


@pytest.mark.slow
def test_tokens_lie_on_one_grid_whatever_the_hop(loaded: LoadedEncoder, beeps: Waveform) -> None:
    for hop_s in (0.5, 0.7, 1.0, 2.0):
        rows = list(score_tokens(slide(beeps, 2.0, hop_s), loaded))
        starts = np.concatenate([each.start_s for each in rows])
        assert np.allclose(starts, 0.16 * np.arange(len(starts)))
        assert 7.7 < starts[-1] + 0.16 <= 8.16
        assert all(each.logits.any(axis=1).all() for each in rows)  # a token between two windows has its neighbour's


def test_overlapping_windows_are_averaged_on_an_aligned_grid(loaded: LoadedEncoder, beeps: Waveform) -> None:
    hop_s = 0.96  # six tokens, so nothing has to be interpolated
    (batch,) = slide(replace(beeps, samples=beeps.samples[: round(2.96 * RATE_HZ)]), 2.0, hop_s)
    rows = np.concatenate([each.logits for each in score_tokens([batch], loaded)])
    alone = [
        np.concatenate([each.logits for each in score_tokens(slide(Waveform(window, RATE_HZ), 2.0, 2.0), loaded)])
        for window in batch.samples
    ]
    assert len(batch.samples) == 2
    assert np.allclose(rows[:6], alone[0][:6], atol=1e-4)
    share = (
        weigh_tokens(12, np.arange(6, 12))[:, None] / 7
    )  # what counts less near one window's end counts in the other
    assert np.allclose(rows[6:12], share * alone[0][6:] + (1 - share) * alone[1][:6], atol=1e-4)
    assert np.allclose(rows[12:18], alone[1][6:], atol=1e-4)


@pytest.mark.slow
def test_a_stream_in_batches_gives_what_one_batch_gives(loaded: LoadedEncoder) -> None:
    samples = 0.1 * np.random.default_rng(1).standard_normal(40 * RATE_HZ).astype(np.float32)
    windows = list(slide(Waveform(samples, RATE_HZ), 2.0, 1.0))
    assert len(windows) == 3

    def singly() -> Iterator[object]:
        for batch in windows:
            for index in range(len(batch.samples)):
                one = slice(index, index + 1)
                yield replace(batch, samples=batch.samples[one], start_s=batch.start_s[one], n_valid=batch.n_valid[one])

    together = np.concatenate([each.logits for each in score_tokens(windows, loaded)])
    apart = np.concatenate([each.logits for each in score_tokens(singly(), loaded)])  # type: ignore[arg-type]
    assert together.shape == apart.shape
    assert np.allclose(together, apart, atol=1e-3)


def test_the_alarm_is_heard_where_it_is(loaded: LoadedEncoder, beeps: Waveform) -> None:
    rows = list(score_tokens(slide(beeps, 2.0, 1.0), loaded))
    logits = np.concatenate([each.logits for each in rows])[:, tag_names().index("Beep, bleep")]
    assert 2.8 <= 0.16 * logits.argmax() <= 4.9
    assert logits[19:30].mean() > logits[:12].mean() + 2


def test_a_summary_is_the_mean_and_the_peak_over_batches(loaded: LoadedEncoder) -> None:
    logits = np.zeros((3, 527), np.float32)
    logits[:, 5] = [1, 4, 1]
    batches = [TagScores(logits[:2], np.array([0.0, 10.0]), 10.0), TagScores(logits[2:], np.array([20.0]), 10.0)]
    clip = summarise_tags(batches)
    best = clip.summarise(1)[0]
    assert (best.tag, best.peak_s) == (tag_names()[5], 10.0)
    assert best.mean_score == pytest.approx(float(sigmoid(np.float32(2.0))))
    assert best.peak_score == pytest.approx(float(sigmoid(np.float32(4.0))))


def test_trimming_drops_the_patch_that_is_mostly_padding(loaded: LoadedEncoder) -> None:
    samples = 0.05 * np.random.default_rng(2).standard_normal(4 * RATE_HZ).astype(np.float32)
    (trimmed,) = score_windows(slide(Waveform(samples, RATE_HZ), 4.0, 4.0), loaded)
    (padded,) = score_windows(slide(Waveform(samples, RATE_HZ), 4.0, 4.0), loaded, is_trimmed=False)
    assert trimmed.logits.shape == padded.logits.shape == (1, 527)
    assert np.abs(trimmed.logits - padded.logits).max() > 0.1


def test_an_encoder_without_a_tag_head_is_told() -> None:
    model = M2DModel(M2DSpec("plain", embed_dim=64, depth=1, n_heads=1)).eval()
    model.norm_stats.data = torch.tensor([-7.0, 4.0])
    loaded = LoadedEncoder(model, "0", None)
    with pytest.raises(WeightsError, match="plain has no tag head"):
        list(score_windows(slide(Waveform(np.zeros(RATE_HZ, np.float32), RATE_HZ), 1.0, 1.0), loaded))
