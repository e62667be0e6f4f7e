"""M2D-CLAP on narrow encoders and tiny text models: what is read, what texts become, and what is told when it fails.

The projections are compared with the reference in test_golden.py and, through files, in test_layouts.py.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from earwitness.audio.mel import MelSpec, compute_log_mel
from earwitness.encoders.m2d.clap import (
    Clap,
    MeanProjection,
    SemanticProjection,
    compare_embeddings,
    load_clap,
    make_prompt,
)
from earwitness.encoders.registry import EMBEDDED
from earwitness.errors import AudioError, MissingExtraError, WeightsError, WordError
from golden_m2d import make_arrays, make_bert, write_text_model
from made_sounds import make_noise, make_tone

State = dict[str, torch.Tensor]
TEXTS = ["dog can be heard", "cats", "a rain, can be heard!"]
WINDOWS = np.stack([make_noise(), make_tone()])
BACKBONE = "module.ar.runtime.backbone."


def encoder_state(prefix: str = "") -> State:
    arrays = make_arrays((16, 16), 5 * 38)
    return {f"{prefix}{name}": torch.from_numpy(array) for name, array in arrays.items()}


def mlp_state(name: str = "audio_proj", n_in: int = 64, seed: int = 1) -> State:
    generator = torch.Generator().manual_seed(seed)
    shapes = {"0.weight": (n_in, n_in), "0.bias": (n_in,), "2.weight": (64, n_in), "2.bias": (64,)}
    return {f"{name}.{key}": 0.2 * torch.randn(shape, generator=generator) for key, shape in shapes.items()}


def semantic_state(depth: int = 1, ratio: int = 1) -> State:
    torch.manual_seed(2)
    module = SemanticProjection(64, depth, ratio)
    torch.nn.init.normal_(module.sem_token)
    return {f"audio_proj.{key}": tensor.detach() for key, tensor in module.state_dict().items()}


def save(tmp_path: Path, state: State, year: int = 2024) -> Path:
    path = tmp_path / f"m2d_clap_vit_narrow-80x608p16x16-{year}" / "checkpoint-30.pth"
    path.parent.mkdir(exist_ok=True)
    torch.save({"model": state}, path)
    return path


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the Hugging Face cache be an empty folder."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    return tmp_path / "hf" / "hub"


@pytest.fixture
def clap(tmp_path: Path) -> Clap:
    """Give weights in the manner of 2024 with their text model."""
    folder = write_text_model(tmp_path / "gte", make_bert(64))
    return load_clap(save(tmp_path, encoder_state() | mlp_state()), text_model=folder)


def mean_tokens(clap: Clap) -> torch.Tensor:
    with torch.inference_mode():
        return clap.encoder.flat_features(compute_log_mel(torch.from_numpy(WINDOWS), MelSpec.at(16000))).mean(dim=1)


def test_audio_is_projected_from_the_mean_over_all_tokens(clap: Clap) -> None:
    state = mlp_state()
    hidden = torch.relu(mean_tokens(clap) @ state["audio_proj.0.weight"].T + state["audio_proj.0.bias"])
    expected = hidden @ state["audio_proj.2.weight"].T + state["audio_proj.2.bias"]
    embeddings = clap.embed_audio(WINDOWS)
    assert embeddings.dtype == np.float32
    assert np.allclose(embeddings, expected, atol=1e-5)
    many = np.concatenate([WINDOWS] * 5)
    many.flags.writeable = False
    many = clap.embed_audio(many)
    assert np.allclose(many, np.concatenate([embeddings] * 5), atol=1e-5)


def test_a_fine_tuned_checkpoint_may_carry_the_projection(tmp_path: Path, clap: Clap) -> None:
    state = encoder_state(BACKBONE) | {f"{BACKBONE}{key}": tensor for key, tensor in mlp_state().items()}
    state |= {"module.head.norm.running_mean": torch.zeros(64), "module.head.norm.running_var": torch.ones(64)}
    state |= {"module.head.mlp.mlp.0.weight": torch.zeros(3, 64), "module.head.mlp.mlp.0.bias": torch.zeros(3)}
    fine_tuned = load_clap(save(tmp_path, state, 2023))
    assert fine_tuned.encoder.spec.n_tags == 3
    assert np.allclose(fine_tuned.embed_audio(WINDOWS), clap.embed_audio(WINDOWS), atol=1e-5)


@pytest.mark.parametrize(("depth", "ratio"), [(1, 1), (2, 1), (3, 2)])
def test_the_semantic_projection_has_the_blocks_that_the_file_has(tmp_path: Path, depth: int, ratio: int) -> None:
    state = {f"backbone.{key}": tensor for key, tensor in (encoder_state() | semantic_state(depth, ratio)).items()}
    clap = load_clap(save(tmp_path, state, 2025))
    assert isinstance(clap.audio_proj, SemanticProjection)
    assert len(clap.audio_proj.sem_blocks) == depth
    assert clap.embed_audio(WINDOWS).shape == (2, 64)


def test_a_text_projection_alone_leaves_the_audio_as_it_is(tmp_path: Path) -> None:
    bert, projection = make_bert(128), mlp_state("text_proj", n_in=128)
    folder = write_text_model(tmp_path / "text", bert)
    for state in (projection, {f"text_proj.{key}": projection[f"text_proj.2.{key}"] for key in ("weight", "bias")}):
        clap = load_clap(save(tmp_path, encoder_state() | state), text_model=folder)
        assert isinstance(clap.audio_proj, MeanProjection)
        assert np.allclose(clap.embed_audio(WINDOWS), mean_tokens(clap), atol=1e-6)
        with torch.inference_mode():
            expected = bert(torch.tensor([[2, 9, 3]])).last_hidden_state.mean(dim=1)
            if "text_proj.0.weight" in state:
                expected = torch.relu(expected @ state["text_proj.0.weight"].T + state["text_proj.0.bias"])
            expected = expected @ projection["text_proj.2.weight"].T + projection["text_proj.2.bias"]
        assert np.allclose(clap.embed_text(["dog"]), expected, atol=1e-5)


def test_texts_of_2024_are_the_mean_over_their_own_tokens(clap: Clap) -> None:
    bert, ids = make_bert(64), ([2, 9, 6, 7, 11, 3], [2, 8, 10, 3], [2, 5, 12, 13, 6, 7, 11, 15, 3])
    with torch.inference_mode():
        expected = [bert(torch.tensor([each])).last_hidden_state[0].mean(dim=0) for each in ids]
    embeddings = clap.embed_text(TEXTS)
    assert embeddings.dtype == np.float32
    assert np.allclose(embeddings, torch.stack(expected), atol=1e-5)
    assert np.allclose(clap.embed_text(TEXTS * 30)[:3], embeddings, atol=1e-5)


def test_texts_of_2025_are_the_place_of_cls_of_the_text_encoder_inside(tmp_path: Path) -> None:
    bert = make_bert(64, seed=5)
    text_state = {f"text_encoder.text_encoder.{key}": tensor for key, tensor in bert.state_dict().items()}
    text_state["text_encoder.text_encoder.embeddings.position_ids"] = torch.arange(512)[None]
    backbone = {f"backbone.{key}": tensor for key, tensor in (encoder_state() | semantic_state()).items()}
    clap = load_clap(save(tmp_path, backbone | text_state, 2025), text_model=write_text_model(tmp_path / "bert"))
    with torch.inference_mode():
        expected = bert(
            torch.tensor([[2, 9, 6, 7, 11, 3], [2, 8, 10, 3, 0, 0]]), torch.tensor([[1] * 6, [1] * 4 + [0] * 2])
        )
    assert np.allclose(clap.embed_text(TEXTS[:2]), expected.last_hidden_state[:, 0], atol=1e-5)


def test_long_texts_are_cut_at_512_tokens(clap: Clap) -> None:
    long, cut = clap.embed_text(["dog " * 700, "dog " * 510])
    assert np.allclose(long, cut, atol=1e-6)


def test_a_text_model_in_half_precision_computes_in_float32(tmp_path: Path, clap: Clap) -> None:
    folder = write_text_model(tmp_path / "half", make_bert(64), torch.float16)
    halved = load_clap(clap.path, text_model=folder).embed_text(TEXTS)
    assert halved.dtype == np.float32
    assert 0 < np.abs(halved - clap.embed_text(TEXTS)).max() < 0.01


@pytest.mark.parametrize(
    ("repository", "is_2025"),
    [("thenlper--gte-base", False), ("google-bert--bert-base-uncased", True), ("bert-base-uncased", True)],
)
def test_the_text_model_is_found_in_the_hugging_face_cache(
    tmp_path: Path, empty_cache: Path, repository: str, is_2025: bool
) -> None:
    bert = make_bert(64)
    write_text_model(empty_cache / f"models--{repository}" / "snapshots" / "abc", None if is_2025 else bert)
    state = encoder_state() | mlp_state()
    if is_2025:
        state |= {f"text_encoder.text_encoder.{key}": tensor for key, tensor in bert.state_dict().items()}
    assert load_clap(save(tmp_path, state)).embed_text(["dog"]).shape == (1, 64)


def test_a_tokenizer_may_be_one_file_of_transformers(tmp_path: Path, clap: Clap) -> None:
    folder = write_text_model(tmp_path / "saved", make_bert(64))
    clap.text_encoder.tokenizer.save_pretrained(folder)
    (folder / "vocab.txt").unlink()
    assert np.array_equal(load_clap(clap.path, text_model=folder).embed_text(TEXTS), clap.embed_text(TEXTS))


def test_a_text_model_that_is_nowhere_is_told_and_nothing_is_fetched(tmp_path: Path) -> None:
    clap = load_clap(save(tmp_path, encoder_state() | mlp_state()))
    with pytest.raises(MissingExtraError, match="GTE-base is not on this machine; .*hf download thenlper/gte-base"):
        clap.embed_text(["dog"])
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(WeightsError, match=r"empty: holds no model\.safetensors, or no tokenizer\.json or vocab"):
        load_clap(clap.path, text_model=empty).embed_text(["dog"])
    text_state = {f"text_encoder.text_encoder.{key}": each for key, each in make_bert(64).state_dict().items()}
    with pytest.raises(MissingExtraError, match="BERT's tokenizer is not on this machine; .*bert-base-uncased"):
        load_clap(save(tmp_path, encoder_state() | semantic_state() | text_state)).embed_text(["dog"])


def test_missing_transformers_are_told_with_their_extra(clap: Clap, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'earwitness\[clap\]'"):
        clap.embed_text(["dog"])
    assert clap.embed_audio(WINDOWS).shape == (2, 64)


def test_a_tokenizer_that_is_damaged_or_of_another_model_is_told(tmp_path: Path, clap: Clap) -> None:
    folder = clap.text_model
    assert folder is not None
    (folder / "vocab.txt").write_text((folder / "vocab.txt").read_text() + "\nhorse")
    with pytest.raises(WeightsError, match="the tokenizer knows 17 parts of words, the text encoder of .* 16"):
        clap.embed_text(["dog"])
    (folder / "tokenizer.json").write_text("{ not json")
    with pytest.raises(WeightsError, match="its tokenizer cannot be read"):
        clap.embed_text(["dog"])


def test_a_text_model_that_does_not_fit_is_told_key_by_key(tmp_path: Path, clap: Clap) -> None:
    wide = write_text_model(tmp_path / "wide", make_bert(128))
    with pytest.raises(WeightsError, match="needs text features of width 64, but the text model's is 128"):
        load_clap(clap.path, text_model=wide).embed_text(["dog"])
    bert = make_bert(64).state_dict()
    for key, replacement, message in (
        ("encoder.layer.1.output.dense.bias", {}, r"Missing key.*encoder\.layer\.1\.output\.dense\.bias"),
        ("pooler.dense.bias", {"surprise.weight": torch.zeros(1)}, r"Unexpected key.*surprise\.weight"),
        ("embeddings.word_embeddings.weight", {}, "embeddings.word_embeddings.weight is missing"),
        ("encoder.layer.0.output.dense.bias", {"encoder.layer.0.output.dense.bias": torch.zeros(3)}, "size mismatch"),
    ):
        state = {each: tensor for each, tensor in bert.items() if each != key} | replacement
        inside = {f"text_encoder.text_encoder.{each}": tensor for each, tensor in state.items()}
        clap = load_clap(save(tmp_path, encoder_state() | mlp_state() | inside), text_model=wide)
        with pytest.raises(WeightsError, match=f"(?s)text encoder: .*{message}"):
            clap.embed_text(["dog"])


def test_weights_of_2025_without_their_text_encoder_embed_audio_only(tmp_path: Path) -> None:
    clap = load_clap(save(tmp_path, encoder_state() | semantic_state()))
    assert clap.embed_audio(WINDOWS).shape == (2, 64)
    with pytest.raises(WeightsError, match=r"its text encoder is missing \(text_encoder\.\*\)"):
        clap.embed_text(["dog"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"audio_proj.2.bias": None}, r"audio_proj: .*Missing key.*2\.bias"),
        ({"audio_proj.4.bias": torch.zeros(64)}, r"audio_proj: .*Unexpected key.*4\.bias"),
        ({"audio_proj.0.weight": torch.zeros(64, 3)}, r"audio_proj: .*size mismatch for 0\.weight"),
        ({"audio_proj.0.bias": torch.full((64,), torch.nan)}, r"audio_proj: 0\.bias holds numbers that are not finite"),
        ({"audio_proj.sem_token": torch.zeros(1, 1, 64)}, r"sem_blocks\.0\.mlp\.fc1\.bias is missing"),
        ({"text_proj.0.weight": torch.zeros(64, 64)}, r"text_proj: 2\.weight is missing"),
        ({"text_proj.weight": torch.zeros(64)}, r"text_proj: weight has the shape \(64,\)"),
        ({"text_proj.weight": torch.zeros(64, 64)}, r"text_proj: .*Missing key.*bias"),
        ({"surprise": torch.zeros(1)}, "Unexpected key.*surprise"),
        ({"blocks.1.norm1.bias": None}, r"Missing key.*blocks\.1\.norm1\.bias"),
    ],
)
def test_every_missing_or_unknown_key_is_named(
    tmp_path: Path, change: dict[str, torch.Tensor | None], message: str
) -> None:
    state = {key: each for key, each in (encoder_state() | mlp_state() | change).items() if each is not None}
    with pytest.raises(WeightsError, match=f"(?s){message}"):
        load_clap(save(tmp_path, state))


def test_what_is_not_m2d_clap_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="not M2D-CLAP: it holds neither audio_proj nor text_proj"):
        load_clap(EMBEDDED)
    with pytest.raises(WeightsError, match="m2d_huge: neither a file nor a known encoder"):
        load_clap("m2d_huge")
    path = save(tmp_path, encoder_state() | mlp_state())
    with pytest.raises(WeightsError, match="not for commercial use"):
        load_clap(path, commercial_only=True)
    shutil.move(path.parent, tmp_path / "renamed")
    with pytest.raises(WeightsError, match="neither its name nor its folder's says the unit"):
        load_clap(tmp_path / "renamed" / path.name)


@pytest.mark.parametrize("texts", [[], "dog", [""], ["dog", "  "], [3]])
def test_no_text_and_empty_texts_are_told(clap: Clap, texts: list[str]) -> None:
    with pytest.raises(WordError, match="give"):
        clap.embed_text(texts)


@pytest.mark.parametrize("shape", [(16000,), (0, 16000), (1, 2, 16000)])
def test_windows_of_another_shape_are_told(clap: Clap, shape: tuple[int, ...]) -> None:
    with pytest.raises(AudioError, match=r"give an array \(W, S\)"):
        clap.embed_audio(np.zeros(shape, np.float32))


def test_similarities_are_cosines_also_of_silence(clap: Clap) -> None:
    similarities = compare_embeddings(clap.embed_audio(WINDOWS), clap.embed_text(TEXTS))
    assert similarities.shape == (2, 3)
    assert similarities.dtype == np.float32
    audio, text = clap.embed_audio(WINDOWS)[1], clap.embed_text(TEXTS)[2]
    expected = float(audio @ text / np.sqrt(audio @ audio) / np.sqrt(text @ text))
    assert similarities[1, 2] == pytest.approx(expected, abs=1e-5)
    one = np.ones((1, 2), np.float32)
    assert compare_embeddings(one, np.array([[2, 2], [-3, -3], [1, -1], [0, 0]], np.float32)) == pytest.approx(
        np.array([[1, -1, 0, 0]]), abs=1e-6
    )
    with pytest.raises(ValueError, match=r"give \(W, D\) and \(N, D\)"):
        compare_embeddings(one, np.ones((1, 3), np.float32))


def test_a_prompt_is_the_label_in_words_that_can_be_heard() -> None:
    assert make_prompt("dog_bark") == "dog bark can be heard"
    assert make_prompt(" siren ") == "siren can be heard"
