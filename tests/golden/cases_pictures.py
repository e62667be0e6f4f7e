"""Golden outputs of show: the data behind each picture, taken from matplotlib's figure as it is saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cases_evaluation import get_evaluated
from cases_recordings import get_sounds
from golden_case import ON_ONNX, QUIETLY, Workspace, case
from golden_reading import figures_kept

REFERENCE = "filename\tonset\toffset\tevent_label\nstreet.wav\t6.2\t7.9\tdog bark\nstreet.wav\t9.1\t12.0\tthunder\n"


def show(work: Workspace, *arguments: str | Path) -> Any:
    """Return the figure that a command draws."""
    out = Path("pictures", f"{arguments[0]}{len(list(Path('pictures').glob('*')))}.png")
    out.parent.mkdir(exist_ok=True)
    with figures_kept() as figures:
        work.run("show", *arguments, "--out", out)
    assert len(figures) == 1, f"show {arguments[0]} saves {len(figures)} figures"
    assert out.stat().st_size > 1000
    return figures[0]


@case("show_recording")
def show_recording(work: Workspace) -> Any:
    """Spectrogram with events, reference and tags, by both methods; tags over time; attention in each view."""
    street = get_sounds(work) / "street.wav"
    Path("reference.tsv").write_text(REFERENCE)
    words = ("--events", "dog bark,thunder")
    at = ("--point", "6.5,1000", "--cls")
    return {
        "spectrogram": show(work, "spectrogram", street, *words, "--ref", "reference.tsv", *ON_ONNX),
        "tmrl": show(work, "spectrogram", street, *words, "--method", "tmrl", *ON_ONNX),
        "tags": show(work, "tags", street, "--top", "8", *ON_ONNX),
        "chosen_tags": show(work, "tags", street, "--tags", "Bark,Thunder", "--window", "1", *ON_ONNX),
        "attention": show(work, "attention", street, *ON_ONNX),
        "heads": show(work, "attention", street, *at, "--view", "heads", *ON_ONNX),
        "layers": show(work, "attention", street, "--at", "9.5", "--view", "layers", *ON_ONNX),
    }


@case("show_evaluation")
def show_evaluation(work: Workspace) -> Any:
    """Curves, confusion and counts of evaluations."""
    mixed, clips = get_evaluated(work, "mixed"), get_evaluated(work, "clips")
    found = {}
    for kind in ("roc", "pr", "confusion", "distribution"):
        found[f"{kind}_mixed"], found[f"{kind}_clips"] = show(work, kind, mixed), show(work, kind, clips)
    return {**found, "roc_clip_labels": show(work, "roc", clips, "--measure", "clips")}


@case("show_embeddings")
def show_embeddings(work: Workspace) -> Any:
    """A map of clips by folder and by label."""
    get_evaluated(work, "clips")
    labels = ("--labels", "labelled_clips/labels.csv")
    return {"map": show(work, "embeddings", "labelled_clips", *labels, *QUIETLY)}
