"""AudioSet's ontology: the tags that encoders score, and the tree of groups that they stand in.

In: `data/tags.csv`, `data/ontology.json`. Out: the tag names in the order of the encoder's head, and `Node`s by name.

Source: Gemmeke et al. 2017, "Audio Set: An ontology and human-labeled dataset for audio events"; the 527 tags are in
the order of their sorted ids (mids), as M2D's heads use them. scripts/make_ontology.py makes the file of nodes.
"""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass
from functools import lru_cache

from earwitness.errors import WordError
from earwitness.files import DATA_DIR

# Tags that AudioSet does not restrict, but that name no source of sound: the room or the open air around it, what a
# room or a device does to sounds, the absence of any, and a word for whatever is heard.
NO_SOUNDS = frozenset(
    ("Inside, small room", "Inside, large room or hall", "Inside, public space", "Outside, urban or manmade",
     "Outside, rural or natural", "Reverberation", "Echo", "Distortion", "Effects unit", "Chorus effect", "Silence",
     "Noise", "Environmental noise", "Sound effect")
)  # fmt: skip
_SENTENCE_END = re.compile(r"(?<!i\.e\.)(?<!e\.g\.)(?<=[.!?])\s+(?=[A-Z(])")


@dataclass(frozen=True)
class Node:
    """A class of AudioSet's ontology: a tag, or a group of classes.

    Attributes:
        name: unique, as AudioSet writes it.
        description: one sentence or a few.
        parents, children: names; some classes stand in several groups, and the first one counts as the branch.
        is_abstract: a mere heading, such as "Source-ambiguous sounds".
        is_tag: whether encoders score it.
        is_sound: whether it names a sound of the world: AudioSet neither calls it abstract nor withdrew it from
            labelling as too vague ("blacklist"), and it is not in `NO_SOUNDS`.
    """

    name: str
    description: str
    parents: tuple[str, ...]
    children: tuple[str, ...]
    is_abstract: bool
    is_tag: bool
    is_sound: bool


@lru_cache(maxsize=1)
def tag_names() -> tuple[str, ...]:
    """Return the 527 tag names in the order of the encoder's head."""
    with (DATA_DIR / "tags.csv").open(newline="", encoding="utf-8") as file:
        return tuple(row["name"] for row in csv.DictReader(file))


@lru_cache(maxsize=1)
def ontology() -> dict[str, Node]:
    """Return the 632 nodes by name, in AudioSet's order: parents before their children."""
    raw = json.loads((DATA_DIR / "ontology.json").read_text(encoding="utf-8"))
    names = {node["id"]: node["name"] for node in raw}
    children = {node["name"]: tuple(names[each] for each in node.get("child_ids", ())) for node in raw}
    parents: dict[str, list[str]] = {name: [] for name in children}
    for name, below in children.items():
        for child in below:
            parents[child].append(name)
    tags = set(tag_names())
    nodes = {}
    for node in raw:
        name, restrictions = node["name"], node.get("restrictions", ())
        is_sound = not restrictions and name not in NO_SOUNDS
        nodes[name] = Node(
            name,
            node["description"],
            tuple(parents[name]),
            children[name],
            "abstract" in restrictions,
            name in tags,
            is_sound,
        )
    return nodes


@lru_cache(maxsize=1024)
def branch_of(tag: str) -> tuple[str, ...]:
    """Return the names from the root of the tree to a tag or group, which is the last.

    Raises:
        WordError: AudioSet has no class of this name.
    """
    branch = [find_node(tag)]
    while branch[0].parents:
        branch.insert(0, find_node(branch[0].parents[0]))
    return tuple(node.name for node in branch)


@lru_cache(maxsize=1024)
def descendants(name: str) -> tuple[str, ...]:
    """Return the tags below a class, itself included where it is a tag, each once, in AudioSet's order.

    Raises:
        WordError: AudioSet has no class of this name.
    """
    node = find_node(name)
    below = [tag for child in node.children for tag in descendants(child)]
    return tuple(dict.fromkeys([node.name, *below] if node.is_tag else below))


def first_sentence(name: str) -> str:
    """Return the first sentence of a class's description.

    Raises:
        WordError: AudioSet has no class of this name.
    """
    return _SENTENCE_END.split(find_node(name).description, maxsplit=1)[0]


def find_node(name: str) -> Node:
    """Return the node of a name as AudioSet writes it.

    Raises:
        WordError: AudioSet has no class of this name.
    """
    try:
        return ontology()[name]
    except KeyError:
        raise WordError(f"{name!r} is no class of AudioSet; give a name of data/ontology.json") from None
