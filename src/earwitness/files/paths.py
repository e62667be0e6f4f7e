"""Where the shipped data and the caches lie, and the hash of a file."""

import hashlib
import os
from functools import lru_cache
from pathlib import Path

CACHE_ADVICE = "free some space, or set EARWITNESS_CACHE (data sets: EARWITNESS_DATA)"
DATA_DIR = Path(__file__).parent.parent / "data"


def cache_dir() -> Path:
    """Return the user's cache folder for earwitness: `EARWITNESS_CACHE`, else the XDG cache folder's `earwitness`."""
    chosen = os.environ.get("EARWITNESS_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "earwitness"


def datasets_dir() -> Path:
    """Return the folder of data sets, each in a folder of its name: `EARWITNESS_DATA`, else `data` in the cache."""
    chosen = os.environ.get("EARWITNESS_DATA")
    return Path(chosen) if chosen else cache_dir() / "data"


def find_snapshots(*repositories: str) -> list[Path]:
    """Return the folders that the Hugging Face cache has of repositories, such as "thenlper/gte-base"."""
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    hub = Path(os.environ.get("HF_HUB_CACHE") or home / "hub")
    folders = (hub / f"models--{repository.replace('/', '--')}" / "snapshots" for repository in repositories)
    return [snapshot for folder in folders for snapshot in sorted(folder.glob("*"))]


def hash_file(path: Path, algorithm: str = "sha256") -> str:
    """Return the hash of a file in hex, such as its sha256 or md5; a file that has not changed is hashed once."""
    state = path.stat()
    return _hash_unchanged(path, algorithm, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=8)
def _hash_unchanged(path: Path, algorithm: str, size: int, modified_ns: int) -> str:
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            digest.update(block)
    return digest.hexdigest()
