"""A report says what an audit found, as one page that loads nothing, and bears a signature that fits it alone."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from audit_support import small_history, with_receipts
from chain_maker import ChainMaker
from click.testing import CliRunner, Result

from audit.export_writer import write_export
from audit.mismatch import Level
from audit.report import MEANINGS, METHODS
from audit.report_charts import bars, columns_by_day
from audit.report_signature import ReportSignatureError, check_report
from cli.main import main, tally
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


def audited(maker: ChainMaker, tmp_path: Path, *options: object, lie: bool = False) -> Result:
    receipts = list(maker.records[2].decoded_receipts())
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
