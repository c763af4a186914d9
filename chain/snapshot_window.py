"""The window of a state that came by a snapshot: which blocks it is rebuilt from, and what they leave in it.

An id may be sent again up to its `valid_until`, at most a window after its block; a key is taken for as long. So the
blocks of the last window before the snapshot's block say everything, and they are certified like all others.
"""

from collections.abc import Iterator, Sequence

from chain.block import decode_block
from chain.encoding import DecodeError
from chain.header_chain import HeaderReader, header_at
from chain.identity import decode_member, member_key
from chain.runtime import SYSTEM
from chain.state_database import StateDatabase
from chain.storage import Store, StoreDamaged
from chain.transaction import decode_transaction
from chain.types import Height, Milliseconds
from chain.window import WindowEntries


def window_start(blocks: HeaderReader, height: Height, validity_window_max: int) -> Height:
    """Return the lowest height whose block still counts in the window after block `height`.

    Raises:
        StoreDamaged: when a header is missing.
    """
    limit = header_at(blocks, height).time - validity_window_max if height else 0
    start = height
    while start > 1 and header_at(blocks, start - 1).time >= limit:
        start = Height(start - 1)
    return max(start, Height(1))


def window_rows(
    blocks: HeaderReader, state: Store, start: Height, height: Height
) -> Iterator[tuple[Height, Milliseconds, WindowEntries]]:
    """Yield what each of the blocks `start` to `height` leaves in the window, by the members that `state` holds.

    Raises:
        StoreDamaged: when a block is missing, or one of its senders.
    """
    database = StateDatabase(state)
    organisations: dict[bytes, str] = {}
    for at in range(start, height + 1):
        raw = blocks.block(at)
        if raw is None:
            raise StoreDamaged(f"block {at}, which belongs to the window of block {height}, is missing")
        try:
            block = decode_block(raw)
            entries = _entries(block.transactions, database, organisations)
        except DecodeError as error:
            raise StoreDamaged(f"block {at} cannot be read: {error}") from error
        yield Height(at), block.header.time, entries


def _entries(raws: Sequence[bytes], database: StateDatabase, organisations: dict[bytes, str]) -> WindowEntries:
    transactions = [decode_transaction(raw, size_max=len(raw)) for raw in raws]
    bodies = [transaction.body for transaction in transactions]
    return WindowEntries(
        [transaction.transaction_id for transaction in transactions],
        [body.valid_until for body in bodies],
        [_organisation(body.sender_key, database, organisations) for body in bodies],
        [body.idempotency_key for body in bodies],
    )


def _organisation(sender_key: bytes, database: StateDatabase, organisations: dict[bytes, str]) -> str:
    organisation = organisations.get(sender_key)
    if organisation is None:
        stored = database.get(SYSTEM, member_key(sender_key))
        if stored is None:
            raise StoreDamaged(f"the state does not hold the member with the key {sender_key.hex()}")
        # A key belongs to one organisation for ever, so the record of today says what it was then.
        organisation = organisations[sender_key] = decode_member(stored).organisation
    return organisation
