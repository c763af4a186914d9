"""What an audit report says, before it is laid out: for people who judge a ledger and are no programmers."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from audit.mismatch import HISTORY_LEVELS, SIGNED_HEAD, Level, Mismatch
from audit.moments import moment
from audit.statistics import Statistics, Tally
from audit.verdict import Outcome, Verdict
from chain.values import dataclass

Rows = tuple[tuple[str, ...], ...]

TABLE_ROWS_MAX: Final = 40
FINDINGS_SHOWN_MAX: Final = 25

METHODS: Final = {
    Level.FORM: "Every byte of the history is in its one permitted form, so that nothing is hidden between the lines.",
    Level.HEADERS: "Each block continues the one before: number, hash of the one before, time, list of validators.",
    Level.CERTIFICATES: "A quorum, at least two thirds of the validators, has signed each block and its results.",
    Level.TRANSACTIONS: "Each transaction bears its sender's signature, and each block names exactly its transactions.",
    Level.RECEIPTS: "Each transaction has one receipt, and the signed result of its block names exactly these.",
    Level.EXECUTION: "Every contract was run again from the beginning, and gave the same receipts and the same state.",
    Level.INVARIANTS: "What contracts declare must always be true of money and goods was evaluated along the way.",
    Level.STATE: "The node's database holds exactly what the history leads to, entry by entry.",
    Level.CONSISTENCY: "Other sources, or earlier audits, show the same history.",
}
"""What was done, in plain words."""

MEANINGS: Final = {
    Level.FORM: "The data are damaged or incomplete, or were altered by somebody who could not forge signatures.",
    Level.HEADERS: "A block was removed, added, moved, or taken from another history.",
    Level.CERTIFICATES: "The validators have not agreed on this block as it is shown. Ask several of them for it.",
    Level.TRANSACTIONS: "Somebody's transaction was altered after it was signed, or was never signed.",
    Level.RECEIPTS: "What is shown as the outcome of a transaction is not what the validators have signed.",
    Level.EXECUTION: "The validators have signed what the contracts do not give. A quorum has erred or lied.",
    Level.INVARIANTS: "All agreed, and yet a rule of the contract itself is broken: goods or money may be lost.",
    Level.STATE: "Somebody has altered this node's database behind the ledger's back. Its answers cannot be trusted.",
    Level.CONSISTENCY: "Two histories are in circulation. Keep both: signatures on both sides prove who lied.",
}
"""What a finding means for whoever relies on the ledger."""

SIGNED_HEAD_MEANING: Final = "What was handed over as a signed head is none: it is not signed by whom it names."


COUNTS_NOTE: Final = (
    "Failed: the transaction was recorded with its receipt and changed nothing, because its contract refused it (too"
    " little money, no permission) or its gas ran out. That is an outcome like any other and no finding of this audit."
    " Gas is the computing that a transaction paid for, events are what contracts announced. Days are UTC days of block"
    " time. A transaction counts for the contract of its first call."
)
"""What the columns of the statistics mean."""


@dataclass(frozen=True, slots=True)
class Step:
    """One level in the method."""

    name: str
    text: str
    status: str
    """passed, failed, "only up to block N", or not checked."""


@dataclass(frozen=True, slots=True)
class ReportFinding:
    """One mismatch, told."""

    title: str
    meaning: str
    rows: Rows


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that a report shows."""

    title: str
    passed: bool
    summary: str
    scope: Rows
    steps: tuple[Step, ...]
    compared: tuple[str, ...]
    excluded: tuple[str, ...]
    open_questions: tuple[str, ...]
    findings: tuple[ReportFinding, ...]
    findings_left_out: int
    transactions_by_day: tuple[tuple[str, int, int], ...]
    """Day, transactions, and how many of them failed."""
    organisations: Rows
    contracts: Rows
    days: Rows
    command: str
    auditor: str | None
    """Public key that signs the report."""


def make_report(
    verdict: Verdict, statistics: Statistics, *, source: str, command: str, auditor: str | None, made_at: datetime
) -> Report:
    """Return the report of an audit; `made_at` is the time of day at which it ended."""
    passed = verdict.outcome is Outcome.OK
    findings = verdict.mismatches
    return Report(
        "Audit of a Tallystick ledger",
        passed,
        _summary(verdict),
        _scope(verdict, statistics, source, made_at),
        tuple(_step(verdict, level) for level in Level if level in HISTORY_LEVELS or level in verdict.checked),
        verdict.compared,
        verdict.excluded,
        verdict.not_excluded,
        tuple(_finding(number, each) for number, each in enumerate(findings[:FINDINGS_SHOWN_MAX], 1)),
        max(0, len(findings) - FINDINGS_SHOWN_MAX),
        tuple((day, tally.transactions, tally.failed) for day, tally in sorted(statistics.days.items())),
        _rows(statistics.organisations),
        _rows(statistics.contracts),
        tuple(
            (day, f"{statistics.blocks_by_day.get(day, 0):,}", *_counts(tally))
            for day, tally in sorted(statistics.days.items())[-TABLE_ROWS_MAX:]
        ),
        command,
        auditor,
    )


def _summary(verdict: Verdict) -> str:
    checked = f"{verdict.blocks:,} of {verdict.height:,} blocks with {verdict.transactions:,} transactions"
    if verdict.first_mismatch is None:
        ran = "every contract was run again" if Level.EXECUTION in verdict.checked else "contracts were not run again"
        anchor = "" if verdict.anchored else " Nobody has said which network this should be: the verdict is unanchored."
        return f"No difference was found: {checked} were checked, and {ran}.{anchor}"
    first = verdict.first_mismatch
    count = len(verdict.mismatches)
    findings = "1 finding" if count == 1 else f"{count:,} findings"
    # Where another source, an invariant or a database disagrees, the blocks behind the finding may have passed as well.
    before = " before it" if verdict.blocks < first.height else " every check of the history itself"
    return f"{findings}, the first in block {first.height:,}; {checked} passed{before}."


def _scope(verdict: Verdict, statistics: Statistics, source: str, made_at: datetime) -> Rows:
    anchoring = "as given by the auditor" if verdict.anchored else "as found; not compared with anything"
    rows = [
        ("Source", source),
        ("Network (genesis hash)", f"{verdict.genesis_hash or 'unreadable'} ({anchoring})"),
        ("Blocks", f"1 to {verdict.height:,}"),
        ("Block times", f"{_time(statistics.first_time)} to {_time(statistics.last_time)}"),
        ("Last block that passed", f"{verdict.blocks:,}, {verdict.head_hash or 'none'}"),
        ("State after it", verdict.state_root or "none"),
        ("Audited on", made_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")),
        ("Duration", f"{verdict.seconds:,.1f} seconds"),
    ]
    return tuple(rows)


def _time(milliseconds: int | None) -> str:
    return "none" if milliseconds is None else moment(milliseconds)


def _step(verdict: Verdict, level: Level) -> Step:
    """Tell how a level ended; what found nothing itself says nothing of blocks behind another level's finding."""
    if level not in verdict.checked:
        status = "not checked"
    elif any(each.level is level for each in verdict.mismatches):
        status = "failed"
    elif level in verdict.levels_passed or level in (Level.STATE, Level.CONSISTENCY):
        status = "passed"
    else:
        ended = verdict.execution_ended if level in (Level.EXECUTION, Level.INVARIANTS) else None
        status = f"only up to block {verdict.blocks if ended is None else ended - 1:,}"
    return Step(level.value, METHODS[level], status)


def _finding(number: int, mismatch: Mismatch) -> ReportFinding:
    rows = [("Level", mismatch.level.value), ("Block", f"{mismatch.height:,}")]
    if mismatch.transaction_index is not None:
        rows.append(("Transaction", f"{mismatch.transaction_index} {mismatch.transaction_id or ''}".strip()))
    if mismatch.contract is not None:
        rows.append(("Contract", mismatch.contract))
    if mismatch.key is not None:
        rows.append(("Key", mismatch.key))
    rows += [("What differs", mismatch.field), ("Expected", mismatch.expected), ("Found", mismatch.found)]
    if mismatch.detail:
        rows.append(("Detail", mismatch.detail))
    meaning = SIGNED_HEAD_MEANING if mismatch.field == SIGNED_HEAD else MEANINGS[mismatch.level]
    return ReportFinding(f"Finding {number}: block {mismatch.height:,}, {mismatch.field}", meaning, tuple(rows))


def _rows(tallies: dict[str, Tally]) -> Rows:
    ordered = sorted(tallies.items(), key=lambda entry: (-entry[1].transactions, entry[0]))
    return tuple((name, *_counts(tally)) for name, tally in ordered[:TABLE_ROWS_MAX])


def _counts(tally: Tally) -> Sequence[str]:
    return f"{tally.transactions:,}", f"{tally.failed:,}", f"{tally.events:,}", f"{tally.gas:,}"
