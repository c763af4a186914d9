"""Lays a report out as one HTML page that needs nothing else: no script, no font, no image, no network."""

from html import escape as escaped_html
from typing import Final

from audit.report import COUNTS_NOTE, Report, Rows
from audit.report_charts import bars, columns_by_day

STYLE: Final = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0; background: #f4f5f7; color: #1c2430; font: 16px/1.5 system-ui, "Segoe UI", Roboto, sans-serif; }
main { max-width: 52rem; margin: 0 auto; padding: 2rem 1.5rem 4rem; background: #fff; }
h1 { font-size: 1.7rem; margin: 0 0 1rem; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; padding-bottom: .25rem; border-bottom: 2px solid #e3e7ee; }
h3 { font-size: 1rem; margin: 1.2rem 0 .3rem; }
p { margin: .4rem 0; }
.verdict { padding: 1rem 1.2rem; border-left: .5rem solid; border-radius: .3rem; }
.verdict strong { display: block; font-size: 1.3rem; }
.passed { background: #e9f6ec; border-color: #1d7a37; }
.failed { background: #fdecea; border-color: #b3261e; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; margin: .5rem 0; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid #e8ebf0; }
td { overflow-wrap: anywhere; }
table.facts th { width: 13rem; font-weight: 600; }
table.counts td + td, table.counts th + th { text-align: right; white-space: nowrap; }
.status { font-weight: 600; white-space: nowrap; }
.status.passed, .status.failed { background: none; border-color: #e8ebf0; }
.level { white-space: nowrap; font-weight: 600; }
.status.passed { color: #1d7a37; } .status.failed { color: #b3261e; } .status.not, .status.only { color: #6a7280; }
.finding { border: 1px solid #f0c9c5; border-radius: .3rem; padding: .2rem 1rem .6rem; margin: .8rem 0; }
.finding { break-inside: avoid; }
code, pre { font: .88rem/1.5 ui-monospace, "DejaVu Sans Mono", monospace; }
code, pre { overflow-wrap: anywhere; white-space: pre-wrap; }
pre { background: #f4f5f7; padding: .7rem 1rem; border-radius: .3rem; }
svg { width: 100%; height: auto; margin: .4rem 0; } svg text { font: 12px system-ui, sans-serif; fill: #3b4657; }
svg line { stroke: #d7dce5; } .good { fill: #3565a8; } .bad { fill: #c8553d; }
@media print { body, main { background: #fff; } main { max-width: none; padding: 0; } h2 { break-after: avoid; } }
"""

COUNTS: Final = ("transactions", "failed", "events", "gas")


def escape(text: str) -> str:
    """Return text as HTML shows it, with escapes for what would change how its surroundings read."""
    shown = "".join(char if char.isprintable() or char == "\n" else f"\\u{ord(char):04x}" for char in text)
    return escaped_html(shown)


def render_html(report: Report) -> str:
    """Return the page."""
    body = "\n".join(
        [
            f"<h1>{escape(report.title)}</h1>",
            _verdict(report),
            "<h2>Scope</h2>",
            _facts(report.scope),
            "<h2>Method</h2>",
            _method(report),
            _list("Also checked", report.compared),
            _list("What the comparisons exclude", report.excluded),
            _list("What this audit cannot tell", report.open_questions),
            _findings(report),
            _statistics(report),
            "<h2>To do this again</h2>",
            f"<pre>{escape(report.command)}</pre>",
            "<p>The same history gives the same verdict, on any machine. Nobody has to be trusted for it.</p>",
            _signature(report),
        ]
    )
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(report.title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"{body}\n</main>\n</body>\n</html>\n"
    )


def _verdict(report: Report) -> str:
    kind, word = ("passed", "Passed") if report.passed else ("failed", "Not passed")
    return f'<div class="verdict {kind}"><strong>{word}</strong>{escape(report.summary)}</div>'


def _facts(rows: Rows) -> str:
    cells = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows)
    return f'<table class="facts">{cells}</table>'


def _method(report: Report) -> str:
    rows = "".join(
        f'<tr><td class="status {step.status.partition(" ")[0]}">{escape(step.status)}</td>'
        f'<td class="level">{escape(step.name)}</td><td>{escape(step.text)}</td></tr>'
        for step in report.steps
    )
    head = "<tr><th>result</th><th>level</th><th>what was done</th></tr>"
    return f"<table>{head}{rows}</table>"


def _list(title: str, texts: tuple[str, ...]) -> str:
    if not texts:
        return ""
    return f"<h2>{escape(title)}</h2><ul>{''.join(f'<li>{escape(text)}</li>' for text in texts)}</ul>"


def _findings(report: Report) -> str:
    if not report.findings:
        return "<h2>Findings</h2><p>None.</p>"
    parts = [
        f'<div class="finding"><h3>{escape(each.title)}</h3><p>{escape(each.meaning)}</p>{_facts(each.rows)}</div>'
        for each in report.findings
    ]
    if report.findings_left_out:
        parts.append(f"<p>{report.findings_left_out:,} further findings are left out here.</p>")
    return f"<h2>Findings</h2>{''.join(parts)}"


def _statistics(report: Report) -> str:
    if not report.transactions_by_day:
        return "<h2>Statistics</h2><p>The history holds no transactions.</p>"
    return "".join(
        [
            "<h2>Statistics</h2><h3>Transactions by day (red: failed)</h3>",
            columns_by_day(report.transactions_by_day),
            _counts(("day", "blocks", *COUNTS), report.days),
            "<h3>By organisation</h3>",
            bars(_first_counts(report.organisations), "Transactions by organisation"),
            _counts(("organisation", *COUNTS), report.organisations),
            "<h3>By contract</h3>",
            bars(_first_counts(report.contracts), "Transactions by contract"),
            _counts(("contract", *COUNTS), report.contracts),
            f"<p>{escape(COUNTS_NOTE)}</p>",
        ]
    )


def _first_counts(rows: Rows) -> list[tuple[str, int]]:
    return [(row[0], int(row[1].replace(",", ""))) for row in rows]


def _counts(header: tuple[str, ...], rows: Rows) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f'<table class="counts"><tr>{head}</tr>{body}</table>'


def _signature(report: Report) -> str:
    if report.auditor is None:
        return "<h2>Signature</h2><p>This report is not signed.</p>"
    return (
        "<h2>Signature</h2><p>The SHA-256 of this file is signed, in the file of the same name with <code>.sig</code> "
        f"behind it, by the auditor's key:</p><pre>{escape(report.auditor)}</pre>"
        "<p>Check it with <code>tally audit signature FILE --key KEY</code>, and learn the key from the auditor.</p>"
    )
