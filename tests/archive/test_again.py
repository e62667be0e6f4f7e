"""A store moves to another encoder: the old rows answer until all are there again, and no moment mixes the two."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from earwitness.archive import again as moving
from earwitness.archive.again import MoveReport, move_store
from earwitness.archive.index import index_recordings
from earwitness.archive.part_storage import LocalStorage
from earwitness.archive.part_writer import IndexOptions, IndexReport
from earwitness.archive.tag_store import open_store
from earwitness.audio.read import find_audio
from earwitness.encoders.load import LoadedEncoder
from earwitness.errors import ArchiveError, AudioError
from made_archives import ONNX, Index, MakeArchive, QuickBackend

OLD = "m2d_vit_tiny-80x1001p16x16-261122-distil_as"
Move = Callable[..., MoveReport]


@pytest.fixture
def archive(make_archive: MakeArchive) -> Path:
    return make_archive(4, 2.0)


@pytest.fixture
def store(archive: Path, index: Index, onnx: LoadedEncoder, tmp_path: Path) -> Path:
    """Make a store by another encoder, with windows of its own."""
    encoder = LoadedEncoder(QuickBackend(replace(onnx.spec, name=OLD)), "fb", None, None)
    settings = replace(ONNX, window_s=2.0, hop_s=1.0)
    index_recordings(find_audio([archive]), tmp_path / "store", settings, encoder, IndexOptions())
    return tmp_path / "store"


@pytest.fixture
def move(store: Path, quick: LoadedEncoder, monkeypatch: pytest.MonkeyPatch) -> Move:
    """Give a function that moves the store to the quick encoder; `stop_after` recordings it is interrupted."""
    monkeypatch.setattr(moving, "choose_encoder", lambda _: quick)

    def run(*sources: Path, stop_after: int | None = None, **options: object) -> MoveReport:
        chosen = IndexOptions(**options)  # type: ignore[arg-type]

        def fill(paths: Sequence[str], place: str) -> IndexReport:
            found = find_audio([Path(each) for each in paths])
            report = index_recordings(found[:stop_after], place, ONNX, quick, chosen)
            if stop_after is not None:
                raise KeyboardInterrupt
            return report

        return move_store(store, [str(each) for each in sources], ONNX, chosen, fill)

    return run


def encoder_of(store: Path) -> str:
    return open_store(store).parts.provenance.encoder


def test_the_old_rows_answer_until_all_are_there_again(store: Path, archive: Path, move: Move, index: Index) -> None:
    old = open_store(store).fingerprint()
    with pytest.raises(KeyboardInterrupt):
        move(archive, stop_after=2)
    assert encoder_of(store) == OLD
    assert open_store(store).fingerprint() == old
    assert open_store(store).ask(["siren"]).n_files == 4
    report = move(archive)
    assert (report.index.n_analysed, report.index.n_unchanged) == (2, 2), "it goes on where it was"
    assert (report.before, report.n_left, report.lost) == (store / "before-1", 0, [])
    assert encoder_of(store) != OLD
    assert encoder_of(store / "before-1") == OLD
    assert open_store(store / "before-1").fingerprint() == old
    assert not (store / "again").exists()
    index(archive, store=store.parent / "new")
    assert open_store(store).fingerprint() == open_store(store.parent / "new").fingerprint()
    assert open_store(store).verify() == {}
    assert index(archive).n_unchanged == 4, "it is a store like any other"


def test_a_store_that_has_moved_already_is_indexed_as_usual(store: Path, archive: Path, move: Move) -> None:
    move(archive)
    report = move(archive)
    assert (report.index.n_unchanged, report.before) == (4, None)
    assert not (store / "before-2").exists()


def test_recordings_need_not_be_named_and_new_ones_come_along(
    store: Path, make_archive: MakeArchive, move: Move
) -> None:
    assert move(make_archive(1, 2.0, "new")).index.n_analysed == 5
    assert len(open_store(store).files) == 5


def test_rows_of_recordings_that_are_gone_are_left_behind_on_request_only(
    store: Path, archive: Path, move: Move
) -> None:
    (archive / "001.wav").unlink()
    (archive / "002.wav").write_bytes(b"no sound")
    report = move(archive)
    assert (report.before, report.n_left) == (None, 0)
    assert [Path(each).name for each in report.lost] == ["001.wav", "002.wav"]
    assert encoder_of(store) == OLD
    report = move(archive, is_pruning=True)
    assert report.before is not None
    assert sorted(Path(each.path).name for each in open_store(report.before).files) == [f"00{n}.wav" for n in range(4)]
    assert open_store(store).inform().n_files == {"heard": 2, "failed": 1}


def test_shards_are_all_needed(store: Path, archive: Path, move: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(IndexOptions, "takes", lambda self, path: int(Path(path).stem) % 2 == self.shard[0] - 1)
    reports = [move(archive, shard=(number, 2)) for number in (1, 2)]
    assert [each.index.n_analysed for each in reports] == [2, 2]
    assert [(each.n_left, each.before) for each in reports] == [(2, None), (0, store / "before-1")]


@pytest.mark.parametrize("n_done", [1, 2, 3])
def test_a_replacement_that_was_killed_is_finished_by_the_next_run(
    store: Path, archive: Path, move: Move, index: Index, monkeypatch: pytest.MonkeyPatch, n_done: int
) -> None:
    old, real, n_renamed = open_store(store).fingerprint(), Path.rename, []

    def rename(path: Path, target: Path) -> Path:
        if store in path.parents and ("before" in str(target) or "again" in str(path)):
            if len(n_renamed) == n_done:
                raise KeyboardInterrupt
            n_renamed.append(path)
        return real(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", rename)
        with pytest.raises(KeyboardInterrupt):
            move(archive)
    with pytest.raises(ArchiveError, match="no store here"):
        open_store(store)
    assert index(archive).n_unchanged == 4
    assert encoder_of(store) != OLD
    assert open_store(store / "before-1").fingerprint() == old
    assert not (store / "again").exists()


def test_a_store_that_is_open_meanwhile_is_not_misread(store: Path, archive: Path, move: Move) -> None:
    opened = open_store(store)
    assert opened.ask(["siren"]).n_files == 4
    move(archive)
    with pytest.raises(ArchiveError, match="moved to another encoder meanwhile; open it again"):
        opened.ask(["siren"])


def test_there_must_be_a_store(tmp_path: Path) -> None:
    def fill(paths: Sequence[str], place: str) -> IndexReport:
        raise AudioError("nothing is to be analysed")

    with pytest.raises(ArchiveError, match="no store here"):
        move_store(tmp_path / "nothing", [], ONNX, IndexOptions(), fill)
    assert LocalStorage(tmp_path).finish_replacement() is False
