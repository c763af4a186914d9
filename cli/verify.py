"""`tally verify`: checks a proof file offline and says in plain words what it proves and what it does not."""

from pathlib import Path

import click

from chain.crypto import DIGEST_BYTES
from chain.encoding import DecodeError
from chain.genesis import Genesis, GenesisError, decode_genesis, genesis_from_json
from chain.proofs import PROOF_BYTES_MAX
from chain.types import Digest
from cli.errors import EXIT_AUDIT_MISMATCH, EXIT_USAGE, CliError
from cli.output import print_json
from cli.proof_text import proven_text
from tallystick.proof import ProofError
from tallystick.proof_checking import GenesisMissing, check_proof
from tallystick.proof_facts import proven_json

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@click.argument("file", type=_FILE)
@click.option("--genesis", "genesis_file", type=_FILE, help="The genesis, as JSON or as an export holds it.")
@click.option("--genesis-hash", default=None, help="The genesis hash that you know from elsewhere (64 hex digits).")
@click.option("--json", "as_json", is_flag=True, help="Print what is proven as JSON on standard output.")
def verify(file: Path, genesis_file: Path | None, genesis_hash: str | None, as_json: bool) -> None:
    """Check a proof file; nothing is asked of any node.

    Give the genesis file, its hash, or both. The hash alone is enough where the proof carries its genesis
    (`tally prove --with-genesis`). Exits 0 if the statement is proven, 3 if it is not.
    """
    known = _known(genesis_file, genesis_hash)
    data = _read(file)
    try:
        proven = check_proof(data, known)
    except GenesisMissing as error:
        raise CliError(f"{error}: give --genesis FILE", EXIT_USAGE) from error
    except (DecodeError, ProofError) as error:
        if as_json:
            print_json({"proven": False, "reason": str(error)})
        raise CliError(f"NOT PROVEN: {error}", EXIT_AUDIT_MISMATCH) from error
    if as_json:
        print_json({"proven": True, **proven_json(proven)})
    else:
        click.echo(proven_text(proven))
    if genesis_hash is None:
        click.echo(
            f"Compare the genesis hash {proven.genesis_hash.hex()} with the one that you know from elsewhere:\n"
            "the genesis file decides who the validators are.",
            err=True,
        )


def _known(genesis_file: Path | None, genesis_hash: str | None) -> Genesis | Digest:
    expected = None if genesis_hash is None else _digest(genesis_hash)
    if genesis_file is None:
        if expected is None:
            raise CliError(
                "give --genesis FILE or --genesis-hash HEX: a proof is worth what its genesis is", EXIT_USAGE
            )
        return expected
    data = _read(genesis_file)
    try:
        genesis = genesis_from_json(data.decode()) if data[:1].isspace() or data[:1] == b"{" else decode_genesis(data)
    except (DecodeError, GenesisError, ValueError) as error:
        raise CliError(f"{genesis_file} is no genesis: {error}", EXIT_USAGE) from error
    if expected is not None and genesis.genesis_hash != expected:
        raise CliError(f"{genesis_file} has the genesis hash {genesis.genesis_hash.hex()}", EXIT_AUDIT_MISMATCH)
    return genesis


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            # One byte more shows a file that is too long for anything that is read here.
            data = file.read(PROOF_BYTES_MAX + 1)
    except OSError as error:
        raise CliError(f"{path} cannot be read: {error.strerror}", EXIT_USAGE) from error
    return data


def _digest(text: str) -> Digest:
    try:
        digest = bytes.fromhex(text)
    except ValueError:
        digest = b""
    if len(digest) != DIGEST_BYTES:
        raise CliError(f"{text!r} is not {2 * DIGEST_BYTES} hexadecimal digits", EXIT_USAGE)
    return Digest(digest)
