"""The only file that knows fpdf2: lays a report out as PDF, with the same content as the HTML page."""

from collections.abc import Sequence
from typing import Any, Final

from fpdf import FPDF
from fpdf.enums import XPos, YPos

from audit.report import COUNTS_NOTE, Report, Rows

GREEN: Final = (29, 122, 55)
RED: Final = (179, 38, 30)
GREY: Final = (90, 98, 112)
BLUE: Final = (53, 101, 168)
CHART_HEIGHT: Final = 40.0
CHART_ROOM: Final = CHART_HEIGHT + 12
"""Millimetres of a chart with the line of text below it."""
HEADING_ROOM: Final = 11.0
BELOW_HEADING: Final = 18.0
"""Millimetres that have to be left below a heading: it must not end its page."""
DAYS_MAX: Final = 120


def render_pdf(report: Report) -> bytes:
    """Return the document."""
    pdf = FPDF(format="A4")
    pdf.set_margins(18, 16)
    pdf.set_auto_page_break(True, 16)
    pdf.set_title(report.title)
    pdf.add_page()
    _text(pdf, report.title, 18, bold=True)
    _text(pdf, "Passed" if report.passed else "Not passed", 14, bold=True, colour=GREEN if report.passed else RED)
    _text(pdf, report.summary)
    _heading(pdf, "Scope")
    _facts(pdf, report.scope)
    _heading(pdf, "Method")
    _table(
        pdf,
        (("result", "level", "what was done"), *((each.status, each.name, each.text) for each in report.steps)),
        (3, 3, 12),
    )
    for title, texts in (
        ("Also checked", report.compared),
        ("What the comparisons exclude", report.excluded),
        ("What this audit cannot tell", report.open_questions),
    ):
        if texts:
            _heading(pdf, title)
            for text in texts:
                _text(pdf, f"- {text}")
    _heading(pdf, "Findings")
    for finding in report.findings:
        _text(pdf, finding.title, 10, bold=True, colour=RED)
        _text(pdf, finding.meaning)
        _facts(pdf, finding.rows)
    if not report.findings:
        _text(pdf, "None.")
    if report.findings_left_out:
        _text(pdf, f"{report.findings_left_out:,} further findings are left out here.")
    _statistics(pdf, report)
    _heading(pdf, "To do this again")
    _text(pdf, report.command, font="courier")
    _heading(pdf, "Signature")
    signer = "not signed" if report.auditor is None else f"the SHA-256 of this file is signed by {report.auditor}"
    _text(
        pdf,
        f"This report is {signer}." if report.auditor is None else f"{signer[0].upper()}{signer[1:]}; see FILE.sig.",
    )
    return bytes(pdf.output())


def _statistics(pdf: Any, report: Report) -> None:
    _heading(pdf, "Statistics", CHART_ROOM if report.transactions_by_day else BELOW_HEADING)
    counts = ("transactions", "failed", "events", "gas")
    if report.transactions_by_day:
        _columns(pdf, report.transactions_by_day[-DAYS_MAX:])
        _table(pdf, (("day", "blocks", *counts), *report.days), (4, 2, 3, 2, 2, 4))
        _table(pdf, (("organisation", *counts), *report.organisations), (5, 3, 2, 2, 4))
        _table(pdf, (("contract", *counts), *report.contracts), (5, 3, 2, 2, 4))
        _text(pdf, COUNTS_NOTE, 8, colour=GREY)
    else:
        _text(pdf, "The history holds no transactions.")


def _columns(pdf: Any, days: Sequence[tuple[str, int, int]]) -> None:
    left, base = pdf.l_margin, pdf.get_y() + CHART_HEIGHT
    highest = max(total for _, total, _ in days) or 1
    step = pdf.epw / len(days)
    width = min(step * 0.8, 12.0)
    pdf.set_fill_color(*BLUE)
    for number, (_, total, _) in enumerate(days):
        height = CHART_HEIGHT * total / highest
        pdf.rect(left + number * step, base - height, width, height, style="F")
    pdf.set_y(base + 1)
    span = days[0][0] if len(days) == 1 else f"{days[0][0]} to {days[-1][0]}"
    _text(pdf, f"Transactions by day, {span}; the highest column is {highest:,}", 8, colour=GREY)


def _heading(pdf: Any, text: str, below: float = BELOW_HEADING) -> None:
    if pdf.get_y() + HEADING_ROOM + below > pdf.page_break_trigger:
        pdf.add_page()
    pdf.ln(3)
    _text(pdf, text, 12, bold=True, colour=BLUE)


def _text(
    pdf: Any,
    text: str,
    size: int = 9,
    *,
    bold: bool = False,
    colour: tuple[int, int, int] = (0, 0, 0),
    font: str = "helvetica",
) -> None:
    pdf.set_font(font, "B" if bold else "", size)
    pdf.set_text_color(*colour)
    pdf.multi_cell(
        0,
        size * 0.5,
        _latin(text),
        new_x=XPos.LMARGIN,
        new_y=YPos.NEXT,
        align="L",
        wrapmode="CHAR" if font == "courier" else "WORD",
    )


def _facts(pdf: Any, rows: Rows) -> None:
    _table(pdf, rows, (4, 14), heading=False)


def _table(pdf: Any, rows: Sequence[Sequence[str]], widths: tuple[int, ...], *, heading: bool = True) -> None:
    pdf.set_font("helvetica", "", 8)
    pdf.set_text_color(0, 0, 0)
    pdf.set_fill_color(255, 255, 255)
    options = {"col_widths": widths, "line_height": 4.2, "first_row_as_headings": heading, "wrapmode": "WORD"}
    with pdf.table(borders_layout="HORIZONTAL_LINES", text_align="LEFT", **options) as made:
        for row in rows:
            cells = made.row()
            for cell in row:
                cells.cell(_latin(cell))
    pdf.ln(2)


def _latin(text: str) -> str:
    """Return a text in the characters that the built-in fonts have; the HTML page shows all."""
    return text.encode("latin-1", "replace").decode("latin-1")
