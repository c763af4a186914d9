"""Names and records of organisations, members and contracts as the system namespace of the state holds them."""

import functools
import re
from typing import Any, Final

from chain.encoding import DecodeError, EncodeError, decode, encode, fields_of
from chain.hashing import DIGEST_BYTES, tagged_hash
from chain.state_keys import encode_key
from chain.types import Digest
from chain.values import dataclass

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
class ContractVersion:
    """One version of a contract as the ledger records it for good; its source stands under the hash."""

    name: str
    version: int
    """1 for the first source under this name."""
    language: int
    """Version of the contract language."""
    source_hash: Digest
    deployer: str
    """Member id of whoever deployed or proposed it; `genesis` for what genesis deploys."""
    height: int
    """Height at which it came into force; 0 for genesis."""

    def encoded(self) -> bytes:
        """Return the canonical state value."""
        return encode([1, *self.fields()])

    def fields(self) -> list[Any]:
        """Return the fields in the order in which records hold them."""
        return [self.name, self.version, self.language, self.source_hash, self.deployer, self.height]


@dataclass(frozen=True, slots=True)
class ContractRecord:
    """A deployed contract as it is now. Whatever runs it reads this first, so it is small."""

    current: ContractVersion
    frozen: bool
    tokens: int
    """Size of the present source as the language counts it; what room it takes follows (chain.code_room)."""

    def encoded(self) -> bytes:
        """Return the canonical state value."""
        return encode([1, *self.current.fields(), self.frozen, self.tokens])


def decode_contract(data: bytes) -> ContractRecord:
    """Return the contract that a state value records.

    Raises:
        DecodeError: when the bytes record none.
    """
    _, *fields, frozen, tokens = fields_of(decode(data), "contract record", 1, *_VERSION_KINDS, bool, int)
    if tokens < 0:
        raise DecodeError(f"not a contract record: a source of {tokens} tokens")
    return ContractRecord(_version_of(fields), frozen, tokens)


def decode_contract_version(data: bytes) -> ContractVersion:
    """Return the version of a contract that a state value records.

    Raises:
        DecodeError: when the bytes record none.
    """
    _, *fields = fields_of(decode(data), "contract version", 1, *_VERSION_KINDS)
    return _version_of(fields)


_VERSION_KINDS: Final = (str, int, int, bytes, str, int)


def _version_of(fields: list[Any]) -> ContractVersion:
    name, version, language, digest, deployer, height = fields
    if len(digest) != DIGEST_BYTES:
        raise DecodeError(f"not a contract version: the hash of its source has {len(digest)} bytes")
    return ContractVersion(name, version, language, Digest(digest), deployer, height)


def source_hash(source: str) -> Digest:
    """Return the name of a source: in the state, and in caches.

    Raises:
        EncodeError: when the text is not valid Unicode.
    """
    try:
        return tagged_hash("source", source.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise EncodeError(f"text is not valid Unicode: {error.reason}") from error
