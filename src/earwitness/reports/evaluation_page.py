"""Results as one page: numbers, breakdowns, curves, confusion and mistakes; it needs no network and no script.

In: `Results`. Out: HTML in which all text from data and files is escaped, readable in light and dark.
"""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Any

from earwitness.evaluation import COLUMNS, MEANINGS, RANKED, Results, Rows
from earwitness.reports.svg import draw_confusion, draw_lines

MAX_ERRORS = 300  # on the page; the table has all
STYLE = """
:root { color-scheme: light dark; --ink: #1c1f24; --paper: #fff; --faint: #667; --line: #d5d8de; --cell: 20, 90, 160;
  --a: #0b5cad; --b: #b34700; --c: #3b7d23; }
@media (prefers-color-scheme: dark) { :root { --ink: #e7e9ee; --paper: #14171c; --faint: #9aa3b2; --line: #363c47;
  --cell: 110, 170, 240; --a: #76b4f5; --b: #f0a065; --c: #8fd06f; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2rem auto;
  max-width: 70rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .2rem .7rem .2rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.n, th.n { text-align: right; white-space: nowrap; } li { overflow-wrap: anywhere; }
svg { max-width: 100%; height: auto; } td:first-child { min-width: 6rem; }
.wide { overflow-x: auto; } .faint, caption { color: var(--faint); } svg text { fill: var(--ink); font-size: 12px; }
"""


def make_page(results: Results) -> str:
    """Return the page."""
    row = results.to_dict()
    title = f"{row['dataset']}: {row.get('n_files')} recordings"
    body = [
        f"<h1>{_escape(title)}</h1>",
        _describe(row),
        _show_metrics(row),
        *_show_curves(results.curves),
        *_show_confusion(results),
        _show_rows("By label", "per_class.csv", results.per_class),
        _show_rows("By condition", "per_condition.csv", results.per_condition),
        _show_errors(results.errors),
        _show_settings(row),
    ]
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{_escape(title)}</title>'
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}<style>{STYLE}</style></head>\n<body>\n'
        + "\n".join(part for part in body if part)
        + "\n</body></html>\n"
    )


def show_number(value: Any) -> str:
    """Return a number as people read it: three digits after the point, whole numbers whole, "-" for none."""
    if value is None or value == "":
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _describe(row: dict[str, Any]) -> str:
    said = [
        f"{row.get('n_files')} recordings scored, {row.get('n_failed') or 0} could not be used.",
        f"Method {row.get('method')}, encoder {row.get('encoder')}.",
        f"{row.get('date')}, earwitness {row.get('version')}.",
    ]
    notes = "".join(f"<li>{_escape(note)}</li>" for note in row.get("notes", []))
    return f"<p>{_escape(' '.join(said))}</p>" + (f"<ul class=faint>{notes}</ul>" if notes else "")


def _show_metrics(row: dict[str, Any]) -> str:
    parts = ["<h2>Numbers</h2>"]
    for kind in row["measures"]:
        lines = []
        for each in (each for each in row["metrics"] if each["measure"] == kind):
            cells = "".join(
                f'<td class=n data-of="{kind}.{each["name"]}.{key}" data-value="{_escape(_exact(each[key]))}">'
                f"{_escape(show_number(each[key]))}</td>"
                for key in ("value", "low", "high")
            )
            better = "higher is better" if each["is_higher_better"] else "lower is better"
            lines.append(
                f"<tr><td>{_escape(each['title'])}</td>{cells}<td class=faint>{better}, {each['method']}</td></tr>"
            )
        head = "<tr><th></th><th class=n>value</th><th class=n>from</th><th class=n>to (95 %)</th><th></th></tr>"
        parts.append(f"<p>{_escape(MEANINGS[kind])}</p><table>{head}{''.join(lines)}</table>")
    return "\n".join(parts)


def _show_curves(curves: Rows) -> Iterable[str]:
    if not curves:
        return
    yield "<h2>What the threshold does</h2>"
    yield "<p>All labels together; events are kept where their score reaches the threshold.</p>"
    at = [row["threshold"] for row in curves]
    rates = {name: [row[name] for row in curves] for name in ("precision", "recall", "f1")}
    yield draw_lines(at, rates, "threshold", "share", 1.0)
    alarms = [row["false_alarms_per_hour"] for row in curves]
    yield draw_lines(at, {"false alarms an hour": alarms}, "threshold", "an hour", max(*alarms, 1.0))


def _show_confusion(results: Results) -> Iterable[str]:
    for measure in results.measures:
        if measure.kind in RANKED:
            yield f"<h2>Taken for ({_escape(measure.kind)})</h2><p>Rows: what is true; columns: what was answered.</p>"
            yield f"<div class=wide>{draw_confusion(measure.labels, measure.confuse())}</div>"


def _show_rows(title: str, table: str, rows: Rows, note: str = "") -> str:
    if not rows:
        return ""
    columns = [name for name in COLUMNS[table] if any(row[name] not in (None, "") for row in rows)]
    head = "".join(f"<th>{_escape(name)}</th>" for name in columns)
    lines = ["".join(_cell(row[name]) for name in columns) for row in rows]
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    said = f"<p class=faint>{_escape(note)}</p>" if note else ""
    return f"<h2>{_escape(title)}</h2>{said}<div class=wide><table><tr>{head}</tr>{body}</table></div>"


def _show_errors(errors: Rows) -> str:
    note = f"The first {MAX_ERRORS} of {len(errors)}; all are in errors_list.csv." if len(errors) > MAX_ERRORS else ""
    return _show_rows("Mistakes", "errors_list.csv", errors[:MAX_ERRORS], note)


def _show_settings(row: dict[str, Any]) -> str:
    shown = {"weights_sha256": row.get("weights_sha256"), "computed_on": row.get("computed_on")}
    words = row.get("words") or {}
    shown |= {
        f"words for {kind}": ", ".join(f"{a}={b}" for a, b in each.items()) for kind, each in words.items() if each
    }
    shown |= row.get("settings") or {}
    lines = "".join(f"<tr><td>{_escape(name)}</td><td>{_escape(value)}</td></tr>" for name, value in shown.items())
    return f"<h2>Settings</h2><table>{lines}</table>"


def _cell(value: Any) -> str:
    return f"<td{' class=n' if isinstance(value, int | float) else ''}>{_escape(show_number(value))}</td>"


def _exact(value: Any) -> str:
    return "" if value is None else repr(value)


def _escape(text: object) -> str:
    return html.escape(str(text).encode("utf-8", "backslashreplace").decode())
