"""Golden outputs of real recordings, where the folder of data sets that cannot be shipped is there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from golden_case import QUIETLY, SHARED, Workspace, case
from golden_reading import read_folder, read_json

BABY_CRY = SHARED / "tut" / "audio" / "mixture_evaltest_babycry_002_ba886810f677a87beb5fb01d83601acf.wav"
CLIPS = ("dog_bark", "rain", "sea_waves")


@case("listen_tut", needs=BABY_CRY)
def listen_to_a_mixture(work: Workspace) -> Any:
    """Events and scenes of 30 s in stereo or at 44.1 kHz, by both methods."""
    Path(BABY_CRY.name).symlink_to(BABY_CRY)
    words = ("--events", "baby cry,glass break,gunshot,speech", "--scenes", "city center,office,park,tram")
    for method in ("earwitness", "tmrl"):
        given = ("--method", method, "--out", f"tut_{method}", "--format", "jsonl")
        work.run("listen", BABY_CRY.name, *words, *given, *QUIETLY)
    found = {method: read_folder(Path(f"tut_{method}")) for method in ("earwitness", "tmrl")}
    for each in found.values():
        each.pop("events.csv")  # the same stands in recognitions.jsonl
    return found


@case("classify_esc10", needs=SHARED / "esc10")
def classify_clips(work: Workspace) -> Any:
    """Words for clips in OGG, and their evaluation."""
    for label in CLIPS:
        folder = Path("clips", label.replace("_", " "))
        folder.mkdir(parents=True)
        for path in sorted((SHARED / "esc10" / label).iterdir())[:2]:
            (folder / path.name).symlink_to(path)
    work.run("classify", "clips", "--words", "dog bark,rain,sea waves", "--out", "esc10_words", *QUIETLY)
    work.run("evaluate", "clips", "--out", "esc10_evaluated", *QUIETLY)
    return {**read_folder(Path("esc10_words")), "results": read_json(Path("esc10_evaluated/results.json"))}
