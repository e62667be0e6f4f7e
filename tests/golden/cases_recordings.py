"""Golden outputs of the commands that take recordings: listen, classify, tags, words, embed, report, calibrate."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from golden_case import QUIETLY, Workspace, case
from golden_reading import read_folder, read_page, read_table, read_toml, summarise
from golden_sounds import cut_demo, make_folder, write

EVENTS = ("--events", "dog bark,thunder,glass breaking")
SCENES = ("--scenes", "park,street,office")
FORMATS = ("audacity", "raven", "dcase", "parquet", "jsonl")
LABELS = ("onset_s", "offset_s", "label")  # of Audacity's files, which have no header
WORDS_TOML = """\
event_threshold = 0.6
event_hold = 0.2
merge_gap_s = 0.3

[thresholds]
thunder = 0.99
"dog bark" = 0.05
"""
PLACES_TOML = """\
["my porch"]
expect = ["rain", "thunder", "dog bark"]

["call centre"]
expect = ["telephone", "speech"]
unlikely = ["thunder"]
"""


def get_sounds(work: Workspace) -> Path:
    """Return `sounds/`, which is made once."""
    return work.once("sounds", lambda _: make_folder())


def read_labels(folder: Path, columns: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the tables that stand one for each recording in a folder."""
    return {path.name: read_table(path, columns) for path in sorted(folder.iterdir())}


@case("listen")
def listen(work: Workspace) -> Any:
    """Every format of a folder with a truncated and a broken recording, and what is printed."""
    formats = [each for name in FORMATS for each in ("--format", name)]
    printed = work.run("listen", get_sounds(work), *EVENTS, *SCENES, "--out", "listen", *formats, *QUIETLY)
    found = read_folder(Path("listen"))
    audacity, raven = read_labels(Path("listen/audacity"), LABELS), read_labels(Path("listen/raven"))
    return {**found, "audacity": audacity, "raven": raven, "printed": printed.splitlines()}


@case("listen_tmrl")
def listen_by_the_published_method(work: Workspace) -> Any:
    """The published method, with noise added."""
    given = ("--method", "tmrl", "--noise-factor", "0.01", *EVENTS, *SCENES)
    work.run("listen", get_sounds(work) / "street.wav", *given, "--out", "tmrl", "--format", "jsonl", *QUIETLY)
    return read_folder(Path("tmrl"))


@case("listen_settings")
def listen_with_settings(work: Workspace) -> Any:
    """Thresholds by word, places of one's own, a hop and a threshold from the command line, standard input."""
    sound = get_sounds(work) / "street.wav"
    Path("words.toml").write_text(WORDS_TOML)
    work.run("listen", sound, *EVENTS, "--settings", "words.toml", "--out", "by_word", *QUIETLY)
    work.run("listen", sound, *EVENTS, "--hop", "0.5", "--threshold", "0.2", "--out", "by_option", *QUIETLY)
    Path("places.toml").write_text(PLACES_TOML)
    given = ("--scenes", "my porch,call centre,park", "--places", "places.toml")
    work.run("listen", "-", *given, "--out", "by_place", *QUIETLY, stdin=sound.read_bytes())
    return {name: read_folder(Path(name)) for name in ("by_word", "by_option", "by_place")}


@case("listen_blind_calibration")
def listen_with_blind_calibration(work: Workspace) -> Any:
    """Scenes of five recordings against each other."""
    for index in range(5):
        cut_demo(f"five/{index}.wav", 6 * index, 6 * index + 5)
    work.run("listen", "five", *SCENES, "--blind-calibration", "--out", "blind", "--format", "jsonl", *QUIETLY)
    return read_folder(Path("blind"))


@case("classify")
def classify(work: Workspace) -> Any:
    """Words for whole clips, and what is printed."""
    given = ("--words", "dog bark,rain,telephone ringing", "--out", "classify")
    printed = work.run("classify", get_sounds(work), *given, *QUIETLY)
    return {**read_folder(Path("classify")), "printed": printed.splitlines()}


@case("tags")
def tags(work: Workspace) -> Any:
    """Tags without any word."""
    printed = work.run("tags", get_sounds(work) / "street.wav", "--top", "5", "--out", "tags", *QUIETLY)
    return {**read_folder(Path("tags")), "printed": printed.splitlines()}


@case("words")
def words(work: Workspace) -> Any:
    """What is understood by words."""
    return {"printed": work.run("words", "dog bark", "siren,thunderstorm", "helicopter", "--top", "3").splitlines()}


@case("embed")
def embed(work: Workspace) -> Any:
    """Features per clip, window and token, as arrays and as Parquet, padded and trimmed."""
    sounds = get_sounds(work)
    found = {}
    for per in ("clip", "window", "frame"):
        work.run("embed", sounds, "--per", per, "--out", f"{per}.npz", *QUIETLY)
        with np.load(f"{per}.npz") as arrays:
            times = {name: summarise(arrays[name], n_columns=30) for name in ("start_s", "end_s")}
            files, features = list(dict.fromkeys(arrays["files"].tolist())), summarise(arrays["features"], 10, 10)
            found[per] = {"names": sorted(arrays), "files": files, **times, "features": features}
    given = ("--per", "window", "--window", "1.5", "--hop", "0.75", "--trim", "--out", "trimmed.parquet")
    work.run("embed", sounds / "street.wav", *given, *QUIETLY)
    import pyarrow.parquet

    table = pyarrow.parquet.read_table("trimmed.parquet")
    rows = {name: summarise(table[name].to_pylist()) for name in ("start_s", "end_s", "features")}
    return {**found, "trimmed": {"names": table.column_names, "files": table["file"].to_pylist()[:1], **rows}}


@case("report")
def report(work: Workspace) -> Any:
    """The data in the page of each recording, and the tables beside them."""
    sounds = get_sounds(work)
    recordings = (sounds / "street.wav", sounds / "truncated.wav", sounds / "broken.wav")
    work.run("report", *recordings, *EVENTS, *SCENES, "--out", "report", *QUIETLY)
    pages = {path.stem: read_page(path.read_text("utf-8")) for path in sorted(Path("report/reports").iterdir())}
    return {**read_folder(Path("report")), "index": read_page(Path("report/index.html").read_text("utf-8")), **pages}


@case("report_tmrl")
def report_by_the_published_method(work: Workspace) -> Any:
    """The page's data by the published method, without sound."""
    given = ("--method", "tmrl", "--audio", "none", "--out", "report_tmrl")
    work.run("report", get_sounds(work) / "20260301_120000.wav", *EVENTS, *SCENES, *given, *QUIETLY)
    return {path.stem: read_page(path.read_text("utf-8")) for path in Path("report_tmrl/reports").iterdir()}


@case("calibrate")
def calibrate(work: Workspace) -> Any:
    """The settings that are chosen on rain and the demo's own sounds."""
    for index, (start_s, end_s, gain) in enumerate(((0, 30, 1.0), (0, 30, 0.1), (3, 6, 1.0))):
        cut_demo(f"background/{index}.wav", start_s, end_s, gain)
    cut_demo("labelled/dog.wav", 4, 9)
    Path("labelled/events.csv").write_text("file,onset_s,offset_s,label\ndog.wav,2.2,4.0,dog bark\n")
    found: dict[str, Any] = {}
    for rate in ("20", "400"):
        given = ("--events", "dog bark,siren,cow", "--false-alarms-per-hour", rate)
        labelled = ("--labelled", "labelled/events.csv", "--out", f"calibrated{rate}.toml")
        printed = work.run("calibrate", "background", *given, *labelled, *QUIETLY)
        numbers = [re.findall(r"\d+(?:\.\d+)?", line) for line in printed.splitlines() if "recall" in line]
        found[rate] = {**read_toml(Path(f"calibrated{rate}.toml")), "recall": numbers}
    return found


@case("odd_recordings")
def listen_to_odd_recordings(work: Workspace) -> Any:
    """Silence, less than a window, and a rate that is no whole multiple."""
    write("odd/silence.wav", np.zeros(16000 * 3))
    cut_demo("odd/short.wav", 6.2, 6.5)
    demo = cut_demo("odd/slow.wav", 5, 9)
    import soundfile

    samples, _ = soundfile.read(demo)
    write("odd/slow.wav", samples[::2], 11025, "FLOAT")
    work.run("listen", "odd", *EVENTS, *SCENES, "--out", "heard_odd", "--format", "jsonl", *QUIETLY)
    return read_folder(Path("heard_odd"))
