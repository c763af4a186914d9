"""What is sent in a measurement: transfers with three reads, three writes and one event, signed one by one.

The contract is that of benchmarks/transfer.py, which an installed program does not have; a test compares the two.
"""

import os
import time
from collections.abc import Callable
from typing import Final

from chain.genesis import GenesisContract
from chain.transaction import Call, Transaction, TransactionBody
from chain.types import Digest, Milliseconds
from cli.cluster_layout import ClusterLayout
from tallystick.wallet import Wallet

ACCOUNTS: Final = 10_000
GAS_LIMIT: Final = 7_000
"""A transfer of this size uses about 5,500; what is declared beyond that is room that other transactions lack."""

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

WORKLOADS: Final[dict[str, Callable[[int], str]]] = {
    "transfer": lambda number: f"account-{number % ACCOUNTS}",
    "hot": lambda number: "account-0",
    "wide": lambda number: f"account-{number}",
}
"""Whose account each transfer goes to: one of ten thousand, always the same, or always a new one."""

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


def transfer_contract() -> GenesisContract:
    """Return the contract that the transfers call."""
    return GenesisContract("transfer", TRANSFER, ())


def signed_transfers(layout: ClusterLayout, count: int, workload: str = "transfer") -> list[Transaction]:
    """Return transfers by several organisations, valid from now for nearly ten minutes."""
    wallets = [Wallet.load(layout.party_key(f"{name}.ops")) for name in SENDERS]
    chain_id = Digest(bytes.fromhex(layout.chain_id))
    valid_until = Milliseconds(time.time_ns() // 1_000_000 + VALID_MILLISECONDS)
    account = WORKLOADS[workload]
    transactions = []
    for number in range(count):
        wallet = wallets[number % len(wallets)]
        call = Call("transfer", "transfer", (account(number), 1))
        body = TransactionBody(chain_id, wallet.public_key, os.urandom(16), valid_until, (call,), GAS_LIMIT)
        transactions.append(wallet.sign_transaction(body))
    return transactions
