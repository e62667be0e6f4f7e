"""A recognition on the terminal, as a table. Pictures are in `earwitness.plots`.

In: a `Recognition`. Out: text on standard output.
"""

from __future__ import annotations

from earwitness.recognition import Recognition

N_SCENES_SHOWN = 5


def print_recognition(recognition: Recognition) -> None:
    """Print events, scenes and, without any word, tags as a table."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, markup=False)
    console.print(f"{recognition.source}  ({recognition.duration_s:.1f} s)", style="bold", soft_wrap=True)
    if recognition.events:
        table = Table("onset", "offset", "event", "score", "because of")
        for event in recognition.events:
            reason = ", ".join(f"{each.tag} ({each.similarity:.2f})" for each in event.tags[:2])
            table.add_row(f"{event.onset_s:.2f}", f"{event.offset_s:.2f}", event.word, f"{event.score:.2f}", reason)
        console.print(table)
    elif recognition.event_words:
        console.print(f"none of these was detected: {', '.join(recognition.event_words)}")
    if recognition.scenes:
        table = Table("rank", "scene", "score", "for", "against")
        for rank, scene in enumerate(recognition.scenes[:N_SCENES_SHOWN], start=1):
            table.add_row(
                str(rank), scene.scene, f"{scene.score:.2f}", ", ".join(scene.tags), ", ".join(scene.tags_against)
            )
        console.print(table)
    if not recognition.event_words and not recognition.scenes:
        table = Table("tag", "mean score", "largest", "at")
        for tag in recognition.tags:
            table.add_row(tag.tag, f"{tag.mean_score:.3f}", f"{tag.peak_score:.3f}", f"{tag.peak_s:.1f} s")
        console.print(table)
