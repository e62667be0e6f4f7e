"""Indexing: what is new or changed, once; failures in a ledger; nothing lost whatever goes wrong."""

from __future__ import annotations

import errno
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import soundfile

from earwitness import open_store
from earwitness.archive import extract as hearing
from earwitness.archive import index as indexing
from earwitness.archive import parquet_parts as parts
from earwitness.archive.index import index_recordings
from earwitness.archive.part_writer import IndexOptions
from earwitness.encoders.load import LoadedEncoder
from earwitness.errors import ArchiveError, SettingsError
from earwitness.settings import Settings
from made_archives import Index, MakeArchive
from made_sounds import make_noise

CODE = """
import sys
from pathlib import Path
from earwitness import Settings
from earwitness.archive import IndexOptions, index_recordings
from earwitness.audio import find_audio
options = IndexOptions(rows_a_part=int(sys.argv[3]))
report = index_recordings(find_audio([sys.argv[1]]), sys.argv[2], Settings(runtime="onnx", n_threads=1), None, options)
print(report.n_analysed, report.n_unchanged, report.n_elsewhere)
"""


def states(store: Path) -> dict[str, str]:
    return {Path(each.path).name: each.state for each in open_store(store).files}


def start(archive: Path, store: Path, rows_a_part: int = 8) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CODE, str(archive), str(store), str(rows_a_part)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def n_parts(store: Path) -> int:
    return len(list((store / "parts").glob("*")))


def count_pieces(store: Path) -> dict[tuple[str, int], int]:
    counts: dict[tuple[str, int], int] = {}
    for part in (store / "parts").iterdir():
        for each in parts.read_records(part):
            counts[each.path, each.number] = counts.get((each.path, each.number), 0) + 1
    return counts


def test_recordings_are_heard_once(
    make_archive: MakeArchive, index: Index, tmp_path: Path, quick: LoadedEncoder
) -> None:
    archive = make_archive(5)
    assert index(archive).n_analysed == 5
    n_windows = quick.backend.n_windows  # type: ignore[attr-defined]
    again = index(archive)
    assert (again.n_analysed, again.n_unchanged) == (0, 5)
    assert quick.backend.n_windows == n_windows  # type: ignore[attr-defined]
    assert n_parts(tmp_path / "store") == 1
    assert set(states(tmp_path / "store").values()) == {"heard"}


def test_new_and_changed_recordings_are_heard_and_replace_the_old(
    make_archive: MakeArchive, index: Index, tmp_path: Path
) -> None:
    archive = make_archive(3)
    index(archive)
    before = {each.path: each for each in open_store(tmp_path / "store").files}
    soundfile.write(archive / "001.wav", make_noise(2.0), 16000)
    soundfile.write(archive / "new.wav", make_noise(1.0), 16000)
    report = index(archive)
    assert (report.n_analysed, report.n_unchanged) == (2, 2)
    after = {each.path: each for each in open_store(tmp_path / "store").files}
    changed = str(archive / "001.wav")
    assert (after[changed].attempt, after[changed].duration_s) == (2, 2.0)
    assert after[changed].sha256 != before[changed].sha256
    fresh = tmp_path / "fresh"
    index(archive, store=fresh)
    assert open_store(fresh).inform().n_files == open_store(tmp_path / "store").inform().n_files


def test_failures_stand_in_the_ledger_and_are_tried_again_on_request(
    make_archive: MakeArchive, index: Index, tmp_path: Path
) -> None:
    archive = make_archive(2)
    (archive / "broken.wav").write_bytes(b"no sound")
    (archive / "empty.wav").write_bytes(b"")
    (archive / "gone.wav").symlink_to(archive / "nowhere.wav")  # a dead link in a folder does not count
    report = index(archive)
    assert (report.n_analysed, len(report.failures)) == (2, 2)
    entries = {Path(each.path).name: each for each in open_store(tmp_path / "store").files}
    assert "not readable as audio" in entries["broken.wav"].reason
    assert "empty.wav" in entries["empty.wav"].reason
    again = index(archive)
    assert (again.n_unchanged, again.n_failed_before, again.failures) == (2, 2, [])
    shutil.copy(archive / "000.wav", archive / "empty.wav")
    shutil.copy(archive / "000.wav", archive / "nowhere.wav")
    retried = index(archive, retry_failed=True)
    assert retried.n_analysed == 3, "one is mended, the link leads somewhere now, and what it leads to is new"
    assert [Path(path).name for path, _ in retried.failures] == ["broken.wav"]
    assert states(tmp_path / "store")["gone.wav"] == "heard"


def test_a_recording_that_may_not_be_read_is_told_and_the_rest_is_heard(
    make_archive: MakeArchive, index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = make_archive(3)
    real_open = Path.open

    def open_or_refuse(path: Path, *arguments: object, **options: object) -> object:
        if path.name == "001.wav":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real_open(path, *arguments, **options)  # type: ignore[call-overload]

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", open_or_refuse)
        report = index(archive)
    assert report.n_analysed == 2
    assert "Permission denied" in report.failures[0][1]
    assert index(archive, retry_failed=True).n_analysed == 1


def test_a_recording_that_vanishes_between_finding_and_hearing_is_told(
    make_archive: MakeArchive, tmp_path: Path, quick: LoadedEncoder
) -> None:
    archive = make_archive(2)
    sources = sorted(archive.iterdir())
    sources[1].unlink()
    report = index_recordings(sources, tmp_path / "store", Settings(runtime="onnx"), quick)
    assert report.n_analysed == 1
    assert "No such file" in report.failures[0][1]


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [1.0, 350.0])
def test_a_recording_that_grows_while_it_is_heard_is_heard_by_the_next_run(
    make_archive: MakeArchive, index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    archive = make_archive(1)
    soundfile.write(archive / "000.wav", make_noise(seconds), 16000)
    real = hearing.read_blocks

    def read_and_grow(*arguments: object, **named: object) -> object:
        yield from real(*arguments, **named)  # type: ignore[arg-type]
        soundfile.write(archive / "000.wav", make_noise(2.0), 16000)

    with monkeypatch.context() as patch:
        patch.setattr(hearing, "read_blocks", read_and_grow)
        ((_, reason),) = index(archive, rows_a_part=1).failures
    assert "changed while it was analysed; run 'index' again to take it" in reason
    assert open_store(tmp_path / "store").ask(["siren"]).n_files == 0
    report = index(archive)
    assert (report.n_analysed, report.n_failed_before) == (1, 0)
    (entry,) = open_store(tmp_path / "store").files
    assert entry.duration_s == pytest.approx(2.0)


@pytest.mark.skipif(sys.platform != "linux", reason="names that are no UTF-8 need a file system that takes them")
def test_a_failure_with_a_name_that_is_no_text_stops_nothing(
    make_archive: MakeArchive, index: Index, tmp_path: Path
) -> None:
    archive = make_archive(2)
    Path(os.fsdecode(os.fsencode(archive) + b"/\xff\xfe.wav")).write_bytes(b"no sound")
    assert (index(archive).n_analysed, states(tmp_path / "store")[r"\xff\xfe.wav"]) == (2, "failed")
    assert index(archive, is_pruning=True).n_gone == 0


def test_a_store_that_cannot_be_written_is_told_before_anything_is_heard(
    make_archive: MakeArchive, index: Index, tmp_path: Path, quick: LoadedEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = make_archive(2)
    index(archive)
    real_open, n_before = os.open, quick.backend.n_windows  # type: ignore[attr-defined]

    def open_or_refuse(path: object, flags: int, *rest: int) -> int:
        if flags & os.O_CREAT and str(path).startswith(str(tmp_path / "store")):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real_open(path, flags, *rest)  # type: ignore[arg-type]

    soundfile.write(archive / "new.wav", make_noise(1.0), 16000)
    monkeypatch.setattr(os, "open", open_or_refuse)
    with pytest.raises(ArchiveError, match="Permission denied"):
        index(archive)
    assert quick.backend.n_windows == n_before  # type: ignore[attr-defined]


def test_a_full_disk_stops_the_run_and_keeps_what_was_committed(
    make_archive: MakeArchive, index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, written = make_archive(6), []
    real = parts.write_part

    def write_some(*arguments: object) -> object:
        if len(written) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written.append(arguments)
        return real(*arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr("earwitness.archive.store.write_part", write_some)
        with pytest.raises(ArchiveError, match="No space left on device"):
            index(archive, rows_a_part=1)
    assert len(states(tmp_path / "store")) == 2
    report = index(archive)
    assert (report.n_analysed, report.n_unchanged) == (4, 2)


def test_what_a_damaged_part_held_is_heard_again(make_archive: MakeArchive, index: Index, tmp_path: Path) -> None:
    archive, store = make_archive(4), tmp_path / "store"
    index(archive, rows_a_part=1)
    whole = open_store(store).fingerprint()
    (sorted((store / "parts").iterdir())[0] / parts.ROWS).write_bytes(b"")
    assert len(states(store)) == 3
    report = index(archive)
    assert (report.n_analysed, report.n_unchanged, len(report.set_aside)) == (1, 3, 1)
    assert open_store(store).fingerprint() == whole
    assert len(list((store / "damaged").iterdir())) == 1


def test_files_that_are_gone_are_recorded_on_request(make_archive: MakeArchive, index: Index, tmp_path: Path) -> None:
    archive, other = make_archive(3), make_archive(1, name="other")
    index(archive, other)
    (archive / "001.wav").unlink()
    shutil.rmtree(other)
    assert index(archive).n_gone == 0
    assert index(archive, is_pruning=True).n_gone == 1, "only in the folder that was given"
    files = open_store(tmp_path / "store").files
    assert sorted(each.state for each in files) == ["gone", "heard", "heard", "heard"]
    soundfile.write(archive / "001.wav", make_noise(1.0), 16000)
    assert index(archive).n_analysed == 1


def test_shards_share_the_recordings_out(make_archive: MakeArchive, index: Index) -> None:
    paths = [f"/archive/{number:03}.wav" for number in range(400)]
    shares = [{path for path in paths if IndexOptions(shard=(number, 4)).takes(path)} for number in (1, 2, 3, 4)]
    assert sum(map(len, shares)) == len(set.union(*shares)) == 400
    assert 80 <= min(map(len, shares)) <= max(map(len, shares)) <= 120
    with pytest.raises(SettingsError, match="shard=5/4"):
        index(make_archive(1), shard=(5, 4))


def test_other_settings_are_refused_before_anything_is_heard(
    make_archive: MakeArchive, index: Index, tmp_path: Path, quick: LoadedEncoder
) -> None:
    archive = make_archive(1)
    index(archive)
    with pytest.raises(ArchiveError, match="row_s=0.16, but this store was made with 1.0"):
        index(archive, is_by_token=True)
    with pytest.raises(ArchiveError, match="hop_s=0.5, but this store was made with 5.0"):
        index_recordings([archive / "000.wav"], tmp_path / "store", Settings(hop_s=0.5, runtime="onnx"), quick)


def test_a_key_press_keeps_what_was_heard(make_archive: MakeArchive, tmp_path: Path, quick: LoadedEncoder) -> None:
    sources = sorted(make_archive(8).iterdir())

    def press(*_: object) -> object:
        raise KeyboardInterrupt

    run = indexing._Run._record_failure
    try:
        indexing._Run._record_failure = press  # type: ignore[assignment,method-assign]
        sources[4].write_bytes(b"no sound")
        with pytest.raises(KeyboardInterrupt):
            index_recordings(sources, tmp_path / "store", Settings(runtime="onnx"), quick)
    finally:
        indexing._Run._record_failure = run  # type: ignore[method-assign]
    assert {"000.wav", "001.wav", "002.wav", "003.wav"} <= set(states(tmp_path / "store"))


@pytest.mark.slow
def test_kill_9_at_random_moments_ends_in_the_same_store(make_archive: MakeArchive, tmp_path: Path) -> None:
    archive = make_archive(40, 2.0)
    whole = start(archive, tmp_path / "whole")
    assert whole.communicate()[0] == "40 0 0\n"
    store, n_kills, generator = tmp_path / "store", 0, random.Random(3)
    for wanted in range(2, 14, 2):  # kill it a moment after it has committed a few parts more
        process = start(archive, store)
        while process.poll() is None and n_parts(store) < wanted:
            time.sleep(0.005)
        time.sleep(generator.uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        n_kills += process.returncode == -9
        assert open_store(store).verify() == {}
    last = start(archive, store)
    n_analysed, n_unchanged, _ = map(int, last.communicate()[0].split())
    assert n_kills >= 4
    assert n_analysed + n_unchanged == 40
    assert n_unchanged > 0, "what was done stays done"
    assert set(count_pieces(store).values()) == {1}
    assert open_store(store).fingerprint() == open_store(tmp_path / "whole").fingerprint()
    assert list((store / "tmp").iterdir()) == []


@pytest.mark.slow
def test_two_processes_share_one_store(make_archive: MakeArchive, tmp_path: Path) -> None:
    archive, store = make_archive(30, 2.0), tmp_path / "store"
    both = [start(archive, store), start(archive, store)]
    details = [list(map(int, each.communicate()[0].split())) for each in both]
    assert [each.returncode for each in both] == [0, 0]
    assert sum(n_analysed for n_analysed, _, _ in details) == 30, "each recording is heard by one of them"
    assert set(count_pieces(store).values()) == {1}
    assert len(count_pieces(store)) == 30
    assert open_store(store).verify() == {}


def test_options_have_the_defaults_that_docs_state() -> None:
    assert (IndexOptions().rows_a_part, IndexOptions().seconds_a_part) == (7200, 60.0)
