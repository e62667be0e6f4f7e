"""The command `earwitness words`: how words are understood, by their tags.

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
    """Show how a word is understood: as which known sounds, by which tags, and how far to trust it.

    exact: a tag is the sound itself. close: tags hear it as something more general or alike. guess: the word is not
    known, and the nearest known sounds are taken. cannot be heard: no tag stands for it. "siren, not music" is one
    word; what it excludes is listed.
    """
    from earwitness.words import branch_of, tag_names, understand_words

    meanings = understand_words(words)
    unusable = meanings.unusable
    for index, word in enumerate(meanings.words):
        weights = meanings.weights[index]
        known = meanings.understood_as[index]
        taken = f", as {' + '.join(known)}" if known and known != (word.lower(),) else ""
        print(f"{word}: {meanings.grades[index]}{taken}")
        for tag in (-weights).argsort(kind="stable")[:top]:
            if weights[tag] > 0:
                print(f"  {weights[tag]:6.1%}  {' > '.join(branch_of(tag_names()[tag]))}")
        against = meanings.against[index] if meanings.against is not None else weights[:0]
        excluded = [tag_names()[tag] for tag in against.nonzero()[0]]
        if excluded:
            print(f"  not: {', '.join(excluded)}")
    if unusable:
        raise typer.Exit(1 if len(unusable) < len(meanings.words) else 2)
