"""What a committed transaction can be found by: the terms of the history index, and the keys that they become.

A term is a kind and a text. Each kind is a table of its own, and its keys sort by text, then by place in the ledger:

  a sender          member id of the account that signed
  o organisation    organisation of that account
  c contract        contract that a call names or that announced an event
  e event           contract and event name, as two texts
  w word            text that the transaction names: in arguments, event fields, memo; and the sender's member id

Words are texts of 2 to 256 bytes in UTF-8; byte strings of 8 to 64 bytes count as their hexadecimal digits. Keys of
maps are words where they could not be the name of a record's field. Longer texts are contents, which nobody looks up.
"""

import functools
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from typing import Any, Final

from chain.block_store import TransactionPlace
from chain.identity import Member
from chain.receipt import Receipt
from chain.transaction import TransactionBody
from chain.types import Height

WORD_BYTES_MIN: Final = 2
WORD_BYTES_MAX: Final = 256
BINARY_WORD_BYTES: Final = range(8, 65)
PLACE_BYTES: Final = 12
TERMS_KEPT: Final = 4_096
"""Terms that are remembered: contracts, events and senders come again and again."""
_END: Final = b"\x00\x00"
"""Ends a text in a key; inside texts 0x00 is written 0x00 0xff, so that keys sort as texts do."""


class TermKind(Enum):
    """The tables of the index."""

    SENDER = b"a"
    ORGANISATION = b"o"
    CONTRACT = b"c"
    EVENT = b"e"
    WORD = b"w"


Term = bytes
"""The beginning of the keys of all places at which a transaction has this term."""


@functools.lru_cache(TERMS_KEPT)
def term(kind: TermKind, *texts: str) -> Term:
    """Return a term; lone surrogates, which no transaction holds, become question marks."""
    return kind.value + b"".join(_escaped(text) + _END for text in texts)


def _escaped(text: str) -> bytes:
    return text.encode("utf-8", "replace").replace(b"\x00", b"\x00\xff")


def word_prefix(text: str) -> bytes:
    """Return the beginning of the keys of all words that begin with a text."""
    return TermKind.WORD.value + _escaped(text)


def word_of_key(key: bytes) -> str:
    """Return the word in a key of the table of words."""
    return key[1 : -PLACE_BYTES - len(_END)].replace(b"\x00\xff", b"\x00").decode("utf-8")


def place_key(prefix: Term, height: int, index: int) -> bytes:
    """Return the key that says that the transaction at a place has a term."""
    return prefix + height.to_bytes(8, "big") + index.to_bytes(4, "big")


def place_keys(terms: Iterable[Term], height: int, index: int) -> list[bytes]:
    """Return the keys that say that the transaction at a place has these terms."""
    place = place_key(b"", height, index)
    return [term + place for term in terms]


def place_of_key(key: bytes) -> TransactionPlace:
    """Return the place in a key made by `place_key`."""
    return TransactionPlace(Height(int.from_bytes(key[-12:-4], "big")), int.from_bytes(key[-4:], "big"))


def transaction_terms(body: TransactionBody, receipt: Receipt, sender: Member | None) -> set[Term]:
    """Return everything that a committed transaction can be found by."""
    terms = {term(TermKind.CONTRACT, call.contract) for call in body.calls}
    found: set[str] = set()
    for call in body.calls:
        found.update(words(call.args))
    for event in receipt.events:
        terms.add(term(TermKind.CONTRACT, event.contract))
        terms.add(term(TermKind.EVENT, event.contract, event.name))
        found.update(words(event.fields.values()))
    if body.memo is not None:
        found.update(words((body.memo,)))
    if sender is not None:
        terms.add(term(TermKind.SENDER, sender.member_id))
        terms.add(term(TermKind.ORGANISATION, sender.organisation))
        found.add(sender.member_id)
    terms.update(term(TermKind.WORD, word) for word in found)
    return terms


def words(values: Iterable[Any]) -> Iterator[str]:
    """Yield the words in contract values, repeated ones included."""
    for value in values:
        if isinstance(value, str):
            if WORD_BYTES_MIN <= len(value) <= WORD_BYTES_MAX and len(value.encode()) <= WORD_BYTES_MAX:
                yield value
        elif isinstance(value, bytes):
            if len(value) in BINARY_WORD_BYTES:
                yield value.hex()
        elif isinstance(value, dict):
            yield from words(key for key in value if not key.isidentifier())
            yield from words(value.values())
        elif isinstance(value, Sequence):
            yield from words(value)
