"""Names and records of organisations, members and contracts as the system namespace of the state holds them."""

import functools
import re
from dataclasses import dataclass
from typing import Any, Final

from chain.encoding import DecodeError, decode, encode, fields_of
from chain.state_keys import encode_key

ADMINISTRATOR: Final = "administrator"
"""The role that decides on an organisation's members, and speaks for it in the electorate."""

NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}")
"""Organisations, member names, roles, contracts: lower-case ASCII, so that no two look alike."""


def is_name(text: object) -> bool:
    """Tell whether `text` may name an organisation, a role, a validator or a contract."""
    return isinstance(text, str) and NAME.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Member:
    """A person or service that signs for an organisation."""

    member_id: str
    """organisation + "." + name."""
    organisation: str
    roles: tuple[str, ...]
    """Sorted role names."""
    active: bool

    def encoded(self) -> bytes:
        """Return the canonical state value."""
        return encode([1, self.member_id, self.organisation, list(self.roles), self.active])


@functools.lru_cache(maxsize=4096)
def decode_member(data: bytes) -> Member:
    """Return the member that a state value records; remembered, because each transaction asks for its sender.

    Raises:
        DecodeError: when the bytes record none.
    """
    _, member_id, organisation, roles, active = fields_of(decode(data), "member record", 1, str, str, list, bool)
    if any(type(role) is not str for role in roles):
        raise DecodeError("not a member record: a role is not text")
    return Member(member_id, organisation, tuple(roles), active)


def member_key(public_key: bytes) -> bytes:
    """Return the system key of the member that owns a public key."""
    return encode_key(("member", public_key))


def organisation_key(organisation: str) -> bytes:
    """Return the system key of an organisation's record."""
    return encode_key(("organisation", organisation))


@dataclass(frozen=True, slots=True)
class ContractRecord:
    """A deployed contract as the ledger records it; readable by all."""

    name: str
    source: str
    language: int
    """Version of the contract language and its prices."""
    version: int
    """1 for the first source under this name."""
    deployer: str
    height: int
    """Height at which this version was deployed; 0 for genesis."""
    frozen: bool

    def encoded(self) -> bytes:
        """Return the canonical state value."""
        fields: list[Any] = [self.name, self.source, self.language, self.version, self.deployer, self.height]
        return encode([1, *fields, self.frozen])


def decode_contract(data: bytes) -> ContractRecord:
    """Return the contract that a state value records.

    Raises:
        DecodeError: when the bytes record none.
    """
    kinds = (1, str, str, int, int, str, int, bool)
    _, name, source, language, version, deployer, height, frozen = fields_of(decode(data), "contract record", *kinds)
    return ContractRecord(name, source, language, version, deployer, height, frozen)
