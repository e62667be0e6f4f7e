"""`earwitness evaluate` and `compare` from end to end, on mixtures made here and on what the shared folder holds."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from click.testing import Result
from typer.testing import CliRunner

from earwitness.cli.main import app
from earwitness.datasets.mixtures.mix import MixSettings
from earwitness.datasets.mixtures.sources import read_own_sources
from earwitness.datasets.mixtures.write import make_mixtures
from made_sounds import RATE_HZ, make_noise, make_tone
from results_read import read_rows

pytestmark = pytest.mark.slow

FILES = (
    "results.json",
    "per_class.csv",
    "per_condition.csv",
    "per_file.csv",
    "curves.csv",
    "errors_list.csv",
    "scores.csv",
)
HOSTILE = "<script>alert('1')&.wav"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [*map(str, arguments)])


def read_results(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    return content


def read_metric(folder: Path, measure: str, name: str) -> dict[str, Any]:
    found = [each for each in read_results(folder)["metrics"] if (each["measure"], each["name"]) == (measure, name)]
    assert len(found) == 1
    return found[0]


@pytest.fixture(scope="module")
def mixtures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder of eight mixtures of two events in two places, with their truth."""
    folder = tmp_path_factory.mktemp("mixtures")
    for name, samples in {
        "backgrounds/park/1.wav": 0.05 * make_noise(6.0, seed=1),
        "backgrounds/tram/2.wav": 0.05 * np.cumsum(make_noise(6.0, seed=2)).astype(np.float32) / 20,
        "events/beep/1.wav": make_tone(0.8, frequency_hz=1000.0),
        "events/white_noise/1.wav": make_noise(1.0, seed=4),
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / name, samples, RATE_HZ, subtype="FLOAT")
    settings = MixSettings(n_per_label=4, ebrs_db=(0.0, 12.0), length_s=6.0, sample_rate_hz=RATE_HZ, seed=7)
    make_mixtures(read_own_sources(folder / "backgrounds", folder / "events"), settings, folder / "test")
    return folder / "test"


@pytest.fixture(scope="module", params=["earwitness", "tmrl"])
def evaluated(request: pytest.FixtureRequest, mixtures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of an evaluation of the mixtures, by each method."""
    out = tmp_path_factory.mktemp(str(request.param)) / "out"
    result = run("evaluate", mixtures, "--method", request.param, "--out", out, "--progress", "none")
    assert result.exit_code == 0, result.output
    assert "test: 8 recordings" in result.stdout
    assert str(out / "index.html") in result.stdout
    return out


def test_mixtures_are_scored_by_events_and_scenes_with_intervals(evaluated: Path) -> None:
    results = read_results(evaluated)
    assert list(results["measures"]) == ["collar", "segment", "intersection", "scenes"]
    assert (results["n_files"], results["n_failed"], results["dataset"]) == (8, 0, "test")
    assert re.fullmatch(r"[0-9a-f]{64}", results["weights_sha256"])
    assert results["words"]["events"] == {"beep": "beep", "white_noise": "white noise"}
    for each in results["metrics"]:
        assert each["method"] == "bootstrap"
        if each["value"] is not None and each["low"] is not None:
            assert each["low"] <= each["value"] + 1e-9 or each["n_undefined"]
            assert each["low"] <= each["high"]
    assert read_metric(evaluated, "scenes", "accuracy")["low"] is not None


def test_every_promised_file_is_there(evaluated: Path) -> None:
    others = ("submission.tsv", "events.csv", "scenes.csv", "errors.csv", "run.json", "index.html")
    assert {path.name for path in evaluated.iterdir()} == {*FILES, *others}
    submitted = {line.split("\t")[0] for line in (evaluated / "submission.tsv").read_text().splitlines()}
    assert len(submitted) == 8
    conditions = {row["condition"] for row in read_rows(evaluated / "per_condition.csv")}
    assert {"ebr", "target", "scene"} <= conditions


def test_counts_of_classes_mistakes_and_files_agree(evaluated: Path) -> None:
    classes = [row for row in read_rows(evaluated / "per_class.csv") if row["measure"] == "collar"]
    errors = read_rows(evaluated / "errors_list.csv")
    n_missed = sum(int(row["n_ref"]) - int(row["n_hits"]) for row in classes)
    n_false = sum(int(row["n_est"]) - int(row["n_hits"]) for row in classes)
    assert sum(row["kind"] == "missed" for row in errors) == n_missed
    assert sum(row["kind"] == "false alarm" for row in errors) == n_false
    curve = read_rows(evaluated / "curves.csv")
    assert int(curve[0]["n_false_alarms"]) == n_false
    assert float(curve[0]["false_alarms_per_hour"]) == pytest.approx(n_false / 48 * 3600)
    assert sorted(float(row["threshold"]) for row in curve) == [float(row["threshold"]) for row in curve]
    accuracy = read_metric(evaluated, "scenes", "accuracy")["value"]
    assert sum(row["kind"] == "wrong scene" for row in errors) == round(8 * (1 - accuracy))


def test_the_page_says_what_the_results_say_and_needs_no_network(evaluated: Path) -> None:
    page = (evaluated / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"https?:|//|src=|@import|url\(|<script|<link", page.replace("<!doctype html>", ""))
    said = dict(re.findall(r'data-of="([^"]+)" data-value="([^"]*)"', page))
    shown = dict(re.findall(r'data-of="([^"]+)" data-value="[^"]*">([^<]*)<', page))
    for each in read_results(evaluated)["metrics"]:
        for key in ("value", "low", "high"):
            name, value = f"{each['measure']}.{each['name']}.{key}", each[key]
            assert said.pop(name) == ("" if value is None else repr(value))
            assert shown[name] == ("-" if value is None else f"{value:.3f}")
    assert not said
    assert page.count("<svg") == 3


def test_a_system_compared_with_itself_shows_no_difference(evaluated: Path) -> None:
    result = run("compare", evaluated, evaluated)
    assert result.exit_code == 0, result.output
    rows = [line for line in result.stdout.splitlines() if "[" in line and "nan" not in line]
    assert rows
    assert all("+0.000  [+0.000, +0.000]" in line and "1.000" in line for line in rows)
    assert "better" not in result.stdout


def test_the_difference_has_the_sign_of_first_less_second(evaluated: Path, tmp_path: Path) -> None:
    perfect, deaf = tmp_path / "perfect", tmp_path / "deaf"
    for folder in (perfect, deaf):
        shutil.copytree(evaluated, folder)
        rows = read_rows(folder / "per_file.csv")
        with (folder / "per_file.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            for row in rows:
                n_found = row["n_ref"] if folder == perfect else "0"
                writer.writerow(row | {"n_est": n_found, "n_hits": n_found, "n_substitutions": "0"})
    result = run("compare", perfect, deaf)
    assert result.exit_code == 0, result.output
    recall = next(line for line in result.stdout.splitlines() if "recall" in line)
    error_rate = next(line for line in result.stdout.splitlines() if "error rate" in line)
    assert float(recall.split()[4]) >= 0
    assert float(error_rate.split()[5]) < 0
    assert "first is better" in error_rate


def test_results_of_other_data_or_files_are_refused_by_name(evaluated: Path, tmp_path: Path) -> None:
    other, fewer = tmp_path / "other", tmp_path / "fewer"
    shutil.copytree(evaluated, other)
    shutil.copytree(evaluated, fewer)
    text = (other / "results.json").read_text().replace('"dataset": "test"', '"dataset": "elsewhere"')
    (other / "results.json").write_text(text)
    refused = run("compare", evaluated, other)
    assert refused.exit_code == 2
    assert "is of test" in refused.stderr
    assert "of elsewhere" in refused.stderr
    left_out = read_rows(fewer / "per_file.csv")[-1]["file"]
    lines = (fewer / "per_file.csv").read_text().splitlines(keepends=True)
    (fewer / "per_file.csv").write_text("".join(line for line in lines if left_out not in line))
    refused = run("compare", evaluated, fewer)
    assert refused.exit_code == 2
    assert f"1 files are in {evaluated} only" in refused.stderr
    assert left_out in refused.stderr
    assert "give a folder that 'earwitness evaluate' wrote" in run("compare", tmp_path, evaluated).stderr


def test_own_mixtures_can_be_scored_as_rare_events(mixtures: Path, tmp_path: Path) -> None:
    result = run("evaluate", mixtures, "--protocol", "rare", "--limit", 4, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "only 4 of 8 recordings (--limit)" in result.stderr
    assert read_metric(tmp_path / "out", "rare", "error_rate")["method"] == "jackknife"


def test_psds_is_given_on_request_and_needs_scores_over_time(mixtures: Path, tmp_path: Path) -> None:
    result = run("evaluate", mixtures, "--psds", "--limit", 4, "--events", "beep=High Beep", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    for name in ("psds_1", "psds_2"):
        assert 0 <= read_metric(tmp_path / "out", "psds", name)["value"] <= 1
    refused = run("evaluate", mixtures, "--psds", "--method", "tmrl")
    assert refused.exit_code == 2
    assert "PSDS needs events in time and method earwitness" in refused.stderr


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """Give a folder with two labels, one recording with a hostile name, and one that is no recording."""
    folder = tmp_path / "labelled"
    for label, samples in (("beep", make_tone(1.0)), ("white_noise", make_noise(1.0))):
        (folder / label).mkdir(parents=True)
        soundfile.write(folder / label / "1.wav", samples, RATE_HZ)
    soundfile.write(folder / "beep" / HOSTILE, make_noise(1.0, seed=9), RATE_HZ)
    (folder / "beep" / "broken.wav").write_bytes(b"no sound")
    return folder


def test_labels_are_scored_and_a_bad_recording_is_told_and_counted(labelled: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run("evaluate", labelled, "--out", out, "--events", "white_noise=static noise")
    assert result.exit_code == 1, result.output
    results = read_results(out)
    assert list(results["measures"]) == ["top1", "clips"]
    assert (results["n_files"], results["n_failed"]) == (3, 1)
    assert results["words"]["labels"]["white_noise"] == "static noise"
    assert "broken.wav" in (out / "errors.csv").read_text()
    assert "1 of 4 files could not be read" in result.stderr
    files = {row["file"] for row in read_rows(out / "per_file.csv")}
    assert files == {"beep/1.wav", "white_noise/1.wav", f"beep/{HOSTILE}"}
    assert {row["word"] for row in read_rows(out / "clips.csv")} == {"beep", "static noise"}


def test_a_hostile_name_is_escaped_on_the_page(labelled: Path, tmp_path: Path) -> None:
    run("evaluate", labelled, "--out", tmp_path / "out")
    wrong = [row["file"] for row in read_rows(tmp_path / "out" / "errors_list.csv")]
    assert f"beep/{HOSTILE}" in wrong
    page = (tmp_path / "out" / "index.html").read_text()
    assert "<script" not in page
    assert "&lt;script&gt;alert(&#x27;1&#x27;)&amp;.wav" in page


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ([], "nothing to evaluate"),
        (["nowhere"], "nowhere: neither a known data set"),
        (["DATA", "--ref", "a.csv"], "give --ref and --est together"),
        (["DATA", "--events", "rain=drizzle"], "give LABEL=WORD with a label of the data set: beep, white_noise"),
        (["DATA", "--events", "beep=white noise"], "labels beep and white_noise are both 'white noise'"),
        (["DATA", "--scenes", "park=meadow"], "--scenes park=meadow: labelled annotates no scenes"),
        (["DATA", "--protocol", "rare"], "labelled annotates no events in time"),
        (["DATA", "--out", "DATA"], "the data set lies here"),
    ],
)
def test_what_cannot_be_evaluated_is_told_with_a_way_on(labelled: Path, options: list[str], reason: str) -> None:
    result = run("evaluate", *(str(labelled) if each == "DATA" else each for each in options))
    assert result.exit_code == 2
    assert reason in result.stderr


def test_the_six_mixtures_of_tut_are_evaluated_by_one_command(shared: Path, tmp_path: Path) -> None:
    folder = shared / "data" / "tut"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not here: six mixtures of TUT Rare Sound Events, which cannot be shipped")
    result = run("evaluate", "tut_rare", "--dir", folder, "--split", "evaltest", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert read_metric(tmp_path / "out", "rare", "error_rate")["value"] == 0.0
    assert read_metric(tmp_path / "out", "scenes", "accuracy")["value"] >= 2 / 6  # of 15 scenes
    assert "6 files are too few for intervals to be trusted" in result.stderr


def test_tables_are_scored_without_any_runtime(tmp_path: Path) -> None:
    (tmp_path / "ref.csv").write_text("file,onset_s,offset_s,label\na.wav,1,2,dog\nb.wav,,,\n")
    (tmp_path / "est.csv").write_text("file,onset_s,offset_s,word,score\nsome/a.wav,1.1,2.1,dog,0.9\n")
    code = (
        "import sys; from typer.testing import CliRunner; from earwitness.cli.main import app\n"
        f"done = CliRunner().invoke(app, ['evaluate', '--ref', {str(tmp_path / 'ref.csv')!r}, '--est', "
        f"{str(tmp_path / 'est.csv')!r}, '--out', {str(tmp_path / 'out')!r}])\n"
        "assert done.exit_code == 0, done.output\n"
        "print([name for name in ('torch', 'onnxruntime', 'onnx', 'soundfile') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert read_metric(tmp_path / "out", "collar", "f1")["value"] == 1.0
