"""Write docs/example.ipynb: a tour of the package over the demo recording, with its outputs where Jupyter can run it.

    pip install nbclient ipykernel && python scripts/make_notebook.py

The cells stand here, so that they are read and changed as plain text; tests run them without Jupyter.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

NOTEBOOK_PATH = Path(__file__).parent.parent / "docs" / "example.ipynb"

CELLS = (
    """# Which sounds, when, and where?

A tour of *earwitness* over 30 seconds made in code: rain, and seven sounds in it. Run it from the folder `docs` of the
repository; pictures need the extra `[plot]`. To use a recording of yours, assign its path to `recording`.""",
    """import sys

import soundfile

sys.path.append("../scripts")
from demo_recording import make_recording

import earwitness

samples, truth = make_recording()
recording = "street.wav"
soundfile.write(recording, samples, 16000)
[(event.word, round(event.onset_s, 2), round(event.offset_s, 2)) for event in truth]""",
    """## Analyse once, query later

`analyse` reads the recording once and stores 527 tag logits for every 160 ms. Words come in afterwards, and other words
later: that takes milliseconds, and needs neither the audio nor the encoder.""",
    """encoder = earwitness.load_encoder()
analysis = earwitness.analyse(recording, encoder=encoder)
analysis.rows.logits.shape, analysis.duration_s""",
    """words = ["telephone ringing", "dog bark", "thunder", "glass breaking", "smoke alarm", "siren", "whistling"]
recognition = earwitness.ask(analysis, events=words, scenes=["storm", "front door", "office", "beach"])
for event in recognition.events:
    reason = ", ".join(f"{each.tag} ({each.similarity:.2f})" for each in event.tags[:2])
    print(f"{event.onset_s:5.2f} to {event.offset_s:5.2f} s  {event.word:18} {event.score:.2f}  because of {reason}")
for scene in recognition.scenes:
    print(f"{scene.score:6.2f}  {scene.scene:12} for: {', '.join(scene.tags)}")""",
    """from pathlib import Path

from IPython.display import Image

from earwitness.metrics import LabelledEvent
from earwitness.plots import draw_recognition

reference = [LabelledEvent(each.word, each.onset_s, each.offset_s) for each in truth]
draw_recognition(recognition, recording, "street.png", encoder, reference)
Image("street.png")""",
    """## Other words, other thresholds

A word that does not occur has no event. A lower threshold finds more events and raises more false alarms;
`earwitness calibrate` chooses one for each word on background of yours, for a rate of false alarms that you accept.""",
    """for threshold in (0.5, 0.3, 0.1):
    settings = earwitness.Settings(event_threshold=threshold, event_hold=min(0.33, threshold))
    found = earwitness.ask(analysis, events=["baby cry", "alarm clock", "bird"], settings=settings)
    print(threshold, [(event.word, round(event.onset_s, 1)) for event in found.events])""",
    """## Why?

Which tags a word rests on, and where the encoder looked at the moment of an event's highest score.""",
    """from earwitness.words import tag_names

meanings = earwitness.understand_words(["whistling"])
nearest = meanings.weights[0].argsort()[::-1][:4]
for tag in nearest:
    print(f"{meanings.similarities[0, tag]:.2f}  {meanings.weights[0, tag]:6.1%}  {tag_names()[tag]}")""",
    """from earwitness.recognition import explain_peaks

barks = [event for event in recognition.events if event.word == "dog bark"]
(attended,) = explain_peaks(recording, [barks[0].peak_s], recognition.settings, encoder)
for band in range(len(attended.edges_hz) - 2, -1, -1):
    low, high = attended.edges_hz[band : band + 2]
    print(f"{low:5.0f} to {high:5.0f} Hz  {attended.weights[band].sum():5.1%} of what the encoder looked at")""",
    """## A report to share

One file with the sound, the spectrogram, events to click, scores, scenes and reasons.""",
    """from earwitness.reports import write_report

write_report(recording, words, ["storm", "office"], "street.html", encoder=encoder)
f"{Path('street.html').stat().st_size / 1e6:.1f} MB"  # open it in a browser""",
)


def make_notebook() -> dict[str, Any]:
    """Return the notebook (nbformat 4.5) without outputs; a cell that starts with a title or a sentence is text."""
    cells = []
    for number, source in enumerate(CELLS):
        cell: dict[str, Any] = {"id": f"cell-{number}", "metadata": {}, "source": source.splitlines(keepends=True)}
        if source.startswith("#"):
            cells.append({"cell_type": "markdown", **cell})
        else:
            cells.append({"cell_type": "code", "execution_count": None, "outputs": [], **cell})
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def main() -> None:
    """Write the notebook, run where nbclient is installed."""
    text = json.dumps(make_notebook(), indent=1, ensure_ascii=False)
    try:
        import nbformat
        from nbclient import NotebookClient
    except ImportError:
        print("nbclient is not installed, so the notebook has no outputs: pip install nbclient ipykernel")
    else:
        notebook = nbformat.reads(text, as_version=4)
        NotebookClient(notebook, resources={"metadata": {"path": str(NOTEBOOK_PATH.parent)}}).execute()
        for cell in notebook.cells:
            cell.metadata.pop("execution", None)  # when it ran changes with every run
        text = nbformat.writes(notebook)
        for name in ("street.wav", "street.png", "street.html"):
            (NOTEBOOK_PATH.parent / name).unlink(missing_ok=True)
    NOTEBOOK_PATH.write_text(text.rstrip() + "\n", encoding="utf-8")
    print(NOTEBOOK_PATH)


if __name__ == "__main__":
    main()
