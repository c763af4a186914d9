"""`tally audit`: checks a whole history and exits 3 where it is not true; `tally audit diff` compares two."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import click

from audit.checkpoint import CheckpointError
from audit.comparing import HistoryDifference, StateDifference, compare_histories, compare_states
from audit.export_format import GENESIS_FILE
from audit.mismatch import HISTORY_LEVELS, AuditMismatch, Level, SourceUnreadable
from audit.resume import ResumeError
from audit.seeing import AuditStopped
from audit.state_differences import LeafDifference
from audit.verdict import Outcome
from chain.checkpoint import WitnessKey
from chain.crypto import DIGEST_BYTES
from chain.protocol import ProtocolUnknown
from chain.runtime import LocalFault
from chain.storage import StoreError
from cli.audit_file import audit_file
from cli.audit_report import check_reports, read_signature, write_reports
from cli.audit_run import Request, run
from cli.audit_scheduled import check_together, run_on
from cli.audit_sources import opened
from cli.audit_text import difference_text, progress_text, verdict_text
from cli.errors import EXIT_AUDIT_MISMATCH, CliError
from cli.keys import open_wallet
from cli.output import print_json
from cli.progress import ProgressLine, bar
from cli.witness_keys import witness_option


class AuditGroup(click.Group):
    """Takes `tally audit SOURCE` for `tally audit check SOURCE`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `check` before what is no command."""
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = ["check", *args]
        return super().parse_args(ctx, args)


@click.group(cls=AuditGroup)
def audit() -> None:
    """Check a history completely, and trust nobody for it.

    `tally audit SOURCE` is short for `tally audit check SOURCE`. SOURCE is a running node's URL, the folder of an
    export, or the folder of a stopped node.
    """


@audit.command()
@click.argument("source")
@click.option("--genesis-hash", default=None, help="The genesis hash that you know from elsewhere (64 hex digits).")
@click.option(
    "--level",
    type=click.Choice([level.value for level in HISTORY_LEVELS]),
    default=Level.EXECUTION.value,
    show_default=True,
    help="The last level to check; each one presumes those before it.",
)
@click.option(
    "--other",
    "others",
    multiple=True,
    help="Compare with this, too: another node, export or folder, a signed head (a note of a witness or a node), or the"
    " JSON verdict of an earlier audit. Repeatable.",
)
@witness_option("Check the cosignatures of this witness on signed heads (the key that it prints). Repeatable.")
@click.option(
    "--resume",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Keep the place in this file, and go on from it if it is there.",
)
@click.option(
    "--processes",
    type=click.IntRange(1, 256),
    default=None,
    help="Processes that check signatures, where that pays. [default: one a core]",
)
@click.option(
    "--invariants-every",
    type=click.IntRange(min=1),
    help="Evaluate what contracts declare with @invariant every so many blocks. [default: at a hundred heights]",
)
@click.option(
    "--snapshots",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of states by height: written with --snapshots-every, begun from with --scheduler.",
)
@click.option("--snapshots-every", type=click.IntRange(min=1), help="Write the state every so many blocks.")
@click.option(
    "--scheduler", help="Check ranges of blocks on the workers of this Dask scheduler, such as tcp://host:8786."
)
@click.option(
    "--report",
    "reports",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a report for people, as FILE.html or FILE.pdf. Repeatable.",
)
@click.option(
    "--key",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Sign the reports with this key file (tally keys new).",
)
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON on standard output.")
def check(
    source: str,
    genesis_hash: str | None,
    level: str,
    others: tuple[str, ...],
    witnesses: tuple[WitnessKey, ...],
    resume: Path | None,
    processes: int | None,
    invariants_every: int | None,
    snapshots: Path | None,
    snapshots_every: int | None,
    scheduler: str | None,
    reports: tuple[Path, ...],
    key: Path | None,
    as_json: bool,
) -> None:
    """Check a history completely: a running node's URL, an export's folder, or the folder of a stopped node.

    Every header, certificate, signature, Merkle root and receipt is checked, and every contract is run again from
    genesis on. Exits 0 if all of it is true, and 3 if anything is not. It only reads: a node's folder is the same
    afterwards. A node that runs is audited by its URL.
    """
    anchor = None if genesis_hash is None else _digest(genesis_hash)
    processes = processes or len(os.sched_getaffinity(0))
    if witnesses and not others:
        raise click.UsageError("--witness checks the signed heads that --other names")
    given = (source, anchor, Level(level), others, resume, processes, invariants_every, snapshots, snapshots_every)
    request = Request(*given, counts=bool(reports), witnesses=witnesses)
    check_together(request, scheduler)
    wallet = None if key is None else open_wallet(key)
    check_reports(reports)
    with _explained("audit"), ProgressLine() as line, _interruptible(resume is not None) as must_stop:
        if scheduler is None:
            audited = run(request, lambda progress: line.show(progress_text(progress)), must_stop)
        else:
            audited = run_on(scheduler, request, lambda done, of: line.show(f"{bar(done, of)} range {done} of {of}"))
    verdict = audited.verdict
    write_reports(reports, audited, request, wallet)
    if as_json:
        print_json(verdict.as_json())
    else:
        click.echo(verdict_text(verdict))
    if verdict.outcome is Outcome.MISMATCH:
        click.get_current_context().exit(EXIT_AUDIT_MISMATCH)


@audit.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--key", "public_key", default=None, help="The auditor's public key, known from elsewhere (64 hex digits)."
)
def signature(file: Path, public_key: str | None) -> None:
    """Check the signature of an audit report: FILE, and FILE.sig beside it. Exits 3 if it is not good."""
    found = read_signature(file, public_key)
    known = "the key that you gave" if public_key else "learn from the auditor whether this key is theirs"
    click.echo(f"{file} is signed by {found.public_key.hex()} ({known})")


@audit.command(name="file")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--genesis",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The genesis in its canonical bytes.  [default: genesis.msgpack beside FILE]",
)
@click.option("--genesis-hash", default=None, help="The genesis hash that you know from elsewhere (64 hex digits).")
def one_file(path: Path, genesis: Path | None, genesis_hash: str | None) -> None:
    """Check one file of an export alone: certificates, signatures, roots and links. Exits 3 if anything is wrong.

    Contracts are not run: for that all blocks before it would be needed.
    """
    anchor = None if genesis_hash is None else _digest(genesis_hash)
    found = audit_file(path, genesis or path.with_name(GENESIS_FILE), anchor)
    click.echo(f"{path}: blocks {found.first:,} to {found.last:,}, {found.transactions:,} transactions")
    click.echo(f"genesis hash {found.genesis.genesis_hash.hex()} ({'as given' if anchor else 'not compared'})")
    for each in found.mismatches:
        click.echo(f"height {each.height}: {each.level.value}, {each.field}: {each.found} is not {each.expected}")
    if found.mismatches:
        click.get_current_context().exit(EXIT_AUDIT_MISMATCH)
    click.echo("Certificates, signatures, roots and links are good; contracts were not run.")


@audit.command()
@click.argument("a")
@click.argument("b")
@click.option("--json", "as_json", is_flag=True, help="Print the difference as JSON on standard output.")
def diff(a: str, b: str, as_json: bool) -> None:
    """Find the first height at which two histories, or the state databases beside them, part, and show both sides.

    A and B are nodes, exports or folders of stopped nodes. Neither is checked: audit both to know which one is true.
    Exits 0 if they are the same as far as both go, and 3 if they part.
    """
    state: StateDifference | None = None
    with _explained("comparison"), ProgressLine() as line, ExitStack() as stack:
        left, right = (stack.enter_context(opened(each)) for each in (a, b))
        history = compare_histories(
            left.source, right.source, lambda height, last: line.show(f"{bar(height, last)} block {height:,}")
        )
        if left.state is not None and right.state is not None and left.state.head and right.state.head:
            state = compare_states(left.state, right.state)
    if as_json:
        print_json(_as_json(history, state))
    else:
        click.echo(difference_text((a, b), history, state))
    if history.height is not None or (state is not None and state.count):
        click.get_current_context().exit(EXIT_AUDIT_MISMATCH)


@contextmanager
def _explained(what: str) -> Iterator[None]:
    """Turn what kept a command from its end into a message."""
    try:
        yield
    except (SourceUnreadable, LocalFault, StoreError, ProtocolUnknown, CheckpointError) as error:
        raise CliError(f"the {what} could not be finished: {error}") from error
    except ResumeError as error:
        raise CliError(f"{error}") from error
    except AuditMismatch as error:
        raise CliError(f"a source is false by itself: {error}; audit it alone", EXIT_AUDIT_MISMATCH) from error
    except AuditStopped as error:
        raise CliError(f"stopped behind block {error.height:,}; the same command goes on from there") from error


@contextmanager
def _interruptible(is_kept: bool) -> Iterator[Callable[[], bool]]:
    """Yield a function that tells whether Ctrl-C or SIGTERM came; they end the audit between two blocks."""
    came: list[int] = []
    if not is_kept:
        yield lambda: False
        return
    before = {number: signal.signal(number, lambda got, _: came.append(got)) for number in _STOPPING}
    try:
        yield lambda: bool(came)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


_STOPPING = (signal.SIGINT, signal.SIGTERM)


def _digest(text: str) -> bytes:
    try:
        digest = bytes.fromhex(text)
    except ValueError:
        digest = b""
    if len(digest) != DIGEST_BYTES:
        raise click.BadParameter(f"{text!r} is not {2 * DIGEST_BYTES} hexadecimal digits", param_hint="--genesis-hash")
    return digest


def _as_json(history: HistoryDifference, state: StateDifference | None) -> dict[str, Any]:
    return {
        "height": history.height,
        "a_height": history.a_height,
        "b_height": history.b_height,
        "fields": [{"field": each.field, "a": each.a, "b": each.b} for each in history.fields],
        "state": None
        if state is None
        else {
            "a_height": state.a_height,
            "b_height": state.b_height,
            "count": state.count,
            "height": state.first[0].height if state.first else None,
            "keys": [_leaf_json(each) for each in state.first],
        },
    }


def _leaf_json(difference: LeafDifference) -> dict[str, Any]:
    return {
        "height": difference.height,
        "contract": difference.contract,
        "key": difference.key.hex(),
        "readable_key": difference.readable_key,
        "field": difference.field,
        "a": difference.shown(difference.ours),
        "b": difference.shown(difference.theirs),
    }
