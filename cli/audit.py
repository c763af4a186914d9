"""`tally audit`: checks a whole history, from an export or a running node, and exits 3 where it is not true."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import click

from audit.auditor import Progress, run_audit
from audit.export_source import ExportSource
from audit.mismatch import Mismatch, SourceUnreadable
from audit.source import BlockSource
from audit.verdict import Outcome, Verdict
from chain.crypto import DIGEST_BYTES
from chain.runtime import LocalFault
from chain.storage import StoreError
from cli.cluster_layout import CLUSTER_FILE
from cli.errors import EXIT_AUDIT_MISMATCH, CliError
from cli.node_source import NodeSource
from cli.output import print_json
from cli.progress import ProgressLine, bar, remaining


@click.command()
@click.argument("source")
@click.option("--genesis-hash", default=None, help="The genesis hash that you know from elsewhere (64 hex digits).")
@click.option(
    "--processes",
    type=click.IntRange(1, 256),
    default=None,
    help="Processes that check signatures. [default: one a core]",
)
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON on standard output.")
def audit(source: str, genesis_hash: str | None, processes: int | None, as_json: bool) -> None:
    """Check a history completely: an export's folder, or a running node's URL.

    Every header, certificate, signature, Merkle root and receipt is checked, and every contract is run again from
    genesis on. Exits 0 if all of it is true, and 3 at the first difference.
    """
    anchor = None if genesis_hash is None else _digest(genesis_hash)
    line = ProgressLine()
    try:
        with _opened(source) as blocks:
            verdict = run_audit(
                blocks,
                genesis_hash=anchor,
                processes=processes or len(os.sched_getaffinity(0)),
                on_progress=lambda progress: line.show(_progress_text(progress)),
            )
    except (SourceUnreadable, LocalFault, StoreError) as error:
        raise CliError(f"the audit could not be finished: {error}") from error
    finally:
        line.clear()
    if as_json:
        print_json(verdict.as_json())
    else:
        click.echo(_text(verdict))
    if verdict.outcome is Outcome.MISMATCH:
        click.get_current_context().exit(EXIT_AUDIT_MISMATCH)


@contextmanager
def _opened(source: str) -> Iterator[BlockSource]:
    if source.startswith(("http://", "https://")):
        with closing(NodeSource(source)) as node:
            yield node
        return
    folder = Path(source)
    if (folder / CLUSTER_FILE).exists():
        raise CliError(
            f"{folder} is a cluster's folder: audit one of its nodes by its URL (tally cluster status --dir {folder}),"
            f" or what `tally export --dir {folder} --out FOLDER` wrote"
        )
    yield ExportSource(folder)


def _digest(text: str) -> bytes:
    try:
        digest = bytes.fromhex(text)
    except ValueError:
        digest = b""
    if len(digest) != DIGEST_BYTES:
        raise click.BadParameter(f"{text!r} is not {2 * DIGEST_BYTES} hexadecimal digits", param_hint="--genesis-hash")
    return digest


def _progress_text(progress: Progress) -> str:
    seconds = max(progress.seconds, 0.001)
    speed = f"{progress.height / seconds:,.0f} blocks/s, {progress.transactions / seconds:,.0f} transactions/s"
    left = remaining(progress.height, progress.head_height, seconds)
    return f"{bar(progress.height, progress.head_height)} block {progress.height:,}, {speed}, {left} left"


def _text(verdict: Verdict) -> str:
    rows = [
        ("genesis hash", f"{verdict.genesis_hash or 'unreadable'} ({_anchoring(verdict)})"),
        ("blocks", f"{verdict.blocks:,} of {verdict.height:,} passed"),
        ("transactions", f"{verdict.transactions:,}"),
        ("last block", verdict.head_hash or "none"),
        ("state root", verdict.state_root or "none"),
        ("levels passed", ", ".join(verdict.levels_passed) or "none"),
        ("time", f"{verdict.seconds:.1f} s"),
    ]
    lines = [f"{name:<14}  {value}" for name, value in rows]
    if verdict.first_mismatch is not None:
        lines += ["", "first mismatch", *_mismatch_lines(verdict.first_mismatch)]
    lines += ["", "not excluded", *(f"  {text}" for text in verdict.not_excluded)]
    anchored = "" if verdict.anchored else ", unanchored"
    return "\n".join([*lines, "", f"Verdict: {verdict.outcome.upper()}{anchored}"])


def _anchoring(verdict: Verdict) -> str:
    return "as given" if verdict.anchored else "not compared with anything: the verdict is unanchored"


def _mismatch_lines(mismatch: Mismatch) -> list[str]:
    rows = [("level", mismatch.level.value), ("height", f"{mismatch.height}")]
    if mismatch.transaction_index is not None:
        rows.append(("transaction", f"{mismatch.transaction_index}  {mismatch.transaction_id or 'id unreadable'}"))
    if mismatch.contract is not None:
        rows.append(("contract", mismatch.contract))
    rows += [("field", mismatch.field), ("expected", mismatch.expected), ("found", mismatch.found)]
    if mismatch.detail:
        rows.append(("detail", mismatch.detail))
    return [f"  {name:<12}{value}" for name, value in rows]
