"""What mixtures are made of: TUT Rare Sound Events' sources, or the user's own folders.

In: folders. Out: `Sources`. Own events are in folders named by label; of each recording the loudest segment counts,
without quiet ends, so that onset and offset are exact to a frame of 20 ms. Own backgrounds may be in folders named by
scene.

Source: TUT Rare Sound Events 2017, development set, README (Diment et al.). The fields of its `cv_setup` files
(`filepath`, `classname`; `audio_filename`, `segment`) are as public code reads them; the files were not at hand.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from earwitness.audio import Samples, is_audio_name, load_audio, measure_duration
from earwitness.datasets.mixtures.mix import BackgroundSource, EventSource, Sources, measure_rms
from earwitness.datasets.mixtures.recipes import YAML_ERRORS, load_yaml
from earwitness.datasets.tables import find_files
from earwitness.errors import DatasetError

RATE_HZ = 16000  # at which loudness is measured
FRAME_S = 0.02
QUIET_DB = -30.0  # frames this far below the event's loudest are cut off its ends
LONGEST_S = 4.0
LEAST_S = 0.04


def read_own_sources(backgrounds_dir: Path, events_dir: Path, longest_s: float = LONGEST_S) -> Sources:
    """Return the user's own backgrounds and events.

    Args:
        backgrounds_dir: recordings; those in a folder have its name as their scene.
        events_dir: folders named by label, with recordings of it.
        longest_s: how much of an event's recording counts at most, the loudest segment, in seconds.

    Raises:
        AudioError: a recording cannot be read.
        DatasetError: there is no recording, or one of an event is silent.
    """
    backgrounds = []
    for path in _find_recordings(backgrounds_dir, "backgrounds"):
        parts = path.relative_to(backgrounds_dir).parts
        scene = parts[0] if len(parts) > 1 else ""
        backgrounds.append(BackgroundSource("/".join(parts), scene, _measure(path)))
    events = []
    for path in _find_recordings(events_dir, "events"):
        parts = path.relative_to(events_dir).parts
        if len(parts) < 2:
            raise DatasetError(f"{path}: in no folder named by its label; put it into {events_dir / 'LABEL'}")
        start_s, end_s = find_active(load_audio(path, RATE_HZ).samples, path, longest_s)
        events.append(EventSource(parts[0], "/".join(parts), start_s, end_s))
    return Sources(backgrounds_dir, tuple(backgrounds), events_dir, tuple(events))


def read_tut_sources(folder: Path, subset: str) -> Sources:
    """Return the sources of TUT Rare Sound Events below a folder, as its cross-validation setup lists them.

    Recordings that are not here are left out, which changes what a seed draws.

    Raises:
        DatasetError: the lists are not here or not as expected, or none of their recordings is here.
    """
    setup = next((path.parent for path in find_files(folder) if path.name == f"events_{subset}.yaml"), None)
    if setup is None or not (setup / f"bgs_{subset}.yaml").is_file():
        raise DatasetError(
            f"{folder}: no cv_setup/events_{subset}.yaml and bgs_{subset}.yaml; subsets are devtrain, devtest (in "
            "source_data_bgs_and_cvsetup.1.zip of https://zenodo.org/record/401395) and evaltest"
        )
    backgrounds_dir, events_dir = setup.parent / "bgs", setup.parent / "events"
    backgrounds = []
    for content in _read_yaml(setup / f"bgs_{subset}.yaml", list):
        name, scene = _pick(setup / f"bgs_{subset}.yaml", content, "filepath", "classname")
        if (backgrounds_dir / name).is_file():
            backgrounds.append(BackgroundSource(str(name), str(scene), _measure(backgrounds_dir / name)))
    events = []
    for label, contents in _read_yaml(setup / f"events_{subset}.yaml", dict).items():
        for content in contents:
            name, segment = _pick(setup / f"events_{subset}.yaml", content, "audio_filename", "segment")
            path = f"{label}/{Path(str(name)).name}"
            if (events_dir / path).is_file():
                events.append(EventSource(str(label), path, float(segment[0]), float(segment[1])))
    if not backgrounds or not events:
        raise DatasetError(
            f"{setup.parent}: {len(backgrounds)} backgrounds and {len(events)} events of {subset} are here; unpack "
            "source_data_bgs_and_cvsetup.1.zip to 8.zip and source_data_events.zip there"
        )
    return Sources(backgrounds_dir, tuple(backgrounds), events_dir, tuple(events))


def find_active(samples: Samples, path: Path, longest_s: float = LONGEST_S) -> tuple[float, float]:
    """Return from where to where a recording at 16 kHz is loudest, without quiet ends, in seconds.

    Raises:
        DatasetError: it is silent or shorter than two frames.
    """
    frame = round(FRAME_S * RATE_HZ)
    n_frames = len(samples) // frame
    levels = np.array([measure_rms(samples[at * frame : (at + 1) * frame]) for at in range(n_frames)])
    if n_frames < 2 or levels.max() < 1e-6:
        raise DatasetError(f"{path}: silent or shorter than {LEAST_S} s, so no event; leave it out")
    size = max(2, min(n_frames, math.floor(longest_s / FRAME_S)))
    energy = np.concatenate([[0.0], np.cumsum(np.square(levels))])
    first = int(np.argmax(energy[size:] - energy[: n_frames + 1 - size]))
    segment = levels[first : first + size]
    loud = first + np.flatnonzero(segment >= segment.max() * 10 ** (QUIET_DB / 20))
    start, end = int(loud[0]), max(int(loud[-1]) + 1, int(loud[0]) + 2)
    start = min(start, n_frames - 2)
    return round(start * FRAME_S, 6), round(min(end, n_frames) * FRAME_S, 6)


def _find_recordings(folder: Path, what: str) -> list[Path]:
    found = [path for path in find_files(folder) if is_audio_name(path)] if folder.is_dir() else []
    if not found:
        raise DatasetError(f"{folder}: no recording of {what} in it; give a folder of wav, flac or other recordings")
    return found


def _measure(path: Path) -> float:
    """Return a recording's length in seconds; decoded where the header does not give it."""
    duration_s = measure_duration(path)
    return load_audio(path).duration_s if duration_s is None else duration_s


def _read_yaml(path: Path, kind: type) -> Any:
    try:
        content = load_yaml(path)
    except YAML_ERRORS as error:
        raise DatasetError(f"{path}: not readable as YAML ({error})") from error
    if not isinstance(content, kind):
        raise DatasetError(f"{path}: holds a {type(content).__name__}, expected a {kind.__name__}; is it TUT's own?")
    return content


def _pick(path: Path, content: Any, *names: str) -> tuple[Any, ...]:
    try:
        return tuple(content[name] for name in names)
    except (KeyError, TypeError) as error:
        raise DatasetError(f"{path}: an entry without {' and '.join(names)}: {content!r}; is it TUT's own?") from error
