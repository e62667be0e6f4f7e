"""The public data sets that earwitness knows by name.

In: a name. Out: `DatasetSpec`: licence, packages, splits and paper. Nothing is shipped: each user fetches a data set
from its publisher and accepts its licence.

Not verified: none of the packages was fetched when this was written. Layouts are as the publishers' descriptions and
tools state them; sizes and md5s as in `packages`.
"""

from __future__ import annotations

from dataclasses import dataclass

from earwitness.datasets.packages import (
    DESED,
    ESC50,
    TAU_SCENES_DEVELOPMENT,
    TUT_RARE_DEVELOPMENT,
    TUT_RARE_EVALUATION,
    TUT_SCENES_DEVELOPMENT,
    TUT_SCENES_EVALUATION,
    DatasetPackage,
)
from earwitness.errors import DatasetError

TAMPERE_LICENCE = "Tampere University's EULA: academic use only, no commercial use"
DESED_LICENCE = "DESED public evaluation: Creative Commons, file by file"
ESC50_LICENCE = "CC BY-NC 3.0"
ESC10_LICENCE = "CC BY 3.0 (ESC-10's clips; they come within ESC-50, which is CC BY-NC 3.0)"
# What is shown before a data set is fetched; the key is the licence as DatasetSpec names it.
LICENCE_TERMS = {
    TAMPERE_LICENCE: (
        "These recordings are Tampere University's, for academic research and education; commercial use is\n"
        "prohibited. The single events of TUT Rare Sound Events are from Freesound, each under its own licence (CC0,\n"
        "CC BY, CC BY-NC, Sampling+). This is a summary; what binds you is the agreement that comes with the data\n"
        "(EULA.pdf, LICENSE)."
    ),
    DESED_LICENCE: (
        "These clips are cut from videos of many people, each under the Creative Commons licence that its uploader\n"
        "chose; license_public_eval.tsv on https://zenodo.org/record/4560759 names them. Read it before you use them\n"
        "commercially."
    ),
    ESC50_LICENCE: (
        "ESC-50 is under Creative Commons Attribution-NonCommercial 3.0; its clips are from Freesound, whose authors\n"
        "are named in the LICENSE file. The ESC-10 part is under Creative Commons Attribution 3.0."
    ),
    ESC10_LICENCE: (
        "ESC-10 is under Creative Commons Attribution 3.0; its clips are from Freesound, whose authors are named in\n"
        "the LICENSE file. It comes within ESC-50, whose other clips are under Attribution-NonCommercial 3.0."
    ),
}


@dataclass(frozen=True)
class DatasetSpec:
    """What is known of a data set before it is read.

    Attributes:
        name: its name here.
        title: its published name.
        licence: its name, a key of `LICENCE_TERMS`.
        is_commercial_use_allowed: whether the licence allows commercial use; False where it depends on the file.
        packages: what to fetch; each belongs to one of the parts.
        splits: the published splits that `load_dataset` takes.
        paper: where it is described.
        folder: the name of its folder among the data sets.
        note: what is to be known before fetching.
    """

    name: str
    title: str
    licence: str
    is_commercial_use_allowed: bool
    packages: tuple[DatasetPackage, ...]
    splits: tuple[str, ...]
    paper: str
    folder: str
    note: str = ""

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts that can be fetched by themselves."""
        return tuple(dict.fromkeys(package.part for package in self.packages))

    @property
    def n_bytes(self) -> int | None:
        """The size of all packages; None where one of the large ones does not say its own."""
        known = [package.n_bytes for package in self.packages if package.n_bytes]
        return sum(known) if known else None


_SPECS = (
    DatasetSpec(
        name="tut_rare",
        title="TUT Rare Sound Events 2017",
        licence=TAMPERE_LICENCE,
        is_commercial_use_allowed=False,
        packages=(*TUT_RARE_EVALUATION, *TUT_RARE_DEVELOPMENT),
        splits=("devtrain", "devtest", "evaltest"),
        paper="Mesaros et al., DCASE 2017 Challenge Setup: Tasks, Datasets and Baseline System, DCASE Workshop 2017",
        folder="tut_rare",
        note="The development part is the sources; make its mixtures with 'earwitness mix --tut', or take the record's "
        "mixture_data zips (https://zenodo.org/record/401395), whose md5s are not known, with --from.",
    ),
    DatasetSpec(
        name="tut_scenes",
        title="TUT Acoustic Scenes 2017",
        licence=TAMPERE_LICENCE,
        is_commercial_use_allowed=False,
        packages=(*TUT_SCENES_EVALUATION, *TUT_SCENES_DEVELOPMENT),
        splits=("development", "evaluation"),
        paper="Mesaros et al., TUT Database for Acoustic Scene Classification and Sound Event Detection, EUSIPCO 2016",
        folder="tut_scenes",
    ),
    DatasetSpec(
        name="tau_scenes",
        title="TAU Urban Acoustic Scenes 2020 Mobile, development",
        licence=TAMPERE_LICENCE,
        is_commercial_use_allowed=False,
        packages=TAU_SCENES_DEVELOPMENT,
        splits=("train", "test", "unused"),
        paper="Heittola et al., Acoustic Scene Classification in DCASE 2020 Challenge, DCASE Workshop 2020",
        folder="tau_scenes",
        note="The evaluation record (3685828) holds no labels and is left out.",
    ),
    DatasetSpec(
        name="desed",
        title="DESED, public evaluation and validation",
        licence=DESED_LICENCE,
        is_commercial_use_allowed=False,
        packages=DESED,
        splits=("public", "validation"),
        paper="Turpault et al., Sound Event Detection in Domestic Environments with Weakly Labeled Data and Soundscape "
        "Synthesis, DCASE Workshop 2019",
        folder="desed",
        note="The validation clips are from AudioSet and not freely published; where you have them, put them there.",
    ),
    DatasetSpec(
        name="esc50",
        title="ESC-50",
        licence=ESC50_LICENCE,
        is_commercial_use_allowed=False,
        packages=ESC50,
        splits=(),
        paper="Piczak, ESC: Dataset for Environmental Sound Classification, ACM Multimedia 2015",
        folder="esc50",
    ),
    DatasetSpec(
        name="esc10",
        title="ESC-10, the first ten classes of ESC-50",
        licence=ESC10_LICENCE,
        is_commercial_use_allowed=True,
        packages=ESC50,
        splits=(),
        paper="Piczak, ESC: Dataset for Environmental Sound Classification, ACM Multimedia 2015",
        folder="esc50",
    ),
)
DATASETS: dict[str, DatasetSpec] = {spec.name: spec for spec in _SPECS}


def find_spec(name: str) -> DatasetSpec:
    """Return what is known of a data set.

    Raises:
        DatasetError: there is none of this name.
    """
    if name not in DATASETS:
        raise DatasetError(f"{name}: not a known data set; known are: {', '.join(DATASETS)}")
    return DATASETS[name]
