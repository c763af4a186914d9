"""Transfers to send to a real cluster, signed one by one: eight organisations, ten thousand accounts."""

import os
import time
from pathlib import Path
from typing import Final

from chain.genesis import GenesisContract
from chain.transaction import Call, Transaction, TransactionBody
from chain.types import Digest, Milliseconds
from cli.cluster_layout import ClusterLayout
from tallystick.wallet import Wallet

ACCOUNTS: Final = 10_000
GAS_LIMIT: Final = 20_000
VALID_MILLISECONDS: Final = 500_000
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


def transfer_contract() -> GenesisContract:
    """Return the contract that the transfers call."""
    source = Path(__file__).with_name("transfer.py").read_text(encoding="utf-8")
    return GenesisContract("transfer", source, ())


def signed_transfers(layout: ClusterLayout, count: int) -> list[Transaction]:
    """Return transfers by several organisations to many accounts."""
    wallets = [Wallet.load(layout.party_key(f"{name}.ops")) for name in SENDERS]
    chain_id = Digest(bytes.fromhex(layout.chain_id))
    valid_until = Milliseconds(time.time_ns() // 1_000_000 + VALID_MILLISECONDS)
    transactions = []
    for number in range(count):
        wallet = wallets[number % len(wallets)]
        call = Call("transfer", "transfer", (f"account-{number % ACCOUNTS}", 1))
        body = TransactionBody(chain_id, wallet.public_key, os.urandom(16), valid_until, (call,), GAS_LIMIT)
        transactions.append(wallet.sign_transaction(body))
    return transactions
