"""The command: what may be given, what is printed and written, and with which exit status it ends."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

import earwitness
from earwitness.cli.main import app
from earwitness.encoders.registry import EMBEDDED, WEIGHTS
from earwitness.results.formats.json_lines import from_dict
from earwitness.results.formats.registry import FORMATS
from earwitness.settings import Settings
from made_sounds import RATE_HZ, WriteWav, make_noise, make_tone
from results_read import read_rows, read_run

COMMAND = (sys.executable, "-m", "earwitness")


def run(*arguments: object, stdin: bytes | None = None) -> Result:
    """Return what came of `earwitness` with these arguments."""
    return CliRunner().invoke(app, [str(each) for each in arguments], input=stdin)


@pytest.fixture
def sounds(write_wav: WriteWav, tmp_path: Path) -> Path:
    """Give a folder of three recordings."""
    for name, samples in (("a", make_tone(1.0)), ("b", make_noise(1.2)), ("sub/c", make_tone(0.5))):
        write_wav(f"sounds/{name}.wav", samples)
    return tmp_path / "sounds"


def test_listening_writes_events_scenes_and_the_run(sounds: Path, tmp_path: Path, extract_all: Path) -> None:
    out = tmp_path / "out"
    words = ("-e", "dog bark,rain", "-e", "siren", "-s", "park,tram")
    result = run("listen", sounds, *words, "--settings", extract_all, "-o", out)
    assert result.exit_code == 0, result.output
    names = [str(sounds / name) for name in ("a.wav", "b.wav", "sub/c.wav")]
    events, scenes = read_rows(out / "events.csv"), read_rows(out / "scenes.csv")
    assert [(row["file"], row["word"]) for row in events] == [
        (name, word) for name in names for word in ("dog bark", "rain", "siren")
    ]
    assert {row["onset_s"] for row in events} == {"0.000"}
    assert [(row["file"], row["rank"]) for row in scenes] == [(name, rank) for name in names for rank in ("1", "2")]
    assert {row["scene"] for row in scenes} == {"park", "tram"}
    assert read_rows(out / "errors.csv") == []


@pytest.mark.needs("torch")
def test_run_json_says_all_that_steered_the_run(sounds: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run("listen", sounds, "-e", "rain", "-s", "park", "--hop", 0.5, "--threshold", 0.7, "-o", out).exit_code == 0
    content = read_run(out)
    assert content["schema"] == 1
    assert content["state"] == "complete"
    assert (content["n_done"], content["n_failed"]) == (3, 0)
    assert content["version"] == earwitness.__version__
    assert content["weights_sha256"] == next(iter(WEIGHTS.values())).sha256
    assert Settings.from_mapping(content["settings"]) == Settings(hop_s=0.5, event_threshold=0.7)
    assert (content["events"], content["scenes"]) == (["rain"], ["park"])


def test_an_option_wins_over_the_settings_file(sounds: Path, tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text("hop_s = 0.5\nevent_threshold = 0.9\n")
    run("listen", sounds, "-e", "rain", "--settings", path, "--threshold", 0.6, "-o", tmp_path / "out")
    settings = read_run(tmp_path / "out")["settings"]
    assert (settings["hop_s"], settings["event_threshold"]) == (0.5, 0.6)


def test_every_form_is_written_on_request(sounds: Path, tmp_path: Path, extract_all: Path) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow, the extra [archive], is not installed")
    out = tmp_path / "out"
    forms = [part for form in FORMATS for part in ("-f", form)]
    assert run("listen", sounds, "-e", "rain", "--settings", extract_all, *forms, "-o", out).exit_code == 0
    lines = (out / "recognitions.jsonl").read_text().splitlines()
    names = [row["file"] for row in read_rows(out / "events.csv")]
    assert [from_dict(json.loads(line)).source for line in lines] == names
    dcase = [line.split("\t") for line in (out / "events_dcase.tsv").read_text().splitlines()[1:]]
    assert [(row[0], row[3]) for row in dcase] == [("a.wav", "rain"), ("b.wav", "rain"), ("c.wav", "rain")]
    assert len(list((out / "audacity").iterdir())) == len(list((out / "raven").iterdir())) == 3
    assert (out / "events.parquet").is_file()


def test_a_form_without_a_folder_is_refused(sounds: Path) -> None:
    result = run("listen", sounds, "-e", "rain", "-f", "jsonl")
    assert result.exit_code == 2
    assert "--format jsonl needs a folder: give --out" in result.stderr


def test_files_of_single_recordings_can_lie_beside_them(sounds: Path, extract_all: Path, tmp_path: Path) -> None:
    given = ("listen", sounds, "-e", "rain", "--settings", extract_all, "--beside")
    assert run(*given, "-f", "audacity", "-f", "raven").exit_code == 0
    names = sorted(path.name for path in sounds.iterdir() if path.is_file())
    assert names == [
        *("a.earwitness.Table.1.selections.txt", "a.earwitness.labels.txt", "a.wav"),
        *("b.earwitness.Table.1.selections.txt", "b.earwitness.labels.txt", "b.wav"),
    ]
    assert run(*given, "-f", "jsonl").exit_code == 2
    assert "--beside needs --format" in run(*given).stderr
    assert not (tmp_path / "run.json").exists()


def test_the_scores_of_tokens_are_written_on_request(sounds: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run("listen", sounds, "-e", "rain,dog bark", "-f", "scores", "-o", out).exit_code == 0
    lines = (out / "scores" / "a.tsv").read_text().splitlines()
    assert lines[0].split("\t") == ["onset", "offset", "rain", "dog bark"]
    assert len(lines) > 5
    with np.load(out / "scores_npz" / "a.npz") as arrays:
        assert arrays["scores"].shape == (len(lines) - 1, 2)
    no_words = run("listen", sounds, "-s", "park", "-f", "scores", "-o", out)
    assert (no_words.exit_code, "give --events" in no_words.stderr) == (2, True)
    pages = run("report", sounds, "-e", "rain", "-f", "scores", "-o", out)
    assert (pages.exit_code, "run 'earwitness listen --format scores'" in pages.stderr) == (2, True)


def test_without_words_listening_says_what_to_give(sounds: Path) -> None:
    result = run("listen", sounds)
    assert result.exit_code == 2
    assert "nothing to listen for: give --events, --scenes or both" in result.stderr
    assert "no words: give --words" in run("classify", sounds).stderr


def test_without_a_folder_results_are_printed(sounds: Path, extract_all: Path) -> None:
    result = run("listen", sounds / "a.wav", "-e", "dog bark", "-s", "park", "--settings", extract_all)
    assert result.exit_code == 0
    assert "a.wav  (0:00:01.0)" in result.stdout
    assert "dog bark" in result.stdout
    assert "park" in result.stdout
    assert "none of these was detected: siren" in run("listen", sounds / "a.wav", "-e", "siren").stdout


def test_standard_input_is_a_recording(sounds: Path, tmp_path: Path, extract_all: Path) -> None:
    stdin = (sounds / "b.wav").read_bytes()
    out = tmp_path / "out"
    result = run("listen", "-", sounds / "a.wav", "-e", "rain", "--settings", extract_all, "-o", out, stdin=stdin)
    assert result.exit_code == 0, result.output
    rows = read_rows(out / "events.csv")
    assert [Path(row["file"]).name for row in rows] == ["stdin", "a.wav"]
    direct = run("classify", sounds / "b.wav", "-w", "rain").stdout.split("\t")[1:]
    assert run("classify", "-", "-w", "rain", stdin=stdin).stdout.split("\t")[1:] == direct


def test_empty_standard_input_is_reported(tmp_path: Path) -> None:
    result = run("listen", "-", "-e", "rain", "-o", tmp_path / "out", stdin=b"")
    assert result.exit_code == 2
    assert "1 of 1 file could not be read; the reasons are in" in result.stderr
    assert "the file is empty (0 bytes)" in read_rows(tmp_path / "out" / "errors.csv")[0]["reason"]


def test_patterns_work_and_a_recording_named_twice_is_heard_once(sounds: Path, tmp_path: Path) -> None:
    run("listen", sounds / "*.wav", sounds / "a.wav", sounds, "-s", "park", "-o", tmp_path / "out")
    files = [row["file"] for row in read_rows(tmp_path / "out" / "scenes.csv")]
    assert files == [str(sounds / name) for name in ("a.wav", "b.wav", "sub/c.wav")]


def test_progress_as_json_lines_can_be_parsed(sounds: Path) -> None:
    result = run("listen", sounds, "-e", "rain", "--progress", "json")
    lines = [json.loads(line) for line in result.stderr.splitlines()]
    assert [line["done"] for line in lines if float(line["done"]).is_integer()] == [1, 2, 3]
    assert {line["total"] for line in lines} == {3}


def test_classifying_scores_every_word_for_every_clip(sounds: Path, tmp_path: Path) -> None:
    result = run("classify", sounds, "-w", "rain,dog bark", "-o", tmp_path / "out")
    assert result.exit_code == 0
    rows = read_rows(tmp_path / "out" / "clips.csv")
    assert sorted({row["word"] for row in rows}) == ["dog bark", "rain"]
    assert len(rows) == 6
    assert all(0 <= float(row["score"]) <= 1 for row in rows)
    assert re.fullmatch(rf"3 recordings by their best word: (rain|dog bark) .* -> {tmp_path / 'out'}/\n", result.stdout)
    assert len(run("classify", sounds, "-w", "rain,dog bark").stdout.splitlines()) == 3


def test_tags_are_listed_without_words(sounds: Path, tmp_path: Path) -> None:
    result = run("tags", sounds / "a.wav", "--top", 4, "-o", tmp_path / "out")
    rows = read_rows(tmp_path / "out" / "tags.csv")
    assert [row["rank"] for row in rows] == ["1", "2", "3", "4"]
    assert result.stdout == f"1 recording: {rows[0]['tag']} 1 -> {tmp_path / 'out'}/\n"
    assert rows[0]["tag"] in run("tags", sounds / "a.wav", "--top", 4).stdout


def test_blind_calibration_needs_and_uses_the_whole_run(write_wav: WriteWav, tmp_path: Path) -> None:
    paths = [write_wav(f"{seed}.wav", make_noise(1.0, seed=seed) * 2.0**-seed) for seed in range(5)]
    options = ("-s", "park,tram,office", "--blind-calibration", "-o", tmp_path / "out")
    few = run("listen", *paths[:2], *options)
    assert few.exit_code == 2
    assert "blind calibration needs at least 5 recordings at once, not 2" in few.stderr
    assert run("listen", *paths, *options).exit_code == 0
    rows = read_rows(tmp_path / "out" / "scenes.csv")
    scores = [float(row["run_score"]) for row in rows if row["scene"] == "park"]
    assert len(scores) == 5
    assert np.mean(scores) == pytest.approx(0, abs=1e-3)


def test_the_published_method_can_be_chosen(sounds: Path, tmp_path: Path) -> None:
    result = run("listen", sounds, "-e", "rain", "--method", "tmrl", "--hop", 1, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert read_run(tmp_path / "out")["settings"]["method"] == "tmrl"


def test_words_are_explained_by_their_grade_and_the_tags_that_hear_them() -> None:
    result = run("words", "dog bark", "rain", "--top", 2)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert [line for line in lines if not line.startswith(" ")] == ["dog bark: exact", "rain: exact"]
    assert lines[1].endswith("%  Animal > Domestic animals, pets > Dog > Bark")
    assert len([line for line in lines if "%  " in line]) == 4
    assert "  not: Howl, Growling, Whimper (dog)" in lines


def test_a_word_that_cannot_be_heard_shows_in_the_exit_status() -> None:
    result = run("words", "rain,qwrtz")
    assert result.exit_code == 1
    assert "qwrtz: cannot be heard" in result.stdout.splitlines()
    assert run("words", "qwrtz").exit_code == 2
    assert "rain, not thunder: exact" in run("words", "rain, not thunder").stdout


def test_recipes_become_one_meta_csv(tmp_path: Path) -> None:
    recipe = "- {bg_classname: park, bg_path: a.wav, ebr: -.inf, event_present: false, mixture_audio_filename: m.wav}\n"
    for name in ("a", "b"):
        (tmp_path / f"mixture_recipes_{name}.yaml").write_text(recipe)
    result = run("meta", tmp_path, "-o", tmp_path / "meta.csv")
    assert result.stdout == f"2 mixtures -> {tmp_path / 'meta.csv'}\n"
    assert [row["ebr"] for row in read_rows(tmp_path / "meta.csv")] == ["-inf", "-inf"]
    assert run("meta", tmp_path / "none").exit_code == 2


def test_a_folder_of_results_is_summarised(sounds: Path, tmp_path: Path, extract_all: Path) -> None:
    words, out = ("-e", "dog bark,rain", "-s", "park,tram", "--settings", extract_all), tmp_path / "out"
    done = run("listen", sounds, *words, "-o", out)
    pattern = rf"3 recordings: (dog bark|rain) 3 \(best 0\.\d\d\), .* 3 \(best .*\); (park|tram) .* -> {out}/\n"
    assert re.fullmatch(pattern, done.stdout)
    assert "replacing the results of an earlier run" in run("listen", sounds, *words, "-o", out).stderr
    assert run("listen", sounds, *words, "-o", tmp_path / "other", "--quiet").output == ""


def test_events_of_all_recordings_can_be_listed_best_first(sounds: Path, extract_all: Path) -> None:
    words = ("-e", "dog bark,rain", "--settings", extract_all, "--sort", "score")
    every, two = run("listen", sounds, *words).stdout, run("listen", sounds, *words, "--top", 2).stdout
    scores = [float(line.split("│")[1]) for line in every.splitlines() if line.startswith("│")]
    assert len(scores) == 6
    assert scores == sorted(scores, reverse=True)
    rows = [line.split("│")[1:6] for line in two.splitlines() if line.startswith("│")]
    assert [float(row[0]) for row in rows] == scores[:2]
    assert all(re.fullmatch(r"0:00:0\d\.\d", cell.strip()) for row in rows for cell in row[3:])


def test_hidden_files_and_dead_links_are_skipped_with_a_count(sounds: Path, tmp_path: Path) -> None:
    (sounds / "._a.wav").write_bytes(b"resource fork")
    (sounds / "gone.wav").symlink_to(tmp_path / "nothing")
    done = run("listen", sounds, "-e", "rain", "-o", tmp_path / "out")
    assert done.exit_code == 0
    assert "skipped 1 hidden file and 1 link to nothing" in done.stderr
    assert run("listen", sounds / "gone.wav", "-e", "rain").exit_code == 2


def test_help_is_short_to_ask_for() -> None:
    assert run("listen", "-h").stdout == run("listen", "--help").stdout
    assert run("data", "get", "-h").exit_code == 0


def test_the_shell_completes_commands_and_encoders() -> None:
    def complete(*words: str) -> list[str]:
        shell = {
            "_EARWITNESS_COMPLETE": "complete_bash",
            "COMP_WORDS": " ".join(words),
            "COMP_CWORD": str(len(words) - 1),
        }
        return CliRunner().invoke(app, [], prog_name="earwitness", env=shell).stdout.split()

    assert {"listen", "demo"} <= set(complete("earwitness", ""))
    assert EMBEDDED in complete("earwitness", "listen", "--encoder", "m2d")


def test_the_version_is_printed() -> None:
    assert run("--version").stdout == f"{earwitness.__version__}\n"


def start_and_stop(
    write_wav: WriteWav, out: Path, settings: Path, stop: Callable[[subprocess.Popen[str]], None]
) -> tuple[int, str]:
    """Listen to many recordings in a process, stop it after two; return its status and its errors."""
    paths = [str(write_wav(f"{index:02d}.wav", make_noise(8.0, RATE_HZ, seed=index))) for index in range(40)]
    options = ("-e", "rain", "--settings", str(settings), "-o", str(out), "--progress", "json")
    command = (*COMMAND, "listen", *paths, *options)
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, preexec_fn=_hear_key_presses
    ) as process:
        assert process.stderr is not None
        while json.loads(process.stderr.readline())["done"] < 2:
            pass
        stop(process)
        return process.wait(60), process.stderr.read()


def _hear_key_presses() -> None:
    """Undo what a process in the background inherits: to ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_in_order(
    write_wav: WriteWav, tmp_path: Path, extract_all: Path, number: signal.Signals
) -> None:
    out = tmp_path / "out"
    status, errors = start_and_stop(write_wav, out, extract_all, lambda process: process.send_signal(number))
    assert status == 130
    assert "earwitness: stopped; the results so far are stored" in errors
    assert read_run(out)["state"] == "interrupted"
    assert 2 <= read_run(out)["n_done"] == len(read_rows(out / "events.csv")) < 40


@pytest.mark.slow
def test_a_run_that_is_killed_keeps_the_recordings_that_were_done(
    write_wav: WriteWav, tmp_path: Path, extract_all: Path
) -> None:
    out = tmp_path / "out"
    status, _ = start_and_stop(write_wav, out, extract_all, lambda process: process.kill())
    assert status == -signal.SIGKILL
    assert read_run(out)["state"] == "running"
    files = [Path(row["file"]).name for row in read_rows(out / "events.csv")]
    assert 2 <= len(files) < 40
    assert files == [f"{index:02d}.wav" for index in range(len(files))]


@pytest.mark.slow
def test_blind_calibration_keeps_what_was_heard_where_too_few_can_be_used(tmp_path: Path, write_wav: WriteWav) -> None:
    rng = np.random.default_rng(0)
    for index in range(4):
        write_wav(f"{index}.wav", 0.1 * rng.standard_normal(16000).astype(np.float32))
    (tmp_path / "bad.wav").write_text("text")
    few = run("listen", tmp_path / "0.wav", "-s", "beach,bus", "--blind-calibration", "-o", tmp_path / "few")
    assert few.exit_code == 2
    assert "blind calibration needs at least 5 recordings at once, not 1" in few.stderr
    out = tmp_path / "out"
    result = run("listen", tmp_path, "-s", "beach,bus", "--blind-calibration", "-o", out)
    assert result.exit_code == 1
    assert "4 clips are too few for blind calibration" in result.stderr
    assert (out / "scenes.csv").read_text().count("\n") == 1 + 4 * 2
    write_wav("5.wav", 0.1 * rng.standard_normal(16000).astype(np.float32))
    assert run("listen", tmp_path, "-s", "beach,bus", "--blind-calibration", "-o", out).exit_code == 1
    rows = read_rows(out / "scenes.csv")
    scores = [float(row["run_score"]) for row in rows if row["scene"] == "beach"]
    assert len(scores) == 5
    assert abs(sum(scores)) < 1e-2


@pytest.mark.slow
def test_piped_results_are_not_caught_by_the_bar_on_the_terminal(sounds: Path) -> None:
    ours, theirs = pty.openpty()
    done = subprocess.run([*COMMAND, "tags", str(sounds)], stdout=subprocess.PIPE, stderr=theirs, text=True, check=True)
    os.close(theirs)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)
    assert done.stdout.count("mean score") == 3
    assert "Analysing... 100 %" in shown
    assert "mean score" not in shown


def test_a_low_threshold_takes_the_hold_along(sounds: Path, tmp_path: Path) -> None:
    assert run("listen", sounds / "a.wav", "-e", "rain", "--threshold", "0.1", "-o", tmp_path / "out").exit_code == 0
    settings = read_run(tmp_path / "out")["settings"]
    assert (settings["event_threshold"], settings["event_hold"]) == (0.1, 0.1)
    high = run("listen", sounds / "a.wav", "-e", "rain", "--threshold", "2")
    assert high.exit_code == 2
    assert "--threshold 2: give a score from 0 to 1, such as 0.5" in high.stderr
