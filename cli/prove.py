"""`tally prove`: writes proof files that anybody can check with the genesis hash alone."""

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from chain.encoding import EncodeError
from chain.identity import is_name
from chain.proof_file import StoryRule
from chain.state_keys import encode_key
from cli.completing import complete_contracts, complete_storage
from cli.errors import EXIT_USAGE, CliError
from cli.ledger import Target
from cli.output import print_json
from cli.proof_text import proven_text
from cli.session import ledger_options, run
from cli.values import parse_arguments
from tallystick.proof_facts import Proven, proven_json
from tallystick.proving import MakeProof
from tallystick.story_rules import CONTRACT_OF


@click.group()
def prove() -> None:
    """Write a proof file, for somebody who trusts neither you nor your node.

    The file is checked offline by `tally verify`, by the page in docs/verify/, or by docs/verify_proof.py.
    """


def proof_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of all kinds of proofs; the command returns how the prover makes one."""

    def with_output(*, target: Target, as_json: bool, out: Path, carry_genesis: bool, **others: Any) -> None:
        make: MakeProof = command(**others)

        async def work() -> tuple[bytes, Proven]:
            async with target.client() as client:
                return await client.prove(make, carry_genesis=carry_genesis)

        data, proven = run(work())
        _write(out, data)
        if as_json:
            print_json(proven_json(proven))
        else:
            click.echo(proven_text(proven))
        genesis = "" if carry_genesis else " --genesis GENESIS_FILE"
        command_line = f"tally verify {out}{genesis} --genesis-hash {proven.genesis_hash.hex()}"
        click.echo(f"{len(data):,} bytes written to {out}; check it with: {command_line}", err=True)

    wrapped = ledger_options(functools.wraps(command)(with_output))
    carry = "Put the genesis into the file, for those who know its hash alone."
    wrapped = click.option("--with-genesis", "carry_genesis", is_flag=True, help=carry)(wrapped)
    path = click.Path(path_type=Path, dir_okay=False)
    return click.option("-o", "--out", required=True, type=path, help="File to write, such as payment.proof.")(wrapped)


@prove.command()
@click.argument("transaction_id")
@proof_options
def transaction(transaction_id: str) -> MakeProof:
    """Prove that a transaction was committed, and what its receipt says."""
    try:
        digest = bytes.fromhex(transaction_id)
    except ValueError as error:
        raise CliError(f"{transaction_id!r} is not a transaction id in hexadecimal", EXIT_USAGE) from error
    return lambda prover: prover.transaction(digest)


@prove.command(context_settings={"ignore_unknown_options": True})
@click.argument("contract", shell_complete=complete_contracts)
@click.argument("storage", shell_complete=complete_storage)
@click.argument("key_parts", metavar="[KEY]...", nargs=-1)
@click.option("--at", "at_height", type=click.IntRange(min=0), help="The height to speak of. [default: the last block]")
@proof_options
def key(contract: str, storage: str, key_parts: tuple[str, ...], at_height: int | None) -> MakeProof:
    """Prove what STORAGE of CONTRACT held, under KEY if it is a map, or that it held nothing."""
    encoded = _encoded_key(contract, storage, key_parts)
    return lambda prover: prover.key(contract, encoded, at_height)


@prove.command(context_settings={"ignore_unknown_options": True})
@click.argument("contract", shell_complete=complete_contracts)
@click.argument("storage", shell_complete=complete_storage)
@click.argument("key_parts", metavar="[KEY]...", nargs=-1)
@proof_options
def history(contract: str, storage: str, key_parts: tuple[str, ...]) -> MakeProof:
    """Prove all that STORAGE of CONTRACT ever held, under KEY if it is a map."""
    encoded = _encoded_key(contract, storage, key_parts)
    return lambda prover: prover.history(contract, encoded)


@prove.command()
@click.argument("rule", type=click.Choice([rule.value for rule in StoryRule]))
@click.argument("subject")
@click.option("--contract", default=None, help="The contract that keeps it. [default: traceability or remittance]")
@proof_options
def story(rule: str, subject: str, contract: str | None) -> MakeProof:
    """Prove the whole story of an item (by its Digital Link) or of a transfer (by its UETR)."""
    told = StoryRule(rule)
    return lambda prover: prover.story(contract or CONTRACT_OF[told], told, subject)


@prove.command()
@click.option("--height", type=click.IntRange(min=1), help="The block that they certified. [default: the last one]")
@proof_options
def validators(height: int | None) -> MakeProof:
    """Prove who the validators were, from the genesis on."""
    return lambda prover: prover.validators(height)


def _encoded_key(contract: str, storage: str, parts: tuple[str, ...]) -> bytes:
    if not is_name(contract):
        raise CliError(f"{contract!r} cannot name a contract", EXIT_USAGE)
    values = parse_arguments(parts)
    if not all(isinstance(value, (bool, int, bytes, str)) for value in values):
        raise CliError("parts of a key are text, integers, bytes or booleans", EXIT_USAGE)
    try:
        return encode_key((storage, *values))
    except EncodeError as error:
        raise CliError(f"no key: {error}", EXIT_USAGE) from error


def _write(path: Path, data: bytes) -> None:
    """Write a file completely or not at all."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_bytes(data)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise CliError(f"{path} cannot be written: {error.strerror}") from error
