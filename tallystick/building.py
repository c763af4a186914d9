"""Building transactions: nonce, validity and gas limit chosen, calls in order, ready to be signed."""

import os
import time
from collections.abc import Sequence
from typing import Any, Final

from chain.genesis import Genesis
from chain.transaction import NONCE_BYTES, Call, TransactionBody
from chain.types import Milliseconds, PublicKey

GAS_LIMIT_DEFAULT: Final = 100_000


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
    """
    window = genesis.parameters.validity_window_max // 2 if valid_for is None else valid_for
    return TransactionBody(
        genesis.genesis_hash,
        sender_key,
        os.urandom(NONCE_BYTES),
        Milliseconds(now + window),
        (calls,) if isinstance(calls, Call) else tuple(calls),
        gas_limit,
        memo,
        idempotency_key,
    )


def local_time() -> Milliseconds:
    """Return this machine's time."""
    return Milliseconds(time.time_ns() // 1_000_000)
