"""A store on disk: what made it, its parts, and how processes share it without harm.

In: a folder. Out: `Provenance`, the `Catalogue` of all parts, and new parts, each committed once.

    store.json   what the store was made with; it never changes
    parts/       one folder a part, see `parts.py`
    tmp/         parts that are being written
    damaged/     parts that could not be read, set aside
    claims.lock, commit.lock   locks that end with the process that holds them
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import uuid
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from earwitness.archive.catalogue import Catalogue
from earwitness.archive.extract import Chunk
from earwitness.archive.part_files import ChunkRecord, import_pyarrow, read_records, sweep_unfinished, write_part
from earwitness.archive.quantise import RULES
from earwitness.encoders import LoadedEncoder, TagStats
from earwitness.errors import ArchiveError
from earwitness.settings import Settings, WindowSettings, setting_names
from earwitness.version import __version__
from earwitness.words import tag_names

try:
    import fcntl
except ImportError:  # Windows: files may be heard twice by two processes, and still count once
    fcntl = None  # type: ignore[assignment]

STORE, SCHEMA = "store.json", 1


@dataclass(frozen=True)
class Provenance:
    """What a store was made with: whatever is added to it later must be the same.

    `runtime` is what the encoder computed on, "torch" or "onnx": each has its own file of weights. `version` is the
    one that made the store; `tag_mean` and `tag_std` are the encoder's usual logits.
    """

    encoder: str
    weights_sha256: str
    runtime: str
    heard_with: dict[str, Any]
    row_s: float
    token_s: float
    tag_mean: tuple[float, ...] = ()
    tag_std: tuple[float, ...] = ()
    version: str = __version__
    encoder_option: str = ""
    quantisation: dict[str, str] = field(default_factory=lambda: dict(RULES))
    tags: tuple[str, ...] = field(default_factory=tag_names)

    @property
    def tag_stats(self) -> TagStats | None:
        """The encoder's usual logits, None where they are not known."""
        if not self.tag_mean:
            return None
        return TagStats(np.array(self.tag_mean, np.float32), np.array(self.tag_std, np.float32))

    def settings(self) -> Settings:
        """Return the settings to hear with as this store does."""
        runtime: Any = self.runtime
        return Settings(encoder=self.encoder_option, runtime=runtime, **self.heard_with)


def describe_analysis(settings: Settings, encoder: LoadedEncoder, row_s: float) -> Provenance:
    """Return the provenance of a store that is filled with these settings and this encoder."""
    stats, token_s = encoder.tag_stats, encoder.spec.token_s
    return Provenance(
        encoder=encoder.spec.name,
        weights_sha256=encoder.sha256,
        runtime="onnx" if encoder.backend.computed_on.startswith("onnx") else "torch",
        heard_with={name: getattr(settings, name) for name in setting_names(WindowSettings)},
        row_s=max(row_s, token_s),
        token_s=token_s,
        tag_mean=tuple(map(float, stats.mean)) if stats else (),
        tag_std=tuple(map(float, stats.std)) if stats else (),
        encoder_option=settings.encoder,
    )


class PartStore:
    """A store that is there; `refresh` reads what has been added to it since.

    Attributes:
        folder: where it lies.
        provenance: what it was made with.
        catalogue: its files.
        damaged: parts that cannot be read, with the reason.

    Raises:
        ArchiveError: there is no store, or this version cannot read it.
    """

    def __init__(self, folder: str | Path) -> None:
        import_pyarrow()
        if "://" in str(folder):
            raise ArchiveError(f"{folder}: bring it into a folder first: earwitness store fetch {folder} FOLDER")
        self.folder = Path(folder)
        self.provenance = _read_provenance(self.folder)
        self.catalogue = Catalogue()
        self.damaged: dict[str, str] = {}
        self._known: set[str] = set()
        self._seen_ns = -1
        self._claims: int | None = None  # a file descriptor
        self.refresh()

    def refresh(self) -> None:
        """Read the records of parts that are new since the last time."""
        parts = self.folder / "parts"
        try:
            changed_ns = parts.stat().st_mtime_ns
        except FileNotFoundError:
            return
        names = sorted({each.name for each in parts.iterdir()} - self._known) if changed_ns != self._seen_ns else []
        for name in names:
            self._known.add(name)
            try:
                self.catalogue.add(read_records(parts / name))
            except ArchiveError as error:
                self.damaged[name] = str(error)
            except OSError as error:
                raise ArchiveError(f"{parts / name}: cannot be read ({error.strerror})") from error
        self._seen_ns = changed_ns

    def check_provenance(self, wanted: Provenance) -> None:
        """Refuse to add what was heard otherwise.

        Raises:
            ArchiveError: the encoder, its weights, a setting or the row length differ.
        """
        here, there = asdict(self.provenance), asdict(wanted)
        pairs = {**{name: name for name in ("encoder", "weights_sha256", "row_s", "tags", "quantisation")}}
        for name in pairs:
            _compare(self.folder, name, here[name], there[name])
        for name in setting_names(WindowSettings):
            _compare(self.folder, name, here["heard_with"][name], there["heard_with"][name])

    def commit(self, chunks: Sequence[Chunk]) -> int:
        """Add pieces as one part, unless they are there already; return how many were new.

        Raises:
            ArchiveError: the store cannot be written; nothing of the part remains, all earlier ones stay.
        """
        try:
            with self._locked():
                self._seen_ns = -1
                self.refresh()
                new = [p for p in chunks if not self.catalogue.has(p.path, p.attempt, p.number, p.state)]
                if new:
                    write_part(self.folder, new, self.provenance.row_s)
                    import_pyarrow()[0].default_memory_pool().release_unused()
                    self._seen_ns = -1
                    self.refresh()
                return len(new)
        except OSError as error:
            reason = error.strerror or error
            raise ArchiveError(
                f"{self.folder}: cannot be written ({reason}); all that was committed stays: "
                "free some space, or see who may write there, and run it again"
            ) from error

    def claim(self, path: str) -> bool:
        """Say whether this process may hear a recording: not while another one does. It holds until the process ends.

        A claim is a lock on one byte of a file, so it ends with its process, however that ends.
        """
        if fcntl is None:
            return True
        claims = self._open_claims()
        try:
            fcntl.lockf(claims, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _claim_offset(path))
        except (BlockingIOError, PermissionError):
            return False
        except OSError:  # a file system without locks
            return True
        return True

    def _open_claims(self) -> int:
        if self._claims is None:
            self._claims = os.open(self.folder / "claims.lock", os.O_RDWR | os.O_CREAT, 0o666)
            weakref.finalize(self, os.close, self._claims)
        return self._claims

    def release(self, path: str) -> None:
        """Let other processes hear a recording."""
        if fcntl is not None and self._claims is not None:
            with contextlib.suppress(OSError):
                fcntl.lockf(self._claims, fcntl.LOCK_UN, 1, _claim_offset(path))

    def tidy(self) -> dict[str, str]:
        """Set damaged parts aside and remove half-written ones; return the damaged ones with the reason.

        Raises:
            OSError: nothing can be written there; told before anything is heard.
        """
        self._open_claims()
        sweep_unfinished(self.folder)
        set_aside = dict(self.damaged)
        for name in set_aside:
            (self.folder / "damaged").mkdir(exist_ok=True)
            with contextlib.suppress(FileNotFoundError):  # another process was first
                (self.folder / "parts" / name).replace(self.folder / "damaged" / f"{name}-{uuid.uuid4().hex[:8]}")
            self._known.discard(name)
        self.damaged = {}
        return set_aside

    def part_path(self, record: ChunkRecord) -> Path:
        """Return the folder of the part that holds a piece."""
        return self.folder / "parts" / record.part

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        if fcntl is None:
            yield
            return
        with (self.folder / "commit.lock").open("ab") as file:
            with contextlib.suppress(OSError):  # a file system without locks: parts may hold pieces twice
                fcntl.flock(file, fcntl.LOCK_EX)
            yield


def make_store(folder: str | Path, provenance: Provenance) -> None:
    """Make an empty store; where one is already, it is left as it is.

    Raises:
        ArchiveError: the folder cannot be written, or holds something else.
    """
    if "://" in str(folder):
        raise ArchiveError(f"{folder}: only 'earwitness index --engine ray' writes stores to URLs; give a folder")
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / STORE).exists():
            return
        if any(each.name not in ("parts", "tmp") and STORE not in each.name for each in folder.iterdir()):
            raise ArchiveError(f"{folder}: holds other files and no {STORE}; choose an empty or new folder")
        written = folder / f".{STORE}.{uuid.uuid4().hex[:8]}"
        written.write_text(json.dumps({"schema": SCHEMA, **asdict(provenance)}, indent=1) + "\n", encoding="utf-8")
        try:
            os.link(written, folder / STORE)
            written.unlink()
        except FileExistsError:  # another process was first
            written.unlink()
        except OSError:  # a file system without links
            written.replace(folder / STORE)
        (folder / "parts").mkdir(exist_ok=True)
    except OSError as error:
        raise ArchiveError(f"{folder}: cannot be written ({error.strerror}); choose another --store") from error


def parse_provenance(place: str | Path, text: str) -> Provenance:
    """Return what a store was made with, from the text of its `store.json`.

    Raises:
        ArchiveError: it is damaged, or of another schema.
    """
    try:
        values = json.loads(text)
        schema = values.pop("schema")
        if schema != SCHEMA:
            raise ArchiveError(
                f"{place}: a store of schema {schema}; this version ({__version__}) reads schema {SCHEMA}: "
                "use the version that made it, or index into another --store"
            )
        for name in ("tags", "tag_mean", "tag_std"):
            values[name] = tuple(values[name])
        made = Provenance(**values)
        _check_values(made)
        return made
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArchiveError(f"{place}/{STORE}: not readable ({error}); take it from a copy of the store") from error


def _check_values(made: Provenance) -> None:
    """Find out whether what a store was made with can be used.

    Raises:
        ValueError, KeyError, TypeError: a value is missing, or none that a store can have.
    """
    made.settings()
    if set(made.heard_with) != set(setting_names(WindowSettings)):
        raise KeyError(*(set(setting_names(WindowSettings)) ^ set(made.heard_with)))
    if not (made.row_s > 0 and made.token_s > 0):
        raise ValueError(f"row_s={made.row_s}, token_s={made.token_s}")
    if made.tags != tag_names() or made.quantisation != RULES:
        raise ValueError("other tags or another quantisation than this version's")
    if {len(made.tag_mean), len(made.tag_std)} not in ({0}, {len(made.tags)}):
        raise ValueError("tag_mean and tag_std are to have a value for each tag")


def _read_provenance(folder: Path) -> Provenance:
    try:
        return parse_provenance(folder, (folder / STORE).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ArchiveError(
            f"{folder}: no store here; make one: earwitness index RECORDINGS --store {folder}"
        ) from error
    except OSError as error:
        raise ArchiveError(f"{folder / STORE}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ArchiveError(f"{folder / STORE}: not readable ({error}); take it from a copy of the store") from error


def _compare(folder: Path, name: str, here: Any, there: Any) -> None:
    if here != there:
        value = "" if name in ("tags", "quantisation") else f"={there!r}"
        made = "others" if name in ("tags", "quantisation") else repr(here)
        hint = " (torch and onnx have files of their own: see --runtime)" if name == "weights_sha256" else ""
        raise ArchiveError(
            f"{folder}: {name}{value}, but this store was made with {made}{hint}; choose another --store"
        )


def _claim_offset(path: str) -> int:
    return int.from_bytes(hashlib.sha256(path.encode()).digest()[:6], "big")
