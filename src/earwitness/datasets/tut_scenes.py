"""TUT Acoustic Scenes 2017: clips of 10 s in fifteen scenes, with the published folds.

In: a folder with any part of the development or evaluation set, in any depth. Out: a `Dataset`; a clip's fold is the
one in whose test part it is, its condition `location` identifies the recording place.

Source: TUT Acoustic Scenes 2017 (Mesaros et al., Zenodo 400515 and 1040168), as dcase_util lays it out: `meta.txt` and
`evaluation_setup/fold1..4_{train,test,evaluate}.txt`. The published zips were not at hand. Not verified: what the
evaluation set's tables are called; `meta.txt` and `evaluation_setup/evaluate.txt` are both read. The segments with
recording errors that error.txt lists are not looked at.
"""

from __future__ import annotations

from pathlib import Path

from earwitness.datasets.base import Clip, Dataset, DatasetSpec, SplitClips, join_splits, list_zenodo, note_missing
from earwitness.datasets.tables import find_files, index_audio, read_plain
from earwitness.datasets.tut_rare import SCENES, TAMPERE_LICENCE, TAMPERE_TERMS

SPLITS = ("development", "evaluation")
N_PUBLISHED = {"development": 4680, "evaluation": 1620}
FOLDS = (1, 2, 3, 4)


def read_tut_scenes(folder: Path, split: str | None = None) -> Dataset:
    """Return the clips below a folder, of one split or of both.

    Raises:
        DatasetError: a table is damaged.
    """
    roots: dict[str, Path] = {}
    for path in find_files(folder):
        is_setup = path.parent.name == "evaluation_setup" and path.suffix == ".txt"
        if is_setup or path.name == "meta.txt":
            root = path.parent.parent if is_setup else path.parent
            roots.setdefault(_name_split(root), root)

    def read(name: str) -> SplitClips:
        if name not in roots:
            return SplitClips(notes=[f"{name}: neither meta.txt nor evaluation_setup is here"])
        found = _read_root(roots[name], name)
        if note := note_missing(name, N_PUBLISHED[name], len(found.clips), found.missing):
            found.notes.append(note)
        if n_unknown := sum(clip.scene is None for clip in found.clips):
            found.notes.append(f"{name}: {n_unknown} clips have no scene: meta.txt does not give it")
        return found

    return join_splits("tut_scenes", N_PUBLISHED, split, read, scene_labels=SCENES)


def _name_split(root: Path) -> str:
    has_folds = any((root / "evaluation_setup").glob("fold*"))
    return "development" if has_folds or "development" in root.name else "evaluation"


def _read_root(root: Path, split: str) -> SplitClips:
    audio = index_audio(find_files(root))
    rows: dict[str, list[str]] = {}
    for name in ("meta.txt", "evaluation_setup/evaluate.txt", "evaluation_setup/test.txt"):
        if not rows and (root / name).is_file():
            rows = {Path(cells[0]).name: cells[1:] for _, cells in read_plain(root / name)}
    folds = _read_folds(root / "evaluation_setup")
    found = SplitClips()
    for name, cells in rows.items():
        if name not in audio:
            found.missing.append(name)
            continue
        location = cells[1] if len(cells) > 1 else name.rpartition("_")[0].partition("_")[0]
        conditions = {"split": split} | ({"location": location} if location else {})
        found.clips.append(
            Clip(audio[name], scene=(cells or [""])[0] or None, fold=folds.get(name), conditions=conditions)
        )
    return found


def _read_folds(setup: Path) -> dict[str, int]:
    """Return each clip's fold: that in whose test part it is."""
    folds: dict[str, int] = {}
    for fold in FOLDS:
        tables = [setup / f"fold{fold}_{part}.txt" for part in ("evaluate", "test")]
        for table in [path for path in tables if path.is_file()][:1]:
            folds |= {Path(cells[0]).name: fold for _, cells in read_plain(table)}
    return folds


DEVELOPMENT = list_zenodo(
    "development",
    400515,
    "TUT-acoustic-scenes-2017-development.",
    """
doc.zip 54796 2065495aaf3f1103e795c9899e2af1df
meta.zip 104321 9007fd4772d816590c5db5f5e9568f5d
error.zip 1432 802c700b021769e52a2c1e3b9c117a1b
audio.1.zip 1071445248 251325a9afaaad0326ad1c57f57d514a
audio.2.zip 1073453613 c26861e05147dc319b4250eb103d9d99
audio.3.zip 1073077819 a4815775f8a5e629179726ee4cd4f55a
audio.4.zip 1072822038 1732b03afe8c53ef8bba80ba14766e57
audio.5.zip 1072644652 611be754a0c951185c6ae4b7643c19a0
audio.6.zip 1072667888 165a201db800d3ea76fce5a9c2bd97d7
audio.7.zip 1073417661 c7d79db84264401c0f8680dcc36013ad
audio.8.zip 1072381222 35043f25123439392338c790494c7a19
audio.9.zip 1072087738 0805dcf5d8e6871dc9610182b2efb93a
audio.10.zip 1046262120 5df83a191295a04e290b125c634e13e7
    """,
)

EVALUATION = list_zenodo(
    "evaluation",
    1040168,
    "TUT-acoustic-scenes-2017-evaluation.",
    """
doc.zip 53687 53709a07416ea3b617c02fcf67dbeb9c
meta.zip 4473 200eee9493e8044403e1326e3d05cfde
audio.1.zip 1071856687 3d6dda4445871e9544e0fefe7d14c7d9
audio.2.zip 1073362972 4085ef5fa286f2169074993a4e405953
audio.3.zip 1071521152 cac432579e7cf2dff0aec7aaed248956
audio.4.zip 382756463 664bf09c3d24bd26c6b587f1d709de36
    """,
)

SPEC = DatasetSpec(
    name="tut_scenes",
    title="TUT Acoustic Scenes 2017",
    licence=TAMPERE_LICENCE,
    licence_terms=TAMPERE_TERMS,
    is_commercial_use_allowed=False,
    packages=(*EVALUATION, *DEVELOPMENT),
    paper="Mesaros et al., TUT Database for Acoustic Scene Classification and Sound Event Detection, EUSIPCO 2016",
    folder="tut_scenes",
    read=read_tut_scenes,
    splits=SPLITS,
)
