"""The packages that public data sets are published in: where each lies, how large it is, and its md5.

None stands for what is not published or not known. Nothing of them is shipped.

Source: dcase_util (MIT), dcase_util/datasets/tut.py, for the sizes and md5s of Zenodo's records. For DESED and ESC-50
none were at hand.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DatasetPackage:
    """A file to fetch: the part of the data set that it belongs to, its URL, its size in bytes and its md5 in hex."""

    part: str
    url: str
    n_bytes: int | None = None
    md5: str | None = None

    @property
    def file_name(self) -> str:
        """The file's published name."""
        return self.url.rsplit("/", 1)[-1]


def _list(part: str, record: int, prefix: str, table: str) -> tuple[DatasetPackage, ...]:
    """Return the packages of a Zenodo record: a line is the name's end, the size (0 if not known), and the md5."""
    rows = [line.split() for line in table.strip().splitlines()]
    url = f"https://zenodo.org/record/{record}/files/"
    return tuple(
        DatasetPackage(part, f"{url}{name if name.endswith('.txt') else prefix + name}", int(size) or None, md5)
        for name, size, md5 in rows
    )


TUT_RARE_DEVELOPMENT = _list(
    "development",
    401395,
    "TUT-rare-sound-events-2017-development.",
    """
doc.zip 21042 47c424fe90d2bdc53d9fdd84341c2783
code.zip 81518 4cacdf0803daf924a60bf9daa573beb7
source_data_bgs_and_cvsetup.1.zip 1072175672 6f1f4156d41b541d1188fcf44c9a8267
source_data_bgs_and_cvsetup.2.zip 1073378284 ff5dcbe250e45cc404b7b8a6013002ac
source_data_bgs_and_cvsetup.3.zip 1069766123 fb356ae309a40d2f0a38fc1c746835cb
source_data_bgs_and_cvsetup.4.zip 1070042681 2a68575b2ec7a69e2cc8b16b87fae0c9
source_data_bgs_and_cvsetup.5.zip 1073380909 84e70d855457a18115108e42ec04501a
source_data_bgs_and_cvsetup.6.zip 1073021941 048ce898bd434097dd489027f7ba361d
source_data_bgs_and_cvsetup.7.zip 1069890239 3ef1c89fcfac39918a5edc5abc6ed29b
source_data_bgs_and_cvsetup.8.zip 180860904 69dcb81e70f4e6605e178693afcd7722
source_data_events.zip 639119477 dc4b7eb77078b4cf1b670c6362679473
    """,
)

TUT_RARE_EVALUATION = _list(
    "evaluation",
    1160455,
    "TUT-rare-sound-events-2017-evaluation.",
    """
doc.zip 11701 36db98a94ce871c6bdc5bd5238383114
LICENSE.txt 0 0707857098fc74d17beb824416fb74b1
FREESOUNDCREDITS.txt 0 3ecea52bdb0eadd6e1af52a21f735d6d
mixture_data.1.zip 1071143794 db4aecd5175dead27ceb2692e7f28bb1
mixture_data.2.zip 1071773516 e97d5842c46805cdb94e6d4017870cde
mixture_data.3.zip 1073505512 1fe20c762cecd26979e2c5303c8e9f48
mixture_data.4.zip 1071132551 5042cd00aed9af6b37a253e24f88554f
mixture_data.5.zip 308314939 72180597ed5bfaa73491755f74b84738
    """,
)

TUT_SCENES_DEVELOPMENT = _list(
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

TUT_SCENES_EVALUATION = _list(
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

TAU_SCENES_DEVELOPMENT = _list(
    "development",
    3819968,
    "TAU-urban-acoustic-scenes-2020-mobile-development.",
    """
doc.zip 18066 175f40dc3fec144347abad4d2962b7ae
meta.zip 214159 6eae9db553ce48e4ea246e34e50a3cf5
audio.1.zip 1726039031 b1e85b8a908d3d6a6ab73268f385d5c8
audio.2.zip 1782268370 4310a13cc2943d6ce3f70eba7ba4c784
audio.3.zip 1870468865 ed38956c4246abb56190c1e9b602b7b8
audio.4.zip 1879413176 97ab8560056b6816808dedc044dcc023
audio.5.zip 1823936584 b50f5e0bfed33cd8e52cb3e7f815c6cb
audio.6.zip 1827246144 fbf856a3a86fff7520549c899dc94372
audio.7.zip 1728630243 0dbffe7b6e45564da649378723284062
audio.8.zip 1748646043 bb6f77832bf0bd9f786f965beb251b2e
audio.9.zip 1780487215 a65596a5372eab10c78e08a0de797c9e
audio.10.zip 1726068853 2ad595819ffa1d56d2de4c7ed43205a6
audio.11.zip 1744480272 0ad29f7040a4e6a22cfd639b3a6738e5
audio.12.zip 1738707195 e5f4400c6b9697295fab4cf507155a2f
audio.13.zip 1835797785 8855ab9f9896422746ab4c5d89d8da2f
audio.14.zip 1846390881 092ad744452cd3e7de78f988a3d13020
audio.15.zip 1869032508 4b5eb85f6592aebf846088d9df76b420
audio.16.zip 436971777 2e0a89723e58a3836be019e6996ae460
    """,
)

DESED = (DatasetPackage("public", "https://zenodo.org/record/4560759/files/DESED_public_eval.tar.gz"),)
ESC50 = (DatasetPackage("all", "https://github.com/karolpiczak/ESC-50/archive/refs/heads/master.zip"),)
