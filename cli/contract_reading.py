"""`tally contract show` and `diff`: contracts as those see them who use them or decide on them."""

from collections.abc import Callable
from typing import Any

import click

from cli.abi_text import abi_text
from cli.comparing import comparison_json, comparison_text
from cli.completing import complete_contracts
from cli.contract_subjects import Subject, file_named, read_subjects
from cli.errors import EXIT_USAGE, CliError
from cli.ledger import Target
from cli.output import print_json
from cli.session import ledger_if_needed, run


@click.command()
@click.argument("subject", shell_complete=complete_contracts)
@click.option("--source", "with_source", is_flag=True, help="Print the source as well.")
@ledger_if_needed
def show(find_target: Callable[[], Target], subject: str, with_source: bool, as_json: bool) -> None:
    """Show the interface of SUBJECT: NAME, NAME@VERSION, or the FILE of a contract.

    Methods with types, documentation and error codes, events, records, storage and constants; what stands on the ledger
    was verified from the genesis hash.
    """
    (found,) = run(read_subjects(find_target, subject))
    _show(found, with_source, as_json)


def _show(subject: Subject, with_source: bool, as_json: bool) -> None:
    if as_json:
        document: dict[str, Any] = {"subject": subject.label, **_place_json(subject), "abi": subject.abi}
        print_json({**document, "source": subject.source} if with_source else document)
        return
    click.echo(_heading(subject))
    click.echo(f"\n{abi_text(subject.abi)}")
    if with_source:
        click.echo(f"\n{subject.source}", nl=False)


def _place_json(subject: Subject) -> dict[str, Any]:
    if subject.found is None:
        return {}
    version, frozen = subject.found.version, subject.found.frozen
    place = {"version": version.version, "language": version.language, "source_hash": version.source_hash.hex()}
    return {**place, "deployer": version.deployer, "height": version.height, "frozen": frozen}


def _heading(subject: Subject) -> str:
    if subject.found is None:
        return f"contract in {subject.label}"
    version = subject.found.version
    frozen = ", FROZEN: calls are refused, views work" if subject.found.frozen else ""
    by = "in genesis" if version.height == 0 else f"by {version.deployer} in block {version.height}"
    lines = [f"contract {version.name}, version {version.version}{frozen}", f"deployed {by}"]
    return "\n".join([*lines, f"source {version.source_hash.hex()}"])


@click.command()
@click.argument("old", shell_complete=complete_contracts)
@click.argument("new", required=False, shell_complete=complete_contracts)
@ledger_if_needed
def diff(find_target: Callable[[], Target], old: str, new: str | None, as_json: bool) -> None:
    """Show what is different between OLD and NEW: each is NAME, NAME@VERSION, or the FILE of a contract.

    Whether the storage only grows, what users of the contract notice, and the sources. With one NAME: between its
    version and the one before.
    """
    first, second = run(read_subjects(find_target, old, _before(find_target, old) if new is None else new))
    if new is None:
        first, second = second, first
    if as_json:
        print_json(comparison_json(first, second))
    else:
        click.echo(comparison_text(first, second))


def _before(find_target: Callable[[], Target], name: str) -> str:
    """Return how the version before the present one of a contract is named."""
    if file_named(name) is not None:
        raise CliError(f"{name} is a file; name what it is to be compared with", EXIT_USAGE)
    (present,) = run(read_subjects(find_target, name))
    assert present.found is not None, "it was read from the ledger"
    version = present.found.version
    if version.version == 1:
        raise CliError(f"{present.label} is the first version; name what it is to be compared with")
    return f"{version.name}@{version.version - 1}"
