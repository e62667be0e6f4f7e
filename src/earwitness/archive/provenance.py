"""What a store was made with: encoder, weights, windows, rows and tags; it holds for all that is added later.

In: settings and an encoder, or the text of `store.json`. Out: a `Provenance`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from earwitness.archive.quantise import RULES
from earwitness.encoders import LoadedEncoder, TagStats
from earwitness.errors import ArchiveError
from earwitness.recognition import SMOOTH_S
from earwitness.settings import Settings, WindowSettings, setting_names
from earwitness.version import __version__
from earwitness.words import tag_names

SCHEMA = 2
READABLE = (1, 2)  # 1, of version 0.1.0: no statistics of tokens, rows of the largest token without a running median
TAG_VALUES = ("tag_mean", "tag_std", "token_mean", "token_std")
ANALYSIS_FIELDS = setting_names(WindowSettings)


@dataclass(frozen=True)
class Provenance:
    """What a store was made with: whatever is added to it later must be the same.

    `runtime` is what the encoder computed on, "torch" or "onnx": each has its own file of weights. `version` is the
    one that made the store. `tag_mean` and `tag_std` are the usual logits of clips, `token_mean` and `token_std` those
    of rows, where the encoder has a head of its own for them. `smooth_s` is the length of the running median of tokens
    whose largest values a row holds; 0 where it holds the largest of the tokens themselves, or one token.
    """

    encoder: str
    weights_sha256: str
    runtime: str
    heard_with: dict[str, Any]
    row_s: float
    token_s: float
    tag_mean: tuple[float, ...] = ()
    tag_std: tuple[float, ...] = ()
    token_mean: tuple[float, ...] = ()
    token_std: tuple[float, ...] = ()
    smooth_s: float = 0.0
    version: str = __version__
    encoder_option: str = ""
    quantisation: dict[str, str] = field(default_factory=lambda: dict(RULES))
    tags: tuple[str, ...] = field(default_factory=tag_names)

    @property
    def tag_stats(self) -> TagStats | None:
        """The encoder's usual logits, None where they are not known."""
        if not self.tag_mean:
            return None
        mean, std, token_mean, token_std = (np.array(getattr(self, name), np.float32) for name in TAG_VALUES)
        return TagStats(mean, std, *((token_mean, token_std) if self.token_mean else ()))

    def settings(self) -> Settings:
        """Return the settings with which recordings are analysed for this store."""
        runtime: Any = self.runtime
        return Settings(encoder=self.encoder_option, runtime=runtime, **self.heard_with)

    def dump(self) -> str:
        """Return the text of `store.json`."""
        return json.dumps({"schema": SCHEMA, **asdict(self)}, indent=1) + "\n"

    def check(self, wanted: Provenance, place: str) -> None:
        """Compare this store, at a place, with what is to be added to it.

        Raises:
            ArchiveError: the encoder, its weights, a setting or the row length differ.
        """
        here, there = asdict(self), asdict(wanted)
        for name in ("encoder", "weights_sha256", "row_s", "smooth_s", "tags", "quantisation", *ANALYSIS_FIELDS):
            is_setting = name in ANALYSIS_FIELDS
            own, other = (each["heard_with"][name] if is_setting else each[name] for each in (here, there))
            if own != other:
                is_long = name in ("tags", "quantisation")
                value, made_with = ("", "others") if is_long else (f"={other!r}", repr(own))
                hint = " (torch and onnx have files of their own: see --runtime)" if name == "weights_sha256" else ""
                raise ArchiveError(
                    f"{place}: {name}{value}, but this store was made with {made_with}{hint}; choose another "
                    "--store, or analyse its recordings again: earwitness index --again"
                )


def describe_analysis(settings: Settings, encoder: LoadedEncoder, row_s: float) -> Provenance:
    """Return the provenance of a store that is filled with these settings and this encoder."""
    stats, token_s = encoder.tag_stats, encoder.spec.token_s
    found = (stats.mean, stats.std, stats.token_mean, stats.token_std) if stats else (None,) * len(TAG_VALUES)
    tag_mean, tag_std, token_mean, token_std = (() if each is None else tuple(map(float, each)) for each in found)
    return Provenance(
        encoder=encoder.spec.name,
        weights_sha256=encoder.sha256,
        runtime="onnx" if encoder.backend.computed_on.startswith("onnx") else "torch",
        heard_with={name: getattr(settings, name) for name in ANALYSIS_FIELDS},
        row_s=max(row_s, token_s),
        token_s=token_s,
        tag_mean=tag_mean,
        tag_std=tag_std,
        token_mean=token_mean,
        token_std=token_std,
        smooth_s=SMOOTH_S if row_s > token_s else 0.0,
        encoder_option=settings.encoder,
    )


def parse_provenance(place: str, content: bytes) -> Provenance:
    """Return what a store was made with, from the content of its `store.json`.

    Raises:
        ArchiveError: it is damaged, or of another schema.
    """
    try:
        values = json.loads(content.decode())
        schema = values.pop("schema")
        if schema not in READABLE:
            raise ArchiveError(
                f"{place}: a store of schema {schema}; this version ({__version__}) reads schema "
                f"{' and '.join(map(str, READABLE))}: use the version that made it, or index into another --store"
            )
        for name in ("tags", *TAG_VALUES):
            values[name] = tuple(values.get(name, ()))
        made = Provenance(**values)
        _check_values(made)
        return made
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArchiveError(f"{place}/store.json: not readable ({error}); take it from a copy of the store") from error


def _check_values(made: Provenance) -> None:
    """Check that a store of this provenance can be used.

    Raises:
        ValueError, KeyError, TypeError: a value is missing or impossible.
    """
    made.settings()
    if set(made.heard_with) != set(ANALYSIS_FIELDS):
        raise KeyError(*(set(ANALYSIS_FIELDS) ^ set(made.heard_with)))
    if not (made.row_s > 0 and made.token_s > 0):
        raise ValueError(f"row_s={made.row_s}, token_s={made.token_s}")
    if made.tags != tag_names() or made.quantisation != RULES:
        raise ValueError("tags or quantisation differ from this version's")
    for first in (0, 2):
        if {len(getattr(made, name)) for name in TAG_VALUES[first : first + 2]} not in ({0}, {len(made.tags)}):
            raise ValueError(f"{' and '.join(TAG_VALUES[first : first + 2])} need a value for each tag")
