"""Tables of events scored without audio: by hand, and as the field's tool does."""

from __future__ import annotations

from pathlib import Path

import pytest

from earwitness.errors import AnnotationError
from earwitness.evaluation.results import Results, read_results, write_results
from earwitness.evaluation.score_tables import score_event_tables
from earwitness.metrics import find_kind

sed_eval = pytest.importorskip("sed_eval")

REF = [
    ("mixture_evaltest_babycry_000_a.wav", 1.0, 2.0, "babycry"),
    ("mixture_evaltest_babycry_001_b.wav", 5.0, 6.0, "babycry"),
    ("mixture_evaltest_gunshot_000_c.wav", 3.0, 4.0, "gunshot"),
    ("mixture_evaltest_gunshot_001_d.wav", None, None, None),
]
EST = [
    ("mixture_evaltest_babycry_000_a.wav", 1.15, 2.15, "babycry"),  # found
    ("mixture_evaltest_babycry_000_a.wav", 7.0, 8.0, "gunshot"),  # of another class than the file's
    ("mixture_evaltest_babycry_001_b.wav", 5.8, 6.0, "babycry"),  # too late
    ("mixture_evaltest_gunshot_000_c.wav", 3.4, 4.4, "gunshot"),  # within 0.5 s, not within 0.2 s
    ("mixture_evaltest_gunshot_001_d.wav", 2.0, 3.0, "gunshot"),  # nothing is there
]
Row = tuple[str, float | None, float | None, str | None]


def write(path: Path, rows: list[Row], words: dict[str, str] | None = None) -> Path:
    lines = ["file,onset_s,offset_s,label"]
    for name, onset, offset, label in rows:
        lines.append(f"{name},,," if label is None else f"{name},{onset},{offset},{(words or {}).get(label, label)}")
    path.write_text("\n".join(lines) + "\n")
    return path


def score(tmp_path: Path, protocol: str, words: dict[str, str] | None = None) -> Results:
    return score_event_tables(write(tmp_path / "ref.csv", REF), write(tmp_path / "est.csv", EST, words), protocol)


def values(results: Results) -> dict[str, float]:
    return {f"{each.measure}.{each.name}": each.interval.value for each in results.metrics}


def test_rare_events_are_scored_as_counted_by_hand(tmp_path: Path) -> None:
    found = values(score(tmp_path, "rare"))
    # babycry: 2 there, 2 said, 1 right: ER (1 + 1) / 2; gunshot: 1 there, 2 said, 1 right: ER (0 + 1) / 1.
    assert found["rare.error_rate"] == pytest.approx((1.0 + 1.0) / 2)
    assert found["rare.f1"] == pytest.approx((2 / 4 + 2 / 3) / 2)


@pytest.mark.parametrize("protocol", ["collar", "segment"])
def test_collar_and_segment_scores_are_those_of_sed_eval(tmp_path: Path, protocol: str) -> None:
    found = values(score(tmp_path, protocol))
    labels = ["babycry", "gunshot"]
    theirs = (
        sed_eval.sound_event.EventBasedMetrics(labels, t_collar=0.2, percentage_of_length=0.5)
        if protocol == "collar"
        else sed_eval.sound_event.SegmentBasedMetrics(labels, time_resolution=1.0)
    )
    for file in dict.fromkeys(row[0] for row in REF):
        both = [
            [{"event_label": r[3], "onset": r[1], "offset": r[2], "file": file} for r in rows if r[0] == file and r[3]]
            for rows in (REF, EST)
        ]
        theirs.evaluate(*both)
    overall = theirs.results_overall_metrics()
    assert found[f"{protocol}.f1"] == pytest.approx(overall["f_measure"]["f_measure"])
    assert found[f"{protocol}.precision"] == pytest.approx(overall["f_measure"]["precision"])
    assert found[f"{protocol}.error_rate"] == pytest.approx(overall["error_rate"]["error_rate"])
    mean = theirs.results_class_wise_average_metrics()["f_measure"]["f_measure"]
    assert found[f"{protocol}.macro_f1"] == pytest.approx(mean)


def test_words_are_taken_for_the_labels_they_stand_for(tmp_path: Path) -> None:
    assert values(score(tmp_path, "desed", {"babycry": "baby cry"})) == values(score(tmp_path, "desed"))


def test_mistakes_are_listed_with_what_is_passed_over(tmp_path: Path) -> None:
    kinds = [(row["kind"], row["file"][17:28], row["word"]) for row in score(tmp_path, "rare").errors]
    assert sorted(kinds) == [
        ("false alarm", "babycry_001", "babycry"),
        ("false alarm", "gunshot_001", "gunshot"),
        ("missed", "babycry_001", "babycry"),
        ("passed over", "babycry_000", "gunshot"),
    ]


def test_a_file_that_the_reference_does_not_know_is_refused_by_name(tmp_path: Path) -> None:
    write(tmp_path / "ref.csv", REF[:1])
    with pytest.raises(AnnotationError, match="babycry_001_b.wav is not among the 1 files"):
        score_event_tables(tmp_path / "ref.csv", write(tmp_path / "est.csv", EST), "collar")


def test_results_come_back_as_they_were_written(tmp_path: Path) -> None:
    results = score(tmp_path, "desed")
    write_results(tmp_path / "out", results)
    saved = read_results(tmp_path / "out")
    assert saved.about == results.to_dict()
    for measure in results.measures:
        back = saved.measures[measure.kind]
        assert (back.files, back.labels) == (measure.files, measure.labels)
        assert (back.counts == measure.counts).all()


def write_text(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def test_folders_of_sed_evals_tables_are_scored_as_one_table(tmp_path: Path) -> None:
    for folder, rows in (("ref", REF), ("est", EST)):
        for name in {row[0] for row in REF}:
            own = [f"{row[1]}\t{row[2]}\t{row[3]}\n" for row in rows if row[0] == name and row[3]]
            write_text(tmp_path / folder / f"{Path(name).stem}.ann", "".join(own))
    found = score_event_tables(tmp_path / "ref", tmp_path / "est", "collar")
    assert values(found) == values(score(tmp_path, "collar"))


def test_an_empty_table_of_estimates_holds_none(tmp_path: Path) -> None:
    found = score_event_tables(write(tmp_path / "ref.csv", REF), write_text(tmp_path / "est.csv", ""))
    assert values(found)["collar.recall"] == 0
    assert "4 of 4 reference files have no estimate" in found.about["notes"][0]


def test_scenes_are_scored_by_accuracy_and_unknown_answers_are_wrong(tmp_path: Path) -> None:
    ref = write_text(tmp_path / "ref.txt", "a.wav\tpark\nb.wav\ttram\nc.wav\ttram\nd.wav\tpark\n")
    found = score_event_tables(ref, write_text(tmp_path / "est.txt", "x/a.wav\tpark\nx/b.wav\tmoon\nc.wav\ttram\n"))
    assert values(found) == {"scenes.accuracy": 0.5, "scenes.macro_accuracy": 0.5}
    assert any("never in the reference, and so wrong: moon" in note for note in found.about["notes"])
    ranks = "file,rank,scene,score,tags\n" + "".join(
        f"{file}.wav,{rank},{scene},0,\n" for file in "abcd" for rank, scene in enumerate(("tram", "park"), start=1)
    )
    ranked = score_event_tables(ref, write_text(tmp_path / "scenes.csv", ranks))
    assert values(ranked)["scenes.mean_rank"] == 1.5
    write_results(tmp_path / "out", found)
    assert read_results(tmp_path / "out").measures["scenes"].values is None


def test_labels_are_scored_as_decisions_and_with_scores_as_a_ranking(tmp_path: Path) -> None:
    ref = write_text(tmp_path / "ref.tsv", "filename\tevent_labels\na.wav\tbabycry,siren\nb.wav\tsiren\nc.wav\t\n")
    found = values(score_event_tables(ref, write_text(tmp_path / "est.txt", "a\tbaby cry\nb\tsiren,moon\nc\tsiren\n")))
    assert (found["clips.precision"], found["clips.recall"]) == pytest.approx((2 / 4, 2 / 3))
    assert "clips.map" not in found
    scores = "file,word,score\n" + "a.wav,siren,0.9\nb.wav,siren,0.8\nc.wav,siren,0.1\n"
    assert values(score_event_tables(ref, write_text(tmp_path / "clips.csv", scores)))["clips.map"] > 0.5


def test_a_folder_of_scores_over_time_is_scored_by_psds(tmp_path: Path) -> None:
    ref = write_text(tmp_path / "ref.tsv", "filename\tonset\toffset\tevent_label\na.wav\t1\t2\tsiren\nb.wav\t\t\t\n")
    for name, row in (("a", (0.1, 0.9, 0.2)), ("b", (0.1, 0.3, 0.2))):
        lines = [f"{second}\t{second + 1}\t{score}\n" for second, score in enumerate(row)]
        write_text(tmp_path / "scores" / f"{name}.tsv", "onset\toffset\tsiren\n" + "".join(lines))
    found = score_event_tables(ref, tmp_path / "scores")
    assert values(found) == {"psds.psds_1": 1.0, "psds.psds_2": 1.0}
    write_results(tmp_path / "out", found)
    (tmp_path / "scores" / "b.tsv").unlink()
    with pytest.raises(AnnotationError, match=r"b\.wav: no scores over time"):
        score_event_tables(ref, tmp_path / "scores")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("a.wav\t0\t1\tdog\n", "events"),
        ("a.wav\nb.wav\n", "events"),
        ("a.wav\tx\ty\tdog\n", "events"),
        ("0\t1\tdog\n", "events"),
        ("onset\toffset\tevent_label\n", "events"),
        ("filename\tonset\tevent_label\na.wav\t0\tdog\n", "events"),
        ("a.wav\tpark\n", "scenes"),
        ("filename\tscene_label\na.wav\tpark\n", "scenes"),
        ("file,label\na.wav,dog\nb.wav,cat\n", "scenes"),
        ("file,label\na.wav,dog\na.wav,cat\n", "labels"),
        ("a.wav\tdog,cat\n", "labels"),
        ("filename\tevent_labels\na.wav\tdog\n", "labels"),
        ("file,word,score\na.wav,dog,0.5\n", "labels"),
    ],
)
def test_a_table_shows_what_it_lists(text: str, kind: str, tmp_path: Path) -> None:
    assert find_kind(write_text(tmp_path / "table.txt", text)) == kind
