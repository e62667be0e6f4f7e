"""The texts that the static embedding learns from: words, AudioSet's names and descriptions, composed phrases.

In: data/words.txt, data/ontology.json, places, and the vocabulary of MPNet's tokenizer. Out: texts, each with the word
of the table that it is made of, so that held-out words leave no trace in what is learnt.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from pathlib import Path

from earwitness.files.paths import DATA_DIR
from earwitness.words.ontology import first_sentence, ontology, tag_names

N_PHRASES = 28000
SHARE_OF_ONE = 0.7  # of phrases with one word of the table, the others have two
SEED = 0

BEFORE = (
    "", "", "", "a", "a", "the", "the", "an old", "some", "my", "your neighbour's", "someone's", "his", "her", "their",
    "our", "this", "that", "these", "there is a", "there was a", "it is the", "it's a", "i hear a", "i heard the",
    "can you hear the", "you can hear", "we hear", "find the", "when the", "what sounds like a", "something like a",
    "sound of a", "the sound of", "sounds of", "the noise of a", "the noise that comes from a", "noise made by",
    "recording of", "loud", "a very loud", "quiet", "a quiet", "distant", "a distant", "faint", "sudden", "slow",
    "fast", "quick", "soft", "heavy", "light", "deep", "high-pitched", "low", "rhythmic", "repeated", "constant",
    "small", "a big", "large", "little", "tiny", "two", "three", "several", "many", "a lot of", "a group of",
    "a kind of", "one", "another", "any", "lots of", "broken", "rusty", "electric", "wooden", "metal", "plastic", "wet",
    "dry", "cold", "hot", "new", "young", "angry", "happy", "scared", "furious", "somebody with a", "a person with a",
    "a man with a", "a woman with", "children with", "hitting a", "using a", "playing with a", "a bit of", "only a",
    "just a", "maybe a", "probably", "no longer a",
)  # fmt: skip
AFTER = (
    "", "", "", "", "sound", "sounds", "noise", "noises", "s", "in the distance", "far away", "nearby", "close by",
    "outside", "inside", "inside a room", "in a house", "in the kitchen", "in the street", "in the woods", "on a table",
    "on the floor", "on the road", "at night", "in the morning", "at the door", "at home", "at work", "by the window",
    "under water", "under the bridge", "over the roof", "behind the wall", "from above", "from the next room",
    "through a wall", "through the window", "into the room", "out of tune", "out there", "going off", "going on",
    "that is very loud", "that is far away", "that you can hear", "that i like", "that stops", "that starts again",
    "which is broken", "which gets louder", "who is angry", "as it moves", "as if it were near", "while it rains",
    "while people talk", "when it is dark", "because of the wind", "being played", "being used", "being moved",
    "starting", "stopping", "moving", "falling", "breaking", "working", "is heard", "are heard", "was there",
    "has started", "again", "again and again", "for a long time", "for children", "for a moment", "all the time",
    "all at once", "too", "really loudly", "very softly", "furiously", "slowly", "loudly", "quietly", "suddenly",
    "of wood", "of metal", "of some kind", "or something like it", "and then silence", "and other things",
    "with a lot of echo", "with force", "without music", "in the wind", "in the rain", "to the ground", "up and down",
    "back and forth", "together",
)  # fmt: skip
BETWEEN = (
    "and", "and", "and a", "and the", ",", "or", "or a", "with", "with a", "of", "of a", "of the", "in", "in a",
    "in the", "on", "on a", "on the", "near", "near a", "by the", "behind the", "under", "over", "from", "from the",
    "through", "then", "followed by", "while", "but not", "at the", "against a", "into a", "next to a", "like",
    "like a", "that", "for", "to", "", "", "'s", "is louder than", "during", "after", "before", "without", "inside a",
    "among", "between",
)  # fmt: skip
GRAMMAR = frozenset(
    "a an the this that these those some any my your his her its our their it he she they we you i there is was are "
    "were be been being has have had do does did will would can could may might must shall should of in on at to "
    "from by with for as if or and but not no nor so than then too very just only also into onto upon over under "
    "about after before while when where which who whom whose what why how because during through between among "
    "against without within again all both each few more most other such same own up down out off".split()
)  # a text of one of these alone says nothing of what it adds to others


@dataclass(frozen=True)
class LearntText:
    """A text, and the words of the table that are its parts."""

    text: str
    parts: tuple[str, ...] = ()


def read_words() -> list[str]:
    """Return the words of the shipped table."""
    return (DATA_DIR / "words.txt").read_text(encoding="utf-8").splitlines()


def read_vocabulary(model_dir: Path) -> list[str]:
    """Return the tokens of the teacher's tokenizer that English words are written with: letters, few digits, signs."""
    tokens = (model_dir / "vocab.txt").read_text(encoding="utf-8").splitlines()
    return [token for token in tokens if re.fullmatch(r"(##)?[a-z]+|(##)?[0-9]", token)]


def collect_texts(vocabulary: list[str]) -> list[LearntText]:
    """Return all texts: words, tags, first sentences, each whole word of the vocabulary, and composed phrases."""
    words = read_words()
    found = {word: LearntText(word, (word,)) for word in words}
    for name, node in ontology().items():
        found.setdefault(name.lower(), LearntText(name.lower(), (name.lower(),)))
        if node.description:
            sentence = first_sentence(name).lower()
            found.setdefault(sentence, LearntText(sentence))
    for token in vocabulary:
        if token.isalpha() and len(token) > 1 and token not in GRAMMAR:
            found.setdefault(token, LearntText(token))
    for each in compose_phrases([*words, *(tag.lower() for tag in tag_names())]):
        found.setdefault(each.text, each)
    return list(found.values())


def compose_phrases(words: list[str]) -> list[LearntText]:
    """Return phrases of one or two words each, by chance but always the same."""
    chance = random.Random(SEED)
    short = [word for word in words if len(word.split()) <= 3]
    phrases = []
    for _ in range(N_PHRASES):
        parts = tuple(chance.sample(short, 1 if chance.random() < SHARE_OF_ONE else 2))
        middle = f" {chance.choice(BETWEEN)} ".join(parts)
        text = f"{chance.choice(BEFORE)} {middle} {chance.choice(AFTER)}"
        phrases.append(LearntText(re.sub(r"\s+(?=[,']|s$)|^\s+|\s+$|\s+(?=\s)", "", text), parts))
    return phrases
