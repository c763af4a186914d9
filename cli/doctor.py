"""`tally doctor`: answers why nothing is being committed, from all nodes of a cluster, some of them, or one."""

import os
from pathlib import Path
from typing import Any, Final

import click

from cli import cluster_layout
from cli.colours import bad, doubtful, good
from cli.diagnosis.diagnose import diagnose
from cli.diagnosis.evidence import Evidence, ask_cluster, ask_urls
from cli.diagnosis.findings import Finding, Severity
from cli.errors import EXIT_FAILED, EXIT_USAGE, CliError
from cli.ledger import ledger_flags
from cli.output import print_json
from cli.profile import load_profile
from cli.session import profile_option, with_access_options
from tallystick.access import AccessError

WORDS: Final = {
    Severity.STOPS: "Nothing can be committed",
    Severity.HARMS: "Committing goes on, but",
    Severity.NOTE: "All is well; note",
}


COLOURS: Final = {Severity.STOPS: bad, Severity.HARMS: doubtful, Severity.NOTE: good}


@click.command()
@click.option("--url", "urls", multiple=True, help="A node's address; repeat it for more, from anywhere.")
@click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the local cluster to look at when no --url is given.  [default: .tally]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
@profile_option
@with_access_options
@click.pass_context
def doctor(ctx: click.Context, /, as_json: bool, **ledger: Any) -> None:
    """Tell why nothing is being committed, or what else is wrong, with what to do; the likeliest cause first.

    It works with whatever nodes answer, one included: what the others are is then told by that one. Exit codes: 0 all
    is well, 1 something is wrong.
    """
    profile = load_profile(ledger_flags(ledger), os.environ, Path.cwd())
    try:
        if profile.urls:
            evidence = ask_urls(profile.urls, profile.access)
        else:
            evidence = ask_cluster(cluster_layout.load(profile.folder), profile.access)
    except AccessError as error:
        raise CliError(str(error), EXIT_USAGE) from error
    findings = diagnose(evidence)
    if as_json:
        print_json({"summary": summary(evidence, findings), "findings": [_finding_json(item) for item in findings]})
    else:
        colour = COLOURS[findings[0].severity] if findings else good
        click.echo(colour(summary(evidence, findings)))
        for number, finding in enumerate(findings, 1):
            click.echo(f"\n{number}. {finding.what}")
            click.echo(f"   {finding.cause.meaning}")
            click.echo(f"   What to do: {finding.cause.action}")
    if any(finding.severity is not Severity.NOTE for finding in findings):
        ctx.exit(EXIT_FAILED)


def summary(evidence: Evidence, findings: list[Finding]) -> str:
    """Return the line that everybody reads."""
    if findings:
        first = findings[0]
        silent = [finding for finding in findings if finding.keeps_from_voting]
        if not first.keeps_from_voting:
            return f"{WORDS[first.severity]}: {first.what}."
        size = len(evidence.validators)
        votes = (
            f"{size - sum(len(finding.nodes) for finding in silent)} of {size} validators vote, {evidence.quorum} must"
        )
        return f"{WORDS[first.severity]}: {votes}: {'; '.join(finding.what for finding in silent)}."
    heads = [node.consensus["height"] - 1 for node in evidence.running if node.consensus]
    waiting = [node.status["pool"]["transactions"] for node in evidence.running if node.status]
    rest = f"{max(waiting)} transactions wait" if max(waiting, default=0) else "nothing waits to be committed"
    return f"All is well: {len(evidence.validators)} validators vote, height {max(heads, default=0)}, {rest}."


def _finding_json(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "severity": finding.severity.name.lower(),
        "what": finding.what,
        "meaning": finding.cause.meaning,
        "action": finding.cause.action,
        "nodes": list(finding.nodes),
    }
