"""The published commands, run as documented on small copies of the data set's layouts."""

from __future__ import annotations

import csv
import json
import runpy
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from earwitness.cli.published import ScriptOptions, run_command
from earwitness.cli.published_counts import FileEvents, WordCounts, choose_scored, count_word, tabulate_counts
from earwitness.datasets.mixtures.recipes import MixtureRow, read_meta, read_mixture_rows
from earwitness.datasets.tut_rare import find_mixtures, find_recordings
from earwitness.errors import AudioError, MissingExtraError

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
YAML2CSV = "sound_datasets/rare_sound_event/meta/yaml2csv.py"
SHARED = ROOT / ".." / "shared" / "data" / "tut"
RATE_HZ = 16000
CRY, QUIET = "mixture_evaltest_babycry_000_aa.wav", "mixture_evaltest_gunshot_001_bb.wav"
RECIPES = """\
- {mixture_audio_filename: %s, bg_classname: city_center, bg_path: audio/1.wav, ebr: 6.0, event_present: true,
   event_class: babycry, event_length_seconds: 1.5}
- {mixture_audio_filename: %s, bg_classname: tram, bg_path: audio/2.wav, ebr: -.inf, event_present: false}
"""


@pytest.fixture(autouse=True)
def no_mpnet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the shipped words do: loading MPNet takes longer than all tests here."""

    def refuse(texts: object) -> None:
        raise MissingExtraError("no text model here; get MPNet")

    monkeypatch.setattr("earwitness.words.embeddings.embed_with_mpnet", refuse)


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two mixtures and their recipes as the evaluation set lies on disk, below ./source_datasets/."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "source_datasets" / "eval" / "data" / "mixture_data" / "evaltest" / "0123abcd"
    noise = np.random.default_rng(0).standard_normal(2 * RATE_HZ)
    for name, level in ((CRY, 0.1), (QUIET, 0.001)):
        write_wav(folder / "audio" / name, level * noise)
    write_wav(folder.parents[3] / "source_data" / "bgs" / "audio" / "1.wav", noise * 0.01)
    (folder / "meta").mkdir()
    (folder / "meta" / "mixture_recipes_evaltest_babycry.yaml").write_text(RECIPES % (CRY, QUIET))
    return tmp_path / "source_datasets"


def write_wav(path: Path, samples: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, RATE_HZ)


def run_script(monkeypatch: pytest.MonkeyPatch, script: str, *options: str) -> int:
    monkeypatch.setattr(sys, "argv", [script, *options])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / script), run_name="__main__")
    return int(ended.value.code or 0)


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_recipes_become_a_meta_csv_in_their_folder_in_a_process_of_its_own(data_dir: Path) -> None:
    ran = subprocess.run([sys.executable, ROOT / YAML2CSV], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    [path] = data_dir.rglob("meta.csv")
    assert path.parent.name == "meta"
    assert [row["ebr"] for row in read_rows(path)] == ["6.0", "-inf"]
    assert "2 mixtures" in ran.stdout


def test_recipes_beside_the_script_come_first_and_out_takes_all(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    shutil.copy(ROOT / YAML2CSV, own)
    (own / "mixture_recipes_devtest_gunshot.yaml").write_text((RECIPES % (CRY, QUIET)).split("\n- ")[0] + "\n")
    monkeypatch.setattr(sys, "argv", ["yaml2csv.py", "--out", str(tmp_path / "new" / "all.csv")])
    with pytest.raises(SystemExit):
        runpy.run_path(str(own / "yaml2csv.py"), run_name="__main__")
    assert len(read_rows(tmp_path / "new" / "all.csv")) == 1
    assert not list(data_dir.rglob("meta.csv"))


def test_without_recipes_yaml2csv_says_where_they_come_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_script(monkeypatch, YAML2CSV, "--data_dir", str(tmp_path)) == 2
    assert "zenodo.org/record/1160455" in capsys.readouterr().err


@pytest.mark.usefixtures("data_dir")
def test_events_are_labelled_and_counted_against_the_recipes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_script(monkeypatch, "generate_labels_event.py", "--events", "babycry,gunshot,rain") == 0
    event_dir = tmp_path / "event"
    assert sorted(path.name for path in event_dir.iterdir()) == ["aec.csv", "errors.csv", "events.csv", "run.json"]
    rows = {Path(row["file"]).name: row for row in read_rows(event_dir / "aec.csv")}
    assert {name: row["reference_event"] for name, row in rows.items()} == {CRY: "babycry", QUIET: ""}
    for row in rows.values():
        for word, label in (("baby cry", "babycry"), ("gunshot", "gunshot")):
            is_right = (word in row["found"].split("; ")) == (row["reference_event"] == label)
            assert row[f"is_right_{word.replace(' ', '_')}"] == str(is_right)
        assert "is_right_rain" not in row  # the metadata does not say where it rains
    run = json.loads((event_dir / "run.json").read_text())
    assert run["events"] == ["baby cry", "gunshot", "rain"]
    assert run["settings"]["method"] == "tmrl"
    assert "false alarms" in capsys.readouterr().out
    assert "2 recordings" in (tmp_path / "log" / "generate_labels_event.log").read_text()


@pytest.mark.usefixtures("data_dir")
@pytest.mark.parametrize("method", ["tmrl", "earwitness"])
def test_scenes_are_ranked_and_scored_against_the_recipes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], method: str
) -> None:
    assert run_script(monkeypatch, "generate_labels_env.py", "--method", method) == 0
    ranked: dict[str, list[str]] = {}
    for row in read_rows(tmp_path / "env" / "scenes.csv"):
        ranked.setdefault(row["file"], []).append(row["scene"])
    for row in read_rows(tmp_path / "env" / "asc.csv"):
        scenes = ranked[row["file"]]
        assert len(scenes) == 15
        assert scenes[int(row["rank"]) - 1] == row["reference_scene"].replace("_", " ")
        assert row["best_five"] == "; ".join(scenes[:5])
    printed = capsys.readouterr().out
    assert ("either winner" in printed) == (method == "tmrl")
    assert "top 5" in printed


@pytest.mark.usefixtures("data_dir")
def test_the_order_in_which_scenes_are_given_does_not_choose_the_winner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    best = []
    for scenes in ("beach,office,tram,library,park,bus", "bus,park,library,tram,office,beach"):
        run_script(monkeypatch, "generate_labels_env.py", "--scenes", scenes)
        best.append([row["best_five"] for row in read_rows(tmp_path / "env" / "asc.csv")])
    assert best[0] == best[1]


@pytest.mark.usefixtures("data_dir")
def test_each_recording_becomes_a_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_script(monkeypatch, "visualize.py", "--noise_factor", "0.01") == 0
    pictures = sorted(path.name for path in (tmp_path / "graph").glob("*.png"))
    assert pictures == [CRY.replace(".wav", ".png"), QUIET.replace(".wav", ".png")]
    assert sorted(path.name for path in (tmp_path / "graph" / "attention").iterdir()) == pictures


@pytest.mark.usefixtures("data_dir")
@pytest.mark.parametrize("method", ["tmrl", "earwitness"])
def test_the_papers_pictures_are_drawn_where_the_truth_is_known(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    from earwitness.cli import published
    from earwitness.plots.published import Detected, draw_detections

    details: list[tuple[list[str], list[Detected], str]] = []

    def note(folder: Path, words: list[str], detected: list[Detected], caption: str) -> list[Path]:
        details.append((words, detected, caption))
        return draw_detections(folder, words, detected, caption)

    monkeypatch.setattr(published, "draw_detections", note)
    assert run_script(monkeypatch, "visualize.py", "--method", method, "--events", "babycry,gunshot,rain") == 0
    [(words, detected, caption)] = details
    assert words == ["baby cry", "gunshot"]  # the metadata does not say where it rains
    assert [each.reference for each in detected] == ["babycry", ""]
    found: dict[str, dict[str, float]] = {CRY: {}, QUIET: {}}
    for row in read_rows(tmp_path / "graph" / "events.csv"):
        scores = found[Path(row["file"]).name]
        scores[row["word"]] = max(float(row["score"]), scores.get(row["word"], 0.0))
    for each, scores in zip(detected, found.values(), strict=True):
        assert each.scores == pytest.approx(scores, abs=1e-3)
    assert caption.startswith(f"Method {method}, windows of")
    names = ["confusion.png", "distribution.png", "pr.png", "roc.png"]
    assert sorted(path.name for path in (tmp_path / "graph" / "summary").iterdir()) == names
    for path in data_dir.rglob("*.yaml"):
        path.unlink()
    assert run_script(monkeypatch, "visualize.py", "--method", method, "--graph_dir", "again") == 0
    assert not (tmp_path / "again" / "summary").exists()


@pytest.mark.parametrize("script", ["generate_labels_event.py", "generate_labels_env.py", "visualize.py"])
def test_without_data_a_command_says_where_to_get_it_and_makes_nothing_but_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], script: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_script(monkeypatch, script) == 2
    details = capsys.readouterr().err
    assert "1160455" in details
    assert "401395" in details
    assert str(tmp_path / "source_datasets") in details
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()] == [
        f"log/{Path(script).stem}.log"
    ]


def test_a_bad_recording_is_told_and_does_not_stop_the_rest(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (data_dir / "bad.wav").write_bytes(b"not sound")
    assert run_script(monkeypatch, "generate_labels_event.py", "--event_dir", "found") == 1
    [row] = read_rows(tmp_path / "found" / "errors.csv")
    assert row["file"].endswith("bad.wav")
    assert len(read_rows(tmp_path / "found" / "aec.csv")) == 2


@pytest.mark.usefixtures("data_dir")
def test_counts_of_an_earlier_run_do_not_stay_beside_results_they_are_not_of(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_script(monkeypatch, "generate_labels_event.py")
    for path in data_dir.rglob("*.yaml"):
        path.unlink()
    assert run_script(monkeypatch, "generate_labels_event.py") == 0
    assert not (tmp_path / "event" / "aec.csv").exists()


@pytest.mark.parametrize("options", [("--noise_factor", "-1"), ("--noise_factor", "nan"), ("--events", "a,,b")])
def test_an_option_that_cannot_be_used_ends_the_command_before_it_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_script(monkeypatch, "generate_labels_event.py", *options) == 2
    assert not list(tmp_path.iterdir())


def test_a_false_alarm_counts_and_costs_precision() -> None:
    detected = [
        FileEvents("a", "babycry", {"baby cry", "gunshot"}),
        FileEvents("b", "", {"baby cry"}),
        FileEvents("c", "babycry", set()),
        FileEvents("d", "", set()),
    ]
    assert count_word("baby cry", detected) == WordCounts(hits=1, misses=1, false_alarms=1)
    assert count_word("gunshot", detected) == WordCounts(hits=0, misses=0, false_alarms=1)
    lines = tabulate_counts(["baby cry", "gunshot"], detected)
    assert lines[1] == ("baby cry", "1", "1", "1", "0.500", "0.500", "0.500")
    assert lines[2] == ("gunshot", "0", "0", "1", "0.000", "-", "0.000")
    assert lines[3] == ("all", "1", "1", "2", "0.333", "0.500", "0.400")


def test_a_word_is_scored_only_where_the_metadata_can_tell_of_it() -> None:
    mixture = MixtureRow("a.wav", "tram", "audio/1.wav", 0.0, True, "siren", 1.0)
    assert choose_scored(["glass break", "Siren", "rain"], [mixture]) == ["glass break", "Siren"]


def test_recordings_are_found_in_both_layouts_through_links_and_once(data_dir: Path, tmp_path: Path) -> None:
    for name in (CRY, "mixture_evaltest_babycry_007_cc.wav"):
        write_wav(tmp_path / "elsewhere" / "audio" / "babycry" / name, np.zeros(RATE_HZ))
    (data_dir / "linked").symlink_to(tmp_path / "elsewhere")
    (data_dir / "linked" / "back").symlink_to(data_dir)  # a ring of links must not trap the search
    names = sorted(path.name for path in find_recordings(data_dir))
    assert names == [CRY, "mixture_evaltest_babycry_007_cc.wav", QUIET]


def test_a_meta_csv_of_another_data_set_is_passed_over_and_one_of_ours_saves_reading_recipes(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (data_dir / "meta.csv").write_text("filename\tscene_label\na.wav\ttram\n")
    from_recipes = find_mixtures([data_dir])
    assert run_script(monkeypatch, YAML2CSV, "--data_dir", str(data_dir)) == 0
    monkeypatch.setattr("earwitness.datasets.tut_rare.read_mixture_rows", lambda path: pytest.fail(f"{path} was read"))
    assert find_mixtures([data_dir]) == from_recipes
    assert set(from_recipes) == {CRY, QUIET}


def test_a_damaged_meta_csv_is_named(tmp_path: Path) -> None:
    path = tmp_path / "meta.csv"
    path.write_text(
        ",mixture_audio_filename,bg_classname,bg_path,ebr,event_present,event,event_length\n0,a,b,c,6,maybe,,\n"
    )
    with pytest.raises(AudioError, match=r"meta\.csv: not a table of mixtures"):
        read_meta(path)


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data/tut, real mixtures with their metadata, is not here")
def test_the_published_meta_csv_agrees_with_the_recipes_of_all_1500_mixtures() -> None:
    published = {each.mixture_audio_filename: each for each in read_meta(SHARED / "meta" / "meta.csv")}
    recipes = sorted((SHARED / "meta").glob("mixture_recipes_*.yaml"))
    assert published == {each.mixture_audio_filename: each for path in recipes for each in read_mixture_rows(path)}
    assert len(published) == 1500


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data/tut, real mixtures with their metadata, is not here")
def test_a_real_cry_is_found_and_no_gunshot_is_heard_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "source_datasets" / "eval" / "audio" / "babycry").mkdir(parents=True)
    [cry] = (SHARED / "audio").glob("mixture_evaltest_babycry_002_*.wav")
    (tmp_path / "source_datasets" / "eval" / "audio" / "babycry" / cry.name).symlink_to(cry.resolve())
    shutil.copy(SHARED / "meta" / "meta.csv", tmp_path / "source_datasets")
    assert run_script(monkeypatch, "generate_labels_event.py", "--method", "earwitness") == 0
    [row] = read_rows(tmp_path / "event" / "aec.csv")
    assert (row["reference_event"], row["found"]) == ("babycry", "baby cry")


def test_a_published_command_that_is_stopped_by_a_signal_ends_with_130(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(options: ScriptOptions) -> int:
        signal.raise_signal(signal.SIGTERM)
        return 0

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["visualize.py"])
    assert run_command("visualize.py", "Stop.", stop) == 130
    assert "stopped; what was done is stored" in capsys.readouterr().err
