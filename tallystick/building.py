"""Building transactions: nonce, validity and gas limit chosen, calls in order, ready to be signed."""

import os
import re
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from chain.genesis import Genesis
from chain.prices import LEDGER_PRICES
from chain.transaction import NONCE_BYTES, Call, TransactionBody
from chain.types import Milliseconds, PublicKey

HASH_BYTES: Final = 32
HASH_DIGITS: Final = re.compile(r"[0-9a-fA-F]{64}")
GAS_LIMIT_DEFAULT: Final = 100_000
"""For the calls of a transaction."""

AROUND_BODY_BYTES: Final = 2 + 5 + 2 + 64
"""Most bytes that a raw transaction has besides its body: array and version, lengths, the signature."""


def call(contract: str, method: str, *args: Any) -> Call:
    """Return one call with positional arguments."""
    return Call(contract, method, args)


def build_body(
    genesis: Genesis,
    sender_key: PublicKey,
    calls: Call | Sequence[Call],
    *,
    now: Milliseconds,
    gas_limit: int = GAS_LIMIT_DEFAULT,
    valid_for: int | None = None,
    memo: str | None = None,
    idempotency_key: str | None = None,
) -> TransactionBody:
    """Return a body with a fresh nonce that is valid from now on for `valid_for` milliseconds.

    Half of what the ledger allows is the default: it leaves room for a clock that goes wrong in either direction.
    `gas_limit` is for the calls; what the transaction pays for its size is added, up to what the ledger allows.
    """
    parameters = genesis.parameters
    window = parameters.validity_window_max // 2 if valid_for is None else valid_for
    body = TransactionBody(
        genesis.genesis_hash,
        sender_key,
        os.urandom(NONCE_BYTES),
        Milliseconds(now + window),
        (calls,) if isinstance(calls, Call) else tuple(calls),
        parameters.transaction_gas_max,
        memo,
        idempotency_key,
    )
    entry = max(prices.entry(len(body.encoded()) + AROUND_BODY_BYTES) for prices in LEDGER_PRICES.values())
    return replace(body, gas_limit=min(gas_limit + entry, parameters.transaction_gas_max))


def local_time() -> Milliseconds:
    """Return this machine's time."""
    return Milliseconds(time.time_ns() // 1_000_000)


def read_genesis_hash(given: bytes | str) -> bytes:
    """Return a genesis hash as bytes.

    Raises:
        ValueError: when it is none.
    """
    if isinstance(given, str) and HASH_DIGITS.fullmatch(given):
        return bytes.fromhex(given)
    if isinstance(given, bytes) and len(given) == HASH_BYTES:
        return given
    raise ValueError(f"a genesis hash is 32 bytes or 64 hexadecimal digits, not {given!r}")
