"""What is known of published weights agrees with itself, and knowing it costs nothing."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from earwitness.encoders.base import WeightsSpec
from earwitness.encoders.m2d.published import NTT_LICENCE
from earwitness.encoders.registry import EMBEDDED, LICENCE_TERMS, WEIGHTS

PUBLISHED = [spec for spec in WEIGHTS.values() if spec.name != EMBEDDED]


def test_the_embedded_encoder_comes_first_and_may_be_used_commercially() -> None:
    first = next(iter(WEIGHTS.values()))
    assert (first.name, first.licence, first.url, first.is_commercial_use_allowed) == (
        EMBEDDED,
        "Apache-2.0",
        None,
        True,
    )


def test_all_sixteen_published_encoders_are_known() -> None:
    assert len(PUBLISHED) == 16
    assert all(name == spec.name for name, spec in WEIGHTS.items())
    releases = [re.search(r"download/(v0\.\d\.0)/", spec.url or "")[1] for spec in PUBLISHED]  # type: ignore[index]
    assert {release: releases.count(release) for release in releases} == {
        "v0.3.0": 4,
        "v0.1.0": 8,
        "v0.5.0": 1,
        "v0.2.0": 3,
    }


@pytest.mark.parametrize("spec", PUBLISHED, ids=lambda spec: spec.name)
def test_published_weights_are_ntts_and_fit_their_name(spec: WeightsSpec) -> None:
    assert spec.licence == NTT_LICENCE
    assert spec.licence in LICENCE_TERMS
    assert not spec.is_commercial_use_allowed
    assert spec.url == f"https://github.com/nttcslab/m2d/releases/download/{spec.url.split('/')[-2]}/{spec.name}.zip"
    assert re.fullmatch(r"[\w]+-80x\d+p\d+x\d+(p32k|p16kpBpTI)?-[\w-]+", spec.name)
    assert spec.sample_rate_hz == (32000 if "p32k" in spec.name else 16000)
    assert spec.paper
    for sha256 in (spec.sha256, spec.zip_sha256):
        assert sha256 is None or re.fullmatch("[0-9a-f]{64}", sha256)
    if spec.reported_map:
        assert f"-{spec.reported_map}.pth" in spec.file_name
        assert spec.n_tags == 527


def test_the_licence_says_where_it_is_and_what_it_forbids() -> None:
    assert "https://github.com/nttcslab/m2d" in LICENCE_TERMS[NTT_LICENCE]
    assert "non-commercial" in LICENCE_TERMS[NTT_LICENCE]


def test_the_zoo_is_read_without_torch() -> None:
    modules = "earwitness.encoders.registry, earwitness.encoders.weights_cache"
    code = f"import sys, {modules}; print({{'torch', 'onnxruntime'}} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"
