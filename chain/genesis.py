"""Genesis: everything on which nodes must agree before the first block; its hash is the chain's id.

What could split the ledger if two nodes saw it differently stands here and in no node's configuration. People read and
write the JSON form; the hash is taken over the canonical encoding, so white space and key order do not matter.
"""

import dataclasses
import json
from typing import Any, Final

from chain.block import BLOCK_BYTES_MAX
from chain.crypto import InvalidKeyError, check_public_key, tagged_hash
from chain.encoding import decode, encode, fields_of
from chain.identity import is_name
from chain.json_values import from_json, parse_json, to_json
from chain.protocol import PROTOCOL_VERSION
from chain.types import Digest, Epoch, Milliseconds, PublicKey, ValidatorId
from chain.validators import VALIDATORS_LIMIT, Validator, ValidatorSet, validator_set, validator_set_from_value
from chain.values import dataclass

GENESIS_BYTES_MAX: Final = 16 * 1024 * 1024

BLOCK_TRANSACTIONS_LIMIT: Final = 8192
"""Upper bound of `block_transactions_max`: with it, and with the bound on receipts, any recorded block can be read."""


APPROVALS: Final = (
    "approvals_required",
    "suspension_approvals_required",
    "key_replacement_approvals_required",
    "deployment_approvals_required",
)
"""The fields of Governance that count organisations."""


class GenesisError(ValueError):
    """A genesis that describes no ledger that could start; the message names the field."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Limits and intervals of the protocol; later changed on the ledger only."""

    protocol_version: int = PROTOCOL_VERSION
    block_transactions_max: int = 2000
    block_bytes_max: int = 4 * 1024 * 1024
    block_gas_max: int = 10_000_000
    """Sum of the declared gas limits of a block's transactions. At 50 ns a unit, the worst case that prices are
    calibrated for, such a block executes within a quarter of `view_timeout_base`."""
    transaction_bytes_max: int = 512 * 1024
    transaction_gas_max: int = 10_000_000
    validity_window_max: int = 600_000
    """Milliseconds that `valid_until` may lie ahead of block time, and that idempotency keys last."""
    block_interval_min: int = 50
    """Milliseconds between proposals under load."""
    clock_drift_max: int = 10_000
    """Milliseconds that a fresh proposal's time may lie ahead of a replica's clock."""
    view_timeout_base: int = 2_000
    """Milliseconds before the first view change of a height; doubles from view to view."""
    view_timeout_max: int = 30_000
    """Milliseconds at which the doubling stops."""
    primary_term_blocks: int = 10_000
    """The turn to propose moves on at each height that is a multiple of this."""
    validators_max: int = VALIDATORS_LIMIT


@dataclass(frozen=True, slots=True)
class Governance:
    """Who decides on changes to the consortium, and how many of them it takes."""

    electorate: tuple[str, ...]
    """Organisations that vote, sorted."""
    approvals_required: int
    suspension_approvals_required: int
    """Suspending a member or validator may be quicker than removing it."""
    key_replacement_approvals_required: int
    proposal_expiry: int
    """Milliseconds after which an undecided proposal is void."""
    deployment_approvals_required: int = 1
    """For contracts under a new name. With 1 each organisation of the electorate deploys by itself."""
    open_proposals_max: int = 8
    """Undecided proposals that an organisation may have at a time."""


@dataclass(frozen=True, slots=True)
class Organisation:
    """A member of the consortium."""

    organisation_id: str
    name: str
    root_key: PublicKey
    """Kept offline; replaces lost keys of the organisation."""

    def encoded(self) -> bytes:
        """Return the canonical state value."""
        return encode([1, self.organisation_id, self.name, self.root_key, True])


@dataclass(frozen=True, slots=True)
class GenesisMember:
    """Somebody who may sign from the first block on."""

    member_id: str
    key: PublicKey
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GenesisContract:
    """A contract that is deployed before the first block."""

    name: str
    source: str
    args: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Genesis:
    """The agreement that a ledger starts from."""

    name: str
    time: Milliseconds
    parameters: Parameters
    governance: Governance
    validators: ValidatorSet
    organisations: tuple[Organisation, ...]
    members: tuple[GenesisMember, ...]
    contracts: tuple[GenesisContract, ...]
    _hashes: list[Digest] = dataclasses.field(default_factory=list, init=False, repr=False, compare=False)
    """The own hash, once somebody has asked for it: who opens a ledger or checks a header does, again and again."""

    def encoded(self) -> bytes:
        """Return the canonical bytes."""
        governance = list(dataclasses.astuple(self.governance))
        organisations = [[org.organisation_id, org.name, org.root_key] for org in self.organisations]
        members = [[member.member_id, member.key, list(member.roles)] for member in self.members]
        contracts = [[contract.name, contract.source, list(contract.args)] for contract in self.contracts]
        parameters = list(dataclasses.astuple(self.parameters))
        rules: list[Any] = [self.name, self.time, parameters, governance, self.validators.as_value()]
        return encode([1, *rules, organisations, members, contracts])

    @property
    def genesis_hash(self) -> Digest:
        """The chain's id."""
        if not self._hashes:
            self._hashes.append(tagged_hash("genesis", self.encoded()))
        return self._hashes[0]


def decode_genesis(data: bytes) -> Genesis:
    """Return the genesis in canonical bytes.

    Raises:
        DecodeError: when the bytes are no genesis.
        GenesisError: when its parts contradict each other or exceed what the protocol allows.
    """
    kinds = (1, str, int, list, list, list, list, list, list)
    _, name, time, parameters, governance, validators, organisations, members, contracts = fields_of(
        decode(data, size_max=GENESIS_BYTES_MAX), "genesis", *kinds
    )
    fields_of(parameters, "parameters", *([int] * len(dataclasses.fields(Parameters))))
    fields_of(governance, "governance", list, *([int] * 6))
    fields_of(governance[0], "electorate", *([str] * len(governance[0])))
    genesis = Genesis(
        name,
        Milliseconds(time),
        Parameters(*parameters),
        Governance(tuple(governance[0]), *governance[1:]),
        validator_set_from_value(validators),
        tuple(Organisation(*fields_of(item, "organisation", str, str, bytes)) for item in organisations),
        tuple(_member(*fields_of(item, "member", str, bytes, list)) for item in members),
        tuple(_contract(*fields_of(item, "contract", str, str, list)) for item in contracts),
    )
    check_genesis(genesis)
    return genesis


def _member(member_id: str, key: bytes, roles: list[Any]) -> GenesisMember:
    fields_of(roles, "list of roles", *([str] * len(roles)))
    return GenesisMember(member_id, PublicKey(key), tuple(roles))


def _contract(name: str, source: str, args: list[Any]) -> GenesisContract:
    return GenesisContract(name, source, tuple(args))


def check_genesis(genesis: Genesis) -> None:
    """Check that a ledger can start from this genesis.

    Raises:
        GenesisError: naming the first field that does not hold.
    """
    _check_parameters(genesis.parameters)
    if genesis.validators.epoch != 0 or genesis.validators.size > genesis.parameters.validators_max:
        raise GenesisError(f"validators: epoch 0 and at most {genesis.parameters.validators_max} are expected")
    organisations = [organisation.organisation_id for organisation in genesis.organisations]
    _check_names("organisations", organisations)
    for validator in genesis.validators.validators:
        _check_key(f"validators.{validator.validator_id}", validator.consensus_key)
        if validator.organisation not in organisations:
            raise GenesisError(f"validators.{validator.validator_id}: unknown organisation {validator.organisation}")
    for organisation in genesis.organisations:
        _check_key(f"organisations.{organisation.organisation_id}", organisation.root_key)
    for member in genesis.members:
        organisation_id, _, name = member.member_id.partition(".")
        if organisation_id not in organisations or not is_name(name):
            raise GenesisError(f"members.{member.member_id}: expected the form organisation.name")
        if list(member.roles) != sorted(set(member.roles)) or not all(map(is_name, member.roles)):
            raise GenesisError(f"members.{member.member_id}: roles are names, sorted and distinct")
        _check_key(f"members.{member.member_id}", member.key)
    if len({member.key for member in genesis.members}) != len(genesis.members):
        raise GenesisError("members: two members share a key")
    names = [contract.name for contract in genesis.contracts]
    if len(set(names)) != len(names) or not all(map(is_name, names)) or "system" in names:
        raise GenesisError("contracts: names are distinct, well-formed and not 'system'")
    if genesis.time < 0:
        raise GenesisError("time: milliseconds since 1970 are expected")
    _check_governance(genesis.governance, organisations)


def _check_governance(governance: Governance, organisations: list[str]) -> None:
    if list(governance.electorate) != sorted(set(governance.electorate) & set(organisations)):
        raise GenesisError("governance.electorate: sorted ids of organisations are expected")
    for field in APPROVALS:
        if not 1 <= getattr(governance, field) <= len(governance.electorate):
            raise GenesisError(f"governance.{field}: 1 to {len(governance.electorate)}, the size of the electorate")
    for field in ("proposal_expiry", "open_proposals_max"):
        if getattr(governance, field) < 1:
            raise GenesisError(f"governance.{field}: a positive number is expected")


def _check_parameters(parameters: Parameters) -> None:
    for field in dataclasses.fields(Parameters):
        if getattr(parameters, field.name) < 1:
            raise GenesisError(f"parameters.{field.name}: a positive number is expected")
    if parameters.protocol_version > PROTOCOL_VERSION:
        raise GenesisError(f"parameters.protocol_version: this program knows versions up to {PROTOCOL_VERSION}")
    if parameters.block_bytes_max > BLOCK_BYTES_MAX:
        raise GenesisError(f"parameters.block_bytes_max: at most {BLOCK_BYTES_MAX}")
    if parameters.block_transactions_max > BLOCK_TRANSACTIONS_LIMIT:
        raise GenesisError(f"parameters.block_transactions_max: at most {BLOCK_TRANSACTIONS_LIMIT}")
    if parameters.transaction_bytes_max * 2 > parameters.block_bytes_max:
        raise GenesisError("parameters.transaction_bytes_max: at most half of block_bytes_max")
    if parameters.transaction_gas_max > parameters.block_gas_max:
        raise GenesisError("parameters.transaction_gas_max: at most block_gas_max")
    if parameters.validators_max > VALIDATORS_LIMIT:
        raise GenesisError(f"parameters.validators_max: at most {VALIDATORS_LIMIT}")


def _check_names(field: str, names: list[str]) -> None:
    if names != sorted(set(names)) or not all(map(is_name, names)):
        raise GenesisError(f"{field}: ids are well-formed names, sorted and distinct")


def _check_key(field: str, key: bytes) -> None:
    try:
        check_public_key(key)
    except InvalidKeyError as error:
        raise GenesisError(f"{field}: {error}") from error


def genesis_to_json(genesis: Genesis) -> str:
    """Return the form that people read; `genesis_from_json` turns it back into the same genesis."""
    document = {
        "format": "tallystick-genesis/1",
        "name": genesis.name,
        "time": genesis.time,
        "parameters": dataclasses.asdict(genesis.parameters),
        "governance": {**dataclasses.asdict(genesis.governance), "electorate": list(genesis.governance.electorate)},
        "validators": [
            {
                "id": validator.validator_id,
                "organisation": validator.organisation,
                "consensus_key": validator.consensus_key.hex(),
                "tls_certificates": [certificate.hex() for certificate in validator.tls_certificates],
            }
            for validator in genesis.validators.validators
        ],
        "organisations": [
            {"id": org.organisation_id, "name": org.name, "root_key": org.root_key.hex()}
            for org in genesis.organisations
        ],
        "members": [
            {"id": member.member_id, "key": member.key.hex(), "roles": list(member.roles)} for member in genesis.members
        ],
        "contracts": [
            {"name": contract.name, "source": contract.source, "args": [to_json(arg) for arg in contract.args]}
            for contract in genesis.contracts
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def genesis_from_json(text: str) -> Genesis:
    """Return the genesis that a JSON document describes.

    Raises:
        GenesisError: when a field is missing, unknown, of the wrong type, or contradicts another.
    """
    try:
        document = parse_json(text)
        fields = ("format", "name", "time", "parameters", "governance", "validators")
        _expect_fields("genesis", document, *fields, "organisations", "members", "contracts")
        if document["format"] != "tallystick-genesis/1":
            raise GenesisError(f"format: {document['format']!r} is unknown")
        governance = document["governance"]
        genesis = Genesis(
            document["name"],
            Milliseconds(document["time"]),
            Parameters(**document["parameters"]),
            Governance(**{**governance, "electorate": tuple(governance["electorate"])}),
            validator_set(Epoch(0), [_validator_from_json(item) for item in document["validators"]]),
            tuple(
                Organisation(item["id"], item["name"], PublicKey(bytes.fromhex(item["root_key"])))
                for item in document["organisations"]
            ),
            tuple(_member(item["id"], bytes.fromhex(item["key"]), item["roles"]) for item in document["members"]),
            tuple(_contract_from_json(item) for item in document["contracts"]),
        )
        # The canonical form has the strict type checks; a document that does not survive it is not a genesis.
        return decode_genesis(genesis.encoded())
    except KeyError as error:
        raise GenesisError(f"there is no field {error.args[0]!r}") from error
    except (TypeError, AttributeError, AssertionError, ValueError) as error:
        if isinstance(error, GenesisError):
            raise
        raise GenesisError(f"a field is missing, unknown, or of another form than it must have: {error}") from error


def _contract_from_json(item: dict[str, Any]) -> GenesisContract:
    return _contract(item["name"], item["source"], [from_json(arg) for arg in item["args"]])


def _validator_from_json(item: dict[str, Any]) -> Validator:
    _expect_fields("validators", item, "id", "organisation", "consensus_key", "tls_certificates")
    certificates = tuple(bytes.fromhex(certificate) for certificate in item["tls_certificates"])
    key = PublicKey(bytes.fromhex(item["consensus_key"]))
    return Validator(ValidatorId(item["id"]), item["organisation"], key, certificates)


def _expect_fields(where: str, document: Any, *names: str) -> None:
    if not isinstance(document, dict) or set(document) != set(names):
        raise GenesisError(f"{where}: expected exactly the fields {', '.join(names)}")
