"""A ledger for tests: contracts run in this process within microseconds, with members and times of the test's choice.

def test_alice_pays(ledger):
    alice = ledger.member("acme.alice")
    token = ledger.deploy("token", "token.py", 1_000, by="mint.admin")
    token.transfer(to=alice, amount=5)
    assert token.balance_of(alice) == 5
    with ledger.fails("insufficient_balance"):
        token.by(alice).transfer("acme.bob", 50)

The engine is the one that nodes use; only identities, time and blocks are the test's. Every call is a block of its own.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from chain.identity import decode_contract
from chain.protocol import PROTOCOL_VERSION
from chain.runtime import SYSTEM, CallContext, CallOutcome, Event
from chain.state_keys import contract_key, encode_key
from chain.types import Height, Milliseconds
from contracts.engine.compiler import find_problems
from contracts.engine.errors import CONTRACT_REJECTED
from contracts.engine.lifecycle import read_source
from contracts.engine.module import INIT, VIEW, Module, Storage
from contracts.engine.problem_text import problems_text
from contracts.engine.testkit import CHAIN_ID, GAS_LIMIT, START_TIME, MemoryState
from tallystick.testing.failures import CallFailed, ExpectedFailure, call_text, failure_text
from tallystick.testing.handles import Contract, Request, check_member, in_order
from tallystick.testing.session import Session, current_session
from tallystick.testing.sources import Source, load_source
from tallystick.testing.stored import entry_text, stored_entries, stored_key, stored_value
from tallystick.testing.watching import WatchedState

DEPLOYER: Final = "operator.admin"
"""Who deploys if the test names nobody."""
READER: Final = "reader.anyone"
"""Who calls a view if the test names nobody."""
AFTER_KEYS: Final = b"\xff"
"""Greater than any byte that begins a key part."""


class Snapshot:
    """A moment of a ledger to come back to."""

    __slots__ = ("events", "height", "roles", "state", "time")

    def __init__(self, state: int, events: int, height: int, time: int, roles: dict[str, tuple[str, ...]]) -> None:
        self.state = state
        self.events = events
        self.height = height
        self.time = time
        self.roles = roles


class Ledger:
    """Members, contracts, blocks and time of one test."""

    def __init__(self, *, root: Path | str = ".", session: Session | None = None) -> None:
        """Take the folder in which contract files are looked for; the session is by default that of the test run."""
        self._session = session or current_session() or Session()
        self._root = Path(root)
        self._memory = MemoryState()
        self._state = WatchedState(self._memory)
        self._roles: dict[str, tuple[str, ...]] = {}
        self._modules: dict[str, tuple[bytes, Module]] = {}
        self._transaction = False
        self._failed = False
        self._time = int(START_TIME)
        self.height = 1
        """Height of the last block."""
        self.events: list[Event] = []
        """Events of all calls that succeeded, oldest first."""
        self.last = CallOutcome(None, None, (), 0)
        """Outcome of the last call, view or deployment."""

    # Members and time

    def member(self, member_id: str, roles: Sequence[str] = ()) -> str:
        """Enter a member, or give it other roles, and return its id. Members that were never entered have no roles.

        Raises:
            ValueError: when this is no member id.
        """
        check_member(member_id)
        self._roles[member_id] = tuple(sorted(set(roles)))
        return member_id

    @property
    def time(self) -> int:
        """Time of the blocks, in milliseconds since 1970; it stands still until it is moved."""
        return self._time

    def advance(
        self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0, milliseconds: int = 0
    ) -> int:
        """Let time pass and return the new time."""
        span = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds, milliseconds=milliseconds)
        return self.travel(self._time + span // timedelta(milliseconds=1))

    def travel(self, to: int | datetime) -> int:
        """Move time forward to a moment, in milliseconds since 1970 or a datetime with time zone, and return it.

        Raises:
            ValueError: when the moment is in the past, as no block's time ever is, or has no time zone.
        """
        if isinstance(to, datetime):
            if to.tzinfo is None:
                raise ValueError(f"{to} has no time zone; write datetime(..., tzinfo=UTC)")
            to = int(to.timestamp() * 1000)
        if to < self._time:
            raise ValueError(f"time does not go back from {self._time} to {to}; restore a snapshot instead")
        self._time = to
        return to

    # Contracts

    def deploy(
        self,
        name: str,
        source: str | Path,
        *args: Any,
        by: str = DEPLOYER,
        gas_limit: int = GAS_LIMIT,
        **named: Any,
    ) -> Contract:
        """Deploy a contract from a file, or from a text of several lines, with the arguments of its @init.

        Raises:
            CallFailed: when it was refused or its @init failed; the refusal of a source names line, rule and way out.
        """
        found = load_source(name, source, self._root)
        self._session.register(found)
        names: tuple[str, ...] = ()
        if named:
            module = self._session.compiled(found.text).module
            init = [function for function in module.functions.values() if function.kind == INIT]
            names = tuple(parameter for function in init for parameter, _ in function.parameters)
        values = in_order(f"@init of {name}", names, args, named)
        with self._block() as before:
            context = self._context(by)
            self._begin(gas_limit)
            outcome = self._session.engine.deploy(self._state, context, name, found.text, values, gas_limit)
            self._end(name, "@deploy", gas_limit, outcome)
            self._settle(outcome, before)
        if outcome.code is not None:
            raise self._failure(f"deployment of {name} from {found.label}", outcome, found)
        return Contract(self, name)

    def __getitem__(self, name: str) -> Contract:
        """Return a deployed contract.

        Raises:
            KeyError: when there is none of this name.
        """
        self.module_of(name)
        return Contract(self, name)

    def module_of(self, contract: str) -> Module:
        """Return what a deployed contract declares."""
        data = self._memory.get(SYSTEM, contract_key(contract))
        if data is None:
            raise KeyError(f"there is no contract {contract}")
        known = self._modules.get(contract)
        if known is None or known[0] != data:
            module = self._session.compiled(read_source(self._memory, decode_contract(data).current)).module
            known = self._modules[contract] = (data, module)
        return known[1]

    # Calls

    def carry_out(self, request: Request) -> Any:
        """Return the value of a call; Contract's methods come here.

        Raises:
            CallFailed: when it failed.
        """
        __tracebackhide__ = True
        outcome = self.attempt(request)
        if outcome.code is None:
            return outcome.value
        sender = None if request.kind == VIEW and request.sender is None else self._sender(request)
        raise self._failure(
            call_text(request.contract, request.method, request.args, request.names, sender), outcome
        ) from None

    def attempt(self, request: Request) -> CallOutcome:
        """Return the outcome of a call, be it a failure."""
        engine, state = self._session.engine, self._state
        gas_limit = GAS_LIMIT if request.gas_limit is None else request.gas_limit
        contract, method, args = request.contract, request.method, request.args
        if request.kind == VIEW:
            context = self._context(request.sender or READER)
            self._begin(gas_limit)
            self.last = engine.view(state, context, contract, method, args, gas_limit)
            self._end(contract, method, gas_limit, self.last)
            return self.last
        with self._block() as before:
            context = self._context(self._sender(request))
            self._begin(gas_limit)
            outcome = engine.call(state, context, contract, method, args, gas_limit)
            self._end(contract, method, gas_limit, outcome)
            self._settle(outcome, before)
        return outcome

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make one transaction of the calls in the block: they share height and time, and take effect together or not.

        Raises:
            RuntimeError: when a call failed and the test went on as if the others had happened.
        """
        if self._transaction:
            raise RuntimeError("transactions do not nest")
        before = self.snapshot()
        self.height += 1
        self._transaction, self._failed = True, False
        try:
            yield
        except BaseException:
            self.restore(before)
            raise
        finally:
            self._transaction = False
        if self._failed:
            self.restore(before)
            raise RuntimeError("a call of this transaction failed, so none of its calls had an effect")

    def fails(self, code: str) -> ExpectedFailure:
        """Expect that a call in the `with` block fails with a code; its error is then in `error`.

        The block raises WrongFailure when no call fails, or one fails with another code.
        """
        return ExpectedFailure(code)

    # Moments

    def snapshot(self) -> Snapshot:
        """Return this moment, to come back to it with `restore`."""
        return Snapshot(self._memory.snapshot(), len(self.events), self.height, self._time, dict(self._roles))

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to a moment: state, events, members, height and time are as they were; later moments are gone."""
        self._memory.restore(snapshot.state)
        del self.events[snapshot.events :]
        self.height, self._time, self._roles = snapshot.height, snapshot.time, dict(snapshot.roles)

    @contextmanager
    def rehearsal(self) -> Iterator[None]:
        """Undo at the end of the block whatever happens in it."""
        before = self.snapshot()
        try:
            yield
        finally:
            self.restore(before)

    # What was announced and stored

    def find_events(self, name: str, contract: str | None = None, **fields: Any) -> list[Event]:
        """Return the events of a name, oldest first, of one contract if it is named, that have these field values."""
        return [
            event
            for event in self.events
            if event.name == name
            and contract in (None, event.contract)
            and all(event.fields.get(field) == value for field, value in fields.items())
        ]

    def read(self, contract: str, storage: str, *key: Any) -> Any:
        """Return what a contract has stored in a Var, or in a Map under a key, or the declared default.

        Raises:
            KeyError: when there is no such storage, or neither a value nor a default.
        """
        declared = self._storage(contract, storage)
        return stored_value(declared, self._memory.get(contract, stored_key(declared, key)))

    def entries(self, contract: str, storage: str) -> dict[Any, Any]:
        """Return all entries of a Map in the order of their keys; a key of several parts is a tuple.

        Raises:
            KeyError: when there is no such storage.
        """
        declared = self._storage(contract, storage)
        start = encode_key((storage,))
        found = self._memory.scan(contract, start, start + AFTER_KEYS, len(self._memory.items(contract)), False)
        return dict(stored_entries(declared, found))

    def _storage(self, contract: str, storage: str) -> Storage:
        module = self.module_of(contract)
        if storage not in module.storages:
            raise KeyError(f"{contract} declares no storage {storage}; it has {', '.join(module.storages) or 'none'}")
        return module.storages[storage]

    @contextmanager
    def _block(self) -> Iterator[int]:
        """Carry out one call in a block of its own, or in the transaction that is open; yields where it began."""
        if not self._transaction:
            self.height += 1
        yield self._memory.snapshot()

    def _begin(self, gas_limit: int) -> None:
        self._state.reads.clear()
        if self._session.meter is not None:
            self._session.meter.begin(gas_limit)

    def _end(self, contract: str, method: str, gas_limit: int, outcome: CallOutcome) -> None:
        if self._session.meter is not None:
            self._session.meter.end(contract, method, gas_limit, outcome)

    def _settle(self, outcome: CallOutcome, before: int) -> None:
        self.last = outcome
        if outcome.code is None:
            self.events += outcome.events
        else:
            self._memory.restore(before)
            self._failed = True

    def _context(self, sender: str) -> CallContext:
        check_member(sender)
        organisation = sender.partition(".")[0]
        roles = self._roles.get(sender, ())
        place = (Height(self.height), Milliseconds(self._time), CHAIN_ID, PROTOCOL_VERSION)
        return CallContext(sender, organisation, roles, *place)

    def _sender(self, request: Request) -> str:
        if request.sender is not None:
            return request.sender
        data = self._memory.get(SYSTEM, contract_key(request.contract))
        return DEPLOYER if data is None else decode_contract(data).current.deployer

    def _failure(self, call: str, outcome: CallOutcome, deployed: Source | None = None) -> CallFailed:
        explanation = self._session.explanation
        if deployed is not None and outcome.code == CONTRACT_REJECTED:
            problems = problems_text(deployed.label, deployed.text, find_problems(deployed.text))
            return CallFailed(call, explanation, outcome.gas_used, f"{call} failed: {outcome.code}\n\n{problems}")
        reads = [
            entry_text(self.module_of(contract), key, value)
            for contract, key, value in self._state.reads
            if contract != SYSTEM and explanation.frames
        ]
        text = failure_text(call, explanation, self._session.sources, reads)
        return CallFailed(call, explanation, outcome.gas_used, text)
