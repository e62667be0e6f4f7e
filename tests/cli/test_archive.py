"""The commands `index`, `ask`, `similar` and `store`, as people use them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet
import pytest
import soundfile
from typer.testing import CliRunner

from demo_recording import make_recording
from earwitness.archive import parquet_parts as parts
from earwitness.cli.main import app
from made_sounds import make_noise
from results_read import read_rows


def run(*arguments: str | Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(each) for each in arguments])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "archive"
    folder.mkdir()
    samples, _ = make_recording()
    soundfile.write(folder / "20260301_120000.wav", samples, 16000)
    soundfile.write(folder / "20260302_120000.wav", samples[: 3 * 16000], 16000)
    return folder


@pytest.fixture(scope="module")
def store(archive: Path) -> Path:
    assert run("index", archive, "--store", archive.parent / "store", "--runtime", "onnx")[0] == 0
    return archive.parent / "store"


def test_an_archive_is_indexed_once(archive: Path, store: Path) -> None:
    assert run("index", archive, "--store", store) == (0, "0 analysed, 2 unchanged\n", "")


@pytest.mark.slow
def test_a_second_key_press_stops_at_once_and_harms_nothing(tmp_path: Path) -> None:
    folder, store = tmp_path / "long", tmp_path / "store"
    folder.mkdir()
    soundfile.write(folder / "long.wav", make_noise(900.0), 16000)
    command = [sys.executable, "-m", "earwitness", "index", folder, "--store", store, "--runtime", "onnx"]
    command += ["--progress", "json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        assert json.loads(process.stderr.readline())["done"] < 1  # it is being heard
        process.send_signal(signal.SIGINT)
        while (line := process.stderr.readline()).startswith("{"):  # progress that was told before
            pass
        assert "again stops at once" in line
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == "earwitness: stopped; what was committed stays\n"
    assert process.returncode == 130
    assert run("index", folder, "--store", store)[:2] == (0, "1 analysed, 0 unchanged\n")
    assert run("store", "verify", store)[0] == 0


def test_a_store_moves_to_other_windows_and_keeps_the_old_ones(archive: Path, tmp_path: Path) -> None:
    store, settings = tmp_path / "store", tmp_path / "short.toml"
    settings.write_text("window_s = 2.0\nhop_s = 1.0\n")
    clip = archive / "20260302_120000.wav"
    assert run("index", clip, "--store", store, "--runtime", "onnx", "--settings", settings)[0] == 0
    assert "window_s=2.0" in run("store", "info", store)[1]
    settings.write_text("window_s = 4.0\nhop_s = 1.0\n")
    status, _, errors = run("index", clip, "--store", store, "--runtime", "onnx", "--settings", settings)
    assert (status, "but this store was made with 2.0; choose another --store, or" in errors) == (2, True)
    assert "index --again" in errors
    query = ("index", clip, "--store", store, "--again", "--runtime", "onnx")
    assert run(*query)[:2] == (
        0,
        f"{store}: moved; the old store is in {store / 'before-1'}\n1 analysed, 0 unchanged\n",
    )
    assert "window_s=10.0" in run("store", "info", store)[1]
    assert "window_s=2.0" in run("store", "info", store / "before-1")[1]
    assert run(*query)[:2] == (0, "0 analysed, 1 unchanged\n")


def test_a_move_waits_for_recordings_that_are_gone(archive: Path, tmp_path: Path) -> None:
    store, settings, folder = tmp_path / "store", tmp_path / "short.toml", tmp_path / "two"
    settings.write_text("window_s = 2.0\nhop_s = 1.0\n")
    folder.mkdir()
    for name in ("a.wav", "b.wav"):
        (folder / name).hardlink_to(archive / "20260302_120000.wav")
    assert run("index", folder, "--store", store, "--runtime", "onnx", "--settings", settings)[0] == 0
    (folder / "a.wav").unlink()
    status, _, errors = run("index", folder, "--store", store, "--again", "--runtime", "onnx")
    assert (status, "1 recordings cannot be analysed any more, such as" in errors) == (2, True)
    assert "window_s=2.0" in run("store", "info", store)[1]
    assert run("index", folder, "--store", store, "--again", "--runtime", "onnx", "--prune")[0] == 0
    assert "recordings  1 heard" in run("store", "info", store)[1]


def test_failures_are_told_listed_and_tried_again(archive: Path, tmp_path: Path) -> None:
    folder, store = tmp_path / "mixed", tmp_path / "store"
    folder.mkdir()
    (folder / "broken.wav").write_bytes(b"no sound")
    (folder / "good.wav").hardlink_to(archive / "20260302_120000.wav")
    status, details, errors = run("index", folder, "--store", store, "--runtime", "onnx")
    assert (status, details) == (1, "1 analysed, 0 unchanged\n")
    assert "broken.wav: not readable as audio" in errors
    status, details, _ = run("index", folder, "--store", store)
    assert (status, details) == (1, "0 analysed, 1 unchanged, 1 failed before (--retry-failed analyses them again)\n")
    assert run("index", folder, "--store", store, "--retry-failed")[0] == 1
    assert "broken.wav: not readable" in run("store", "info", store, "--failures")[1]
    status, _, errors = run("ask", store, "--events", "siren")
    assert status == 1
    assert "1 recordings failed when they were indexed" in errors
    assert "broken.wav" not in errors


def test_words_are_asked_and_written_as_tables(store: Path, tmp_path: Path) -> None:
    query = ("ask", store, "--events", "dog bark,telephone ringing", "--scenes", "park,office")
    status, details, _ = run(*query)
    assert status == 0
    assert "20260301_120000.wav" in details
    assert "2026-03-01T12:00:00\t" in details
    for form in ("csv", "parquet"):
        assert run(*query, "--out", tmp_path / form, "--format", form)[0] == 0
    events = read_rows(tmp_path / "csv" / "events.csv")
    assert {each["word"] for each in events} == {"dog bark", "telephone ringing"}
    assert events[0]["time"].startswith("2026-03-01T12:00:0")
    assert pyarrow.parquet.read_table(tmp_path / "parquet" / "events.parquet").num_rows == len(events)
    assert [each["rank"] for each in read_rows(tmp_path / "csv" / "scenes.csv")] == ["1", "2"] * 2
    assert sum(int(each["n_events"]) for each in read_rows(tmp_path / "csv" / "hours.csv")) == len(events)
    assert sum(int(each["n_events"]) for each in read_rows(tmp_path / "csv" / "files.csv")) == len(events)
    written = json.loads((tmp_path / "csv" / "run.json").read_text())
    assert (written["n_files"], written["store"]["row_s"]) == (2, 1.0)


def test_a_choice_of_nothing_is_told(store: Path) -> None:
    status, _, errors = run("ask", store, "--events", "siren", "--path", "*nowhere*")
    assert status == 2
    assert "no recording to query" in errors
    assert "nothing to query: give --events, --scenes or both" in run("ask", store)[2]
    assert run("ask", store, "--events", "siren", "--since", "2026-03-02", "--threshold", "0.01")[1].count("0301") == 0


def test_similar_moments_are_listed(store: Path, archive: Path) -> None:
    status, details, _ = run("similar", store, archive / "20260302_120000.wav", "--top", "2")
    assert status == 0
    assert len(details.splitlines()) == 2
    assert float(details.split("\t")[0]) > 0.5


@pytest.mark.slow
def test_a_store_tells_of_itself_in_words_and_sql(store: Path) -> None:
    status, details, _ = run("store", "info", store)
    assert status == 0
    assert "recordings  2 heard" in details
    assert "MB a day of audio" in details
    assert run("store", "sql", store, "select count(*) as n from rows")[1] == "n\n33\n"
    assert run("store", "verify", store)[:2] == (0, f"{store}: whole\n")


def test_damage_is_told_and_repaired(archive: Path, store: Path, tmp_path: Path) -> None:
    run("store", "merge", tmp_path / "copy", store)
    assert run("store", "merge", tmp_path / "copy", store)[1].startswith("0 recordings added, 2 were there")
    rows = next((tmp_path / "copy" / "parts").glob(f"*/{parts.ROWS}"))
    rows.write_bytes(bytes(rows.stat().st_size))
    status, _, errors = run("store", "verify", tmp_path / "copy")
    assert status == 1
    assert "damaged" in errors
    assert "run 'earwitness index' again" in run("store", "verify", tmp_path / "copy", "--repair")[1]
    assert run("index", archive, "--store", tmp_path / "copy")[1] == "2 analysed, 0 unchanged\n"
    assert run("store", "verify", tmp_path / "copy")[0] == 0


@pytest.mark.slow
def test_damage_is_told_wherever_the_store_is_looked_into(archive: Path, tmp_path: Path) -> None:
    clip, store = archive / "20260301_120000.wav", tmp_path / "two"
    for each in (clip, archive / "20260302_120000.wav"):
        run("index", each, "--store", store, "--runtime", "onnx")
    next((store / "parts").glob(f"*/{parts.FILES}")).write_bytes(b"")
    for command in (
        ("ask", store, "--events", "siren", "--threshold", "0.001"),
        ("similar", store, clip),
        ("store", "sql", store, "from files"),
        ("store", "info", store),
    ):
        status, details, errors = run(*command)
        assert (status, "damaged" in errors, bool(details)) == (1, True, True), command


def test_what_is_printed_is_a_line_each(archive: Path, tmp_path: Path) -> None:
    odd, broken, store = tmp_path / "a\nb\tc\x1b[31m.wav", tmp_path / "d\ne.wav", tmp_path / "odd"
    odd.hardlink_to(archive / "20260302_120000.wav")
    broken.write_bytes(b"no sound")
    run("index", odd, broken, "--store", store, "--runtime", "onnx")
    for command in (("ask", store, "--events", "siren", "--threshold", "0.001"), ("similar", store, odd)):
        details = run(*command)[1]
        assert details, command
        assert all(r"a\nb\tc\x1b[31m.wav" in line for line in details.splitlines())
    assert len(run("store", "info", store, "--failures")[1].splitlines()) == 1


@pytest.mark.parametrize("command", [("ask",), ("store", "info"), ("store", "verify")])
def test_a_store_at_a_url_is_to_be_fetched(command: tuple[str, ...]) -> None:
    words = ("--events", "dog") if command == ("ask",) else ()
    status, _, errors = run(*command, "s3://bucket/tags", *words)
    assert (status, "earwitness store fetch s3://bucket/tags FOLDER" in errors) == (2, True)


def test_stores_at_urls_are_not_made_as_folders(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("store", "merge", "s3://bucket/tags", store)[0] == 2
    assert not list(tmp_path.iterdir())


def test_shards_must_be_understood(archive: Path, tmp_path: Path) -> None:
    assert "give which of how many, such as 3/16" in run("index", archive, "--store", tmp_path, "--shard", "3")[2]
    assert run("ask", tmp_path / "nowhere", "--events", "siren")[0] == 2


def test_a_url_needs_the_ray_engine(archive: Path, tmp_path: Path) -> None:
    status, _, errors = run("index", archive, "--store", "s3://bucket/store")
    assert (status, errors) == (
        2,
        "earwitness: s3://bucket/store: a URL needs --engine ray, which works on one machine too\n",
    )
    assert run("index", "s3://bucket/archive", "--store", tmp_path / "store")[0] == 2
    assert not (tmp_path / "store").exists()


@pytest.mark.needs("fsspec")
def test_a_store_comes_from_a_url(store: Path, tmp_path: Path) -> None:
    assert run("store", "fetch", f"file://{store}", tmp_path / "here")[:2] == (
        0,
        f"1 new parts -> {tmp_path / 'here'}\n",
    )
    assert run("store", "verify", tmp_path / "here")[0] == 0
    assert run("store", "fetch", f"file://{store}", tmp_path / "here")[1].startswith("0 new parts")
    status, _, errors = run("store", "fetch", f"file://{tmp_path}/nothing", tmp_path / "there")
    assert (status, "no store here" in errors) == (2, True)


def test_an_answer_is_a_page_too(store: Path, tmp_path: Path) -> None:
    query = ("ask", store, "--events", "dog bark,telephone ringing", "--scenes", "park,office", "--report")
    assert "--report needs --out" in run(*query)[2]
    status, details, _ = run(*query, "--out", tmp_path / "out", "--until", "2026-03-01T12:00:10")
    assert (status, details) == (0, f"{tmp_path / 'out' / 'index.html'}\n")
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    events = read_rows(tmp_path / "out" / "events.csv")
    assert f"<span>{len(events)} events</span>" in page
    assert "<span>1 recording</span><span>10.0 s of audio</span>" in page
    for each in events:
        assert f"/archive/20260301_120000.wav#t={float(each['onset_s']):.2f}" in page
    assert "2026-03-01T12:00:10" in page  # what was asked
    run_hours = json.loads((tmp_path / "out" / "run.json").read_text())["hours"]
    assert run_hours == pytest.approx(10 / 3600)
