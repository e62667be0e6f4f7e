"""Grids of when words were heard: what a row is, audio and events in each cell, scenes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from earwitness.archive.ask import QueriedRecording
from earwitness.archive.heatmap import N_COLUMNS, N_RECORDINGS, N_ROWS, make_heats
from made_answers import FIRST_S, SCENES, make_answer

DAY = 24


@pytest.mark.parametrize(
    ("n_files", "every_s", "unit", "n_rows"),
    [
        (1, 3600, "hour", 1),
        (DAY, 3600, "hour", DAY),
        (31 * DAY, 3600, "day", 31),
        (365, 86400, "week", 53),
        (3 * 365, 86400, "month", 36),
        (30 * 12, 30.4375 * 86400, "year", 31),
    ],
)
def test_rows_are_as_fine_as_there_is_room_for(n_files: int, every_s: float, unit: str, n_rows: int) -> None:
    (heat,) = make_heats(make_answer(n_files, every_s=every_s, n_events=100))
    assert (heat.unit, len(heat.rows)) == (unit, n_rows)
    assert len(heat.rows) <= N_ROWS
    assert heat.analysed_s.sum() == pytest.approx(n_files * 3600)
    assert {word: int(count.sum()) for word, count in heat.counts.items()} == dict.fromkeys(heat.counts, 20)


def test_cells_hold_what_the_hours_of_the_answer_say() -> None:
    answer = make_answer(10 * DAY, n_events=500)
    (heat,) = make_heats(answer)
    for each in answer.hours:
        day, hour = each.hour.start[:10], int(each.hour.start[11:13])
        assert heat.counts[each.word][heat.rows.index(day), hour] == each.n_events
        assert heat.rates(each.word)[heat.rows.index(day), hour] == each.n_events
    for scene in answer.scenes:
        cell = heat.rows.index(scene.hour.start[:10]), int(scene.hour.start[11:13])
        assert heat.scene_names[heat.scenes[cell]] == scene.ranked[0].scene


def test_a_gap_is_one_row_without_a_name() -> None:
    answer = make_answer(2, n_events=10)
    late = replace(answer.recordings[1], start_time=FIRST_S + 400 * 86400)
    (heat,) = make_heats(replace(answer, recordings=(answer.recordings[0], late)))
    assert heat.rows == ("2026-03-01", "", "2027-04-05")
    assert heat.analysed_s.sum(axis=1).tolist() == [3600, 0, 3600]


def test_a_recording_across_midnight_is_in_both_days_and_only_as_far_as_it_was_asked() -> None:
    query = (
        QueriedRecording("/a.wav", FIRST_S + 22.5 * 3600, 0.0, 30 * 3600.0),
        QueriedRecording("/b.wav", FIRST_S, 9, 9),
    )
    (heat,) = make_heats(replace(make_answer(1, n_events=0, words=()), recordings=query))
    assert heat.rows == ("2026-03-01", "2026-03-02", "2026-03-03")
    assert heat.analysed_s[0, 21:].tolist() == [0, 1800, 3600]
    assert heat.analysed_s[2, :6].tolist() == [3600, 3600, 3600, 3600, 1800, 0]


def test_recordings_without_a_start_have_a_row_each_and_those_of_most_events_come_first() -> None:
    answer = make_answer(N_RECORDINGS + 30, 5400.0, 900, is_timed=False)
    (heat,) = make_heats(answer)
    assert (heat.unit, heat.column_s, heat.n_left_out) == ("recording", 300.0, 30)
    assert list(heat.rows) == sorted(heat.rows)
    assert heat.columns[:2] == ("+0:00", "+0:05")
    for path in heat.rows:
        n_events = sum(each.path == path for each in answer.events)
        assert sum(count[heat.rows.index(path)].sum() for count in heat.counts.values()) == n_events
    assert heat.scene_names == (SCENES[2], SCENES[0])[: len(heat.scene_names)]


@pytest.mark.parametrize("duration_s", [1.0, 3601.0, 86400.0, 40 * 86400.0])
def test_columns_of_recordings_are_bounded(duration_s: float) -> None:
    (heat,) = make_heats(make_answer(2, duration_s, 20, is_timed=False))
    assert 1 <= len(heat.columns) <= N_COLUMNS
    assert heat.analysed_s.sum() == pytest.approx(2 * duration_s)


def test_known_and_unknown_starts_have_a_grid_each() -> None:
    timed, timeless = make_answer(3, n_events=50), make_answer(2, n_events=40, folder="/other", is_timed=False)
    both = replace(timed, recordings=timed.recordings + timeless.recordings, events=timed.events + timeless.events)
    assert [heat.unit for heat in make_heats(both)] == ["hour", "recording"]
    assert [sum(int(each.sum()) for each in heat.counts.values()) for heat in make_heats(both)] == [50, 40]
    assert make_heats(replace(timed, recordings=())) == []


def test_a_cell_with_hardly_any_audio_does_not_outshine_the_others() -> None:
    answer = make_answer(2 * DAY, n_events=480, words=("rain",))
    short = QueriedRecording("/archive/short.wav", FIRST_S + 49 * 3600.0, 0.0, 1.0)
    event = replace(answer.events[0], path=short.path, start_time=short.start_time)
    (heat,) = make_heats(replace(answer, recordings=(*answer.recordings, short), events=[*answer.events, event]))
    assert heat.rates("rain")[2, 1] == 10  # one in a tenth of an hour, not one in a second
