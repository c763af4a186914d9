"""A consortium of four organisations that decide by three votes and suspend by two, and what its tests say to it."""

from typing import Any, Final

from chain_maker import START, ChainMaker, key_of

from chain.genesis import Genesis, GenesisContract, GenesisMember, Governance, Organisation, Parameters
from chain.proposals import Motion, Proposal, decode_motion, decode_proposal, motion_key, proposal_key
from chain.receipt import Receipt
from chain.runtime import SYSTEM, ContractRuntime
from chain.state import ReadState
from chain.transaction import Transaction
from chain.types import Epoch, Milliseconds, ValidatorId
from chain.validators import Validator, validator_set
from contracts.engine.runtime import Engine

ELECTORATE: Final = ("alpha", "beta", "delta", "gamma")
GAS: Final = 5_000_000
EXPIRY: Final = 60_000

COUNTER_SOURCE: Final = '''"""Counts."""

count = Var(int, default=0)


@init
def setup(start: int) -> None:
    count.value = start


@call
def add(step: int) -> int:
    count.value += step
    return count.value


@view
def current() -> int:
    return count.value
'''


def governed_genesis(contracts: tuple[GenesisContract, ...] | None = None, **governance: Any) -> Genesis:
    """Return the genesis; `governance` replaces fields of its Governance."""
    rules: dict[str, Any] = {
        "electorate": ELECTORATE,
        "approvals_required": 3,
        "suspension_approvals_required": 2,
        "key_replacement_approvals_required": 3,
        "proposal_expiry": EXPIRY,
        "deployment_approvals_required": 2,
        "open_proposals_max": 3,
    }
    organisations = (*ELECTORATE, "omega")
    members = [GenesisMember(f"{each}.admin", key_of(f"{each}.admin"), ("administrator",)) for each in organisations]
    members.append(GenesisMember("alpha.deputy", key_of("alpha.deputy"), ("administrator", "teller")))
    members.append(GenesisMember("alpha.clerk", key_of("alpha.clerk"), ("teller",)))
    entries = [Validator(ValidatorId(name), "alpha", key_of(name), (b"certificate",)) for name in ("v1", "v2", "v3")]
    return Genesis(
        "governed",
        START,
        Parameters(block_gas_max=100_000_000),
        Governance(**(rules | governance)),
        validator_set(Epoch(0), entries),
        tuple(Organisation(each, each.title(), key_of(each)) for each in organisations),
        tuple(members),
        (GenesisContract("counter", COUNTER_SOURCE, (5,)),) if contracts is None else contracts,
    )


class Consortium:
    """A ledger on which each call is a block of its own unless several transactions are decided together."""

    def __init__(self, genesis: Genesis | None = None, runtime: ContractRuntime | None = None) -> None:
        self.maker = ChainMaker(governed_genesis() if genesis is None else genesis, runtime=runtime or Engine())

    def system(self, organisation: str, method: str, *args: Any, gas: int = GAS) -> Receipt:
        """Decide a block with one call to the system namespace by an organisation's administrator, or by a member."""
        return self.decide(self.transaction(organisation, (SYSTEM, method, args), gas=gas))[0]

    def transaction(self, sender: str, *calls: tuple[str, str, tuple[Any, ...]], gas: int = GAS) -> Transaction:
        """Return a transaction that an organisation's administrator, or a member, has signed."""
        member = sender if "." in sender else f"{sender}.admin"
        valid_until = Milliseconds(self.maker.head.time + 600_000)
        return self.maker.transaction(*calls, member=member, gas_limit=gas, valid_until=valid_until)

    def decide(self, *transactions: Transaction, **changes: Any) -> tuple[Receipt, ...]:
        """Decide a block of these transactions."""
        return self.maker.decide(*transactions, **changes)[1]

    def propose(self, organisation: str, action: str, *args: Any, reason: str = "") -> int:
        """Open a proposal that has to be accepted, and return its number."""
        receipt = self.system(organisation, "propose", action, list(args), reason)
        assert receipt.code is None, receipt.code
        number: int = receipt.values[0]
        return number

    def carry(self, action: str, *args: Any) -> Receipt:
        """Have three organisations decide something, and return the receipt of the last vote that it took."""
        number = self.propose("alpha", action, *args)
        for organisation in ("beta", "gamma"):
            receipt = self.system(organisation, "approve", number)
            if receipt.code is not None or receipt.values != ("open",):
                return receipt
        raise AssertionError("three approvals decide everything")

    def proposal(self, number: int) -> Proposal:
        """Return a proposal as the state records it."""
        stored = self.state.get(SYSTEM, proposal_key(number))
        assert stored is not None
        return decode_proposal(stored)

    def motion(self, number: int) -> Motion:
        """Return a proposal's motion as the state records it."""
        stored = self.state.get(SYSTEM, motion_key(number))
        assert stored is not None
        return decode_motion(stored)

    def view(self, contract: str, method: str, *args: Any) -> Any:
        """Return what a view returns, which has to succeed."""
        outcome = self.maker.ledger.view(contract, method, list(args), None, 1_000_000)
        assert outcome.code is None, outcome.code
        return outcome.value

    @property
    def state(self) -> ReadState:
        """The state at the head."""
        return ReadState(self.maker.ledger.database)
