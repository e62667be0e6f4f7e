"""`earwitness show`: each command makes its picture from real files, and says what is wrong with others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from earwitness.cli.main import app
from earwitness.evaluation.results import COLUMNS
from earwitness.plots import figure as look
from earwitness.plots.evaluation import draw_curves, draw_saved_confusion, draw_saved_distribution, read_scores
from looking import caption, overlaps, texts, title
from made_sounds import RATE_HZ, WriteWav, make_noise, make_tone
from results_read import read_rows

pytestmark = pytest.mark.slow


def show(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["show", *map(str, arguments)])


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What evaluate wrote of twelve clips with labels, scenes and events."""
    import soundfile

    folder = tmp_path_factory.mktemp("own")
    rows = {"labels": ["file,label"], "scenes": ["file,scene"], "events": ["file,onset_s,offset_s,label"]}
    for index in range(6):
        for label, make in (("rain", make_noise), ("whistling", make_tone)):
            name = f"{label}{index}.wav"
            soundfile.write(folder / name, 3.0**-index * make(2.0), RATE_HZ)
            rows["labels"].append(f"{name},{label}")
            rows["scenes"].append(f"{name},{'beach' if label == 'rain' else 'office'}")
            rows["events"].append(f"{name},0.1,1.9,{label}")
    for name, lines in rows.items():
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
    done = CliRunner().invoke(app, ["evaluate", str(folder), "-o", str(folder / "out"), "--progress", "none"])
    assert done.exit_code == 0, done.output
    return folder / "out"


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Keep the figures that are saved."""
    figures: list[Any] = []
    from matplotlib.figure import Figure

    save = Figure.savefig

    def keep(figure: Any, *arguments: Any, **named: Any) -> None:
        figures.append(figure)
        save(figure, *arguments, **named)

    monkeypatch.setattr(Figure, "savefig", keep)
    return figures


@pytest.fixture
def street(write_wav: WriteWav) -> Path:
    samples = 0.01 * make_noise(5.0)
    samples[3 * RATE_HZ : 4 * RATE_HZ] += make_tone(1.0)
    return write_wav("street.wav", samples)


def test_scores_are_kept_for_each_recording_and_label_with_the_truth(evaluated: Path) -> None:
    rows = read_rows(evaluated / "scores.csv")
    assert tuple(rows[0]) == COLUMNS["scores.csv"]
    counts = {measure: sum(row["measure"] == measure for row in rows) for measure in ("events", "scenes", "clips")}
    assert counts == {"events": 24, "scenes": 24, "clips": 24}
    assert {row["label"] for row in rows if row["file"] == "rain0.wav" and row["is_there"] == "1"} == {"rain", "beach"}
    loudest: dict[tuple[str, str], float] = {}
    for row in read_rows(evaluated / "events.csv"):
        key = (Path(row["file"]).name, row["word"])
        loudest[key] = max(loudest.get(key, 0.0), float(row["score"]))
    for row in (row for row in rows if row["measure"] == "events"):
        expected = loudest.get((row["file"], row["label"]))
        assert (row["score"] == "") == (expected is None)
        assert expected is None or float(row["score"]) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("measure", ["events", "scenes", "clips"])
def test_curves_are_drawn_of_each_measure(evaluated: Path, measure: str) -> None:
    name, scored = read_scores(evaluated, measure)
    assert (name, {each.label for each in scored}) in [
        ("scenes", {"beach", "office"}),
        (measure, {"rain", "whistling"}),
    ]
    assert all(each.is_there.sum() == 6 and len(each.scores) == 12 for each in scored)
    for kind, label in (("roc", "true positive rate"), ("pr", "precision")):
        figure = draw_curves(evaluated, kind, measure)
        assert label in texts(figure)
        assert "12 recordings; method earwitness; threshold 0.5, hold 0.33; encoder m2d_vit_tiny" in caption(figure)
        assert title(figure).startswith("own")
        assert not overlaps(figure)


def test_confusion_and_distribution_are_those_of_the_tables(evaluated: Path) -> None:
    figure = draw_saved_confusion(evaluated, "top1")
    axes = figure.axes[0]
    assert sum(int(text.get_text()) for text in axes.texts) == 12
    assert [label.get_text() for label in axes.get_yticklabels()] == ["rain", "whistling"]
    assert "Measure 'top1'. Rows: the true label" in caption(figure)
    rows = [row for row in read_rows(evaluated / "per_class.csv") if row["measure"] == "scenes"]
    figure = draw_saved_distribution(evaluated, "scenes")
    actual, predicted = figure.axes[0].containers
    assert [bar.get_height() for bar in actual] == [int(row["n_ref"]) for row in rows] == [6, 6]
    assert [bar.get_height() for bar in predicted] == [int(row["n_est"]) for row in rows]
    assert "number of events" in texts(draw_saved_distribution(evaluated, "collar"))
    assert not overlaps(figure)


def test_the_commands_of_an_evaluation_write_and_print_their_picture(evaluated: Path, tmp_path: Path) -> None:
    for command in ("roc", "pr", "confusion", "distribution"):
        out = tmp_path / "new" / f"{command}.svg"
        done = show(command, evaluated, "-o", out)
        assert (done.exit_code, done.stdout.strip()) == (0, str(out)), done.output
        assert "earwitness 0" in out.read_text(encoding="utf-8")


def test_a_spectrogram_has_events_and_the_reference_of_its_file_alone(
    street: Path, tmp_path: Path, stored: list[Any]
) -> None:
    table = tmp_path / "truth.tsv"
    table.write_text("filename\tonset\toffset\tevent_label\nx/street.wav\t3.0\t4.0\twhistling\nother.wav\t1\t2\tdog\n")
    out = tmp_path / "a.pdf"
    done = show("spectrogram", street, "-e", "whistling,gunshot", "--ref", table, "-o", out, "--runtime", "onnx")
    assert (done.exit_code, done.stdout.strip()) == (0, str(out)), done.output
    (figure,) = stored
    lanes = figure.axes[1]
    assert [label.get_text() for label in lanes.get_yticklabels()] == ["whistling", "gunshot"]
    assert (3.0, 1.0) in [(bar.get_x(), bar.get_width()) for bar in lanes.patches]
    assert title(figure) == "street.wav: 5.0 s"


def test_attention_is_seen_from_the_points_that_are_given(street: Path, tmp_path: Path, stored: list[Any]) -> None:
    out, short = tmp_path / "a.png", tmp_path / "short.toml"
    short.write_text("window_s = 2.0\nhop_s = 1.0\n")
    points = ("-p", "3.5,440", "-p", "3.2", "--cls", "--settings", short)
    done = show("attention", street, *points, "--view", "heads", "--layer", 2, "-o", out)
    assert (done.exit_code, done.stdout.strip()) == (0, str(out)), done.output
    (figure,) = stored
    titles = [axes.get_title() for axes in figure.axes if axes.get_title().startswith("head")]
    assert len(titles) == 9
    assert titles[0] == "head 0, from 3.50 s, 440 Hz"
    assert "2.50 to 4.42 s" in title(figure)
    assert "Each head of layer 2 (of 0 to 11)" in caption(figure)


@pytest.mark.needs("torch")
def test_both_runtimes_draw_the_same_attention(street: Path, tmp_path: Path, stored: list[Any]) -> None:
    for runtime in ("torch", "onnx"):
        done = show("attention", street, "--runtime", runtime, "-o", tmp_path / f"{runtime}.png")
        assert done.exit_code == 0, done.output
    ours, theirs = ([axes.images[1].get_array() for axes in figure.axes if len(axes.images) == 2] for figure in stored)
    assert len(ours) == 1
    assert np.abs(ours[0] - theirs[0]).max() < 1e-4
    assert "from 3." in " ".join(axes.get_title() for axes in stored[0].axes)  # where it is loudest


def test_chosen_tags_are_drawn_in_their_order(street: Path, tmp_path: Path, stored: list[Any]) -> None:
    done = show("tags", street, "-t", "whistling,Dog", "--window", 0.8, "-o", tmp_path / "a.png")
    assert done.exit_code == 0, done.output
    _, rows, *_ = stored[0].axes
    assert [label.get_text() for label in rows.get_yticklabels()] == ["Whistling", "Dog"]
    assert rows.collections[0].get_array().shape == (2, 7)
    assert (rows.get_xlabel(), rows.get_xlim()) == ("time (s)", (0.0, 5.0))
    assert rows.collections[0].get_clim() == (0.001, 1.0)
    assert "windows of 0.8 s" in caption(stored[0])
    assert not overlaps(stored[0])
    done = show("tags", street, "--top", 4, "-o", tmp_path / "b.png")
    assert len(stored[1].axes[1].get_yticklabels()) == 4


def test_a_folder_becomes_a_map_coloured_by_folders_or_labels(
    write_wav: WriteWav, tmp_path: Path, stored: list[Any]
) -> None:
    for index in range(2):
        write_wav(f"sounds/noise/{index}.wav", make_noise(1.0, seed=index))
        write_wav(f"sounds/tone/t{index}.wav", make_tone(1.0, frequency_hz=300.0 + 20 * index))
    done = show("embeddings", tmp_path / "sounds", "-o", tmp_path / "a.png")
    assert done.exit_code == 0, done.output
    (axes,) = stored[0].axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["noise (2)", "tone (2)"]
    noise, tone = (each.get_offsets() for each in axes.collections)
    assert np.sign(noise[:, 0]).tolist() == (-np.sign(tone[:, 0])).tolist()  # alike lie together
    assert "960 numbers" in caption(stored[0])
    table = tmp_path / "labels.csv"
    table.write_text("file,label\n0.wav,a\n1.wav,b\nt0.wav,a\nt1.wav,a\n")
    assert show("embeddings", tmp_path / "sounds", "--labels", table, "-o", tmp_path / "b.png").exit_code == 0
    assert [text.get_text() for text in stored[1].axes[0].get_legend().get_texts()] == ["a (3)", "b (1)"]
    table.write_text("file,label\n0.wav,a\n")
    done = show("embeddings", tmp_path / "sounds", "--labels", table)
    assert "3 of 4 recordings have no label; the first: 1.wav" in done.stderr
    (tmp_path / "sounds" / "bad.wav").write_bytes(b"no sound")
    done = show("embeddings", tmp_path / "sounds", "-o", tmp_path / "c.png")
    assert done.exit_code == 1
    assert "bad.wav" in done.stderr
    assert sum(len(each.get_offsets()) for each in stored[2].axes[0].collections) == 4


def test_pictures_have_sensible_names_where_none_is_given(
    street: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for command in ("spectrogram", "attention", "tags"):
        assert show(command, street).exit_code == 0
    assert sorted(path.name for path in tmp_path.glob("*.png")) == [
        *("street.attention.png", "street.png", "street.tags.png"),
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("spectrogram", "missing.wav"), "missing.wav"),
        (("attention", "STREET", "-o", "a.gif"), "a.gif: pictures are written as"),
        (("attention", "STREET", "--view", "heads", "--layer", "12"), "layer 12: this encoder has layers 0 to 11"),
        (("attention", "STREET", "--at", "9"), "9 s is outside the recording of 5 s"),
        (("attention", "STREET", "--at", "2", "--point", "5.5"), "5.5 s is outside the window"),
        (("attention", "STREET", "--point", "3,20000"), "20000 Hz is outside"),
        (("attention", "STREET", "--point", "soon"), "--point soon: give SECOND or SECOND,HZ"),
        (("attention", "STREET", "--point", "nan"), "--point nan: give SECOND or SECOND,HZ"),
        (("attention", "STREET", "--at", "nan"), "nan s"),
        (("tags", "STREET", "-t", "Unicorn"), "Unicorn: not one of the 527 tags"),
        (("spectrogram", "STREET", "--ref", "EMPTY/none.csv"), "none.csv"),
        (("roc", "EMPTY"), "give a folder that 'earwitness evaluate' wrote"),
        (("confusion", "EMPTY/missing"), "give a folder that 'earwitness evaluate' wrote"),
        (("embeddings", "EMPTY"), "EMPTY"),
        (("embeddings", "STREET"), "1 recordings: a map needs at least 3"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_what_cannot_be_drawn_is_told_and_nothing_is_written(
    arguments: tuple[str, ...], message: str, street: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "EMPTY").mkdir()
    done = show(*(each.replace("STREET", str(street)) for each in arguments))
    assert done.exit_code == 2
    assert message in done.stderr
    assert not [path for path in tmp_path.iterdir() if path.suffix in look.SUFFIXES]


def test_damaged_or_older_evaluations_are_told(evaluated: Path, tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "copy"
    shutil.copytree(evaluated, folder)
    assert "no scores of 'psds'; there are: events, scenes, clips" in show("roc", folder, "--measure", "psds").stderr
    assert "clips is not in it; there is: " in show("confusion", folder, "--measure", "clips").stderr
    (folder / "scores.csv").write_text(",".join(COLUMNS["scores.csv"]) + "\n")
    assert "tables of events have none" in show("roc", folder).stderr
    (folder / "scores.csv").write_text(",".join(COLUMNS["scores.csv"]) + "\nevents,a.wav,rain,1,loud\n")
    assert "damaged" in show("pr", folder).stderr
    (folder / "scores.csv").write_text("a,b\n")
    assert "its columns are not" in show("pr", folder).stderr
    (folder / "scores.csv").unlink()
    assert "scores.csv: not readable" in show("pr", folder).stderr
