"""What `tally audit` shows people: progress, the verdict, and where two histories part."""

from collections.abc import Iterator

from audit.comparing import HistoryDifference, StateDifference
from audit.mismatch import Level, Mismatch
from audit.seeing import Progress
from audit.verdict import Verdict
from cli.colours import bad, doubtful, good
from cli.output import table
from cli.progress import bar, remaining
from cli.receipts import printable

FURTHER_SHOWN_MAX = 10


def progress_text(progress: Progress) -> str:
    """Return a line: how far, how fast, how much longer."""
    seconds = max(progress.seconds, 0.001)
    done = progress.height - progress.start_height
    speed = f"{done / seconds:,.0f} blocks/s"
    if progress.start_height == 0:
        speed += f", {progress.transactions / seconds:,.0f} transactions/s"
    left = remaining(done, progress.head_height - progress.start_height, seconds)
    return f"{bar(progress.height, progress.head_height)} block {progress.height:,}, {speed}, {left} left"


def verdict_text(verdict: Verdict) -> str:
    """Return the verdict in lines."""
    rows = [
        ("genesis hash", f"{verdict.genesis_hash or 'unreadable'} ({_anchoring(verdict)})"),
        ("blocks", f"{verdict.blocks:,} of {verdict.height:,} passed"),
        ("transactions", f"{verdict.transactions:,}"),
        ("last block", verdict.head_hash or "none"),
        ("state root", verdict.state_root or "none"),
        ("levels checked", ", ".join(verdict.checked)),
        ("levels passed", ", ".join(verdict.levels_passed) or "none"),
        ("time", f"{verdict.seconds:.1f} s"),
    ]
    lines = [f"{name:<14}  {value}" for name, value in rows]
    if verdict.compared:
        lines += ["", "also checked", *(f"  {text}" for text in verdict.compared)]
    if verdict.first_mismatch is not None:
        lines += ["", "first mismatch", *_mismatch_lines(verdict.first_mismatch)]
    lines += _further_lines(verdict)
    if verdict.excluded:
        lines += ["", "excluded by what was compared", *(f"  {text}" for text in verdict.excluded)]
    lines += ["", "not excluded", *(f"  {text}" for text in verdict.not_excluded)]
    anchored = "" if verdict.anchored else ", unanchored"
    colour = bad if verdict.first_mismatch is not None else good if verdict.anchored else doubtful
    return "\n".join([*lines, "", colour(f"Verdict: {verdict.outcome.upper()}{anchored}")])


def difference_text(names: tuple[str, str], history: HistoryDifference, state: StateDifference | None) -> str:
    """Return where two histories and their states part, both sides side by side."""
    return "\n".join([*_history_lines(names, history), *_state_lines(names, state)])


def _anchoring(verdict: Verdict) -> str:
    return "as given" if verdict.anchored else "not compared with anything: the verdict is unanchored"


def _mismatch_lines(mismatch: Mismatch) -> list[str]:
    rows = [("level", mismatch.level.value), ("height", f"{mismatch.height}")]
    if mismatch.transaction_index is not None:
        name = "" if mismatch.transaction_id is None else f"  {mismatch.transaction_id}"
        rows.append(("transaction", f"{mismatch.transaction_index}{name}"))
    if mismatch.contract is not None:
        rows.append(("contract", mismatch.contract))
    if mismatch.key is not None:
        rows.append(("key", mismatch.key))
    rows += [("field", mismatch.field), ("expected", mismatch.expected), ("found", mismatch.found)]
    if mismatch.detail:
        rows.append(("detail", mismatch.detail))
    return [f"  {name:<12}{printable(value)}" for name, value in rows]


def _further_lines(verdict: Verdict) -> list[str]:
    lines: list[str] = []
    further = verdict.further_mismatches
    if further:
        lines += ["", "1 further mismatch" if len(further) == 1 else f"{len(further)} further mismatches"]
        lines += [
            printable(
                f"  height {each.height}: {each.level.value}, {each.field}: {each.found}; expected {each.expected}"
                f"{f' ({each.detail})' if each.level is Level.CONSISTENCY else ''}"
            )
            for each in further[:FURTHER_SHOWN_MAX]
        ]
        if len(further) > FURTHER_SHOWN_MAX:
            lines.append("  ... (--json shows all)")
    if verdict.execution_ended is not None:
        lines += ["", f"Contracts were run up to block {verdict.execution_ended - 1}; behind it the state is unknown."]
    return lines


def _history_lines(names: tuple[str, str], history: HistoryDifference) -> Iterator[str]:
    a, b = names
    yield f"A  {a}: {history.a_height:,} blocks"
    yield f"B  {b}: {history.b_height:,} blocks"
    if history.height is None:
        common = min(history.a_height, history.b_height)
        yield f"The histories are the same up to height {common:,}."
        return
    yield f"The histories part at height {history.height:,}:"
    yield table(("field", "A", "B"), [tuple(map(printable, (each.field, each.a, each.b))) for each in history.fields])


def _state_lines(names: tuple[str, str], state: StateDifference | None) -> Iterator[str]:
    if state is None:
        return
    heights = f"A's is that of block {state.a_height:,}, B's that of block {state.b_height:,}"
    if not state.count:
        yield f"The state databases hold the same ({heights})."
        return
    first = state.first[0]
    yield f"The state databases differ in {state.count:,} keys, first in what block {first.height:,} wrote ({heights}):"
    rows = [
        tuple(
            map(
                printable,
                (
                    str(each.height),
                    each.contract,
                    each.readable_key,
                    each.field,
                    each.shown(each.ours),
                    each.shown(each.theirs),
                ),
            )
        )
        for each in state.first[:FURTHER_SHOWN_MAX]
    ]
    yield table(("height", "contract", "key", "field", "A", "B"), rows)
