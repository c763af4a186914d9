"""A report says what an audit found, as one page that loads nothing, and bears a signature that fits it alone."""

import json
import re
import zlib
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from audit_support import HEIGHT, audit, small_history, with_receipts
from chain_maker import ChainMaker, MemorySource
from click.testing import CliRunner, Result

from audit.export_writer import write_export
from audit.mismatch import Level, Mismatch
from audit.report import MEANINGS, METHODS, make_report
from audit.report_charts import bars, columns_by_day
from audit.report_signature import ReportSignatureError, check_report
from audit.statistics import Statistics
from chain.block import make_block
from chain.types import Height, Milliseconds
from cli.main import main, tally
from cli.report_pdf import render_pdf
from tallystick.wallet import Wallet


@pytest.fixture(scope="module")
def maker() -> ChainMaker:
    maker = small_history()
    maker.decide(maker.transfer(member="zenith.bob", amount=1, memo="<script>alert(1)</script>"))
    return maker


@pytest.fixture
def key(tmp_path: Path) -> Path:
    Wallet.generate().save(tmp_path / "key.json")
    return tmp_path / "key.json"


def audited(
    maker: ChainMaker, tmp_path: Path, *options: object, lie: bool = False, source: MemorySource | None = None
) -> Result:
    receipts = list(maker.records[2].decoded_receipts())
    if source is None:
        source = with_receipts(maker, [receipts[0], receipts[0], receipts[2]]) if lie else maker.source
    write_export(tmp_path / "<export>", source, lambda height, head: None)
    return CliRunner().invoke(tally, ["audit", str(tmp_path / "<export>"), *map(str, options)])


class Page(HTMLParser):
    """Collects what a page consists of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "action", "data")]

    def handle_data(self, data: str) -> None:
        self.words += data + " "


def test_the_page_of_a_true_history(maker: ChainMaker, tmp_path: Path, key: Path) -> None:
    path = tmp_path / "report.html"
    result = audited(
        maker, tmp_path, "--report", path, "--key", key, "--genesis-hash", maker.genesis.genesis_hash.hex()
    )
    assert result.exit_code == 0
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    assert page.addresses == []
    assert not {"script", "link", "img", "iframe"} & set(page.tags)
    assert page.tags.count("svg") == 3
    assert "url(" not in text and "@import" not in text
    assert "5 of 5 blocks with 10 transactions were checked" in page.words
    assert f"--genesis-hash {maker.genesis.genesis_hash.hex()}" in page.words
    assert "freshness" in page.words and "Findings None." in re.sub(r"\s+", " ", page.words)
    assert re.search(r"acme\s+9\s+2\s", page.words)
    assert re.search(r"zenith\s+1\s+0\s", page.words)
    assert json.loads((tmp_path / "report.html.sig").read_bytes())["public_key"] in page.words


def test_the_page_of_a_false_history_explains_its_findings(maker: ChainMaker, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    result = audited(maker, tmp_path, "--report", path, lie=True)
    assert result.exit_code == 3
    words = Page(path.read_text(encoding="utf-8")).words
    assert "Not passed" in words and "the first in block 3" in words
    assert "receipt.transaction_id" in words and MEANINGS[Level.RECEIPTS] in words
    assert "This report is not signed." in words
    assert "unanchored" not in words


def test_a_time_beyond_the_calendar_is_a_finding_and_no_crash(maker: ChainMaker, tmp_path: Path) -> None:
    """Whoever forges an export must not keep an auditor from the report that tells of it."""
    source, record = maker.source, maker.records[-1]
    block = record.decoded_block()
    header = replace(block.header, time=Milliseconds(2**62))
    source.records[-1] = replace(record, block=make_block(header, block.transactions).raw).encoded()
    path = tmp_path / "report.html"
    assert audited(maker, tmp_path, "--report", path, source=source).exit_code == 3
    words = Page(path.read_text(encoding="utf-8")).words
    assert "Not passed" in words and "the first in block 5" in words
    assert re.search(r"acme\s+9\s", words) and not re.search(r"zenith\s+1\s", words), "only what passed is counted"


def test_the_method_claims_no_more_than_was_done(maker: ChainMaker) -> None:
    """Two blocks that changed places: nothing behind the first of them passed, and no contract was found wrong."""
    source = maker.source
    source.records[2], source.records[3] = source.records[3], source.records[2]
    now = datetime.now(UTC)
    verdict = audit(source).joined((), Level.INVARIANTS, ())
    report = make_report(verdict, Statistics(), source="", command="", auditor=None, made_at=now)
    status = {step.name: step.status for step in report.steps}
    assert status["form"] == "passed" and status["headers"] == "failed"
    for level in ("certificates", "transactions", "receipts", "execution", "invariants"):
        assert status[level] == "only up to block 2", level


def test_what_is_forged_cannot_steer_a_terminal_or_turn_a_page_around(maker: ChainMaker, tmp_path: Path) -> None:
    receipts = list(maker.records[HEIGHT - 1].decoded_receipts())
    receipts[2] = replace(receipts[2], code="\x1b[2J\u202eVerdict: OK")
    path = tmp_path / "report.html"
    result = audited(maker, tmp_path, "--report", path, source=with_receipts(maker, receipts))
    assert result.exit_code == 3
    page = path.read_text(encoding="utf-8")
    assert "Verdict: OK" in page and "Verdict: OK" in result.stdout
    for shown in (result.stdout, page):
        assert "\x1b" not in shown and "\u202e" not in shown and "u202e" in shown


def test_every_level_is_told_in_plain_words() -> None:
    assert set(METHODS) == set(MEANINGS) == set(Level)


def test_a_signature_fits_one_file_alone(maker: ChainMaker, tmp_path: Path, key: Path) -> None:
    path, beside = tmp_path / "report.html", tmp_path / "report.html.sig"
    audited(maker, tmp_path, "--report", path, "--key", key)
    public_key = Wallet.load(key).public_key.hex()
    good = CliRunner().invoke(tally, ["audit", "signature", str(path), "--key", public_key])
    assert (good.exit_code, public_key in good.stdout) == (0, True)
    other = CliRunner().invoke(tally, ["audit", "signature", str(path), "--key", "00" * 32])
    assert "another key" in str(other.exception)
    none = CliRunner().invoke(tally, ["audit", "signature", str(path), "--key", "00"])
    assert "no public key" in str(none.exception)
    report, signature = path.read_bytes(), beside.read_bytes()
    document = json.loads(signature)
    lies = [
        json.dumps({**document, "public_key": "11" * 32}, indent=1).encode() + b"\n",
        json.dumps({**document, "signature": "11" * 64}, indent=1).encode() + b"\n",
        json.dumps(document).encode(),
        b"[]",
        b"",
    ]
    for lie in lies:
        with pytest.raises(ReportSignatureError):
            check_report(report, lie)
    with pytest.raises(ReportSignatureError, match="of another file"):
        check_report(report + b" ", signature)
    path.write_bytes(report.replace(b"Passed", b"passed"))
    with pytest.raises(SystemExit) as stop:
        main(["audit", "signature", str(path)])
    assert stop.value.code == 3


def test_a_pdf_says_the_same(maker: ChainMaker, tmp_path: Path, key: Path) -> None:
    path = tmp_path / "report.pdf"
    assert audited(maker, tmp_path, "--report", path, "--key", key, lie=True).exit_code == 3
    content = path.read_bytes()
    assert content.startswith(b"%PDF-")
    assert check_report(content, (tmp_path / "report.pdf.sig").read_bytes()).public_key == Wallet.load(key).public_key


def test_no_heading_of_a_pdf_ends_its_page(maker: ChainMaker) -> None:
    """However much stands above, what a heading announces begins below it: the chart of the statistics, too."""
    verdict = audit(maker.source)
    now = datetime(2026, 11, 22, tzinfo=UTC)
    report = make_report(verdict, Statistics(), source="x", command="tally audit x", auditor=None, made_at=now)
    report = replace(report, transactions_by_day=(("2026-11-22", 10, 2),))
    for lines in range(0, 60, 3):
        document = render_pdf(replace(report, compared=("more",) * lines))
        streams = re.findall(rb"stream\n(.*?)\nendstream", document, re.DOTALL)
        pages = [zlib.decompress(each) for each in streams if each.startswith(b"x")]
        for heading, below in ((b"(Statistics)", b"(Transactions by day"), (b"(Signature)", b"(This report")):
            (page,) = (each for each in pages if heading in each)
            assert below in page, (lines, heading)


def test_the_summary_of_two_histories_does_not_say_that_blocks_stand_before_the_finding(maker: ChainMaker) -> None:
    """Where other sources disagree, all blocks of this one passed, those behind the finding as well."""
    verdict = audit(maker.source)
    fork = Mismatch(Level.CONSISTENCY, Height(2), "block_hash", "aa", "bb")
    forked = replace(verdict, first_mismatch=fork)
    now = datetime(2026, 11, 22, tzinfo=UTC)
    report = make_report(forked, Statistics(), source="x", command="tally audit x", auditor=None, made_at=now)
    assert report.summary.startswith("1 finding, the first in block 2; ")
    assert "5 of 5 blocks with 10 transactions passed" in report.summary
    assert "before" not in report.summary


def test_reports_that_cannot_be_written_are_refused_before_the_audit(maker: ChainMaker, tmp_path: Path) -> None:
    for name in ("report.txt", "nowhere/report.html"):
        result = audited(maker, tmp_path, "--report", tmp_path / name)
        assert "report" in str(result.exception)
        assert result.stdout == ""


def test_charts_hold_every_number_and_group_long_histories() -> None:
    days = [(f"2026-{1 + number // 28:02}-{1 + number % 28:02}", number, number // 2) for number in range(300)]
    chart = columns_by_day(days)
    assert chart.count("<g>") == 100
    assert f"{sum(range(3))} transactions" in chart
    assert columns_by_day([]) == bars([], "x") == ""
    assert "&lt;b&gt;" in bars([("<b>", 3)], "x")
