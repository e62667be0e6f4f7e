"""Figures with matplotlib: timelines, tags, attention, curves, confusion, embeddings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from earwitness.lazy import load_on_use

if TYPE_CHECKING:
    from earwitness.plots.attention import LoudestFinder, Query, choose_panels, draw_attention, read_attended
    from earwitness.plots.embeddings import LEAST, draw_embeddings, project
    from earwitness.plots.evaluation import draw_curves, draw_saved_confusion, draw_saved_distribution
    from earwitness.plots.figure import check_picture_path, import_figure, save_picture, describe_settings
    from earwitness.plots.published import Detected, draw_detections
    from earwitness.plots.tags import draw_tags
    from earwitness.plots.timeline import draw_recognition, draw_timeline, read_timeline, recognize_timeline

__getattr__ = load_on_use(__name__)
