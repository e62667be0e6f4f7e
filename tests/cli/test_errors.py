"""What goes wrong, the line that is printed for it, and the exit status: one table of cases."""

from __future__ import annotations

import json
import re
import shutil
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from earwitness.cli.main import app
from earwitness.encoders import EMBEDDED
from earwitness.files import DATA_DIR
from earwitness.version import __version__
from made_sounds import WriteWav, make_noise
from results_read import read_rows, read_run

ON_ONNX = ("--runtime", "onnx")


def run(*arguments: object) -> Result:
    """Return what came of `earwitness` with these arguments."""
    return CliRunner().invoke(app, [str(each) for each in arguments])


@pytest.fixture
def place(tmp_path: Path, write_wav: WriteWav, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder to work in that holds good.wav and mixed/, a folder with one good and one bad recording."""
    write_wav("good.wav", make_noise(1.0))
    write_wav("mixed/good.wav", make_noise(1.0))
    (tmp_path / "mixed" / "text.wav").write_text("no sound, whatever its name says\n" * 50)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name: str, content: bytes | str) -> Callable[[Path], None]:
    """Return what writes a file into the folder."""
    data = content.encode() if isinstance(content, str) else content
    return lambda folder: Path(folder / name).write_bytes(data) and None


def link(name: str, target: str) -> Callable[[Path], None]:
    """Return what makes a link in the folder."""

    def make(folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).symlink_to(target)

    return make


def damage_weights(folder: Path) -> None:
    """Write the embedded encoder's weights with one byte changed."""
    content = bytearray((DATA_DIR / f"{EMBEDDED}.safetensors").read_bytes())
    content[-1] ^= 1
    (folder / f"{EMBEDDED}.safetensors").write_bytes(content)


def make_store(folder: Path, **changes: object) -> None:
    """Index good.wav, and change what the store says of itself."""
    assert run("index", "good.wav", "--store", "store", *ON_ONNX, "--progress", "none").exit_code == 0
    path = folder / "store" / "store.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def make_empty_store(folder: Path) -> None:
    """Index a recording that cannot be used."""
    (folder / "bad.wav").write_bytes(b"no sound")
    assert run("index", "bad.wav", "--store", "store", *ON_ONNX, "--progress", "none").exit_code == 2


@dataclass(frozen=True)
class Case:
    """A command, what it prints on standard error (a pattern, one whole line), and how it ends."""

    name: str
    command: str
    line: str
    status: int
    prepare: Callable[[Path], None] = lambda folder: None


RAIN = "-e rain --progress none --runtime onnx"
CASES = (
    Case(
        "missing extra",
        f"listen good.wav {RAIN} -f parquet -o out",
        r"earwitness: .*pyarrow: pip install 'earwitness\[archive\]'.*",
        2,
    ),
    Case(
        "unknown encoder",
        "listen good.wav -e rain --encoder m2d_vit_tiny",
        f"earwitness: m2d_vit_tiny: neither a file nor a known encoder, did you mean .*{EMBEDDED}.*",
        2,
    ),
    Case(
        "weights get of an unknown name",
        "weights get m2d_vit_bas",
        r"earwitness: m2d_vit_bas: not a known encoder, did you mean m2d_vit_base.*",
        2,
    ),
    Case(
        "unknown format",
        f"listen good.wav {RAIN} -f jsonlines",
        "earwitness: format 'jsonlines', did you mean jsonl.*: choose from .*",
        2,
    ),
    Case(
        "format without a folder",
        f"listen good.wav {RAIN} -f jsonl",
        "earwitness: --format jsonl needs a folder: give --out",
        2,
    ),
    Case(
        "threshold 50",
        f"listen good.wav {RAIN} --threshold 50",
        r"earwitness: --threshold 50: give a score from 0 to 1, such as 0\.5",
        2,
    ),
    Case("hop 0", f"listen good.wav {RAIN} --hop 0", "earwitness: --hop 0: give seconds above 0", 2),
    Case(
        "negative hold",
        f"listen good.wav {RAIN} --settings mine.toml",
        r"earwitness: mine\.toml: event_hold=-0\.1, .*need 0 <= event_hold <= .*",
        2,
        write("mine.toml", "event_hold = -0.1\n"),
    ),
    Case(
        "unknown setting",
        f"listen good.wav {RAIN} --settings mine.toml",
        r"earwitness: mine\.toml: unknown key 'holds'; known are: .*",
        2,
        write("mine.toml", "holds = 1\n"),
    ),
    Case("missing file", f"listen none.wav {RAIN}", r"earwitness: none\.wav: no such file or folder", 2),
    Case(
        "folder without audio",
        f"listen empty {RAIN}",
        "earwitness: empty: no recording in it; looked for names ending in .*",
        2,
        lambda folder: (folder / "empty").mkdir(),
    ),
    Case(
        "unreadable file",
        f"listen memory.wav {RAIN}",
        r"memory\.wav: cannot be read \(Input/output error\)",
        2,
        link("memory.wav", "/proc/self/mem"),
    ),
    Case(
        "dead link that is named",
        f"listen gone.wav {RAIN}",
        r"gone\.wav: cannot be read \(No such file or directory\)",
        2,
        link("gone.wav", "nothing"),
    ),
    Case(
        "dead link in a folder",
        f"listen links {RAIN} -o out",
        "skipped 1 link to nothing",
        0,
        lambda folder: (link("links/gone.wav", "nothing")(folder), shutil.copy("good.wav", "links"), None)[-1],
    ),
    Case("hidden file in a folder", f"listen . {RAIN} -o out", "skipped 1 hidden file", 1, write(".hidden.wav", "x")),
    Case(
        "hidden file that is named",
        f"listen .hidden.wav {RAIN}",
        r"\.hidden\.wav: not readable as audio .*",
        2,
        write(".hidden.wav", "x"),
    ),
    Case(
        "empty file",
        f"listen empty.wav {RAIN}",
        r"empty\.wav: the file is empty \(0 bytes\)",
        2,
        lambda folder: (folder / "empty.wav").touch(),
    ),
    Case(
        "text named .wav",
        f"listen mixed/text.wav {RAIN}",
        r"mixed/text\.wav: not readable as audio \(Format not recognised\); convert it to wav or flac, .*",
        2,
    ),
    Case(
        "one of two files left out",
        f"listen mixed {RAIN} -o out",
        r"earwitness: 1 of 2 files could not be read; the reasons are in out/errors\.csv",
        1,
    ),
    Case(
        "left out by classify",
        "classify mixed -w rain --runtime onnx -o out",
        r"earwitness: 1 of 2 files could not be read; the reasons are in out/errors\.csv",
        1,
    ),
    Case(
        "left out by tags",
        "tags mixed --runtime onnx -o out",
        r"earwitness: 1 of 2 files could not be read; the reasons are in out/errors\.csv",
        1,
    ),
    Case(
        "left out by report",
        f"report mixed {RAIN} -o out",
        r"earwitness: 1 of 2 files could not be read; the reasons are in out/errors\.csv",
        1,
    ),
    Case(
        "left out by embed",
        "embed mixed --runtime onnx -o out.npz",
        r"earwitness: 1 of 2 files could not be read; the reasons are in out\.npz\.errors\.csv",
        1,
    ),
    Case(
        "left out by index",
        "index mixed --store store --runtime onnx",
        "earwitness: 1 of 2 files .* the reasons are in the store: earwitness store info store --failures",
        1,
    ),
    Case(
        "duplicate words",
        f"listen good.wav {RAIN} -e Rain,siren",
        "earwitness: 1 of 3 words are given twice; each counts once",
        0,
    ),
    Case(
        "empty word",
        "listen good.wav -e rain,,siren",
        "earwitness: an empty word in 'rain,,siren'; remove it, or quote a phrase",
        2,
    ),
    Case("no words", "listen good.wav", "earwitness: nothing to listen for: give --events, --scenes or both; .*", 2),
    Case(
        "missing @file",
        "listen good.wav -e @words.txt",
        r"earwitness: words\.txt: not readable as a list of words \(No such file or directory\); give @FILE .*",
        2,
    ),
    Case(
        "unknown protocol",
        "evaluate good.wav --protocol magic",
        r".*'magic' is not one of 'rare', 'collar', 'segment', 'desed'\..*",
        2,
    ),
    Case("data set not there", "evaluate esc50 --dir nowhere", "earwitness: .*nowhere.*", 2),
    Case(
        "wrong checksum",
        f"listen good.wav -e rain --encoder {EMBEDDED}.safetensors --runtime torch",
        "earwitness: .*the sha256 is [0-9a-f]{64}, but .* the file is damaged or another one.*",
        2,
        damage_weights,
    ),
    Case(
        "store of a newer schema",
        "ask store -e rain",
        rf"earwitness: store: a store of schema 99; this version \({re.escape(__version__)}\) reads schema 1 and 2: .*",
        2,
        lambda folder: make_store(folder, schema=99),
    ),
    Case(
        "store of another encoder",
        "index good.wav --store store --runtime onnx",
        r"earwitness: store: encoder='.*', but this store was made with 'another'; choose another --store, or .*",
        2,
        lambda folder: make_store(folder, encoder="another"),
    ),
    Case("ask on an empty store", "ask store -e rain", "earwitness: no recording to query: .*", 2, make_empty_store),
    Case(
        "failures of an earlier index run",
        "ask store -e rain",
        "1 recordings failed when they were indexed; 'earwitness store info store --failures' lists them",
        2,
        make_empty_store,
    ),
    Case("no store", "ask nowhere -e rain", "earwitness: nowhere: .*", 2),
    Case(
        "existing output folder",
        f"listen good.wav {RAIN} -o out",
        "out: replacing the results of an earlier run",
        0,
        lambda folder: (run(*f"listen good.wav {RAIN} -o out".split()), None)[-1],
    ),
    Case("mixtures into an existing folder", "mix -b mixed -e mixed -o mixed", "earwitness: .*mixed.*", 2),
    Case(
        "output folder that cannot be made",
        f"listen good.wav {RAIN} -o /proc/out",
        r"earwitness: /proc/out: cannot be written \(.*\); free some space or choose another folder",
        2,
    ),
    Case(
        "output folder that is a file",
        f"listen good.wav {RAIN} -o good.wav",
        r"earwitness: good\.wav: cannot be written \(File exists\); .*",
        2,
    ),
    Case(
        "full disk",
        f"listen good.wav {RAIN} -o out",
        r"earwitness: out/events\.csv: cannot be written \(No space left on device\); free some space .*",
        2,
        link("out/events.csv", "/dev/full"),
    ),
)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_goes_wrong_is_a_line_and_an_exit_status(case: Case, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if case.name == "missing extra":
        monkeypatch.setitem(sys.modules, "pyarrow", None)
    case.prepare(place)
    done = run(*case.command.split())
    text = " ".join(done.stderr.replace("│", " ").split()) if "protocol" in case.name else done.stderr
    assert any(re.fullmatch(case.line, line) for line in text.splitlines()), done.stderr
    assert done.exit_code == case.status, done.output
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    "command", ["listen mixed -e rain", "classify mixed -w rain", "tags mixed", "report mixed -e rain"]
)
def test_errors_have_one_schema(place: Path, command: str) -> None:
    run(*command.split(), *ON_ONNX, "-o", "out")
    [row] = read_rows(place / "out" / "errors.csv")
    assert list(row) == ["file", "reason"]
    assert row["file"] == "mixed/text.wav"
    assert (read_run(place / "out")["n_done"], read_run(place / "out")["n_failed"]) == (1, 1)


def test_errors_of_features_and_of_answers_have_the_same_schema(place: Path) -> None:
    run("embed", "mixed", *ON_ONNX, "-o", "out.npz")
    run("index", "mixed", "--store", "store", *ON_ONNX)
    assert run("ask", "store", "-e", "rain", "-o", "answer").exit_code == 1
    for path in ("out.npz.errors.csv", "answer/errors.csv"):
        assert list(read_rows(place / path)[0]) == ["file", "reason"]
    run("embed", "good.wav", *ON_ONNX, "-o", "out.npz")
    assert not (place / "out.npz.errors.csv").exists()


def test_notes_in_a_list_of_words_are_no_words(place: Path) -> None:
    (place / "words.txt").write_text("# what to find\nrain  # not drizzle\n  # more\nsiren\n")
    assert run("listen", "good.wav", "-e", "@words.txt", *ON_ONNX, "-o", "out").exit_code == 0
    assert read_run(place / "out")["events"] == ["rain", "siren"]


def test_a_port_in_use_is_reported(place: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run("serve", "--port", port, *ON_ONNX)
    assert done.exit_code == 2
    assert re.match(rf"earwitness: .*{port}.*choose another --port", done.stderr)


@pytest.fixture
def filling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the disk fill after the first recording."""
    from earwitness.errors import OutputError
    from earwitness.results import ResultFolder

    add, done = ResultFolder.add, []

    def fill(self: ResultFolder, *answer: object) -> None:
        if done:
            raise OutputError("out/events.csv: cannot be written (No space left on device); free some space")
        done.append(1)
        add(self, *answer)  # type: ignore[arg-type]

    monkeypatch.setattr(ResultFolder, "add", fill)


@pytest.mark.usefixtures("filling")
def test_a_disk_that_fills_halfway_leaves_what_was_finished(place: Path, write_wav: WriteWav) -> None:
    for number in range(3):
        write_wav(f"in/{number}.wav", make_noise(1.0))
    done = run("listen", "in", "-s", "park", *ON_ONNX, "-o", "out")
    assert done.exit_code == 2
    assert "No space left on device" in done.stderr
    assert [row["file"] for row in read_rows(place / "out" / "scenes.csv")] == ["in/0.wav"]
    assert read_run(place / "out")["state"] == "interrupted"


def test_there_are_cases_enough() -> None:
    assert len(CASES) >= 27
