"""The contract runtime of a node: finds, checks, compiles and runs contracts for block execution.

An Engine is used by one thread for one call at a time. Between calls it keeps compiled contracts and nothing else;
what a call did is in its outcome and in the StateAccess that it was given. The protocol version of the block that is
executed chooses the price list; what was compiled under one list is never used under another.
"""

import gc
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from chain.code_room import has_room, take_room
from chain.identity import ContractRecord, is_name
from chain.prices import LEDGER_PRICES, LedgerPrices
from chain.runtime import SYSTEM, CallContext, CallOutcome, LocalFault, StateAccess
from chain.state_keys import contract_key
from chain.values import dataclass
from contracts.engine import errors
from contracts.engine.binding import Bound, Method
from contracts.engine.compiler import FILE_NAME, compile_contract
from contracts.engine.errors import Failed, OutOfGas, Rejected, Stop
from contracts.engine.gas import PRICES, Prices
from contracts.engine.kept import SPARE_TOKENS_MAX, Shelf
from contracts.engine.lifecycle import check_growth, method_of_kind, versions_to_record
from contracts.engine.limits import CALL_DEPTH_MAX, SOURCE_BYTES_MAX, VALUE_BYTES_MAX, VIEW_BYTES_MAX
from contracts.engine.loading import Compiler, Loader
from contracts.engine.module import CALL, INIT, MIGRATE, VIEW
from contracts.engine.run import Run
from contracts.engine.storage import PYTHON_ERRORS
from contracts.engine.wire import Walk, plain

SWEEP_GAS: Final = 32_000_000
"""Gas after which memory is swept for structures that contain themselves. Python counts references, so that these
alone outlive their run; at 16 bytes a unit they take at most half a gigabyte, however few and large they are."""

CALLS: Final = (CALL,)
CALLS_AND_VIEWS: Final = (CALL, VIEW)


@dataclass(frozen=True, slots=True)
class _Bench:
    """One price list at work: its run, and the contracts that are bound to that run."""

    run: Run
    walk: Walk
    loader: Loader


@dataclass(frozen=True, slots=True)
class _Successor:
    """What a source makes of a contract."""

    bound: Bound
    before: ContractRecord | None
    """None for a new contract."""
    record: ContractRecord
    writes: Mapping[bytes, bytes]
    """What the state has to hold, by key."""


class Engine:
    """Implements chain.runtime.ContractRuntime for contracts of language version 1."""

    def __init__(
        self,
        prices: Mapping[int, Prices] = PRICES,
        ledger_prices: Mapping[int, LedgerPrices] = LEDGER_PRICES,
        compiler: Compiler = compile_contract,
        explain: Callable[[Stop], str] | None = None,
        sweep: Callable[[], object] = gc.collect,
        spare_tokens_max: int = SPARE_TOKENS_MAX,
    ) -> None:
        """`prices` has the list of each protocol version that this engine knows, `ledger_prices` the other one.

        `sweep` frees structures that contain themselves; between two calls no contract's value is alive.
        Other ways to compile and to explain a failure come from a test kit; a node has none.
        """
        assert prices, "an engine knows at least one protocol version"
        self._compiler = compiler
        self._explain = _describe if explain is None else explain
        self._spare_tokens_max = spare_tokens_max
        self._prices = prices
        self.versions: Final[Mapping[int, LedgerPrices]] = {version: ledger_prices[version] for version in prices}
        """The versions of the protocol that this engine knows."""
        self._sweep = sweep
        self._unswept_gas = 0
        self._benches: dict[int, _Bench] = {}
        self._select(max(prices))
        self.last_failure = ""
        """Why the last failed call or deployment failed, for authors and tests; it never becomes part of an outcome."""

    def call(
        self, state: StateAccess, context: CallContext, contract: str, method: str, args: Sequence[Any], gas_limit: int
    ) -> CallOutcome:
        """Run a method marked @call of a deployed contract."""
        # What _begin does, written out: nearly all that a node executes comes through here.
        if context.protocol_version != self._version:
            self._select(context.protocol_version)
        self._loader.is_paid = True
        self._run.begin(state, context, gas_limit, False)
        return self._finish(gas_limit, self._enter, contract, method, args, CALLS, VALUE_BYTES_MAX)

    def view(
        self, state: StateAccess, context: CallContext, contract: str, method: str, args: Sequence[Any], gas_limit: int
    ) -> CallOutcome:
        """Run a method marked @view; any attempt to write fails the call."""
        self._begin(state, context, gas_limit, True)
        self._loader.is_paid = False
        return self._finish(gas_limit, self._enter, contract, method, args, CALLS_AND_VIEWS, VIEW_BYTES_MAX)

    def deploy(
        self, state: StateAccess, context: CallContext, contract: str, source: str, args: Sequence[Any], gas_limit: int
    ) -> CallOutcome:
        """Check and compile a source, record it as version 1 of a new contract and run its @init."""
        self._begin(state, context, gas_limit, False)
        return self._finish(gas_limit, self._install, context, INIT, contract, 1, source, args)

    def upgrade(
        self,
        state: StateAccess,
        context: CallContext,
        contract: str,
        version: int,
        source: str,
        args: Sequence[Any],
        gas_limit: int,
    ) -> CallOutcome:
        """Check and compile a source, record it as the next version of a contract and run its @migrate."""
        self._begin(state, context, gas_limit, False)
        return self._finish(gas_limit, self._install, context, MIGRATE, contract, version, source, args)

    def check(
        self,
        state: StateAccess,
        context: CallContext,
        contract: str,
        version: int,
        source: str,
        args: Sequence[Any],
        gas_limit: int,
    ) -> CallOutcome:
        """Tell whether this source could become this version of a contract now; nothing is written, no code runs."""
        self._begin(state, context, gas_limit, True)
        kind = INIT if version == 1 else MIGRATE
        return self._finish(gas_limit, self._check, context, kind, contract, version, source, args)

    def prepare(self, state: StateAccess, version: int) -> None:
        """Compile what is deployed, for a version of the protocol, and keep it until it is told otherwise."""
        if version not in self._prices:
            # No block of that version will be executed here.
            return
        self._select(version)
        self._benches = {version: self._benches[version]}
        self._loader.prepare(state)

    def _select(self, version: int) -> None:
        """Take up the price list of a protocol version."""
        if version not in self._prices:
            raise LocalFault(f"this engine has no prices for protocol version {version}")
        if version not in self._benches:
            run = Run(self._prices[version])
            loader = Loader(run, self._compiler, self._invoke, Shelf(self._spare_tokens_max))
            self._benches[version] = _Bench(run, Walk(run, 0), loader)
        bench = self._benches[version]
        self._version = version
        self._run, self._walk, self._loader = bench.run, bench.walk, bench.loader

    def _begin(self, state: StateAccess, context: CallContext, gas_limit: int, read_only: bool) -> None:
        if context.protocol_version != self._version:
            self._select(context.protocol_version)
        self._loader.is_paid = True
        self._run.begin(state, context, gas_limit, read_only)

    def _finish(self, gas_limit: int, action: Callable[..., Any], *arguments: Any) -> CallOutcome:
        """Carry out an action and turn its end into an outcome; only a fault of this machine leaves as an exception."""
        run = self._run
        try:
            value = action(*arguments)
            return CallOutcome(None, value, tuple(run.events), gas_limit - run.gas)
        except OutOfGas as stop:
            self.last_failure = self._explain(stop)
            return CallOutcome(stop.code, None, (), max(gas_limit, 0))
        except Stop as stop:
            self.last_failure = self._explain(stop)
            return CallOutcome(stop.code, None, (), gas_limit - run.gas)
        except (MemoryError, RecursionError) as error:
            raise LocalFault(f"contract execution ran into {type(error).__name__}") from error
        finally:
            run.end()
            self._unswept_gas += max(gas_limit - run.gas, 0)
            if self._unswept_gas >= SWEEP_GAS:
                self._unswept_gas = 0
                self._sweep()

    def _check(
        self, context: CallContext, kind: str, contract: str, version: int, source: str, args: Sequence[Any]
    ) -> None:
        self._starting(self._successor(context, kind, contract, version, source).bound, kind, args)

    def _install(
        self, context: CallContext, kind: str, contract: str, version: int, source: str, args: Sequence[Any]
    ) -> Any:
        """Make a source the first version of a contract (INIT) or the next one (MIGRATE), and run what starts it."""
        run = self._run
        successor = self._successor(context, kind, contract, version, source)
        run.charge(sum(map(len, successor.writes.values())) * run.prices.stored_byte)
        take_room(run.state, successor.before, successor.record)
        for key, data in successor.writes.items():
            run.state.put(SYSTEM, key, data)
        method, arguments = self._starting(successor.bound, kind, args)
        if method is None:
            return None
        # The contract counts as entered, so that nothing it invokes can call it before it is ready.
        run.enter(contract)
        return self._execute(method, arguments, VALUE_BYTES_MAX)

    def _successor(self, context: CallContext, kind: str, contract: str, version: int, source: str) -> _Successor:
        """Return a source as the next version of a contract, checked and paid for."""
        if not is_name(contract) or contract == SYSTEM or type(source) is not str:
            raise Stop(errors.INVALID_ARGUMENTS)
        run = self._run
        prices = run.prices
        before = None
        if kind == MIGRATE:
            before = self._loader.load(contract, takes_frozen=True)
            run.charge(before.bound.compiled.source_bytes // prices.source_per_unit)
            if version != before.record.current.version + 1:
                raise Stop(errors.VERSION_CONFLICT)
        elif run.state.get(SYSTEM, contract_key(contract)) is not None:
            raise Stop(errors.CONTRACT_EXISTS)
        size = min(len(source.encode("utf-8", "replace")), SOURCE_BYTES_MAX)
        run.charge(prices.call + prices.compile + size * prices.compile_per_byte)
        try:
            bound = self._loader.bind(source, prices.compile_per_token)
        except Rejected as rejected:
            raise _rejection(rejected) from rejected
        if before is not None:
            check_growth(before.bound, bound)
        old = None if before is None else before.record
        record, writes = versions_to_record(context, old, contract, source, bound.compiled.tokens)
        if not has_room(run.state, old, record):
            raise Stop(errors.NO_ROOM_FOR_CODE)
        return _Successor(bound, old, record, writes)

    def _starting(self, bound: Bound, kind: str, args: Sequence[Any]) -> tuple[Method | None, list[Any]]:
        """Return the one method that starts a version, if it has one, and the arguments for it."""
        method = method_of_kind(bound, kind)
        if method is not None:
            return method, self._arguments(method, args)
        if len(args):
            raise Stop(errors.INVALID_ARGUMENTS)
        return None, []

    def _enter(
        self, contract: str, method: str, args: Sequence[Any], kinds: tuple[str, ...], result_bytes_max: int
    ) -> Any:
        """Run a method of a contract in the identity that the run has now."""
        run = self._run
        loaded = self._loader.load(contract, takes_frozen=VIEW in kinds)
        run.gas -= loaded.entry_gas
        if run.gas < 0:
            raise OutOfGas
        target = loaded.bound.methods.get(method) if type(method) is str else None
        if target is None or target.kind not in kinds:
            raise Stop(errors.UNKNOWN_METHOD)
        if target.kind == CALL:
            if run.read_only:
                raise Stop(errors.WRITE_IN_VIEW)
            if loaded.record.frozen:
                raise Stop(errors.CONTRACT_FROZEN)
        arguments = self._arguments(target, args)
        run.enter(contract)
        run.read_only = target.kind == VIEW
        value = self._execute(target, arguments, result_bytes_max)
        run.active.pop()
        return value

    def _invoke(self, contract: Any, method: Any, *args: Any) -> Any:
        """The built-in `invoke`: run a method of another contract with the calling contract as sender."""
        run = self._run
        if contract in run.active:
            raise Stop(errors.REENTRANT_CALL)
        if len(run.active) >= CALL_DEPTH_MAX:
            raise Stop(errors.CALL_DEPTH)
        walk = self._walk.restart(VALUE_BYTES_MAX)
        copied = [plain(argument, walk) for argument in args]
        caller = run.identity()
        run.sender = run.organisation = f"contract:{run.contract}"
        run.roles = ()
        value = self._enter(contract, method, copied, CALLS_AND_VIEWS, VALUE_BYTES_MAX)
        run.restore(caller)
        return value

    def _arguments(self, method: Method, args: Sequence[Any]) -> list[Any]:
        if len(args) != len(method.parameters):
            raise Stop(errors.INVALID_ARGUMENTS)
        walk = self._walk
        walk.left = VALUE_BYTES_MAX
        try:
            return [convert(value, walk) for convert, value in zip(method.parameters, args, strict=True)]
        except Failed as failed:
            stop = Stop(errors.INVALID_ARGUMENTS)
            stop.add_note(failed.reason)
            raise stop from failed

    def _execute(self, method: Method, arguments: list[Any], result_bytes_max: int) -> Any:
        """Run the code of a method and copy its result out."""
        try:
            value = method.code(*arguments)
        except NameError as error:
            raise Failed("a name is used before it has a value") from error
        except PYTHON_ERRORS as error:
            # The guards leave only unbound names to Python; whatever else may come, the contract alone decides it.
            raise Failed(f"{type(error).__name__}: {error}") from error
        return method.result(value, self._walk.restart(result_bytes_max))


def _rejection(rejected: Rejected) -> Stop:
    stop = Stop(errors.CONTRACT_REJECTED)
    stop.add_note(str(rejected))
    return stop


def _describe(stop: Stop) -> str:
    """Return the code, the reason, and the line of the contract where the run stopped."""
    parts = [str(stop), *getattr(stop, "__notes__", ())]
    lines = []
    trace = stop.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == FILE_NAME:
            lines.append(trace.tb_lineno)
        trace = trace.tb_next
    if lines:
        parts.append(f"line {lines[-1]}")
    return "; ".join(parts)
