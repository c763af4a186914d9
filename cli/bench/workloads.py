"""What is sent in a measurement: transfers with three reads, three writes and one event, EPCIS events, or remittances.

Each is signed on its own. The contract of the transfers is that of benchmarks/transfer.py, which an installed program
does not have; a test compares the two.
"""

import json
import os
import time
from collections.abc import Callable
from typing import Final

from chain.genesis import GenesisContract
from chain.transaction import NONCE_BYTES, Call, Transaction, TransactionBody
from chain.types import Digest, Milliseconds
from chain.values import dataclass
from cli.bench import remittances
from cli.cluster_layout import ClusterLayout
from cli.demo import library_contracts
from gateway.epcis.capture import prepare
from gateway.iso20022.corridor import STEP_GAS
from tallystick.wallet import Wallet

ACCOUNTS: Final = 10_000
GIFT: Final = 1_000_000
"""What a sender, or an account that is opened beforehand, is given."""
GAS_LIMIT: Final = 7_000
"""A transfer of this size uses about 6,400; what is declared beyond that is room that other transactions lack."""

VALID_MILLISECONDS: Final = 590_000
"""Nearly all that the default genesis allows: a long run is signed before it begins."""

SENDERS: Final = (
    "brightvax",
    "cityclinic",
    "clearbank",
    "fxhouse",
    "hkwallet",
    "medidist",
    "northwind",
    "phwallet",
)
"""Organisations of a local cluster, so that none fills its share of the mempool first."""
MANUFACTURER: Final = "brightvax.ops"
STRIDE: Final = 2_654_435_761
"""Of the accounts that follow each other, a prime: all are used before any is used again, and neighbours lie apart."""

TRANSFER: Final = '''"""A transfer as the performance budget means it: three reads, three writes, one event."""

balances = Map(str, int, default=0)
transfers = Map(str, int, default=0)
Transfer = Event(sender=str, to=str, amount=int)

GIFT = 1000000


@call
def transfer(to: str, amount: int) -> bool:
    """Move an amount; whoever sends for the first time is given something to send."""
    require(amount > 0, "amount_not_positive")
    count = transfers[ctx.sender]
    if count == 0:
        balances[ctx.sender] += GIFT
    require(balances[ctx.sender] >= amount, "insufficient_balance")
    transfers[ctx.sender] = count + 1
    balances[ctx.sender] -= amount
    balances[to] += amount
    Transfer(sender=ctx.sender, to=to, amount=amount)
    return True


@call
def open_accounts(names: list[str], amount: int) -> int:
    """Give accounts an amount each; a benchmark fills its ledger so."""
    for name in names:
        balances[name] = amount
    return len(names)


@view
def balance(of: str) -> int:
    """Return a balance."""
    return balances[of]
'''


@dataclass(frozen=True, slots=True)
class Work:
    """What a transaction asks for."""

    call: Call
    gas_limit: int
    member: str | None = None
    """The only one who may ask for it; None if the SENDERS do in turn."""


def account_name(number: int) -> str:
    """Return the name of an account."""
    return f"account-{number}"


def transfer_to(account: str) -> Work:
    """Return the transfer of the smallest amount to an account."""
    return Work(Call("transfer", "transfer", (account, 1)), GAS_LIMIT)


def _remittance(number: int, _: int) -> Work:
    member, call = remittances.acceptance(number)
    return Work(call, remittances.GAS_LIMIT, member)


def _epcis_event(number: int, _: int) -> Work:
    """Return the commissioning of one item by its manufacturer, prepared as the gateway does."""
    event = {
        "type": "ObjectEvent",
        "eventTime": "2026-02-02T08:00:00.000+01:00",
        "eventTimeZoneOffset": "+01:00",
        "action": "ADD",
        "bizStep": "commissioning",
        "epcList": [f"urn:epc:id:sgtin:9521234.000101.{number}"],
        "readPoint": {"id": "urn:epc:id:sgln:9521234.00011.0"},
    }
    document = {
        "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-02-02T15:00:00Z",
        "epcisBody": {"eventList": [event]},
    }
    (prepared,) = prepare(json.dumps(document).encode())
    return Work(Call(prepared.contract, prepared.method, tuple(prepared.args)), prepared.gas_limit, MANUFACTURER)


WORKLOADS: Final[dict[str, Callable[[int, int], Work]]] = {
    "transfer": lambda number, keys: transfer_to(account_name(number * STRIDE % keys)),
    "hot": lambda number, keys: transfer_to(account_name(0)),
    "wide": lambda number, keys: transfer_to(account_name(keys + number)),
    "epcis": _epcis_event,
    "remittance": _remittance,
}
"""What transaction `number` asks for, where there are so many accounts: transfers to one of them, always to the same,
always to a new one; EPCIS events of one item each; accepted remittances."""


def measured_contracts() -> tuple[GenesisContract, ...]:
    """Return the contracts that the workloads call."""
    return (GenesisContract("transfer", TRANSFER, ()), *library_contracts())


def signed_transactions(
    layout: ClusterLayout, count: int, workload: str = "transfer", keys: int = ACCOUNTS
) -> list[Transaction]:
    """Return transactions by several organisations, valid from now for nearly ten minutes."""
    senders = [f"{name}.ops" for name in SENDERS]
    works = [WORKLOADS[workload](number, keys) for number in range(count)]
    members = [work.member or senders[number % len(senders)] for number, work in enumerate(works)]
    signer = Signer(layout, _from_now())
    return [signer.sign(member, work.call, work.gas_limit) for member, work in zip(members, works, strict=True)]


def setup_transactions(layout: ClusterLayout, workload: str) -> list[Transaction]:
    """Return what has to be committed, one after the other, before a workload can begin."""
    if workload != "remittance":
        return []
    signer = Signer(layout, _from_now())
    return [
        signer.sign(step.member, Call(step.contract, step.method, tuple(step.args)), STEP_GAS)
        for step in remittances.setup_steps()
    ]


class Signer:
    """Owns the keys of a cluster's parties and the end of what they sign."""

    def __init__(self, layout: ClusterLayout, valid_until: Milliseconds) -> None:
        self._layout = layout
        self._wallets: dict[str, Wallet] = {}
        self._chain_id = Digest(bytes.fromhex(layout.chain_id))
        self._valid_until = valid_until

    def sign(self, member: str, call: Call, gas_limit: int) -> Transaction:
        """Return a call as a member's transaction."""
        if member not in self._wallets:
            self._wallets[member] = Wallet.load(self._layout.party_key(member))
        wallet = self._wallets[member]
        nonce = os.urandom(NONCE_BYTES)
        return wallet.sign_transaction(
            TransactionBody(self._chain_id, wallet.public_key, nonce, self._valid_until, (call,), gas_limit)
        )


def _from_now() -> Milliseconds:
    return Milliseconds(time.time_ns() // 1_000_000 + VALID_MILLISECONDS)
