"""HTML pages that need no network: a recording, a folder of recordings, an archive, an evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from earwitness.lazy import load_on_use

if TYPE_CHECKING:
    from earwitness.reports.archive_page import ArchiveQuery, write_answer_page
    from earwitness.reports.evaluation_page import make_page
    from earwitness.reports.recording_page import Sound, make_report
    from earwitness.reports.report import ReportFolder, explain_events, show_map, write_report
    from earwitness.reports.scripts import report_script, report_style
    from earwitness.reports.sound import MAX_FLAC_BYTES, AudioChoice
    from earwitness.reports.view import make_answer, make_view

__getattr__ = load_on_use(__name__)
