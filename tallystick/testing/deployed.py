"""What stands in the state of a test's ledger: deployed contracts, what they declare and store."""

from dataclasses import replace
from typing import Any, Final

from chain.identity import ContractRecord, decode_contract
from chain.runtime import SYSTEM
from chain.state_keys import contract_key, encode_key
from contracts.engine.lifecycle import read_source
from contracts.engine.module import Module, Storage
from contracts.engine.testkit import MemoryState
from tallystick.testing.session import Session
from tallystick.testing.stored import stored_entries, stored_key, stored_value

AFTER_KEYS: Final = b"\xff"
"""Greater than any byte that begins a key part."""


class Deployed:
    """Reads the state in the terms of the contracts; nothing is remembered but what the sources say."""

    def __init__(self, memory: MemoryState, session: Session) -> None:
        self._memory = memory
        self._session = session
        self._modules: dict[str, tuple[bytes, Module]] = {}

    def record(self, contract: str) -> ContractRecord | None:
        """Return the record of a contract, None if there is no such one."""
        data = self._memory.get(SYSTEM, contract_key(contract))
        return None if data is None else decode_contract(data)

    def names(self) -> list[str]:
        """Return the names of all contracts, in order."""
        start = encode_key(("contract",))
        entries = self._memory.items(SYSTEM)
        return [decode_contract(data).current.name for key, data in entries if key.startswith(start)]

    def module(self, contract: str) -> Module:
        """Return what a contract declares.

        Raises:
            KeyError: when there is no such contract.
        """
        data = self._memory.get(SYSTEM, contract_key(contract))
        if data is None:
            raise KeyError(f"there is no contract {contract}")
        known = self._modules.get(contract)
        if known is None or known[0] != data:
            source = read_source(self._memory, decode_contract(data).current)
            known = self._modules[contract] = (data, self._session.compiled(source).module)
        return known[1]

    def freeze(self, contract: str, frozen: bool) -> None:
        """Record that a contract is frozen, or that it is not.

        Raises:
            KeyError: when there is no such contract.
        """
        record = self.record(contract)
        if record is None:
            raise KeyError(f"there is no contract {contract}")
        self._memory.put(SYSTEM, contract_key(contract), replace(record, frozen=frozen).encoded())

    def read(self, contract: str, storage: str, key: tuple[Any, ...]) -> Any:
        """Return what is stored under a key, or the declared default."""
        declared = self._storage(contract, storage)
        return stored_value(declared, self._memory.get(contract, stored_key(declared, key)))

    def entries(self, contract: str, storage: str) -> dict[Any, Any]:
        """Return all entries of a Map in the order of their keys."""
        declared = self._storage(contract, storage)
        start = encode_key((storage,))
        found = self._memory.scan(contract, start, start + AFTER_KEYS, len(self._memory.items(contract)), False)
        return dict(stored_entries(declared, found))

    def _storage(self, contract: str, storage: str) -> Storage:
        module = self.module(contract)
        if storage not in module.storages:
            raise KeyError(f"{contract} declares no storage {storage}; it has {', '.join(module.storages) or 'none'}")
        return module.storages[storage]
