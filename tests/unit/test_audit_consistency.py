"""A history is held against other sources and earlier audits: a fork that is shown to two auditors is found."""

import json
from pathlib import Path

import pytest
from audit_support import write_data_folder
from chain_maker import ChainMaker, make_genesis
from click.testing import CliRunner, Result

from audit.consistency import Comparison, compare_with_source
from audit.export_writer import write_export
from audit.mismatch import AuditMismatch, Level, Mismatch
from cli.errors import CliError
from cli.main import tally


def grown(blocks: int, fork_at: int | None = None) -> ChainMaker:
    """Return a history; from `fork_at` on it is another one, signed by the same validators."""
    maker = ChainMaker()
    for height in range(1, blocks + 1):
        maker.decide(maker.transfer(amount=99 if height == fork_at else 1))
    return maker


def run(*arguments: object) -> Result:
    return CliRunner().invoke(tally, ["audit", *map(str, arguments)])


@pytest.mark.parametrize("fork_at", range(1, 10))
def test_the_first_height_of_a_fork_is_found_with_who_signed_both(fork_at: int) -> None:
    found = compare_with_source(grown(9).source, grown(12, fork_at).source, "other").mismatch
    assert found is not None
    assert (found.level, found.height, found.field) == (Level.CONSISTENCY, fork_at, "block_hash")
    assert "v01, v02, v03" in found.detail


def test_sources_that_agree_say_how_far() -> None:
    short, long = grown(3), grown(5)
    assert compare_with_source(short.source, long.source, "x").statement == (
        "x: the same blocks up to height 3; it shows 2 blocks more"
    )
    assert compare_with_source(long.source, short.source, "x").mismatch is None
    other = ChainMaker(make_genesis(name="another network"))
    found = compare_with_source(short.source, other.source, "x").mismatch
    assert found is not None
    assert (found.height, found.field) == (0, "genesis_hash")


def test_an_earlier_verdict_binds_a_later_audit(tmp_path: Path) -> None:
    folder = write_data_folder(grown(6), tmp_path / "a")
    earlier = tmp_path / "verdict.json"
    earlier.write_text(run(folder, "--json").stdout)
    again = run(folder, "--other", earlier)
    assert (again.exit_code, "the same block at height 6" in again.stdout) == (0, True)
    later = write_data_folder(grown(8), tmp_path / "later")
    assert run(later, "--other", earlier).exit_code == 0
    fork = run(write_data_folder(grown(8, 4), tmp_path / "fork"), "--other", earlier, "--other", later, "--json")
    assert fork.exit_code == 3
    document = json.loads(fork.stdout)
    assert [document["first_mismatch"]["height"], document["further_mismatches"][0]["height"]] == [6, 4]
    assert document["levels_checked"][-1] == "consistency"
    shortened = run(write_data_folder(grown(4), tmp_path / "short"), "--other", earlier)
    assert (shortened.exit_code, "this history ends before it" in shortened.stdout) == (3, True)


def test_what_is_no_verdict_is_refused(tmp_path: Path) -> None:
    folder = write_data_folder(grown(1), tmp_path / "a")
    file = tmp_path / "verdict.json"
    for content in ("[]", "{}", '{"genesis_hash": null, "blocks": 0, "head_hash": null}', "not json"):
        file.write_text(content)
        assert "verdict" in str(run(folder, "--other", file).exception)


def exported(maker: ChainMaker, folder: Path) -> Path:
    write_export(folder, maker.source, lambda height, head: None, 900)
    return folder


def test_what_was_found_is_told_even_if_the_comparison_cannot_be_finished(tmp_path: Path) -> None:
    good = exported(grown(4), tmp_path / "good")
    bad = exported(grown(4), tmp_path / "bad")
    last = sorted(bad.glob("blocks-*"))[-1]
    last.write_bytes(last.read_bytes()[:-9])
    found = run(bad, "--other", good, "--json")
    assert found.exit_code == 3
    document = json.loads(found.stdout)
    assert document["first_mismatch"]["height"] == 4
    assert [each for each in document["compared"] if each.startswith(f"not to the end with {good}")]
    # A good history is not called false because somebody else's copy is damaged; and it was not compared.
    other = run(good, "--other", bad)
    assert isinstance(other.exception, CliError)
    assert other.exception.exit_code == 1


def test_what_there_is_nothing_to_compare_with_is_told_before_the_audit(tmp_path: Path) -> None:
    good = exported(grown(2), tmp_path / "good")
    missing = run(good, "--other", tmp_path / "none")
    assert isinstance(missing.exception, CliError)
    assert missing.exception.exit_code == 1
    torn = exported(grown(2), tmp_path / "torn")
    (torn / "manifest.json").write_text("{}")
    false = run(good, "--other", torn)
    assert isinstance(false.exception, CliError)
    assert (false.exception.exit_code, false.stdout) == (3, "")


def test_a_side_that_is_false_by_itself_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good, more = exported(grown(2), tmp_path / "good"), exported(grown(2), tmp_path / "more")

    def compare(*_: object) -> Comparison:
        raise AuditMismatch(Mismatch(Level.FORM, 2, "blocks-000002.gz", "at most 10 bytes", "more"))

    monkeypatch.setattr("cli.audit_run.compare_with_source", compare)
    found = run(good, "--other", more, "--json")
    document = json.loads(found.stdout)
    assert (found.exit_code, document["blocks"]) == (3, 2)
    assert (document["first_mismatch"]["level"], document["first_mismatch"]["height"]) == ("consistency", 2)
    assert "audit both by themselves" in document["first_mismatch"]["detail"]
