"""The embedded encoder and the M2D weights that their authors publish.

In: nothing. Out: a `WeightsSpec` of each, and the terms of their licence. Nothing of the published weights is shipped:
they are NTT's, and each user fetches them from NTT and accepts its licence.

Source: the releases of https://github.com/nttcslab/m2d; sizes, hashes and file names only where they are known.
"""

from __future__ import annotations

from typing import Any

from earwitness.encoders.base import WeightsSpec

EMBEDDED = "m2d_vit_tiny-80x1001p16x16-261128-strong_as"
RELEASES_URL = "https://github.com/nttcslab/m2d/releases/download"

NTT_LICENCE = "NTT evaluation licence: research and evaluation only, no redistribution"
APACHE_LICENCE = "Apache-2.0"
# What is shown before weights are fetched, by the name of the licence.
LICENCES = {
    NTT_LICENCE: (
        'These weights are NTT\'s, under its "Software License Agreement for Evaluation". They may be used internally\n'
        'for "the non-commercial purposes of testing, analyzing, and evaluating the methods or mechanisms as shown in\n'
        'the research paper". They may not be sold, given, lent or passed on to anybody else, nor modified or\n'
        "translated. What is written here is a summary; what binds you is the agreement itself:\n"
        "https://github.com/nttcslab/m2d/blob/master/LICENSE.pdf"
    ),
}

M2D = "Niizumi et al., Masked Modeling Duo, ICASSP 2023, arXiv:2210.14648"
M2D_X = "Niizumi et al., Masked Modeling Duo: Towards a Universal Audio Pre-training Framework, 2024, arXiv:2404.06095"
M2D_CLAP = "Niizumi et al., M2D-CLAP, Interspeech 2024, arXiv:2406.02032"
M2D_CLAP_2025 = "Niizumi et al., M2D-CLAP, IEEE Access 2025, arXiv:2503.22104"
M2D_S = "Niizumi et al., Masked Modeling Duo for Speech, Interspeech 2023, arXiv:2305.14079"


def _publish(release: str, name: str, file_name: str | None, paper: str, **known: Any) -> WeightsSpec:
    """Return the spec of weights that NTT publishes; an mAP is known for the files with a tag head, and only those."""
    return WeightsSpec(
        name=name,
        licence=NTT_LICENCE,
        is_commercial_use_allowed=False,
        paper=paper,
        file_name=file_name,
        url=f"{RELEASES_URL}/{release}/{name}.zip",
        n_tags=527 if "reported_map" in known else 0,
        sample_rate_hz=32000 if "p32k-" in name else 16000,
        **known,
    )


PUBLISHED = (
    WeightsSpec(
        name=EMBEDDED,
        licence=APACHE_LICENCE,
        is_commercial_use_allowed=True,
        paper="distilled from EfficientAT mn04_as (Schmid et al. 2023, MIT) into M2D's shape; see the model card",
        file_name=f"{EMBEDDED}.safetensors",
        sha256="32d9d39f4267a23835da46937ce5ce5d5b86d9267bc9757e581941eb7b609a36",
        n_tags=527,
        norm_stats="in the file",
    ),
    # Fine-tuned on AudioSet: these name sounds. The file's name ends in its mAP.
    _publish(
        "v0.3.0",
        "m2d_clap_vit_base-80x1001p16x16-240128_AS-FT_enconly",
        "weights_ep67it3124-0.48558.pth",
        M2D_CLAP,
        reported_map=0.48558,
    ),
    _publish(
        "v0.3.0",
        "m2d_as_vit_base-80x1001p16x16-240213_AS-FT_enconly",
        "weights_ep69it3124-0.48494.pth",
        M2D_X,
        reported_map=0.48494,
    ),
    _publish(
        "v0.3.0",
        "m2d_vit_base-80x1001p16x16-221006-mr7_as_46ab246d",
        "weights_ep69it3124-0.47929.pth",
        M2D,
        reported_map=0.47929,
        norm_stats="in the file",
        zip_bytes=319_076_219,
    ),
    _publish(
        "v0.3.0",
        "m2d_as_vit_base-80x1001p16x16p32k-240413_AS-FT_enconly",
        "weights_ep69it3124-0.47998.pth",
        M2D_X,
        reported_map=0.47998,
    ),
    # Pre-trained: features for training on, without tags.
    _publish(
        "v0.1.0",
        "m2d_vit_base-80x200p16x4-230529",
        "checkpoint-300.pth",
        M2D,
        norm_stats="default",
        # as one author's public repositories give it; NTT states no hashes
        sha256="63578974bc004ef57a8e5456bac8c684f62c9285537a7b2ddef13b442386786f",
    ),
    _publish(
        "v0.1.0",
        "m2d_clap_vit_base-80x608p16x16-240128",
        "checkpoint-300.pth",
        M2D_CLAP,
        norm_stats="default",
        zip_bytes=1_558_023_261,
    ),
    _publish("v0.1.0", "m2d_as_vit_base-80x608p16x16-240213", "checkpoint-300.pth", M2D_X),
    _publish("v0.1.0", "m2d_vit_base-80x608p16x16-221006-mr7", "checkpoint-300.pth", M2D, norm_stats="default"),
    _publish("v0.1.0", "m2d_vit_base-80x608p16x16-221006-mr6", "checkpoint-300.pth", M2D, norm_stats="default"),
    _publish(
        "v0.1.0", "m2d_vit_base-80x608p16x16-221006-mr7_enconly", "checkpoint-300.pth", M2D, norm_stats="in the file"
    ),
    _publish(
        "v0.1.0", "m2d_vit_base-80x608p16x16-220930-mr7_enconly", "checkpoint-300.pth", M2D, norm_stats="in the file"
    ),
    _publish("v0.1.0", "m2d_as_vit_base-80x608p16x16p32k-240413_enconly", None, M2D_X, norm_stats="in the file"),
    _publish(
        "v0.5.0",
        "m2d_clap_vit_base-80x1001p16x16p16kpBpTI-2025",
        "checkpoint-30.pth",
        M2D_CLAP_2025,
        norm_stats="in the file",
        # as one public repository gives it; NTT states no hashes
        zip_sha256="fd193ae591720df7f1e27ed728ce127e0309b8bd427f0f4b3e5cd17d7ee5e1e1",
    ),
    # For speech: one band, so a token is 20 ms.
    _publish("v0.2.0", "m2d_s_vit_base-80x608p80x2-230220", None, M2D_S),
    _publish("v0.2.0", "m2d_s_vit_base-80x512p80x2-230301", None, M2D_S),
    _publish("v0.2.0", "m2d_s_vit_base-80x400p80x2-230201", None, M2D_S),
)
