"""Which records of the library contracts tell the story of a transfer or an item (docs/protocol.md, "Proof files").

A transfer has one record, which every step of it rewrites. An item has one too; while it is in a container only the
container's is rewritten, so that the containers that its record names belong to its story, and theirs in turn.
"""

from typing import Any, Final

from chain.encoding import DecodeError, decode
from chain.proof_file import StoryRule
from chain.state_keys import encode_key
from chain.state_leaf import Leaf

STORAGE_OF: Final = {StoryRule.ITEM: "goods", StoryRule.TRANSFER: "transfers"}
CONTRACT_OF: Final = {StoryRule.ITEM: "traceability", StoryRule.TRANSFER: "remittance"}
"""Names under which the library contracts are usually deployed."""

_ITEM_PARENT: Final = 5
"""Place of the container among the fields of an item's record."""


def record_key(rule: StoryRule, subject: str) -> bytes:
    """Return the key of the record about an item, a container or a transfer.

    Raises:
        EncodeError: when the subject is too long for a key.
    """
    return encode_key((STORAGE_OF[rule], subject))


def containers_named(rule: StoryRule, leaf: Leaf) -> list[str]:
    """Return the containers that a version of a record names: one or none.

    Raises:
        DecodeError: when the record has another form than the library's.
    """
    if rule is not StoryRule.ITEM or leaf.value is None:
        return []
    fields: Any = decode(leaf.value)
    if type(fields) is not list or len(fields) <= _ITEM_PARENT or type(fields[_ITEM_PARENT]) is not str:
        raise DecodeError("the record has not the form of the library's items")
    return [fields[_ITEM_PARENT]] if fields[_ITEM_PARENT] else []
