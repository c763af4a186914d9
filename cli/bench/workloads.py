"""What is sent in a measurement: transfers with three reads, three writes and one event, or EPCIS events.

Each is signed on its own. The contract of the transfers is that of benchmarks/transfer.py, which an installed program
does not have; a test compares the two.
"""

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from chain.genesis import GenesisContract
from chain.transaction import NONCE_BYTES, Call, Transaction, TransactionBody
from chain.types import Digest, Milliseconds
from cli.cluster_layout import ClusterLayout
from cli.demo import library_contracts
from gateway.epcis.capture import prepare
from tallystick.wallet import Wallet

ACCOUNTS: Final = 10_000
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
MANUFACTURER: Final = SENDERS.index("brightvax")

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
    sender: int | None = None
    """Place among SENDERS of the only one who may ask for it; None if all do in turn."""


def _transfer_to(account: str) -> Work:
    return Work(Call("transfer", "transfer", (account, 1)), GAS_LIMIT)


def _epcis_event(number: int) -> Work:
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


WORKLOADS: Final[dict[str, Callable[[int], Work]]] = {
    "transfer": lambda number: _transfer_to(f"account-{number % ACCOUNTS}"),
    "hot": lambda number: _transfer_to("account-0"),
    "wide": lambda number: _transfer_to(f"account-{number}"),
    "epcis": _epcis_event,
}
"""Transfers to one of ten thousand accounts, always to the same, always to a new one; EPCIS events of one item each."""


def measured_contracts() -> tuple[GenesisContract, ...]:
    """Return the contracts that the workloads call."""
    return (GenesisContract("transfer", TRANSFER, ()), *library_contracts())


def signed_transactions(layout: ClusterLayout, count: int, workload: str = "transfer") -> list[Transaction]:
    """Return transactions by several organisations, valid from now for nearly ten minutes."""
    wallets = [Wallet.load(layout.party_key(f"{name}.ops")) for name in SENDERS]
    chain_id = Digest(bytes.fromhex(layout.chain_id))
    valid_until = Milliseconds(time.time_ns() // 1_000_000 + VALID_MILLISECONDS)
    transactions = []
    for number in range(count):
        work = WORKLOADS[workload](number)
        wallet = wallets[number % len(wallets) if work.sender is None else work.sender]
        nonce = os.urandom(NONCE_BYTES)
        body = TransactionBody(chain_id, wallet.public_key, nonce, valid_until, (work.call,), work.gas_limit)
        transactions.append(wallet.sign_transaction(body))
    return transactions
