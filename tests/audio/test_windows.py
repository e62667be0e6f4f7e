"""Windows begin where they should, end where the recording ends, and do not care how it came in."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from earwitness.audio.read import Waveform
from earwitness.audio.windows import BATCH, Windows, slide
from earwitness.errors import SettingsError
from made_sounds import RATE_HZ, make_noise


def cut(samples: np.ndarray, window_s: float, hop_s: float, **options: bool) -> Windows:
    """Return all windows of a recording as one batch."""
    return join(slide(Waveform(samples, RATE_HZ), window_s, hop_s, **options))


def join(batches: Iterator[Windows]) -> Windows:
    """Return batches as one."""
    parts = list(batches)
    return Windows(
        np.concatenate([part.samples for part in parts]),
        np.concatenate([part.start_s for part in parts]),
        np.concatenate([part.n_valid for part in parts]),
        parts[0].sample_rate_hz,
    )


def in_blocks(samples: np.ndarray, seed: int) -> Iterator[Waveform]:
    """Yield a recording as blocks of random sizes, now and then an empty one."""
    generator = np.random.default_rng(seed)
    start = 0
    while start < len(samples):
        size = int(generator.integers(0, 9000))
        yield Waveform(samples[start : start + size], RATE_HZ, start / RATE_HZ)
        start += size


def test_windows_start_every_hop_and_the_last_one_ends_with_the_recording() -> None:
    samples = make_noise(5.3)
    windows = cut(samples, 2.0, 1.0)
    np.testing.assert_allclose(windows.start_s, [0, 1, 2, 3, 3.3])
    for window, start_s in zip(windows.samples, windows.start_s, strict=True):
        start = round(start_s * RATE_HZ)
        np.testing.assert_array_equal(window, samples[start : start + 2 * RATE_HZ])
    assert (windows.n_valid == 2 * RATE_HZ).all()


def test_a_recording_that_the_hops_fill_has_no_window_twice() -> None:
    np.testing.assert_allclose(cut(make_noise(5.0), 2.0, 1.0).start_s, [0, 1, 2, 3])
    np.testing.assert_allclose(cut(make_noise(2.0), 2.0, 1.0).start_s, [0])
    np.testing.assert_allclose(cut(make_noise(4.0), 2.0, 2.0).start_s, [0, 2])


def test_a_hop_of_odd_length_does_not_drift() -> None:
    windows = cut(make_noise(4.0), 0.5, 1 / 3)
    expected = [round(index * RATE_HZ / 3) / RATE_HZ for index in range(11)]
    np.testing.assert_allclose(windows.start_s[:11], expected, atol=1e-12)


def test_a_recording_shorter_than_a_window_is_one_window_of_its_own_length() -> None:
    samples = make_noise(3.0)
    windows = cut(samples, 10.0, 10.0)
    np.testing.assert_array_equal(windows.samples, samples[None])
    np.testing.assert_array_equal(windows.n_valid, [len(samples)])


def test_a_short_clip_is_repeated_to_one_second() -> None:
    samples = make_noise(0.3)
    windows = cut(samples, 2.0, 1.0)
    assert windows.samples.shape == (1, RATE_HZ)
    np.testing.assert_array_equal(windows.samples[0], np.tile(samples, 4)[:RATE_HZ])
    np.testing.assert_array_equal(windows.n_valid, [len(samples)])
    np.testing.assert_array_equal(windows.start_s, [0])


def test_a_short_clip_is_not_repeated_beyond_the_window() -> None:
    assert cut(make_noise(0.1), 0.4, 0.2).samples.shape == (1, round(0.4 * RATE_HZ))


def test_with_the_tail_repeated_windows_start_at_every_hop_up_to_the_end() -> None:
    samples = make_noise(5.5)
    windows = cut(samples, 4.0, 1.0, is_tail_repeated=True)
    np.testing.assert_allclose(windows.start_s, [0, 1, 2, 3, 4, 5])
    np.testing.assert_array_equal(windows.n_valid, np.array([4, 4, 3.5, 2.5, 1.5, 0.5]) * RATE_HZ)
    np.testing.assert_array_equal(windows.samples[-1], np.tile(samples[5 * RATE_HZ :], 8))


def test_with_the_tail_repeated_a_short_clip_fills_a_whole_window() -> None:
    samples = make_noise(1.5)
    windows = cut(samples, 4.0, 4.0, is_tail_repeated=True)
    np.testing.assert_array_equal(windows.samples, np.tile(samples, 3)[None, : 4 * RATE_HZ])


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("is_tail_repeated", [False, True])
def test_blocks_of_any_size_give_the_windows_of_the_whole(seed: int, is_tail_repeated: bool) -> None:
    generator = np.random.default_rng(seed)
    samples = make_noise(float(generator.uniform(0.2, 8)), seed=seed)
    window_s = float(generator.uniform(0.3, 2.5))
    hop_s = window_s * float(generator.uniform(0.2, 1))
    whole = cut(samples, window_s, hop_s, is_tail_repeated=is_tail_repeated)
    chunks = join(slide(in_blocks(samples, seed), window_s, hop_s, is_tail_repeated=is_tail_repeated))
    np.testing.assert_array_equal(chunks.samples, whole.samples)
    np.testing.assert_array_equal(chunks.start_s, whole.start_s)
    np.testing.assert_array_equal(chunks.n_valid, whole.n_valid)


@pytest.mark.parametrize("seed", range(4))
def test_every_sample_is_in_a_window(seed: int) -> None:
    generator = np.random.default_rng(seed)
    n_samples = int(generator.integers(RATE_HZ, 6 * RATE_HZ))
    windows = cut(np.arange(n_samples, dtype=np.float32), 1.0, float(generator.uniform(0.3, 1)))
    assert set(windows.samples.ravel().astype(int)) == set(range(n_samples))


def test_windows_come_in_batches() -> None:
    sizes = [len(batch.samples) for batch in slide(Waveform(make_noise(10.0), RATE_HZ), 0.5, 0.25)]
    assert sizes == [BATCH, BATCH, 39 - 2 * BATCH]


def test_no_samples_give_no_windows() -> None:
    assert list(slide([], 2.0, 1.0)) == []
    assert list(slide(Waveform(np.zeros(0, np.float32), RATE_HZ), 2.0, 1.0)) == []


@pytest.mark.parametrize(("window_s", "hop_s"), [(2.0, 0.0), (2.0, -1.0), (2.0, 2.5), (0.0, 0.0), (float("nan"), 1.0)])
def test_a_hop_that_leaves_gaps_is_refused(window_s: float, hop_s: float) -> None:
    with pytest.raises(SettingsError, match="need 0 < hop_s <= window_s"):
        list(slide(Waveform(make_noise(1.0), RATE_HZ), window_s, hop_s))
