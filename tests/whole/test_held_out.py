"""The benchmark on held-out recordings takes the chosen fold only, and loops that hold none of its words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

import held_out


def write_noise(path: Path, seconds: float, level: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = level * np.random.default_rng(1).standard_normal(round(8000 * seconds))
    soundfile.write(path, noise, 8000, format="OGG", subtype="VORBIS")


def test_sources_are_the_folds_clips_and_loud_loops_without_the_words(tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    for name in ("esc10/dog_bark/3-1-A.ogg", "esc10/dog_bark/2-1-A.ogg", "esc50/car_horn/3-2-A.ogg"):
        write_noise(data / name, 1, 0.1)
    write_noise(data / "background" / "waterfall.ogg", 21, 0.1)
    write_noise(data / "background" / "City_Street.ogg", 21, 0.1)
    write_noise(data / "background" / "faint.ogg", 21, 1e-4)
    write_noise(data / "background" / "short.ogg", 10, 0.1)
    held_out.write_sources(data, 3, out)
    taken = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.ogg"))
    assert taken == ["background/waterfall.ogg", "events/car_horn/3-2-A.ogg", "events/dog_bark/3-1-A.ogg"]


def test_a_value_is_printed_with_its_interval() -> None:
    assert held_out.format_value({"value": 0.7375, "low": 0.6879, "high": 0.787}) == "0.738 [0.688, 0.787]"
