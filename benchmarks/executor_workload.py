"""The blocks that benchmarks.executor measures: transfers of eight organisations to ten thousand accounts.

Signatures are zeros, because an executor never looks at them: its node has had them checked.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chain.batch import Batch, batch_of
from chain.crypto import SIGNATURE_BYTES, public_key_of
from chain.encoding import encode
from chain.genesis import Genesis, GenesisContract, GenesisMember, Governance, Organisation, Parameters
from chain.next_block import next_block
from chain.transaction import Call, Transaction, TransactionBody, transaction_id_of
from chain.types import Digest, Epoch, Milliseconds, Signature, ValidatorId
from chain.validators import Validator, validator_set
from chain.validity import Head

ACCOUNTS: Final = 10_000
ORGANISATIONS: Final = 8
VALIDATORS: Final = 4
SEED: Final = 1
FILLING_BLOCK_TRANSACTIONS: Final = 1_000
VALID_MILLISECONDS: Final = 60_000
BLOCK_MILLISECONDS: Final = 50

SEEDS: Final = [bytes([number + 1]) * 32 for number in range(ORGANISATIONS)]
KEYS: Final = [public_key_of(seed) for seed in SEEDS]


@dataclass(frozen=True, slots=True)
class MeasuredBlock:
    """A block on the present head."""

    batch: Batch
    raw: bytes
    block_hash: Digest
    is_measured: bool


def transfer_genesis() -> Genesis:
    """Return a genesis with the contract benchmarks/transfer.py and a member for each organisation."""
    source = Path(__file__).with_name("transfer.py").read_text(encoding="utf-8")
    names = [f"org{number}" for number in range(ORGANISATIONS)]
    validators = [
        Validator(ValidatorId(f"v{number}"), names[number], KEYS[number], (b"certificate",))
        for number in range(VALIDATORS)
    ]
    return Genesis(
        "benchmark",
        Milliseconds(1_000),
        Parameters(),
        Governance((names[0],), 1, 1, 1, 60_000),
        validator_set(Epoch(0), validators),
        tuple(Organisation(name, name, key) for name, key in zip(names, KEYS, strict=True)),
        tuple(GenesisMember(f"{name}.user", key, ("trader",)) for name, key in zip(names, KEYS, strict=True)),
        (GenesisContract("transfer", source, ()),),
    )


class Workload:
    """Owns the numbering of the transactions of one run."""

    def __init__(self, size: int) -> None:
        """`size` is the number of transactions in each measured block."""
        self.genesis = transfer_genesis()
        self._size = size
        self._chance = random.Random(SEED)
        self._number = 0

    def filling(self, head: Callable[[], Head]) -> Iterator[MeasuredBlock]:
        """Yield blocks after which every account exists."""
        for start in range(0, ACCOUNTS, FILLING_BLOCK_TRANSACTIONS):
            accounts = range(start, start + FILLING_BLOCK_TRANSACTIONS)
            yield self._block(head(), list(accounts), is_measured=False)

    def block(self, head: Head, *, is_measured: bool) -> MeasuredBlock:
        """Return the next block on a head."""
        accounts = [self._chance.randrange(ACCOUNTS) for _ in range(self._size)]
        return self._block(head, accounts, is_measured=is_measured)

    def _block(self, head: Head, accounts: list[int], *, is_measured: bool) -> MeasuredBlock:
        gas_limit = self.genesis.parameters.block_gas_max // len(accounts)
        transactions = [self._transfer(head, account, gas_limit) for account in accounts]
        block = next_block(head, transactions, head.time + BLOCK_MILLISECONDS)
        return MeasuredBlock(batch_of(block, transactions), block.raw, block.block_hash, is_measured)

    def _transfer(self, head: Head, account: int, gas_limit: int) -> Transaction:
        self._number += 1
        call = Call("transfer", "transfer", (f"account-{account}", 1 + self._number % 50))
        body = TransactionBody(
            self.genesis.genesis_hash,
            KEYS[self._number % ORGANISATIONS],
            self._number.to_bytes(16, "big"),
            Milliseconds(head.time + VALID_MILLISECONDS),
            (call,),
            gas_limit,
        )
        encoded = body.encoded()
        signature = Signature(bytes(SIGNATURE_BYTES))
        return Transaction(encode([1, encoded, signature]), transaction_id_of(encoded), body, signature)
