"""Make data/token_vectors.npz: a vector for each token, learnt so that their means are like MPNet's embeddings.

In: the texts of static_texts.py and MPNet's embeddings of them. Out: tokens, int8 vectors and scales, and the basis
that MPNet's 768 numbers were projected on. Needs MPNet and torch: `pip install -e '.[mpnet]'`, then

    python scripts/make_static_embedding.py      # fifteen minutes for MPNet once, then three, on one CPU core

It learns twice: first without a tenth of the words, whose likeness to MPNet it prints, then with all texts.
"""

from __future__ import annotations

import argparse
import itertools
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from earwitness.words.ontology import tag_names
from earwitness.words.static_embedding import TOKEN_VECTORS_PATH, split_tokens, split_words
from earwitness.words.text_model import find_mpnet
from static_texts import LearntText, collect_texts, read_vocabulary, read_words
from teacher import embed_cached

Vectors = npt.NDArray[np.float32]

N_DIMS = 256
N_TOKENS = 13000
LEAST_PIECES = 3  # texts that a rare piece must occur in
LEAST_OWN = 3  # texts that a word of several pieces must occur in to get a token of its own
LEAST_PAIRS = 3  # words of the table that two words must stand in together to get a token of their own
N_EPOCHS = 12
BATCH = 1024
LEARNING_RATE = 2e-3
RARE = 1e-3  # share of texts: a token as frequent as this begins at half its length
PULL = 0.02  # how strongly a token's vector is held to what MPNet gives for the token alone
TAG_SHARE = 0.1  # of the loss that compares the nearness of tags, beside that of embeddings
TAG_TEMPERATURE = 0.05
WORD_COPIES = 2  # how often a word counts, beside a composed phrase
HELD_OUT = 0.1
NEAR = 0.5  # similarity from which a word has a tag that names it
SEED = 0


@dataclass(frozen=True)
class Lesson:
    """What is learnt from.

    Attributes:
        texts: all texts; `is_used` says which are learnt from.
        targets, tags: the teacher's embeddings, projected, of the texts and of the tags.
        known, tokens: the rows of tokens by name, and of each text.
    """

    texts: Sequence[LearntText]
    targets: Vectors
    tags: Vectors
    is_used: Sequence[bool]
    known: Mapping[str, int]
    tokens: Sequence[list[int]]


def main() -> None:
    """Learn without the held-out words, print measures; learn with all, write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only-measure", action="store_true", help="write nothing")
    options = parser.parse_args()
    vocabulary = read_vocabulary(find_mpnet())
    texts = collect_texts(vocabulary)
    teacher = embed_cached([each.text for each in texts]).astype(np.float32)
    tags = embed_cached(tag_names()).astype(np.float32)
    basis = find_basis(teacher)
    targets = (_to_unit(teacher @ basis.T), _to_unit(tags @ basis.T))
    held_out = set(random.Random(SEED).sample(read_words(), int(HELD_OUT * len(read_words()))))
    lesson = make_lesson(texts, *targets, vocabulary, [not held_out & {each.text, *each.parts} for each in texts])
    table = learn(lesson)
    words = [row for row, each in enumerate(texts) if each.text in held_out]
    phrases = [row for row, is_used in enumerate(lesson.is_used) if not is_used and texts[row].text not in held_out]
    for name, rows in (("words", words), ("phrases with a held-out word", phrases)):
        print(f"{len(rows)} held-out {name}:")
        measure(table, lesson, rows, _to_unit(teacher[rows]), _to_unit(tags), basis)
    if not options.only_measure:
        lesson = make_lesson(texts, *targets, vocabulary, [True] * len(texts))
        write(lesson.known, learn(lesson), basis)


def make_lesson(
    texts: Sequence[LearntText], targets: Vectors, tags: Vectors, vocabulary: Sequence[str], is_used: Sequence[bool]
) -> Lesson:
    """Return a lesson whose tokens are chosen by the used texts alone."""
    used = {each.text: targets[row] for row, each in enumerate(texts) if is_used[row]}
    own = [each.text for each, chosen in zip(texts, is_used, strict=True) if chosen and each.parts == (each.text,)]
    known = {token: row for row, token in enumerate([*choose_tokens(used, own, vocabulary), *choose_pairs(own)])}
    tokens = [[known[token] for token in split_tokens(each.text, known)] for each in texts]
    return Lesson(texts, targets, tags, is_used, known, tokens)


def find_basis(teacher: Vectors) -> Vectors:
    """Return the directions (D, 768) that keep most of the embeddings' lengths, not centred, so that cosines stay."""
    values, vectors = np.linalg.eigh((teacher.T @ teacher).astype(np.float64))
    return np.ascontiguousarray(vectors[:, np.argsort(-values)[:N_DIMS]].T, dtype=np.float32)


def choose_tokens(texts: Mapping[str, Vectors], words: Sequence[str], vocabulary: Sequence[str]) -> list[str]:
    """Return tokens: all that the table's words and descriptions need, then those nearest to a word of the table."""
    whole = dict.fromkeys(vocabulary, 0)
    own = Counter(word for text in texts for word in text.split() if word.isascii() and word.isalpha())
    whole |= {word: 0 for word, n in own.items() if n >= LEAST_OWN}
    used = Counter(token for text in texts for token in split_tokens(text, whole))
    needed = {token for word in words for token in split_tokens(word, whole)}
    needed |= {token for token, n in used.items() if n >= LEAST_PIECES}
    needed |= {token for token in whole if len(token.removeprefix("##")) == 1}
    rest = [token for token in vocabulary if token.isalpha() and token not in needed and token in texts]
    table = np.stack([texts[word] for word in words])
    nearness = {token: float((table @ texts[token]).max()) for token in rest}
    rest.sort(key=lambda token: -nearness[token])
    rest = rest[: max(0, N_TOKENS - len(needed))]
    print(f"{len(needed)} tokens needed, {len(rest)} more; the last is {rest[-1]!r}, {nearness[rest[-1]]:.2f}")
    return [*sorted(needed), *rest]


def choose_pairs(words: Sequence[str]) -> list[str]:
    """Return pairs of words that stand together in several words of the table."""
    found = Counter(pair for word in words for pair in map(" ".join, itertools.pairwise(split_words(word))))
    return [pair for pair, n in found.items() if n >= LEAST_PAIRS]


def choose_start(lesson: Lesson) -> Vectors:
    """Return vectors to begin with: the teacher's of a token alone, or of texts that a piece occurs in; 0 of pairs.

    Frequent tokens begin shorter, since they say less (Arora et al. 2017, "A simple but tough-to-beat baseline").
    """
    by_text = {each.text: row for row, each in enumerate(lesson.texts) if lesson.is_used[row]}
    uses: dict[int, list[int]] = {}
    for row in by_text.values():
        for token in lesson.tokens[row]:
            uses.setdefault(token, []).append(row)
    start = np.zeros((len(lesson.known), N_DIMS), np.float32)
    for text, token in lesson.known.items():
        rows = [by_text[text]] if text in by_text else uses.get(token, [])
        if rows and " " not in text:
            start[token] = lesson.targets[rows].mean(axis=0)
    frequency = np.array([len(uses.get(token, [])) for token in lesson.known.values()]) / len(by_text)
    return np.asarray(start * (RARE / (RARE + frequency))[:, None], np.float32)


def learn(lesson: Lesson) -> Vectors:
    """Return the vectors (T, D) of tokens, weights included, whose means are most like the teacher's embeddings."""
    torch.manual_seed(SEED)
    start = choose_start(lesson)
    began = time.perf_counter()
    bag = torch.nn.EmbeddingBag.from_pretrained(torch.tensor(start), freeze=False, mode="sum")
    first, tags = torch.tensor(start), torch.tensor(lesson.tags)
    copies = [WORD_COPIES if each.parts == (each.text,) else 1 for each in lesson.texts]
    rows = np.array([
        row for row, used in enumerate(lesson.is_used) if used and lesson.tokens[row] for _ in range(copies[row])
    ])  # fmt: skip
    optimiser = torch.optim.Adam(bag.parameters(), lr=LEARNING_RATE)
    n_steps = N_EPOCHS * (len(rows) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, total_steps=n_steps, pct_start=0.1)
    chance = np.random.default_rng(SEED)
    for epoch in range(N_EPOCHS):
        chance.shuffle(rows)
        losses = []
        for at in range(0, len(rows) - BATCH + 1, BATCH):
            some = rows[at : at + BATCH]
            ids = [lesson.tokens[row] for row in some]
            offsets = torch.tensor(np.cumsum([0, *map(len, ids[:-1])]))
            flat = torch.tensor([token for each in ids for token in each])
            means = torch.nn.functional.normalize(bag(flat, offsets), dim=1)
            loss = find_loss(means, torch.tensor(lesson.targets[some]), tags)
            pull = (bag.weight[flat] - first[flat]).square().sum(dim=1).mean()
            optimiser.zero_grad()
            (loss + PULL * pull).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
            losses.append(loss.item())
        print(f"epoch {epoch + 1}: loss {np.mean(losses):.4f}, {time.perf_counter() - began:.0f} s", flush=True)
    return np.asarray(bag.weight.detach().numpy(), np.float32)


def find_loss(means: torch.Tensor, targets: torch.Tensor, tags: torch.Tensor) -> torch.Tensor:
    """Return how far embeddings (B, D) are from the teacher's, and the order of their nearest tags from its order."""
    wanted = (targets @ tags.T / TAG_TEMPERATURE).softmax(dim=1)
    found = (means @ tags.T / TAG_TEMPERATURE).log_softmax(dim=1)
    divergence = torch.nn.functional.kl_div(found, wanted, reduction="batchmean")
    return (1 - (means * targets).sum(dim=1)).mean() + TAG_SHARE * divergence


def measure(
    table: Vectors, lesson: Lesson, rows: Sequence[int], teacher: Vectors, tags: Vectors, basis: Vectors
) -> None:
    """Print how like MPNet's the embeddings of held-out texts are, and how often both find the same nearest tags."""
    vectors, scales = quantise(table)
    tokens = [lesson.tokens[row] for row in rows]
    student = _to_unit(np.stack([scales[each] @ vectors[each].astype(np.float32) for each in tokens]))
    cosine = (student * lesson.targets[rows]).sum(axis=1).mean()
    lifted = (student @ basis * teacher).sum(axis=1).mean()
    print(f"  cosine {cosine:.3f} in {N_DIMS} dimensions, {lifted:.3f} in 768")
    real, approximate = teacher @ tags.T, student @ lesson.tags.T
    expected, found = np.argsort(-real)[:, :3], np.argsort(-approximate)[:, :3]
    overlap = np.mean([len(set(a) & set(b)) / 3 for a, b in zip(expected, found, strict=True)])
    is_same, is_near = expected[:, 0] == found[:, 0], real.max(axis=1) >= NEAR
    print(f"  nearest tag the same: {is_same.mean():.3f}; of the nearest three: {overlap:.3f}")
    print(f"  same where MPNet's cosine is {NEAR} or more ({is_near.sum()}): {is_same[is_near].mean():.3f}")


def quantise(table: Vectors) -> tuple[npt.NDArray[np.int8], Vectors]:
    """Return vectors (T, D) in 8 bits and the scale (T,) of each."""
    scales = np.maximum(np.abs(table).max(axis=1), 1e-12) / 127
    return np.rint(table / scales[:, None]).astype(np.int8), scales.astype(np.float32)


def write(known: Mapping[str, int], table: Vectors, basis: Vectors) -> None:
    """Write the file, not compressed, so that it loads at once."""
    vectors, scales = quantise(table)
    tokens = np.frombuffer("\n".join(known).encode("ascii"), np.uint8)
    np.savez(TOKEN_VECTORS_PATH, tokens=tokens, vectors=vectors, scales=scales, basis=basis.astype(np.float16))
    print(f"{TOKEN_VECTORS_PATH.name}: {len(known)} tokens, {TOKEN_VECTORS_PATH.stat().st_size / 1e6:.2f} MB")


def _to_unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), np.float32)


if __name__ == "__main__":
    main()
