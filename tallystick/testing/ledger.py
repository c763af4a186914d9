"""A ledger for tests: contracts run in this process within microseconds, with members and times of the test's choice.

def test_alice_pays(ledger):
    alice = ledger.member("acme.alice")
    token = ledger.deploy("token", "coins.py", 1_000, by="mint.admin")
    token.transfer(to=alice, amount=5)
    assert token.balance_of(alice) == 5
    with ledger.fails("insufficient_balance"):
        token.by(alice).transfer("acme.bob", 50)

The engine is the one that nodes use; only identities, time and blocks are the test's. Every call is a block of its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from chain.protocol import PROTOCOL_VERSION
from chain.runtime import CallContext, CallOutcome, Event
from chain.types import Height, Milliseconds
from chain.values import dataclass
from contracts.engine.module import INIT, MIGRATE, VIEW, Module
from contracts.engine.testkit import CHAIN_ID, GAS_LIMIT, START_TIME, MemoryState
from tallystick.testing.deployed import Deployed
from tallystick.testing.failures import ExpectedFailure, call_text
from tallystick.testing.handles import Contract, Request, check_member, in_order
from tallystick.testing.running import Action, Runner
from tallystick.testing.session import Session, current_session
from tallystick.testing.sources import Source, load_source

DEPLOYER: Final = "operator.admin"
"""Who deploys if the test names nobody."""
READER: Final = "reader.anyone"
"""Who calls a view if the test names nobody."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A moment of a ledger to come back to."""

    state: int
    events: int
    height: int
    time: int
    roles: Mapping[str, tuple[str, ...]]
    last: CallOutcome


class Ledger:
    """Members, contracts, blocks and time of one test."""

    def __init__(self, *, root: Path | str = ".", session: Session | None = None) -> None:
        """Take the folder in which contract files are looked for; the session is by default that of the test run."""
        self._session = session or current_session() or Session()
        self._root = Path(root)
        self._memory = MemoryState()
        self._runner = Runner(self._memory, self._session)
        self._deployed = Deployed(self._memory, self._session)
        self._roles: dict[str, tuple[str, ...]] = {}
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
    def members(self) -> list[str]:
        """Ids of all members that were entered, in order."""
        return sorted(self._roles)

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
        found = self._found(name, source)
        values = self._values(found, name, INIT, args, named)
        context = self._block(by)
        self._install(
            f"deployment of {name} from {found.label}",
            found,
            lambda engine, state, gas: engine.deploy(state, context, name, found.text, values, gas),
            (name, "@init", gas_limit),
        )
        return Contract(self, name)

    def upgrade(
        self,
        name: str,
        source: str | Path,
        *args: Any,
        by: str = DEPLOYER,
        gas_limit: int = GAS_LIMIT,
        **named: Any,
    ) -> Contract:
        """Make a source the next version of a contract, with the arguments of its @migrate, as a decision would.

        Raises:
            CallFailed: when it was refused, its storage does not only grow, or its @migrate failed.
        """
        found = self._found(name, source)
        values = self._values(found, name, MIGRATE, args, named)
        record = self._deployed.record(name)
        version = 1 if record is None else record.current.version + 1
        context = self._block(by)
        self._install(
            f"upgrade of {name} from {found.label}",
            found,
            lambda engine, state, gas: engine.upgrade(state, context, name, version, found.text, values, gas),
            (name, "@migrate", gas_limit),
        )
        return Contract(self, name)

    def freeze(self, name: str, frozen: bool = True) -> None:
        """Suspend the calls of a contract, or let them go on, as a decision would.

        Raises:
            KeyError: when there is no such contract.
        """
        self._deployed.freeze(name, frozen)

    def __getitem__(self, name: str) -> Contract:
        """Return a deployed contract.

        Raises:
            KeyError: when there is none of this name.
        """
        self._deployed.module(name)
        return Contract(self, name)

    @property
    def contracts(self) -> list[str]:
        """Names of all deployed contracts, in order."""
        return self._deployed.names()

    def module_of(self, contract: str) -> Module:
        """Return what a deployed contract declares."""
        return self._deployed.module(contract)

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
        call = call_text(request.contract, request.method, request.args, request.names, sender)
        raise self._runner.failure(call, outcome, self._deployed, request) from None

    def attempt(self, request: Request) -> CallOutcome:
        """Return the outcome of a call, be it a failure."""
        contract, method, args = request.contract, request.method, request.args
        limits = (contract, method, GAS_LIMIT if request.gas_limit is None else request.gas_limit)
        if request.kind == VIEW:
            reader = self._context(request.sender or READER)
            self.last = self._runner.run(
                *limits, lambda engine, state, gas: engine.view(state, reader, contract, method, args, gas)
            )
            return self.last
        context = self._block(self._sender(request))
        return self._change(limits, lambda engine, state, gas: engine.call(state, context, contract, method, args, gas))

    @property
    def failure(self) -> str:
        """Why the last call that failed did so, in several lines."""
        return str(self._runner.failure("the call", self.last, self._deployed))

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
        state = self._memory.snapshot()
        return Snapshot(state, len(self.events), self.height, self._time, dict(self._roles), self.last)

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to a moment: state, events, members, height and time are as they were; later moments are gone."""
        self._memory.restore(snapshot.state)
        del self.events[snapshot.events :]
        self.height, self._time, self._roles = snapshot.height, snapshot.time, dict(snapshot.roles)
        self.last = snapshot.last

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
            KeyError: when there is no such contract or storage, or neither a value nor a default.
            TypeError: when the storage has other keys.
        """
        return self._deployed.read(contract, storage, key)

    def entries(self, contract: str, storage: str) -> dict[Any, Any]:
        """Return all entries of a Map in the order of their keys; a key of several parts is a tuple.

        Raises:
            KeyError: when there is no such contract or storage.
        """
        return self._deployed.entries(contract, storage)

    def _found(self, name: str, source: str | Path) -> Source:
        found = load_source(name, source, self._root)
        self._session.register(found)
        self._session.names[name] = None if found.path is None else str(found.path.resolve())
        return found

    def _values(self, source: Source, name: str, kind: str, args: Sequence[Any], named: dict[str, Any]) -> Any:
        """Return the arguments of what starts a version, in the order of its parameters."""
        names: tuple[str, ...] = ()
        if named:
            functions = self._session.compiled(source.text).module.functions.values()
            names = tuple(name for function in functions if function.kind == kind for name, _ in function.parameters)
        return in_order(f"@{kind} of {name}", names, args, named)

    def _install(self, call: str, source: Source, action: Action, limits: tuple[str, str, int]) -> None:
        outcome = self._change(limits, action)
        if outcome.code is not None:
            raise self._runner.refusal(call, outcome, source, self._deployed)

    def _change(self, limits: tuple[str, str, int], action: Action) -> CallOutcome:
        self.last = self._runner.run(*limits, action)
        if self.last.code is None:
            self.events += self.last.events
        else:
            self._failed = True
        return self.last

    def _block(self, sender: str) -> CallContext:
        """Begin a block, unless a transaction is open, and return the context of a call in it."""
        if not self._transaction:
            self.height += 1
        return self._context(sender)

    def _context(self, sender: str) -> CallContext:
        check_member(sender)
        organisation = sender.partition(".")[0]
        roles = self._roles.get(sender, ())
        place = (Height(self.height), Milliseconds(self._time), CHAIN_ID, PROTOCOL_VERSION)
        return CallContext(sender, organisation, roles, *place)

    def _sender(self, request: Request) -> str:
        if request.sender is not None:
            return request.sender
        record = self._deployed.record(request.contract)
        return DEPLOYER if record is None else record.current.deployer
