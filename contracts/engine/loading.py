"""Finds the contracts that a call names, compiled, and makes those ready that a ledger has deployed.

Owns the shelf of one price list. Invariant: what a transaction pays never depends on what is on the shelf.
"""

from collections.abc import Callable

from chain.identity import ContractRecord, ContractVersion, is_name, source_hash
from chain.runtime import SYSTEM, LocalFault, StateAccess
from chain.state_keys import contract_key
from contracts.engine import errors
from contracts.engine.binding import Bound, bind
from contracts.engine.compiler import Compiled
from contracts.engine.errors import Rejected, Stop
from contracts.engine.gas import Prices
from contracts.engine.guards_numbers import Guard
from contracts.engine.kept import Loaded, Shelf
from contracts.engine.lifecycle import deployed, read_contract, read_source
from contracts.engine.run import Run

Compiler = Callable[[str, Callable[[int], None], Prices], Compiled]
"""Turns a source into code; learns how to charge for its tokens, and the prices to put into the code."""


class Loader:
    """Loads contracts for one run."""

    def __init__(self, run: Run, compiler: Compiler, invoke: Guard, shelf: Shelf) -> None:
        """`invoke` is the built-in by which contracts call each other."""
        self.is_paid = True
        """Whether what runs is part of a transaction, so that blocks wait for it."""
        self._run = run
        self._compiler = compiler
        self._invoke = invoke
        self._shelf = shelf

    def prepare(self, state: StateAccess) -> None:
        """Have every contract ready that is deployed and not frozen, until this is called again.

        Raises:
            LocalFault: when one cannot be; so do MemoryError and RecursionError.
        """
        shelf = self._shelf
        self._run.gas = 0
        versions = [record.current for record in deployed(state) if not record.frozen]
        shelf.ready_only(version.source_hash for version in versions)
        for version in versions:
            bound = shelf.find(version.source_hash)
            shelf.make_ready(version.source_hash, bound or self._bind_deployed(version, read_source(state, version)))

    def load(self, contract: str, *, takes_frozen: bool) -> Loaded:
        """Return a deployed contract, compiled.

        A frozen contract is not kept ready, so a transaction that takes it all the same, for its views or to upgrade
        it, pays for compiling it, every time.
        """
        run = self._run
        known = self._shelf.loaded.get(contract) if type(contract) is str else None
        if known is None and not is_name(contract):
            raise Stop(errors.UNKNOWN_CONTRACT)
        key = contract_key(contract) if known is None else known.key
        data = run.state.get(SYSTEM, key)
        if data is None:
            raise Stop(errors.UNKNOWN_CONTRACT)
        if known is not None and (known.data is data or known.data == data):
            if known.load_gas:
                self._pay_for_frozen(known.load_gas, takes_frozen)
            return known
        loaded = self._loaded(key, data, read_contract(contract, data), takes_frozen)
        self._shelf.remember(contract, loaded)
        return loaded

    def bind(self, source: str, token_price: int) -> Bound:
        """Return a source compiled and bound to the run; one that is kept costs the same."""
        name = source_hash(source) if _is_text(source) else b""
        run = self._run
        bound = self._shelf.find(name)
        if bound is not None:
            run.charge(bound.compiled.tokens * token_price)
            return bound
        compiled = self._compiler(source, lambda tokens: run.charge(tokens * token_price), run.prices)
        bound = bind(compiled, run, self._invoke)
        self._shelf.add(name, bound)
        return bound

    def _loaded(self, key: bytes, data: bytes, record: ContractRecord, takes_frozen: bool) -> Loaded:
        """Return a contract whose record is new here; what it costs is paid for before it is done."""
        run, prices, version = self._run, self._run.prices, record.current
        bound = self._shelf.find(version.source_hash)
        source = read_source(run.state, version) if bound is None else ""
        size = len(source.encode("utf-8")) if bound is None else bound.compiled.source_bytes
        load_gas = 0
        if record.frozen:
            load_gas = prices.compile + size * prices.compile_per_byte + record.tokens * prices.compile_per_token
            self._pay_for_frozen(load_gas, takes_frozen)
        entry_gas = prices.call + size // prices.source_per_unit
        return Loaded(key, data, record, bound or self._bind_deployed(version, source), load_gas, entry_gas)

    def _pay_for_frozen(self, load_gas: int, takes_frozen: bool) -> None:
        if not takes_frozen:
            self._run.charge(self._run.prices.call)
            raise Stop(errors.CONTRACT_FROZEN)
        if self.is_paid:
            self._run.charge(load_gas)

    def _bind_deployed(self, version: ContractVersion, source: str) -> Bound:
        try:
            return self.bind(source, 0)
        except Rejected as error:
            raise LocalFault(f"contract {version.name} is deployed but does not compile: {error}") from error


def _is_text(source: str) -> bool:
    """Tell whether a source has an encoding at all; `prescan` refuses one that has none."""
    if source.isascii():
        return True
    try:
        source.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
