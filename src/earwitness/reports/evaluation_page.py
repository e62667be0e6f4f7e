"""The results of an evaluation as one page: numbers, breakdowns, curves, confusion and mistakes, without scripts.

In: `Results`. Out: HTML that needs no network.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import earwitness.reports.page as kit
from earwitness.evaluation import COLUMNS, MEANINGS, RANKED, Results, Rows
from earwitness.reports.scripts import read_asset, report_style
from earwitness.reports.svg import draw_confusion, draw_lines

MAX_ERRORS = 300  # on the page; the table has all


def make_page(results: Results) -> str:
    """Return the page."""
    row = results.to_dict()
    facts = [
        f"{row.get('n_files')} recordings scored",
        *([f"{row['n_failed']} could not be read"] if row.get("n_failed") else []),
        *(f"{name} {kit.escape(row[name])}" for name in ("method", "encoder") if row.get(name)),
        *(kit.escape(text) for text in (row.get("date"), f"earwitness {row.get('version')}")),
    ]
    body = [
        '<main class="ew-index ev">',
        kit.make_head(f"Evaluation: {row['dataset']}", facts),
        "".join(kit.make_note(note) for note in row.get("notes", [])),
        *(_list_metrics(row, kind) for kind in row["measures"]),
        _draw_curves(results.curves),
        *_draw_confusions(results),
        _list_rows("By label", "per_class.csv", results.per_class),
        _list_rows("By condition", "per_condition.csv", results.per_condition),
        _list_errors(results.errors),
        kit.make_settings(_describe_settings(row)),
        "</main>",
    ]
    style = report_style() + read_asset("index.css") + read_asset("evaluation.css")
    return kit.make_document(f"{row['dataset']}: evaluation", "\n".join(part for part in body if part), [], style)


def show_number(value: Any) -> str:
    """Return a number as text: three digits after the point, whole numbers whole, "-" for none."""
    if value is None or value == "":
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _list_metrics(row: dict[str, Any], kind: str) -> str:
    rows = []
    for each in (each for each in row["metrics"] if each["measure"] == kind):
        cells = "".join(
            f'<td class={kit.NUMBER} data-of="{kind}.{each["name"]}.{key}" data-value="{_exact(each[key])}">'
            f"{show_number(each[key])}</td>"
            for key in ("value", "low", "high")
        )
        better = "higher is better" if each["is_higher_better"] else "lower is better"
        rows.append(
            kit.make_row(
                kit.text_cell(each["title"]), cells, kit.text_cell(f"{better}, {each['method']}", "ew-because")
            )
        )
    numbers = [(name, kit.NUMBER) for name in ("Value", "95 % from", "95 % to")]
    return kit.make_table(kind.capitalize(), [("Metric", ""), *numbers, ("", "")], rows, MEANINGS[kind])


def _draw_curves(curves: Rows) -> str:
    if not curves:
        return ""
    at = [row["threshold"] for row in curves]
    rates = {name: [row[name] for row in curves] for name in ("precision", "recall", "f1")}
    alarms = [row["false_alarms_per_hour"] for row in curves]
    body = draw_lines(at, rates, "threshold", "share", 1.0)
    body += draw_lines(at, {"false alarms per hour": alarms}, "threshold", "per hour", max(*alarms, 1.0))
    return kit.make_panel("Effect of the threshold", body, "All labels together; events with this score or more count.")


def _draw_confusions(results: Results) -> Iterable[str]:
    for measure in results.measures:
        if measure.kind in RANKED:
            matrix = f'<div class="ix-wide">{draw_confusion(measure.labels, measure.confuse())}</div>'
            yield kit.make_panel(f"Confusion ({measure.kind})", matrix, "Rows: the true label; columns: the answer.")


def _list_rows(title: str, table: str, rows: Rows, note: str = "") -> str:
    if not rows:
        return ""
    names = [name for name in COLUMNS[table] if any(row[name] not in (None, "") for row in rows)]
    columns = [(name, kit.NUMBER if all(_is_number(row[name]) for row in rows) else "") for name in names]
    lines = [kit.make_row(*(kit.text_cell(show_number(row[name]), kind) for name, kind in columns)) for row in rows]
    return kit.make_table(title, columns, lines, note)


def _list_errors(errors: Rows) -> str:
    note = f"The first {MAX_ERRORS} of {len(errors)}; errors_list.csv lists all." if len(errors) > MAX_ERRORS else ""
    return _list_rows("Mistakes", "errors_list.csv", errors[:MAX_ERRORS], note)


def _describe_settings(row: dict[str, Any]) -> dict[str, Any]:
    words = {
        f"words for {kind}": ", ".join(f"{a}={b}" for a, b in each.items())
        for kind, each in (row.get("words") or {}).items()
    }
    return {name: row.get(name) for name in ("weights_sha256", "computed_on")} | words | (row.get("settings") or {})


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) or not str(value or "").strip("0123456789.")


def _exact(value: Any) -> str:
    return "" if value is None else kit.escape(repr(value))
