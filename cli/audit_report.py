"""Writes audit reports as HTML or PDF, signs them, and checks such signatures."""

import re
import shlex
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from audit.mismatch import Level
from audit.report import Report, make_report
from audit.report_html import render_html
from audit.report_signature import (
    FILE_BYTES_MAX,
    SUFFIX,
    ReportSignature,
    ReportSignatureError,
    check_report,
    sign_report,
)
from chain.checkpoint import COSIGNATURE, verifier_key
from cli.audit_run import Audited, Request
from cli.errors import EXIT_AUDIT_MISMATCH, EXIT_USAGE, CliError
from tallystick.wallet import Wallet

KINDS: Final = (".html", ".pdf")


def check_reports(paths: Sequence[Path]) -> None:
    """Refuse reports that could not be written in the end, before hours of auditing.

    Raises:
        CliError: when a name has another ending, its folder is missing, or the library for PDF is.
    """
    for path in paths:
        if path.suffix not in KINDS:
            raise CliError(f"{path}: a report is FILE.html or FILE.pdf", EXIT_USAGE)
        if not path.parent.is_dir():
            raise CliError(f"{path.parent} is no folder to write a report to", EXIT_USAGE)
        if path.suffix == ".pdf":
            _pdf_renderer()


def write_reports(paths: Sequence[Path], audited: Audited, request: Request, wallet: Wallet | None) -> None:
    """Write each report, and its signature beside it.

    Raises:
        CliError: when one cannot be written.
    """
    if not paths:
        return
    report = make_report(
        audited.verdict,
        audited.statistics,
        source=request.source,
        command=command_of(request, audited.verdict.genesis_hash),
        auditor=None if wallet is None else wallet.public_key.hex(),
        made_at=datetime.now(UTC),
    )
    for path in paths:
        _write(path, report, wallet)


def command_of(request: Request, genesis_hash: str | None) -> str:
    """Return the command that does the same audit again, anchored to the same network."""
    words = ["tally", "audit", request.source]
    if genesis_hash is not None:
        words += ["--genesis-hash", genesis_hash]
    if request.level is not Level.EXECUTION:
        words += ["--level", request.level.value]
    if request.invariants_every is not None:
        words += ["--invariants-every", str(request.invariants_every)]
    for other in request.others:
        words += ["--other", other]
    for witness in request.witnesses:
        words += ["--witness", verifier_key(witness.name, COSIGNATURE, witness.key)]
    return shlex.join(words)


def read_signature(path: Path, public_key: str | None) -> ReportSignature:
    """Return the good signature of a report.

    Raises:
        CliError: when there is none, or it is not good, or another key's than `public_key`, or that is no key.
    """
    if public_key is not None and not re.fullmatch(r"[0-9a-fA-F]{64}", public_key):
        raise CliError(f"--key: {public_key!r} is no public key of 64 hexadecimal digits", EXIT_USAGE)
    beside = path.with_name(path.name + SUFFIX)
    try:
        with beside.open("rb") as file:
            signature = file.read(FILE_BYTES_MAX)
        found = check_report(path.read_bytes(), signature)
    except OSError as error:
        raise CliError(f"{error.filename} cannot be read: {error.strerror}") from error
    except ReportSignatureError as error:
        raise CliError(f"{path}: {error}", EXIT_AUDIT_MISMATCH) from error
    if public_key is not None and public_key.lower() != found.public_key.hex():
        raise CliError(f"{path} is signed by another key: {found.public_key.hex()}", EXIT_AUDIT_MISMATCH)
    return found


def _write(path: Path, report: Report, wallet: Wallet | None) -> None:
    content = _pdf_renderer()(report) if path.suffix == ".pdf" else render_html(report).encode()
    beside = path.with_name(path.name + SUFFIX)
    try:
        path.write_bytes(content)
        if wallet is None:
            beside.unlink(missing_ok=True)
        else:
            beside.write_bytes(sign_report(content, wallet.public_key, wallet.sign_report).encoded())
    except OSError as error:
        raise CliError(f"{error.filename} cannot be written: {error.strerror}") from error


def _pdf_renderer() -> Callable[[Report], bytes]:
    try:
        from cli.report_pdf import render_pdf
    except ModuleNotFoundError as error:
        raise CliError("PDF needs fpdf2: pip install 'tallystick[pdf]'; HTML needs nothing") from error
    return render_pdf
