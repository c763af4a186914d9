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
from collections.abc import Iterable
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
    terms: set[Term] = set()
    found: set[str] = set()
    for call in body.calls:
        terms.add(_contract_term(call.contract))
        _add_words(found, call.args)
    for event in receipt.events:
        terms.update(_event_terms(event.contract, event.name))
        _add_words(found, event.fields.values())
    if body.memo is not None:
        _add_words(found, (body.memo,))
    if sender is not None:
        terms.update(_sender_terms(sender.member_id, sender.organisation))
        found.add(sender.member_id)
    terms.update(map(_word_term, found))
    return terms


# Remembered by their texts alone: to look a kind up as part of a key takes as long as to make the term.


@functools.lru_cache(TERMS_KEPT)
def _word_term(word: str) -> Term:
    return term(TermKind.WORD, word)


@functools.lru_cache(TERMS_KEPT)
def _contract_term(contract: str) -> Term:
    return term(TermKind.CONTRACT, contract)


@functools.lru_cache(TERMS_KEPT)
def _event_terms(contract: str, name: str) -> tuple[Term, Term]:
    return term(TermKind.CONTRACT, contract), term(TermKind.EVENT, contract, name)


@functools.lru_cache(TERMS_KEPT)
def _sender_terms(member_id: str, organisation: str) -> tuple[Term, Term]:
    return term(TermKind.SENDER, member_id), term(TermKind.ORGANISATION, organisation)


def words(values: Iterable[Any]) -> set[str]:
    """Return the words in contract values."""
    found: set[str] = set()
    _add_words(found, values)
    return found


def _add_words(found: set[str], values: Iterable[Any]) -> None:
    for value in values:
        kind = type(value)
        if kind is str:
            size = len(value)
            # Most words are ASCII, whose bytes need not be made to be counted.
            if WORD_BYTES_MIN <= size <= WORD_BYTES_MAX and (value.isascii() or len(value.encode()) <= WORD_BYTES_MAX):
                found.add(value)
        elif kind is bytes:
            if len(value) in BINARY_WORD_BYTES:
                found.add(value.hex())
        elif kind is dict:
            _add_words(found, [key for key in value if not key.isidentifier()])
            _add_words(found, value.values())
        elif kind is list or kind is tuple:
            _add_words(found, value)
