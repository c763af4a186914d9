"""What commands about contracts are given: NAME, NAME@VERSION, or the FILE of a contract; and its source and ABI."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chain.identity import ContractVersion, is_name
from chain.runtime import SYSTEM
from chain.types import Digest
from chain.values import dataclass
from cli.contract_files import read_contract
from cli.errors import EXIT_USAGE, CliError
from cli.ledger import Target
from contracts.engine.abi import derive_abi
from contracts.engine.compiler import compile_contract
from contracts.engine.module import Module
from tallystick.client import AsyncClient
from tallystick.decisions import ContractSource
from tallystick.errors import ApiError


@dataclass(frozen=True, slots=True)
class Subject:
    """A contract that was read from the ledger or from a file."""

    label: str
    source: str
    found: ContractSource | None
    """None for a file."""

    @property
    def abi(self) -> dict[str, Any]:
        """Its interface."""
        return derive_abi(self.source)

    @property
    def module(self) -> Module:
        """What it declares."""
        return compile_contract(self.source).module


def check_name(name: str) -> None:
    """Refuse what cannot name a contract.

    Raises:
        CliError: saying how names are written.
    """
    if not is_name(name):
        raise CliError(
            f"{name!r} cannot name a contract: lower-case letters, digits, - and _, a letter first", EXIT_USAGE
        )
    if name == SYSTEM:
        raise CliError(f"{name} is the ledger itself, no contract", EXIT_USAGE)


def file_named(text: str) -> Path | None:
    """Return the file that a subject names, None if it names a deployed contract."""
    path = Path(text)
    return path if path.suffix == ".py" or path.is_file() else None


def file_subject(path: Path) -> Subject:
    """Return the contract in a file.

    Raises:
        CliError: when there is none; its problems have been shown then.
    """
    return Subject(str(path), read_contract(path), None)


async def read_subject(client: AsyncClient, text: str) -> Subject:
    """Return the contract on the ledger that a text names.

    Raises:
        CliError: when there is no such contract or version.
    """
    name, _, number = text.partition("@")
    check_name(name)
    if number and not (number.isascii() and number.isdigit() and 0 < int(number) < 2**62):
        raise CliError(f"{text!r} is not of the form NAME@VERSION with a version from 1", EXIT_USAGE)
    found = await fetch(client, name, int(number) if number else None)
    if found is None:
        raise CliError(f"there is no contract {name}" + (f" with a version {number}" if number else ""))
    return Subject(f"{name}@{found.version.version}", found.source, found)


async def read_subjects(find_target: Callable[[], Target], *texts: str) -> list[Subject]:
    """Return the contracts that texts name; a ledger is needed only if they are not all files.

    Raises:
        CliError: when there is no such contract, version, file or ledger.
    """
    files = [file_named(text) for text in texts]
    if all(files):
        return [file_subject(path) for path in files if path is not None]
    async with find_target().client() as client:
        return [
            await read_subject(client, text) if path is None else file_subject(path)
            for path, text in zip(files, texts, strict=True)
        ]


async def fetch(client: AsyncClient, name: str, number: int | None) -> ContractSource | None:
    """Return a contract as it is now or one of its versions, verified; before the first block as the node says it is.

    Raises:
        TallystickError: when the nodes do not answer.
    """
    try:
        return await client.contract_source(name, number)
    except ApiError as error:
        if error.code != "not_certified":
            raise
    path = f"/v1/contracts/{name}" + ("" if number is None else f"/versions/{number}")
    try:
        document = await client.read(path)
    except ApiError as error:
        if error.code in ("unknown_contract", "unknown_version"):
            return None
        raise
    digest = Digest(bytes.fromhex(document["source_hash"]))
    place = (document["deployer"], document["height"])
    version = ContractVersion(document["name"], document["version"], document["language"], digest, *place)
    return ContractSource(version, document["source"], document.get("frozen"))


def declared_at(source: str, name: str) -> int:
    """Return the line on which a source declares something at its top level, 1 if it does not."""
    found = re.search(rf"^{re.escape(name)}\s*=", source, re.MULTILINE)
    return 1 if found is None else source.count("\n", 0, found.start()) + 1
