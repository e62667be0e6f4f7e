"""Many clients at once lose nothing, health answers meanwhile; `bench/serving_load.py` does it for longer."""

from __future__ import annotations

import pytest

from serving_load import run_load


@pytest.mark.slow
def test_thirty_two_clients_for_some_seconds_lose_nothing() -> None:
    load = run_load(4.0, 32)
    assert not load.wrong
    assert load.n_lost == 0
    assert load.n_analysed >= 32
    assert len(load.health_s) >= 10
    assert sorted(load.health_s)[len(load.health_s) // 2] < 0.1
    assert max(load.server_mb) < 600
    assert max(load.workers_mb) < 1500
