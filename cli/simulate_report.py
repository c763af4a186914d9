"""What `tally simulate` prints: a run in a line, a campaign in a line, a broken promise with all that leads to it."""

from pathlib import Path
from typing import Any

from consensus.simulation.campaign import Totals
from consensus.simulation.records import Sums
from consensus.simulation.replay import Replay
from consensus.simulation.run import Outcome
from consensus.simulation.settings import Settings
from consensus.simulation.shrink import describe


def line_of(outcome: Outcome) -> str:
    """Return a run in one line."""
    recovery = "-" if outcome.recovery_seconds is None else f"{outcome.recovery_seconds:.2f} s"
    lies = f"; liars: {', '.join(outcome.lies)}" if outcome.lies else ""
    return (
        f"seed {outcome.settings.seed}, {outcome.settings.nodes} nodes: {outcome.events} events in "
        f"{outcome.virtual_seconds:.1f} virtual seconds, {outcome.blocks} blocks, "
        f"{outcome.acknowledged} transactions acknowledged, recovered in {recovery}; {_faults(outcome.faults)}{lies}; "
        f"trace {(outcome.digest or '-')[:16]}"
    )


def value_of(outcome: Outcome) -> dict[str, Any]:
    """Return a run as a JSON value."""
    return {
        "seed": outcome.settings.seed,
        "nodes": outcome.settings.nodes,
        "events": outcome.events,
        "virtual_seconds": outcome.virtual_seconds,
        "blocks": outcome.blocks,
        "acknowledged": outcome.acknowledged,
        "faults": {str(kind): count for kind, count in outcome.faults.items()},
        "liars": list(outcome.lies),
        "refused_messages_of_liars": outcome.refused,
        "evidence": outcome.evidence,
        "recovery_seconds": outcome.recovery_seconds,
        "trace_digest": outcome.digest,
        "broken": None if outcome.failure is None else outcome.failure.rule,
    }


def totals_line(totals: Totals) -> str:
    """Return a campaign without a broken promise in one line."""
    a_second = totals.events / totals.cpu_seconds if totals.cpu_seconds else 0
    return (
        f"{totals.runs:,} runs without a broken promise: {totals.events:,} events ({a_second:,.0f} a second of CPU), "
        f"{totals.blocks:,} blocks, {totals.acknowledged:,} transactions acknowledged, {totals.fault_count:,} faults; "
        f"slowest recovery {totals.recovery_seconds_max:.2f} virtual seconds; {_faults(totals.faults)}"
    )


def sums_text(sums: Sums) -> str:
    """Return what a file of campaigns adds up to."""
    a_second = sums.events / sums.cpu_seconds if sums.cpu_seconds else 0
    profiles = "; ".join(f"{runs:,} {profile}" for profile, runs in sums.profiles.items())
    convicted = ", ".join(f"{count:,} {code}" for code, count in sorted(sums.evidence.items())) or "none"
    false = len(sums.false_alarms)
    alarms = f"; the checker itself was wrong at seeds {', '.join(sorted(sums.false_alarms))}" if false else ""
    broken = f"{sums.broken - false:,} broken promises{alarms}"
    lines = [
        f"{sums.campaigns:,} campaigns, {sums.runs:,} runs ({profiles}), {broken}",
        f"{sums.events:,} events, {a_second:,.0f} a second of CPU; {sums.cpu_seconds / 3600:.2f} hours of CPU, "
        f"{sums.wall_seconds / 3600:.2f} hours",
        f"{sums.blocks:,} blocks, {sums.acknowledged:,} transactions acknowledged; slowest recovery "
        f"{sums.recovery_seconds_max:.2f} virtual seconds",
        f"{sums.runs_with_liars:,} runs with liars; evidence against them: {convicted}",
        f"{sums.fault_count:,} faults: {_faults(sums.faults)}",
    ]
    return "\n".join(lines)


def report_of(settings: Settings, outcome: Outcome, smallest: Replay | None, saved: Path | None, tail: int) -> str:
    """Return what a broken promise shows: the last lines of the trace, the faults that it takes, how to repeat it."""
    failure = outcome.failure
    assert failure is not None, "only failures are reported"
    lines = ["the run broke a promise", *(failure.tail[-tail:] if tail else ()), ""]
    if smallest is not None:
        lines += ["the smallest run that breaks it:", *(f"  {line}" for line in describe(smallest)), ""]
    lines += [f"broken: {failure.rule}", failure.detail, f"repeat with: {settings.command}"]
    if saved is not None:
        lines.append(f"        or: tally simulate --replay {saved}")
    return "\n".join(lines)


def _faults(faults: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {kind}" for kind, count in sorted(faults.items())) or "no faults"
