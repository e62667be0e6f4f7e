"""The command `earwitness words`: how words are understood, by their nearest tags.

In: words. Out: lines on standard output.
"""

from __future__ import annotations

from typing import Annotated

import typer

from earwitness.cli.options import read_words


def words(
    words: Annotated[list[str], typer.Argument(help="Words or phrases.", callback=read_words)],
    top: Annotated[int, typer.Option(help="How many tags to list.")] = 5,
) -> None:
    """Show how a word is understood: its nearest tags, with similarities and weights."""
    from earwitness.words import FAR_SIMILARITY, tag_names, understand_words

    meanings = understand_words(words)
    for index, word in enumerate(meanings.words):
        similarities, weights = meanings.similarities[index], meanings.weights[index]
        is_far = similarities.max() < FAR_SIMILARITY
        print(f"{word}{'  (far from every tag: expect little of it)' if is_far else ''}")
        for tag in (-weights).argsort(kind="stable")[:top]:
            print(f"  {similarities[tag]:5.2f}  {weights[tag]:6.1%}  {tag_names()[tag]}")
