"""Who owns which key, remembered from the state so that admission does not ask the executor for every transaction."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from chain.identity import Member, decode_member, member_key
from chain.receipt import decode_receipt
from chain.runtime import SYSTEM
from chain.types import PublicKey

MEMBERS_MAX: Final = 100_000
"""Keys remembered; beyond that the oldest is forgotten and asked for again."""

ReadState = Callable[[str, bytes], Awaitable[bytes | None]]
"""Returns the value of a contract's key at the head."""


class MemberDirectory:
    """Owns the remembered members; forgets those that a block's receipts say have changed."""

    def __init__(self, read: ReadState) -> None:
        self._read = read
        self._members: dict[PublicKey, Member] = {}
        self._changes = 0

    def remembered(self, key: PublicKey) -> Member | None:
        """Return the active member who owns a key if that is known without asking."""
        return self._members.get(key)

    async def find(self, key: PublicKey) -> Member | None:
        """Return the active member who owns a key; unknown keys are not remembered, for they may join any moment."""
        member = self._members.get(key)
        if member is not None:
            return member
        changes = self._changes
        stored = await self._read(SYSTEM, member_key(key))
        if stored is None:
            return None
        member = decode_member(stored)
        if not member.active:
            return None
        # A block may have changed the member between the executor's answer and now.
        if changes == self._changes:
            if len(self._members) >= MEMBERS_MAX:
                del self._members[next(iter(self._members))]
            self._members[key] = member
        return member

    def block_applied(self, receipts: Iterable[bytes]) -> None:
        """Forget members whose records a block changed."""
        marker = SYSTEM.encode()
        for encoded in receipts:
            # Decoding every receipt would cost more than remembering saves; nearly none names the namespace.
            if marker not in encoded:
                continue
            for event in decode_receipt(encoded).events:
                if event.contract == SYSTEM and "key" in event.fields:
                    self._changes += 1
                    self._members.pop(PublicKey(event.fields["key"]), None)
