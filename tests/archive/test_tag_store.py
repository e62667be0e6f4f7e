"""SQL over a store, what it says of itself, and query by example."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import soundfile

from demo_recording import make_recording
from earwitness import open_store
from earwitness.archive.similar import find_similar
from earwitness.encoders.load import LoadedEncoder
from earwitness.errors import SettingsError
from made_archives import Index, MakeArchive
from made_sounds import make_noise


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Noise with a telephone at 20 s in one recording, noise alone in the other."""
    samples, _ = make_recording()
    folder = tmp_path / "archive"
    folder.mkdir()
    ringing = samples[int(2.1 * 16000) : int(4.5 * 16000)]
    noise = 0.02 * make_noise(40.0)
    noise[20 * 16000 : 20 * 16000 + len(ringing)] += ringing
    soundfile.write(folder / "ringing.wav", noise, 16000)
    soundfile.write(folder / "quiet.wav", 0.02 * make_noise(40.0, seed=3), 16000)
    soundfile.write(tmp_path / "clip.wav", ringing, 16000)
    return folder


@pytest.mark.slow
def test_a_clip_finds_its_like(archive: Path, index: Index, onnx: LoadedEncoder, tmp_path: Path) -> None:
    index(archive, encoder=onnx)
    matches = open_store(tmp_path / "store").similar(tmp_path / "clip.wav", 3, onnx)
    assert Path(matches[0].path).name == "ringing.wav"
    assert 19 <= matches[0].start_s <= 22
    assert matches[0].similarity > 0.6 > matches[-1].similarity
    found = [each.start_s for each in matches if each.path == matches[0].path]
    assert all(abs(a - b) >= 10 for a in found for b in found if a != b)
    elsewhere, _ = find_similar(open_store(tmp_path / "store").parts, tmp_path / "clip.wav", 3, onnx)
    assert elsewhere == matches


@pytest.mark.slow
def test_sql_sees_what_is_current(archive: Path, index: Index, onnx: LoadedEncoder, tmp_path: Path) -> None:
    index(archive, encoder=onnx)
    store = open_store(tmp_path / "store")
    (loudest,) = store.sql(
        "select f.path, r.start_s, score(r.scores, t.tag) as s from rows r join files f using (file_id), tags t "
        "where t.name = 'Telephone bell ringing' order by s desc limit 1"
    ).to_pylist()
    assert Path(loudest["path"]).name == "ringing.wav"
    assert 19 <= loudest["start_s"] <= 23
    assert 0.05 < loudest["s"] <= 1
    soundfile.write(archive / "quiet.wav", make_noise(5.0), 16000)
    index(archive, encoder=onnx)
    assert store.sql("select count(*) n from rows").to_pylist() == [{"n": 45}]
    assert store.sql("select count(*) n from clips").to_pylist() == [{"n": 8}]  # 7 in 40 s
    (mean,) = store.sql("select avg(logit(logits, 0)) m from clips").to_pylist()
    assert -16 <= mean["m"] <= 9.5
    with pytest.raises(SettingsError, match="nothing_here"):
        store.sql("select nothing_here from files")


@pytest.mark.parametrize(
    "query",
    [
        "select * from read_text('{folder}/secret')",
        "select * from read_text('{folder}/store/parts/../../secret')",
        "copy (select 1) to '{folder}/written'",
        "copy (select 1) to '{folder}/store/parts/written'",
        "select 1; copy (select 1) to '{folder}/written'",
        "attach '{folder}/written'",
        "set enable_external_access = true",
        "",
    ],
)
def test_sql_reads_the_store_and_nothing_else(
    make_archive: MakeArchive, index: Index, tmp_path: Path, query: str
) -> None:
    index(make_archive(1))
    (tmp_path / "secret").write_text("secret", encoding="utf-8")
    store = open_store(tmp_path / "store")
    with pytest.raises(SettingsError, match="Permission Error|give one query that reads"):
        store.sql(query.format(folder=tmp_path))
    assert not list(tmp_path.rglob("written"))
    assert store.sql("select count(*) n from rows").to_pylist() == [{"n": 1}]
    assert store.sql("explain select path from files").num_rows


@pytest.mark.slow
def test_the_sql_of_the_docs_runs(
    archive: Path, index: Index, onnx: LoadedEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import duckdb

    page = Path(__file__).parents[2] / "docs" / "how-to" / "archive.md"
    over_tables, over_files = re.findall(r"```sql\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    index(archive, encoder=onnx, store=tmp_path / "tags")
    assert open_store(tmp_path / "tags").sql(over_tables).column_names == ["hour", "seconds"]
    monkeypatch.chdir(tmp_path)
    assert sorted(row[1] for row in duckdb.sql(over_files).fetchall()) == ["heard", "heard"]


def test_an_empty_store_can_be_asked(index: Index, tmp_path: Path) -> None:
    (tmp_path / "broken.wav").write_bytes(b"x")
    index(tmp_path / "broken.wav")
    store = open_store(tmp_path / "store")
    assert store.sql("select count(*) n from rows").to_pylist() == [{"n": 0}]
    answer = store.ask(["siren"], ["park"])
    assert (answer.n_files, answer.events, answer.scenes) == (0, [], [])
    assert answer.problems[0].startswith("1 recordings failed when they were indexed")
    assert store.inform().n_files == {"failed": 1}


def test_a_store_tells_what_it_holds(make_archive: MakeArchive, index: Index, tmp_path: Path) -> None:
    index(make_archive(4, 2.0))
    details = open_store(tmp_path / "store").inform()
    assert (details.n_files, details.n_parts, details.damaged) == ({"heard": 4}, 1, {})
    assert details.hours == pytest.approx(8 / 3600)
    assert details.n_bytes == sum(each.stat().st_size for each in (tmp_path / "store").rglob("*.parquet"))


def test_the_fingerprint_tells_content_not_parts(make_archive: MakeArchive, index: Index, tmp_path: Path) -> None:
    archive = make_archive(4)
    index(archive)
    index(archive, store=tmp_path / "other", rows_a_part=1)
    first, other = open_store(tmp_path / "store"), open_store(tmp_path / "other")
    assert other.inform().n_parts == 4
    assert first.fingerprint() == other.fingerprint()
    soundfile.write(archive / "new.wav", make_noise(1.0), 16000)
    index(archive)
    assert first.fingerprint() != other.fingerprint()
