"""Versions of contracts in the state: what is recorded of each, and what a new one is checked against."""

from typing import Final

from chain.encoding import decode, encode
from chain.identity import ContractRecord, ContractVersion, decode_contract, source_hash
from chain.runtime import SYSTEM, CallContext, LocalFault, StateAccess
from chain.state_keys import CONTRACTS, contract_key, contract_version_key, decode_key, source_key
from contracts.engine import errors
from contracts.engine.binding import Bound, Method
from contracts.engine.errors import Stop
from contracts.engine.growth import obstacles
from contracts.engine.limits import LANGUAGE_VERSION

PAGE: Final = 1_000
"""Records that are read from the state at once."""


def read_contract(contract: str, data: bytes) -> ContractRecord:
    """Return the record of a contract that this engine can run.

    Raises:
        LocalFault: when the state holds something else, or a contract in a language that this program does not know.
    """
    try:
        record = decode_contract(data)
    except ValueError as error:
        raise LocalFault(f"the record of contract {contract} is damaged: {error}") from error
    language = record.current.language
    if language != LANGUAGE_VERSION:
        raise LocalFault(f"contract {contract} needs language version {language}; this engine knows {LANGUAGE_VERSION}")
    return record


def deployed(state: StateAccess) -> list[ContractRecord]:
    """Return the records of all contracts of a state.

    Raises:
        LocalFault: as `read_contract` does.
    """
    records: list[ContractRecord] = []
    start = CONTRACTS
    while True:
        page = state.scan(SYSTEM, start, CONTRACTS + b"\xff", PAGE, False)
        records += [read_contract(str(decode_key(key)[1]), data) for key, data in page]
        if len(page) < PAGE:
            return records
        start = page[-1][0] + b"\x00"


def read_source(state: StateAccess, version: ContractVersion) -> str:
    """Return the source of a version.

    Raises:
        LocalFault: when the state holds something else.
    """
    data = state.get(SYSTEM, source_key(version.source_hash))
    source = None if data is None else decode(data)
    if not isinstance(source, str) or source_hash(source) != version.source_hash:
        raise LocalFault(f"the state does not hold the source of contract {version.name}, version {version.version}")
    return source


def versions_to_record(
    context: CallContext, before: ContractRecord | None, contract: str, source: str, tokens: int
) -> tuple[ContractRecord, dict[bytes, bytes]]:
    """Return a contract's record once a source is its next version, or its first, and what the state has to hold."""
    number = 1 if before is None else before.current.version + 1
    digest = source_hash(source)
    version = ContractVersion(contract, number, LANGUAGE_VERSION, digest, context.sender, context.height)
    record = ContractRecord(version, before is not None and before.frozen, tokens)
    return record, {
        contract_key(contract): record.encoded(),
        contract_version_key(contract, number): version.encoded(),
        source_key(digest): encode(source),
    }


def check_growth(old: Bound, new: Bound) -> None:
    """Check that a source may follow another one.

    Raises:
        Stop: incompatible_version, with every reason in its notes.
    """
    found = obstacles(old.compiled.module, new.compiled.module)
    if found:
        stop = Stop(errors.INCOMPATIBLE_VERSION)
        for obstacle in found:
            stop.add_note(str(obstacle))
        raise stop


def method_of_kind(bound: Bound, kind: str) -> Method | None:
    """Return the one method that is marked @init or @migrate, if there is one."""
    return next((method for method in bound.methods.values() if method.kind == kind), None)
