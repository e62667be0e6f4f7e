from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from earwitness.errors import ArchiveError, OutputError
from earwitness.files import write_csv, write_errors_reported, write_text, written_whole


def test_a_file_has_its_name_only_once_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "events.csv"
    with written_whole(path, is_synced=True) as scratch:
        scratch.write_text("half")
        assert scratch.parent == path.parent
        assert not path.exists()
    assert path.read_text() == "half"
    assert [each.name for each in path.parent.iterdir()] == ["events.csv"]


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt(), ValueError("odd")])
def test_a_failure_leaves_the_earlier_file_and_nothing_else(tmp_path: Path, failure: BaseException) -> None:
    path = tmp_path / "run.json"
    path.write_text("earlier")

    def write_half() -> None:
        with written_whole(path) as scratch:
            scratch.write_text("half")
            raise failure

    with pytest.raises(type(failure)):
        write_half()
    assert [each.name for each in tmp_path.iterdir()] == ["run.json"]
    assert path.read_text() == "earlier"


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    path = tmp_path / "link.txt"
    path.symlink_to(tmp_path / "real.txt")
    write_text(path, "text")
    assert path.is_symlink()
    assert (tmp_path / "real.txt").read_text() == "text"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs POSIX pipes")
def test_a_pipe_is_written_and_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_text(path, "text")
        assert os.read(reader, 10) == b"text"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(path.stat().st_mode)


def test_an_error_names_the_path_the_reason_and_the_next_step(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"file/a\.txt: cannot be written \(.+\); free some space or choose another"):
        write_text(tmp_path / "file" / "a.txt", "text")
    reported = write_errors_reported("a.txt", ArchiveError, "choose another --store")
    with pytest.raises(ArchiveError, match=r"^a\.txt: cannot be written \(No space\); choose another --st"), reported:
        raise OSError(28, "No space")


def test_text_is_written_as_it_is(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "one\r\ntwo\n\udce9")
    assert (tmp_path / "a.txt").read_bytes() == b"one\r\ntwo\n\\udce9"


def test_rows_are_written_with_quotes_where_they_need_them(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", [("file", "score"), ('a, "b".wav', 0.5)], line_end="\n")
    assert (tmp_path / "a.csv").read_text() == 'file,score\n"a, ""b"".wav",0.5\n'
