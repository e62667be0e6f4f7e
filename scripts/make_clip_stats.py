"""Write the usual logits of isolated clips (`TagStats.clip_mean`) into the embedded encoder's statistics and graph.

In: a folder of short clips, one sound each, of many kinds: ESC-10, folds 1 and 2, for the shipped ones (CC BY; nothing
but 527 means comes from it). Out: the .tag_stats.npz, and the .onnx that holds it too.

    python scripts/make_clip_stats.py ../shared/data/esc10 --folds 1 2
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from earwitness.audio import find_audio, load_audio
from earwitness.encoders import EMBEDDED, load_encoder
from earwitness.encoders.m2d.export_onnx import export_onnx
from earwitness.files.paths import DATA_DIR
from earwitness.settings import EncoderSettings


def main() -> None:
    """Write the statistics: halfway between those of varied windows and those of the clips."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--folds", nargs="*", default=[], help="the first digits of the file names that are used")
    given = parser.parse_args()
    encoder = load_encoder(compute=EncoderSettings(runtime="torch"))
    paths = [path for path in find_audio([given.folder]) if not given.folds or path.name[0] in given.folds]
    total = np.zeros(encoder.spec.n_tags)
    for path in paths:
        total += encoder.window_logits(load_audio(path).samples[None])[0]
    stats_path = DATA_DIR / f"{EMBEDDED}.tag_stats.npz"
    with np.load(stats_path) as stats:
        arrays = dict(stats)
    arrays["clip_mean"] = ((arrays["mean"] + total / len(paths)) / 2).astype(np.float32)
    np.savez_compressed(stats_path, **arrays)
    weights = DATA_DIR / f"{EMBEDDED}.safetensors"
    export_onnx(load_encoder(compute=EncoderSettings(runtime="torch")), weights.with_suffix(".onnx"), weights=weights)
    print(f"{len(paths)} clips -> {stats_path}")


if __name__ == "__main__":
    main()
