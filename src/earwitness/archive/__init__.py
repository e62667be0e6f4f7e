"""Archives of any size: recordings are indexed once into a store of tag scores, and queried later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from earwitness.lazy import load_on_use

if TYPE_CHECKING:
    from earwitness.archive.again import MoveReport, move_store
    from earwitness.archive.answer_tables import print_answer, print_table, show_line, write_answer
    from earwitness.archive.ask import Answer, ArchiveEvent
    from earwitness.archive.extract import ANALYSED, Chunk, check_settings
    from earwitness.archive.heatmap import FAINTEST, Heat, make_heats
    from earwitness.archive.index import index_recordings
    from earwitness.archive.index_ray import Cluster, index_on_ray
    from earwitness.archive.merge import merge_stores
    from earwitness.archive.part_writer import IndexOptions, IndexReport
    from earwitness.archive.provenance import Provenance, describe_analysis
    from earwitness.archive.quantise import Levels, quantise_logits, quantise_scores
    from earwitness.archive.query import Choice
    from earwitness.archive.remote_store import fetch_store
    from earwitness.archive.running_median import RunningMedian
    from earwitness.archive.similar import find_similar
    from earwitness.archive.start_times import format_time
    from earwitness.archive.store import Store, make_store
    from earwitness.archive.tag_store import open_store

__getattr__ = load_on_use(__name__)
