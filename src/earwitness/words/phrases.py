"""Phrases to what is compared of them: without what changes only the grammar, and split at what is negated.

In: a phrase as a user writes it. Out: a `Phrase`, and lemmas: "the dogs' barking" and "a dog barks" are both
{dog, bark}. Rules and small tables of English; no language model.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

_NEGATION = re.compile(
    r"[,;:(]?\s*\b(?:but not|and not|and no|not|without|except(?: for)?|excluding|other than|minus|no)\b"
)
_PLACE = re.compile(
    r"\s+(?:in|on|at|near|nearby|under|behind|inside|outside|during|across|along|against|beside|next to|from|by)\s+"
)
_CONJUNCTION = re.compile(r"\s*(?:[,;/+&|]|\b(?:and|or|plus|as well as)\b)\s*")
_TOKEN = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")

# Words that say nothing of the sound. The second set is dropped only where a phrase is not known with it.
EMPTY = frozenset(
    "a an the this that these those some any my your his her its our their someone somebody someones of being is are "
    "was were be been it he she they there".split()
)
WEAK = frozenset(
    "sound sounds noise noises audio recording sfx effect going off on in at to from by with while into over through "
    "near nearby under around up down out very really quite just one two three four several many few lot kind type "
    "loud loudly quiet quietly soft softly gentle gently faint distant far away close big small little large huge tiny "
    "old new young long short sudden constant continuous repeated slow slowly fast quick quickly single multiple "
    "angry happy sad scared friendly lonely playing making made".split()
)

_IRREGULAR = {
    line.split()[0]: line.split()[1]
    for line in """geese goose|mice mouse|lice louse|oxen ox|children child|men man|women woman|feet foot|teeth tooth
    hooves hoof|wolves wolf|knives knife|wives wife|lives life|leaves leaf|loaves loaf|calves calf|shelves shelf
    scarves scarf|thieves thief|halves half|elves elf|rang ring|rung ring|sang sing|sung sing|broke break|broken break
    shook shake|shaken shake|shot shoot|shots shot|blew blow|blown blow|drove drive|driven drive|rode ride|ridden ride
    flew fly|flown fly|fell fall|fallen fall|threw throw|thrown throw|tore tear|torn tear|wept weep|swept sweep
    spoke speak|spoken speak|ran run|swam swim|drank drink|ate eat|eaten eat|bit bite|hit hit|cut cut|shut shut
    ground grind|struck strike|stricken strike|beaten beat|bent bend|burnt burn|burst burst|dug dig|drawn draw
    froze freeze|frozen freeze|slid slide|spun spin|sprung spring|squeezed squeeze|swung swing|wound wind
    people person|tyre tire|tyres tire|grey gray|plough plow|ploughs plow|ploughing plow|aluminium aluminum
    aeroplane airplane|aeroplanes airplane|theatre theater|centre center|metre meter|litre liter|moustache mustache
    kerb curb|programme program|storey story|axe ax|axes ax|whisky whiskey|yoghurt yogurt|mum mom|mummy mommy
    pyjamas pajamas|jewellery jewelry|sulphur sulfur|draught draft|cheque check|gaol jail|sceptic skeptic
    doughnut donut|carburettor carburetor|hairdryer hairdryer|ageing aging|neighing neigh|snarl snarl""".replace(
        "\n", "|"
    ).split("|")
    if len(line.split()) == 2
}


@dataclass(frozen=True)
class Phrase:
    """A phrase in parts: what is meant, and what is excluded ("siren, not music")."""

    meant: str
    excluded: tuple[str, ...] = ()


def split_phrase(phrase: str) -> Phrase:
    """Return a normalised phrase, split where something is negated."""
    meant, *negated = _NEGATION.split(phrase)
    excluded = [part.strip(" ,;:()") for each in negated for part in _CONJUNCTION.split(each)]
    return Phrase(meant.strip(" ,;:("), tuple(part for part in excluded if part))


def before_place(phrase: str) -> str:
    """Return a phrase without where it sounds: "dog barking" of "dog barking at the gate"."""
    return _PLACE.split(phrase, maxsplit=1)[0]


def split_alternatives(phrase: str) -> list[str]:
    """Return the parts of a phrase that commas, "and" or "or" join."""
    return [part for part in _CONJUNCTION.split(phrase) if _TOKEN.search(part)]


def read_tokens(phrase: str) -> tuple[str, ...]:
    """Return the words of a normalised phrase without punctuation, possessive endings and articles."""
    plain = phrase.split()
    if not "".join(plain).isalnum():
        words = [_TOKEN.findall(each) for each in re.split(r"[\s\-_/]+", phrase.replace("’", "'"))]
        plain = [re.sub(r"'s?$", "", word) for each in words for word in each]
    return tuple(word for word in plain if word not in EMPTY) or tuple(plain)


def find_lemma(word: str, known: Collection[str]) -> str:
    """Return the plain form of a word: the first of its possible plain forms that is known, else a regular guess."""
    word = _IRREGULAR.get(word, word)
    candidates = [_to_american(each) for each in _plain_forms(word)]
    return next((each for each in candidates if each in known), candidates[0] if candidates else _to_american(word))


def _plain_forms(word: str) -> list[str]:
    """Return what a word may be a form of, the likeliest first; the word itself comes last."""
    forms: list[str] = []
    if len(word) > 4 and word.endswith("ies"):
        forms += [word[:-3] + "y", word[:-1]]
    elif len(word) > 4 and word.endswith(("ches", "shes", "sses", "xes", "zes")):
        forms += [word[:-2], word[:-1]]
    elif len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        forms += [word[:-1], word[:-2]] if word.endswith("es") else [word[:-1]]
    for ending, least in (("ing", 6), ("ed", 5), ("ings", 7)):
        if word.endswith(ending) and len(word) >= least:
            stem = word[: -len(ending)]
            doubled = [stem[:-1]] if len(stem) > 2 and stem[-1] == stem[-2] else []
            forms += [*doubled, stem, stem + "e"] if stem[-1] not in "lsz" else [stem, stem + "e", *doubled]
    if word.endswith("ied") and len(word) > 4:
        forms.insert(0, word[:-3] + "y")
    return [*forms, word] if _looks_inflected(word) else [word, *forms]


def _looks_inflected(word: str) -> bool:
    return word.endswith(("s", "ing", "ed"))


def _to_american(word: str) -> str:
    word = re.sub(r"(?<=[a-z]{2})our(?=$|s$|ed$|ing$|ful$)", "or", word) if word in _OUR else word
    return re.sub(r"is(e|ed|es|ing|er)$", r"iz\1", word) if len(word) > 7 and word not in _KEEPS_S else word


_OUR = frozenset(
    "colour harbour honour labour neighbour rumour vapour humour favour odour parlour tumour armour behaviour".split()
)
_KEEPS_S = frozenset(
    "exercise exercised exercises tortoise sunrise moonrise enterprise surprise surprised advertise advertising "
    "promise porpoise porpoises merchandise paradise franchise expertise turquoise otherwise likewise".split()
)
