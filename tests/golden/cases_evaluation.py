"""Golden outputs of mix, evaluate and compare, on data made in code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import soundfile
from golden_case import QUIETLY, Workspace, case
from golden_reading import read_folder, read_json, read_table
from golden_sounds import cut_demo, make_noise, make_tone, write

HEADER = "filename\tonset\toffset\tevent_label\n"
TRUE_EVENTS = """\
a.wav\t1.0\t2.0\tdog
a.wav\t3.0\t4.5\tcat
b.wav\t0.5\t1.5\tdog
c.wav\t5.0\t6.2\tcat
c.wav\t7.0\t8.0\tdog
d.wav\t1.0\t2.0\tdog
d.wav\t4.0\t5.0\tcat
d.wav\t7.0\t8.0\tcat
"""
FOUND_EVENTS = """\
a.wav\t1.1\t2.1\tdog
a.wav\t3.6\t4.5\tcat
b.wav\t2.5\t3.5\tdog
c.wav\t5.1\t6.3\tcat
c.wav\t7.1\t7.9\tcat
c.wav\t9.0\t9.5\tdog
d.wav\t1.22\t2.0\tdog
d.wav\t4.0\t5.52\tcat
d.wav\t7.19\t8.48\tcat
"""


def get_mixtures(work: Workspace) -> Path:
    """Return a folder of six mixtures of two events in two scenes."""

    def make(work: Workspace) -> Path:
        cut_demo("sources/backgrounds/park/rain.wav", 0, 9)
        cut_demo("sources/backgrounds/tram/alarm.wav", 13, 24)
        cut_demo("sources/events/dog bark/1.wav", 6.2, 7.9)
        cut_demo("sources/events/siren/1.wav", 22.1, 26)
        given = ("--backgrounds", "sources/backgrounds", "--events", "sources/events", "--number", "3")
        work.run("mix", *given, "--length", "6", "--rate", "16000", "--out", "mixtures")
        return Path("mixtures")

    return work.once("mixtures", make)


def get_labelled(work: Workspace) -> Path:
    """Return a folder of ten clips with labels, scenes and events in tables."""

    def make(_: Workspace) -> Path:
        rows = {"labels": ["file,label"], "scenes": ["file,scene,device"], "events": ["file,onset_s,offset_s,label"]}
        for index in range(5):
            for label, samples in (("rain", make_noise(2.0, index)), ("whistling", make_tone(2.0, 900 + 100 * index))):
                name = f"{label}{index}.wav"
                write(f"labelled_clips/{name}", 3.0**-index * samples)
                rows["labels"].append(f"{name},{label}")
                rows["scenes"].append(f"{name},{'beach' if label == 'rain' else 'office'},{'ab'[index % 2]}")
                rows["events"].append(f"{name},0.1,1.9,{label}")
        for name, lines in rows.items():
            Path(f"labelled_clips/{name}.csv").write_text("\n".join(lines) + "\n")
        return Path("labelled_clips")

    return work.once("labelled", make)


def get_evaluated(work: Workspace, name: str) -> Path:
    """Return the folder of an evaluation: 'mixed' (with PSDS), 'low' (another threshold) or 'clips'."""
    given = {
        "mixed": ("--psds",),
        "low": ("--threshold", "0.2", "--events", "siren=ambulance siren"),
        "clips": (),
    }

    def make(work: Workspace) -> Path:
        data = get_labelled(work) if name == "clips" else get_mixtures(work)
        work.run("evaluate", data, *given[name], "--out", f"evaluated_{name}", *QUIETLY)
        return Path(f"evaluated_{name}")

    return work.once(f"evaluated_{name}", make)


def read_evaluated(folder: Path) -> dict[str, Any]:
    """Return an evaluation's files; of the breakdown and the curves every seventh row."""
    found = read_folder(folder)
    for name in ("per_condition.csv", "scores.csv", "per_file.csv"):
        found[name] = {"n": len(found[name]["rows"]), **found[name], "rows": found[name]["rows"][::7]}
    submission = folder / "submission.tsv"
    if submission.is_file():
        found[submission.name] = read_table(submission, ("file", "onset_s", "offset_s", "label"))
    return found


@case("mix")
def mix(work: Workspace) -> Any:
    """The truth of mixtures, their recipes, and how loud they are."""
    folder = get_mixtures(work)
    found = read_folder(folder)
    for path in sorted((folder / "meta").iterdir()):
        found[f"meta/{path.name}"] = path.read_text(encoding="utf-8").splitlines()
    for path in sorted((folder / "audio").iterdir()):
        samples, rate_hz = soundfile.read(path)
        found[f"audio/{path.name}"] = [rate_hz, len(samples), float((samples**2).mean() ** 0.5)]
    return found


@case("evaluate_mixtures")
def evaluate_mixtures(work: Workspace) -> Any:
    """Events, scenes and PSDS of mixtures."""
    return read_evaluated(get_evaluated(work, "mixed"))


@case("evaluate_words")
def evaluate_other_words(work: Workspace) -> Any:
    """Another threshold, and another word for a label."""
    return {"results": read_json(get_evaluated(work, "low") / "results.json")}


@case("evaluate_clips")
def evaluate_clips(work: Workspace) -> Any:
    """Clip metrics, scenes and events of clips with labels, with a breakdown by device."""
    return read_evaluated(get_evaluated(work, "clips"))


@case("evaluate_tmrl")
def evaluate_the_published_method(work: Workspace) -> Any:
    """Events by the published method, on three mixtures."""
    work.run("evaluate", get_labelled(work), "--method", "tmrl", "--limit", "4", "--out", "evaluated_tmrl", *QUIETLY)
    return {"results": read_json(Path("evaluated_tmrl/results.json"))}


@case("evaluate_tables")
def evaluate_tables(work: Workspace) -> Any:
    """A table of events against another, under each protocol."""
    Path("true.tsv").write_text(HEADER + TRUE_EVENTS)
    Path("found.tsv").write_text(HEADER + FOUND_EVENTS)
    for name in ("true", "found"):
        text = re.sub(r"^(\w)\.wav", r"mixture_devtest_gunshot_00\1.wav", Path(f"{name}.tsv").read_text(), flags=re.M)
        Path(f"{name}_rare.tsv").write_text(text.replace("dog", "gunshot").replace("cat", "babycry"))
    found = {}
    for protocol in ("rare", "collar", "segment", "desed"):
        end = "_rare.tsv" if protocol == "rare" else ".tsv"
        given = ("--ref", f"true{end}", "--est", f"found{end}", "--protocol", protocol)
        work.run("evaluate", *given, "--out", f"tables_{protocol}")
        found[protocol] = read_folder(Path(f"tables_{protocol}"))
    return found


@case("compare")
def compare(work: Workspace) -> Any:
    """Two evaluations of the same mixtures: the table that is printed."""
    printed = work.run("compare", get_evaluated(work, "mixed"), get_evaluated(work, "low"))
    return {"printed": [" ".join(line.split()) for line in printed.splitlines()]}
