"""The schemas of the OpenAPI document: what the bodies of answers look like."""

from typing import Any, Final

from api.openapi_abi import abi_schema
from api.problems import PROBLEMS
from api.search import TYPES as SEARCH_TYPES
from chain.actions import ACTIONS
from chain.proposals import EXPIRED, STATUSES

Schema = dict[str, Any]

INTEGER: Final[Schema] = {"type": "integer", "format": "int64", "minimum": 0}
TEXT: Final[Schema] = {"type": "string"}
BOOLEAN: Final[Schema] = {"type": "boolean"}
DIGEST: Final[Schema] = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
HEXADECIMAL: Final[Schema] = {"type": "string", "pattern": "^([0-9a-f]{2})*$"}
BASE64: Final[Schema] = {"type": "string", "contentEncoding": "base64"}
CURSOR: Final[Schema] = {"type": ["string", "null"], "description": "Opaque; null at the end of the listing"}


def ref(name: str) -> Schema:
    """Return a reference to a named schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def optional(schema: Schema) -> Schema:
    """Return a schema that admits null as well."""
    return {"anyOf": [schema, {"type": "null"}]}


def array(items: Schema) -> Schema:
    """Return the schema of an array."""
    return {"type": "array", "items": items}


def record(properties: dict[str, Schema], optional_names: tuple[str, ...] = ()) -> Schema:
    """Return the schema of an object all of whose properties are required but those named."""
    required = [name for name in properties if name not in optional_names]
    return {"type": "object", "properties": properties, "required": required}


def page(name: str, entry: Schema, **besides: Schema) -> Schema:
    """Return the schema of one page of a listing."""
    return record({name: array(entry), "next": CURSOR, **besides})


def schemas() -> dict[str, Schema]:
    """Return all named schemas."""
    ledger = {**_value_schemas(), **_transaction_schemas(), **_block_schemas(), **_state_schemas()}
    return {**ledger, **_proposal_schemas(), **_network_schemas(), **_finding_schemas(), "Abi": abi_schema()}


def _value_schemas() -> dict[str, Schema]:
    tagged = [
        {**record({"int": {"type": "string", "pattern": "^(0|-?[1-9][0-9]{0,18})$"}}), "additionalProperties": False},
        {**record({"bytes": HEXADECIMAL}), "additionalProperties": False},
        {
            **record({"map": {"type": "object", "additionalProperties": ref("Value")}}),
            "additionalProperties": False,
        },
    ]
    plain: list[Schema] = [{"type": "null"}, BOOLEAN, TEXT, array(ref("Value"))]
    problem = record(
        {
            "type": TEXT,
            "title": TEXT,
            "status": {"type": "integer"},
            "code": {"type": "string", "enum": list(PROBLEMS)},
            "detail": TEXT,
        }
    )
    return {
        "Problem": problem,
        "Value": {
            "description": "A contract value. Integers, bytes and maps are tagged; text is never taken for a number.",
            "anyOf": [*plain, *tagged],
        },
        "InputValue": {
            "description": "A contract value as input: as Value, and a plain integer up to 2**53 - 1 as well.",
            "anyOf": [
                {"type": "null"},
                BOOLEAN,
                TEXT,
                {"type": "integer", "minimum": -(2**53) + 1, "maximum": 2**53 - 1},
                array(ref("InputValue")),
                {"type": "object", "minProperties": 1, "maxProperties": 1},
            ],
        },
        "Event": record(
            {"contract": TEXT, "name": TEXT, "fields": {"type": "object", "additionalProperties": ref("Value")}}
        ),
    }


def _content() -> dict[str, Schema]:
    call = record({"contract": TEXT, "method": TEXT, "args": array(ref("Value"))})
    return {
        "sender_key": DIGEST,
        "nonce": HEXADECIMAL,
        "valid_until": INTEGER,
        "gas_limit": INTEGER,
        "memo": optional(TEXT),
        "idempotency_key": optional(TEXT),
        "calls": array(call),
        "signature": HEXADECIMAL,
        "raw": BASE64,
    }


def _transaction_schemas() -> dict[str, Schema]:
    place: dict[str, Schema] = {"height": INTEGER, "index": INTEGER, "block_hash": DIGEST, "time": INTEGER}
    committed: dict[str, Schema] = {"id": DIGEST, "status": {"const": "committed"}, **place, "receipt": ref("Receipt")}
    pending: dict[str, Schema] = {"id": DIGEST, "status": {"const": "pending"}}
    answer: dict[str, Schema] = {
        "id": optional(DIGEST),
        "status": {"enum": ["received", "pending", "committed", "refused"]},
        "detail": TEXT,
        "code": TEXT,
        "retry_after": INTEGER,
        **place,
        "receipt": ref("Receipt"),
        "proof": BASE64,
    }
    proof: dict[str, Schema] = {
        "transaction": BASE64,
        "transactions_path": array(DIGEST),
        "receipt": BASE64,
        "receipts_path": array(DIGEST),
        "header": BASE64,
        "result": BASE64,
        "certificate": BASE64,
        "proof": BASE64,
    }
    raw = {**record({"raw": BASE64}), "additionalProperties": False}
    many = {**record({"transactions": {**array(raw), "minItems": 1}}), "additionalProperties": False}
    return {
        "Receipt": record(
            {
                "status": {"enum": ["succeeded", "failed"]},
                "code": optional(TEXT),
                "gas_used": INTEGER,
                "events": array(ref("Event")),
                "values": array(ref("Value")),
                "raw": BASE64,
            }
        ),
        "SubmissionRequest": {"anyOf": [raw, many]},
        "Submission": record(answer, tuple(name for name in answer if name not in ("id", "status"))),
        "SubmissionAnswer": {"anyOf": [ref("Submission"), record({"transactions": array(ref("Submission"))})]},
        "Transaction": {"anyOf": [record({**committed, **_content()}), record({**pending, **_content()})]},
        "ListedTransaction": record({"cursor": TEXT, **committed, **_content()}),
        "TransactionProof": record({"id": DIGEST, "height": INTEGER, "index": INTEGER, "count": INTEGER, **proof}),
    }


def _block_schemas() -> dict[str, Schema]:
    summary: dict[str, Schema] = {
        "height": INTEGER,
        "hash": DIGEST,
        "parent_hash": DIGEST,
        "time": INTEGER,
        "proposer": TEXT,
        "view": INTEGER,
        "transaction_count": INTEGER,
        "size": INTEGER,
    }
    roots = ("chain_id", "parent_result_hash", "history_root", "transactions_root", "validators_hash")
    results = ("hash", "state_root", "receipts_root", "next_validators_hash")
    signature = record({"validator": TEXT, "signature": HEXADECIMAL})
    path: dict[str, Schema] = {"block_hash": DIGEST, "index": INTEGER, "size": INTEGER, "path": array(DIGEST)}
    path["consistency"] = array(DIGEST)
    certified: dict[str, Schema] = {"root": DIGEST, "header": BASE64, "result": BASE64, "certificate": BASE64}
    return {
        "ListedBlock": record({"cursor": TEXT, **summary}),
        "Block": record(
            {
                **summary,
                "version": INTEGER,
                "epoch": INTEGER,
                **dict.fromkeys(roots, DIGEST),
                "result": record(dict.fromkeys(results, DIGEST)),
                "certificate": record({"epoch": INTEGER, "view": INTEGER, "signatures": array(signature)}),
                "transactions": array(record({"id": DIGEST, "status": {"enum": ["succeeded", "failed"]}})),
            }
        ),
        "BlockHistory": record({**path, **certified}),
        "ListedEvent": {
            "allOf": [
                ref("Event"),
                record(
                    {
                        "cursor": TEXT,
                        "height": INTEGER,
                        "time": INTEGER,
                        "index": INTEGER,
                        "event_index": INTEGER,
                        "transaction_id": DIGEST,
                    }
                ),
            ]
        },
    }


def _state_schemas() -> dict[str, Schema]:
    contract: dict[str, Schema] = {
        "name": TEXT,
        "version": INTEGER,
        "language": INTEGER,
        "source_hash": DIGEST,
        "deployer": TEXT,
        "height": INTEGER,
    }
    key: Schema = {"anyOf": [array(ref("Value")), TEXT], "description": "The parts, or 0x and the encoded key"}
    return {
        "ListedContract": record({**contract, "frozen": BOOLEAN}),
        "Contract": record({**contract, "frozen": BOOLEAN, "source": TEXT}),
        "ListedVersion": record(contract),
        "ContractVersion": record({**contract, "source": TEXT}),
        "ContractAbi": record({**contract, "abi": ref("Abi")}),
        "ViewRequest": {
            **record(
                {
                    "args": {"anyOf": [array(ref("InputValue")), {"type": "object"}]},
                    "sender_key": optional(DIGEST),
                    "gas_limit": INTEGER,
                },
                ("args", "sender_key", "gas_limit"),
            ),
            "additionalProperties": False,
        },
        "ViewAnswer": record({"height": INTEGER, "value": ref("Value"), "gas_used": INTEGER}),
        "Leaf": record(
            {
                "value": ref("Value"),
                "deleted": BOOLEAN,
                "height": INTEGER,
                "index": INTEGER,
                "hash": DIGEST,
                "previous": optional(DIGEST),
                "raw": BASE64,
            }
        ),
        "StateEntry": record({"key": key, "key_raw": TEXT, "value": ref("Value")}),
        "StateHistory": record(
            {"height": INTEGER, "contract": TEXT, "key": key, "versions": array(ref("Leaf")), "complete": BOOLEAN}
        ),
        "State": record(
            {"height": INTEGER, "contract": TEXT, "key": key, "leaf": optional(ref("Leaf")), "proof": BASE64},
            ("proof",),
        ),
    }


def _proposal_schemas() -> dict[str, Schema]:
    vote = record({"organisation": TEXT, "member": TEXT, "approves": BOOLEAN, "height": INTEGER})
    summary: dict[str, Schema] = {
        "number": INTEGER,
        "action": {"enum": list(ACTIONS)},
        "subject": TEXT,
        "organisation": TEXT,
        "proposer": TEXT,
        "height": INTEGER,
        "expires": INTEGER,
        "status": {"enum": [*STATUSES, EXPIRED]},
        "decided_height": optional(INTEGER),
        "approvals_required": INTEGER,
        "votes": array(vote),
    }
    return {
        "ListedProposal": record(summary),
        "Proposal": record({**summary, "args": array(ref("Value")), "reason": TEXT, "roles": array(TEXT)}),
    }


def _finding_schemas() -> dict[str, Schema]:
    activity = dict.fromkeys(("blocks", "transactions", "failed", "events"), INTEGER)
    result = record({"type": {"enum": list(SEARCH_TYPES)}, "id": TEXT, "description": TEXT})
    statistics: dict[str, Schema] = {"height": INTEGER, "totals": record(activity), "resolution": TEXT}
    statistics |= {"start": INTEGER, "end": INTEGER, "periods": array(record({"time": INTEGER, **activity}))}
    return {
        "Account": record({"id": TEXT, "organisation": TEXT, "active": BOOLEAN, "keys": array(ref("Member"))}),
        "SearchAnswer": record({"query": TEXT, "indexed": BOOLEAN, "results": array(result)}),
        "Statistics": record(statistics),
    }


def _network_schemas() -> dict[str, Schema]:
    node = _node_fields()
    counts = {"epoch": INTEGER, "hash": DIGEST, "quorum": INTEGER, "faults_max": INTEGER}
    validator = record(
        {"id": TEXT, "organisation": TEXT, "consensus_key": DIGEST, "tls_certificates": array(HEXADECIMAL)}
    )
    return {
        "Organisation": record({"id": TEXT, "name": TEXT, "root_key": DIGEST, "active": BOOLEAN}),
        "Member": record({"id": TEXT, "organisation": TEXT, "roles": array(TEXT), "active": BOOLEAN, "key": DIGEST}),
        "Validators": record({**counts, "validators": array(validator)}),
        "Network": record(
            {
                "name": TEXT,
                "chain_id": DIGEST,
                "genesis_hash": DIGEST,
                "genesis_time": INTEGER,
                "head": record({"height": INTEGER, "hash": DIGEST, "time": INTEGER}),
                "validator_count": INTEGER,
                "quorum": INTEGER,
                "faults_max": INTEGER,
                "parameters": {"type": "object", "additionalProperties": INTEGER},
                "governance": {"type": "object"},
                "node": ref("NodeStatus"),
            }
        ),
        "NodeStatus": record(node),
        "CatchUp": _catch_up_schema(),
        "Genesis": {"type": "object", "description": "The form that people read; its canonical bytes are hashed"},
        "Live": record({"alive": BOOLEAN}),
        "Ready": record({"ready": {"const": True}, **node}, tuple(name for name in node if name != "ready")),
    }


def _node_fields() -> dict[str, Schema]:
    peer = record({"name": TEXT, "address": TEXT, "connected": BOOLEAN, "height": optional(INTEGER)})
    return {
        "name": TEXT,
        "version": TEXT,
        "validator": optional(TEXT),
        "ready": BOOLEAN,
        "not_ready_reasons": array(TEXT),
        "height": INTEGER,
        "view": INTEGER,
        "primary": optional(TEXT),
        "peers": array(peer),
        "mempool": record({"transactions": INTEGER, "bytes": INTEGER}),
        "pid": INTEGER,
        "executor_pid": optional(INTEGER),
        "walls_missing": array(TEXT),
        "protocol_version": INTEGER,
        "notices": array(TEXT),
        "catch_up": optional(ref("CatchUp")),
        "lacking": record(
            {
                "blocks": array(record({"first": INTEGER, "last": INTEGER})),
                "versions_until": optional(INTEGER),
            }
        ),
    }


def _catch_up_schema() -> Schema:
    return record(
        {
            "phase": TEXT,
            "height": INTEGER,
            "target": INTEGER,
            "done": INTEGER,
            "total": INTEGER,
            "unit": TEXT,
            "per_second": optional({"type": "number"}),
            "remaining_seconds": optional({"type": "number"}),
            "sources": array(TEXT),
            "set_aside": array(record({"peer": TEXT, "reason": TEXT})),
        }
    )
