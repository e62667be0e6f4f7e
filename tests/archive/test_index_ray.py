"""An archive heard by two workers of a local Ray cluster: as on one machine, even while workers are killed."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from earwitness import Settings
from earwitness.archive import index_ray as engine_ray
from earwitness.archive.extract import Chunk, ExtractTask
from earwitness.archive.index import index_recordings
from earwitness.archive.parquet_parts import read_chunks, read_records
from earwitness.archive.part_writer import IndexOptions
from earwitness.archive.remote_store import RemoteStorage, fetch_store
from earwitness.archive.store import Store
from earwitness.archive.worker import Listing, extract_anywhere
from earwitness.cli.main import app
from earwitness.encoders.load import LoadedEncoder
from earwitness.errors import ArchiveError, MissingExtraError, SettingsError
from made_sounds import make_noise

pytest.importorskip("ray")

from earwitness.archive.index_ray import Cluster, index_on_ray

# Ray Data reads its own deprecated settings, and leaves pipes and sockets to the end of the process.
pytestmark = [
    pytest.mark.ray,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
ONNX = Settings(runtime="onnx")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive") / "recordings"
    folder.mkdir()
    for number in range(6):
        soundfile.write(folder / f"20260301_12000{number}.wav", make_noise(2.0 + number, seed=number), 16000)
    (folder / "broken.wav").write_bytes(b"no sound")
    return folder


@pytest.fixture(scope="module")
def local(archive: Path) -> Path:
    store = archive.parent / "local"
    index_recordings(sorted(archive.iterdir()), store, ONNX)
    return store


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        token = tmp_path_factory.mktemp("ray") / "token"  # Ray would leave one in the home folder
        token.write_text(secrets.token_hex(32))
        patch.setenv("RAY_AUTH_TOKEN_PATH", str(token))
        patch.setenv("OMP_NUM_THREADS", "1")
        import ray

        ray.init("local", num_cpus=2, include_dashboard=False, object_store_memory=80_000_000, log_to_driver=False)
        yield
        ray.shutdown()


def list_content(store: Path) -> list[Any]:
    """Return all that a store says, sorted, whatever parts it lies in."""
    parts = Store(store)
    assert not parts.damaged
    chunks = [chunk for entry in parts.catalogue for chunk in _read_entry(parts, entry)]
    return sorted(chunks, key=repr)


def _read_entry(parts: Store, entry: Any) -> Iterator[Any]:
    name = entry.path.rsplit("/", 1)[-1]
    yield name, entry.state, entry.size, entry.start_time, entry.rate_hz, entry.duration_s
    for record in entry.chunks:
        for chunk in read_chunks(parts.part_path(record.part), [record]):
            yield name, chunk.number, chunk.is_last, chunk.rows.tobytes(), chunk.clips.tobytes()


def count_pieces(store: Path) -> int:
    """Return how many pieces lie in a store, doubled ones too."""
    return sum(len(read_records(part)) for part in (store / "parts").iterdir())


@pytest.mark.usefixtures("two_workers")
def test_two_workers_leave_what_one_machine_leaves(archive: Path, local: Path, tmp_path: Path) -> None:
    report = index_on_ray([archive], tmp_path / "store", ONNX, cluster=Cluster(n_workers=2))
    assert report.n_analysed == 6
    assert [path for path, _ in report.failures] == [str(archive / "broken.wav")]
    assert list_content(tmp_path / "store") == list_content(local)
    again = index_on_ray([archive], tmp_path / "store", ONNX, IndexOptions(retry_failed=False))
    assert (again.n_analysed, again.n_unchanged, again.n_failed_before, again.failures) == (0, 6, 1, [])


@pytest.mark.usefixtures("two_workers")
def test_a_killed_worker_loses_and_doubles_nothing_and_a_recording_that_kills_has_failed(
    archive: Path, local: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_ray, "HANDED_OVER_BYTES", 2000)  # each piece by itself, so that what came is not lost
    monkeypatch.setattr(engine_ray, "BATCHES_A_WORKER", 1)  # several recordings together, so that others are hit, too
    waiting, deaths = str(tmp_path / "pid"), str(tmp_path / "deaths")

    def analyse(listing: Listing, template: ExtractTask, encoder: LoadedEncoder) -> Iterator[Chunk]:
        if listing.path.endswith("poison.wav"):
            with open(deaths, "a") as file:  # noqa: PTH123 (runs in a worker)
                file.write("x")
            os.kill(os.getpid(), signal.SIGKILL)
        yield from extract_anywhere(listing, template, encoder)
        if listing.path.endswith("120003.wav"):
            with contextlib.suppress(FileExistsError), open(waiting, "x") as file:  # noqa: PTH123
                file.write(str(os.getpid()))
                file.flush()
                time.sleep(60)  # until it is killed

    folder = tmp_path / "recordings"
    shutil.copytree(archive, folder, copy_function=shutil.copy2)
    shutil.copy2(folder / "20260301_120000.wav", folder / "poison.wav")
    killed: list[int] = []
    killer = threading.Thread(target=_kill_when_told, args=(Path(waiting), killed))
    killer.start()
    report = index_on_ray([folder], tmp_path / "store", ONNX, cluster=Cluster(n_workers=2), analyse=analyse)
    killer.join()
    assert killed
    assert (report.n_analysed, len(report.failures)) == (6, 2)
    assert "3 workers died" in dict(report.failures)[str(folder / "poison.wav")]
    assert Path(deaths).read_text() == "xxx"
    content = list_content(tmp_path / "store")
    assert [each for each in content if each[0] != "poison.wav"] == list_content(local)
    assert ("poison.wav", "failed") in {each[:2] for each in content}
    assert count_pieces(tmp_path / "store") == 8


@pytest.mark.usefixtures("two_workers")
def test_what_came_before_a_worker_died_is_not_heard_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_ray, "HANDED_OVER_BYTES", 2000)
    log, levels, starts = str(tmp_path / "log"), np.zeros((8, 527), np.uint8), np.arange(8.0)
    soundfile.write(tmp_path / "long.wav", make_noise(1.0), 16000)

    def analyse(listing: Listing, template: ExtractTask, encoder: LoadedEncoder) -> Iterator[Chunk]:
        for number in range(6):
            if number in listing.done:
                continue
            with open(log, "a") as file:  # noqa: PTH123 (runs in a worker)
                file.write(str(number))
            place = {"number": number, "is_last": number == 5, "start_s": 8.0 * number, "end_s": 8.0 * (number + 1)}
            yield Chunk(listing.path, 1, 1, "", 1, "heard", rows=levels, clips=levels, clip_start_s=starts, **place)
            if number == 4 and not listing.done:
                time.sleep(1.0)  # so that some have been handed over
                os.kill(os.getpid(), signal.SIGKILL)

    report = index_on_ray([tmp_path / "long.wav"], tmp_path / "store", ONNX, analyse=analyse)
    assert (report.n_analysed, report.failures) == (1, [])
    assert Path(log).read_text().startswith("01234")
    assert Path(log).read_text().count("0") == 1
    (entry,) = Store(tmp_path / "store").catalogue
    assert (entry.state, [each.number for each in entry.chunks]) == ("heard", [0, 1, 2, 3, 4, 5])
    assert count_pieces(tmp_path / "store") == 6


def _kill_when_told(details: Path, killed: list[int]) -> None:
    for _ in range(300):
        with contextlib.suppress(FileNotFoundError):
            if text := details.read_text():
                os.kill(int(text), signal.SIGKILL)
                killed.append(int(text))
                return
        time.sleep(0.1)


@pytest.mark.usefixtures("two_workers")
def test_recordings_and_store_may_lie_at_urls(archive: Path, local: Path, tmp_path: Path) -> None:
    url = f"file://{tmp_path}/there/store"
    options = ("--store", url, "--engine", "ray", "--workers", "2", "--runtime", "onnx")
    result = CliRunner().invoke(app, ["index", f"file://{archive}", *options])
    assert (result.exit_code, result.stdout) == (1, "6 analysed, 0 unchanged\n")
    assert f"file://{archive}/broken.wav: not readable as audio" in result.stderr
    assert {entry.path for entry in Store(RemoteStorage(url)).catalogue} == {
        f"file://{each}" for each in archive.iterdir()
    }
    assert fetch_store(url, tmp_path / "here") == 1
    assert fetch_store(url, tmp_path / "here") == 0
    assert list_content(tmp_path / "here") == list_content(local)
    known = index_on_ray([f"file://{archive}/*.wav"], url, ONNX)
    assert (known.n_analysed, known.n_unchanged, known.n_failed_before) == (0, 6, 1)


@pytest.mark.usefixtures("two_workers")
def test_a_worker_that_the_cluster_cannot_hold_is_told(archive: Path, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="too few for a worker of 1 and 1"):
        index_on_ray([archive], tmp_path / "store", ONNX, cluster=Cluster(gpus_per_worker=1, cpus_per_worker=1))
    with pytest.raises(SettingsError, match="must not be negative"):
        index_on_ray([archive], tmp_path / "store", ONNX, cluster=Cluster(n_workers=-1))


def test_a_missing_extra_is_told(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray.data", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'earwitness\[ray\]'"):
        index_on_ray([archive], tmp_path / "store", ONNX)
    assert not (tmp_path / "store").exists()
