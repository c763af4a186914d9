"""`tally contract deploy`, `upgrade`, `freeze`, `unfreeze`: what an administrator decides, or proposes to others."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click

from cli.comparing import changes_between, obstacle_lines, obstacles_between
from cli.completing import complete_contracts
from cli.contract_subjects import Subject, check_name, file_subject, read_subject
from cli.decisions import propose_or_show
from cli.dry_run import dry_run_option
from cli.errors import CliError
from cli.ledger import Target
from cli.receipts import plain
from cli.session import ledger_options, party_option, run
from cli.values import parse_arguments
from contracts.engine.errors import Failed, Stop
from contracts.engine.gas import CURRENT
from contracts.engine.limits import VALUE_BYTES_MAX
from contracts.engine.module import INIT, MIGRATE, Module
from contracts.engine.run import Run
from contracts.engine.values import type_name
from contracts.engine.wire import Walk, importer
from tallystick import decisions

FILE = click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
ARGUMENTS_GAS: Final = 10_000_000
"""What looking at arguments may cost here; on the ledger the transaction pays."""
AS = party_option("An administrator of the electorate: of the local cluster, or a key file.")
REASON = click.option("--reason", default="", help="Why, for those who vote; kept on the ledger.")


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("name")
@FILE
@click.argument("arguments", nargs=-1)
@AS
@REASON
@dry_run_option
@ledger_options
def deploy(
    target: Target,
    name: str,
    file: Path,
    arguments: tuple[str, ...],
    party: str,
    reason: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Deploy the contract in FILE under NAME, with ARGUMENTS for its @init.

    Where genesis asks for more than one approval this opens a proposal, and the others vote with `tally proposal`.
    """
    wallet = target.wallet(party)
    check_name(name)
    subject = file_subject(file)
    args = parse_arguments(arguments)
    _check_arguments(subject.module, INIT, args)

    async def work() -> None:
        async with target.client() as client:
            alone = (await client.genesis()).governance.deployment_approvals_required == 1
            propose = decisions.propose_deployment(name, subject.source, args, reason=reason)
            call = decisions.deploy(name, subject.source, *args) if alone else propose
            await propose_or_show(client, wallet, call, "deploy", as_json, dry_run)

    run(work())


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("name", shell_complete=complete_contracts)
@FILE
@click.argument("arguments", nargs=-1)
@AS
@REASON
@dry_run_option
@ledger_options
def upgrade(
    target: Target,
    name: str,
    file: Path,
    arguments: tuple[str, ...],
    party: str,
    reason: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Propose the contract in FILE as the next version of NAME, with ARGUMENTS for its @migrate.

    What the ledger would refuse is refused here first: a source that is no contract, storage that does not only grow,
    arguments that @migrate does not take. The others vote with `tally proposal`; @migrate runs with the last vote.
    """
    wallet = target.wallet(party)
    check_name(name)
    subject = file_subject(file)
    args = parse_arguments(arguments)
    _check_arguments(subject.module, MIGRATE, args)

    async def work() -> None:
        async with target.client() as client:
            before = await read_subject(client, name)
            assert before.found is not None, "it was read from the ledger"
            _check_growth(before, subject)
            for change in changes_between(before, subject):
                click.echo(str(change), err=True)
            version = before.found.version.version + 1
            call = decisions.propose_upgrade(name, version, subject.source, args, reason=reason)
            await propose_or_show(client, wallet, call, "upgrade", as_json, dry_run)

    run(work())


@click.command()
@click.argument("name", shell_complete=complete_contracts)
@AS
@REASON
@dry_run_option
@ledger_options
def freeze(target: Target, name: str, party: str, reason: str, dry_run: bool, as_json: bool) -> None:
    """Propose to suspend the calls of NAME; views go on."""
    _propose_about(target, "freeze", name, party, reason, dry_run, as_json)


@click.command()
@click.argument("name", shell_complete=complete_contracts)
@AS
@REASON
@dry_run_option
@ledger_options
def unfreeze(target: Target, name: str, party: str, reason: str, dry_run: bool, as_json: bool) -> None:
    """Propose to resume the calls of NAME."""
    _propose_about(target, "unfreeze", name, party, reason, dry_run, as_json)


def _propose_about(
    target: Target, action: str, name: str, party: str, reason: str, dry_run: bool, as_json: bool
) -> None:
    wallet = target.wallet(party)
    check_name(name)

    async def work() -> None:
        async with target.client() as client:
            call = decisions.propose(action, name, reason=reason)
            await propose_or_show(client, wallet, call, action, as_json, dry_run)

    run(work())


def _check_arguments(module: Module, kind: str, args: Sequence[Any]) -> None:
    """Refuse arguments that the ledger would refuse.

    Raises:
        CliError: saying what the method takes.
    """
    count = len(args)
    method = next((function for function in module.functions.values() if function.kind == kind), None)
    parameters = () if method is None else method.parameters
    if len(parameters) != count:
        takes = ", ".join(f"{name}: {type_name(type_)}" for name, type_ in parameters) or "nothing"
        what = f"its @{kind} takes {takes}" if method is not None else f"it has no @{kind}"
        raise CliError(f"{count} argument{'' if count == 1 else 's'} given, but {what}")
    meter = Run(CURRENT)
    meter.gas = ARGUMENTS_GAS
    for (name, type_), value in zip(parameters, args, strict=True):
        try:
            importer(type_, named=True)(value, Walk(meter, VALUE_BYTES_MAX))
        except Stop as stop:
            why = stop.reason if isinstance(stop, Failed) else stop.code
            raise CliError(f"{name}: {type_name(type_)} of its @{kind} does not take {plain(value)}: {why}") from stop


def _check_growth(before: Subject, after: Subject) -> None:
    """Refuse a version whose storage does not follow the present one's.

    Raises:
        CliError: when the ledger would refuse it; the reasons have been shown then.
    """
    if before.source == after.source:
        raise CliError(f"{after.label} is the source of {before.label}")
    found = obstacles_between(before, after)
    for line in obstacle_lines(after, found):
        click.echo(line, err=True)
    if found:
        raise CliError(f"{after.label} cannot follow {before.label}: storage may only grow")
