"""What one run of contract code owns: its gas, its context, its events and the contracts that are active.

Compiled contracts are bound to one Run for good; the engine fills it before a call and empties it afterwards, so
nothing of one transaction is there when the next one starts. One thread uses a Run, for one call at a time.
"""

from typing import Any, cast

from chain.runtime import CallContext, Event, StateAccess, Values
from contracts.engine.errors import OutOfGas
from contracts.engine.gas import Prices


class Run:
    """The state of the call that is being executed. Contract code reads `ctx` from it and pays gas into it."""

    __slots__ = (
        "active",
        "chain_id",
        "contract",
        "events",
        "gas",
        "height",
        "organisation",
        "prices",
        "read_only",
        "roles",
        "sender",
        "state",
        "time",
        "values",
    )

    def __init__(self, prices: Prices) -> None:
        self.prices = prices
        """What compiled contracts that are bound to this run charge."""
        self.gas = 0
        self.state = cast(StateAccess, None)
        """The state of the transaction that runs; there is none between calls."""
        self.events: list[Event] = []
        self.active: list[str] = []
        """Contracts that have been entered and not left, outermost first."""
        self.read_only = True
        self.contract = ""
        self.values = cast(Values, None)
        """What the state holds of that contract; `enter` sets both."""
        self.sender = ""
        self.organisation = ""
        self.roles: tuple[str, ...] = ()
        self.height = 0
        self.time = 0
        self.chain_id = ""

    def begin(self, state: StateAccess, context: CallContext, gas: int, read_only: bool) -> None:
        """Take up a call from outside."""
        # Events and active contracts are empty, since `end` leaves them so.
        self.gas = gas
        self.state = state
        self.read_only = read_only
        self.sender, self.organisation, self.roles, self.height, self.time, self.chain_id, _ = context

    def enter(self, contract: str) -> None:
        """Make a contract the one whose code runs."""
        self.active.append(contract)
        self.contract = contract
        self.values = self.state.values(contract)

    def end(self) -> None:
        """Forget the call; what remains of its context is replaced before anything can read it."""
        self.state = cast(StateAccess, None)
        self.values = cast(Values, None)
        self.events = []
        self.active = []

    def charge(self, units: int) -> None:
        """Take gas, or stop the run."""
        self.gas -= units
        if self.gas < 0:
            raise OutOfGas

    def identity(self) -> tuple[Any, ...]:
        """Return what `restore` needs to come back from a call of another contract."""
        return self.contract, self.values, self.sender, self.organisation, self.roles, self.read_only

    def restore(self, identity: tuple[Any, ...]) -> None:
        """Come back from a call of another contract."""
        self.contract, self.values, self.sender, self.organisation, self.roles, self.read_only = identity
