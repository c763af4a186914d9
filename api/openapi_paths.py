"""The paths of the OpenAPI document: parameters, bodies and answers of every route."""

from typing import Any, Final

from api.openapi_schemas import DIGEST, INTEGER, TEXT, Schema, page, ref
from api.problems import PROBLEM_TYPE, PROBLEMS
from api.requests import BINARY_TYPE, EVENT_STREAM_TYPE, JSON_TYPE, LIMIT_DEFAULT, LIMIT_MAX

Operation = dict[str, Any]

MSGPACK: Final = "application/msgpack"
_BYTES: Final[Schema] = {"type": "string", "format": "binary"}
_FLAG: Final[Schema] = {"enum": ["", "true", "false", "1", "0"]}
_ALWAYS: Final = ("invalid_parameter", "internal_error", "not_ready")


def _query(name: str, schema: Schema, description: str) -> Operation:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}


def _path(name: str, schema: Schema, description: str) -> Operation:
    return {"name": name, "in": "path", "required": True, "schema": schema, "description": description}


_LIMIT: Final = _query(
    "limit", {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT_DEFAULT}, "Entries of a page"
)
_ORDER: Final = _query("order", {"enum": ["asc", "desc"], "default": "desc"}, "Oldest or newest first")
_CURSOR: Final = _query("cursor", TEXT, "Where to go on; the value of `next`, or of an entry's `cursor`")
_LAST_ID: Final[Operation] = {
    "name": "Last-Event-ID",
    "in": "header",
    "required": False,
    "schema": TEXT,
    "description": "For event streams: the last id seen; it goes before the cursor",
}
_ID: Final = _path("id", DIGEST, "The transaction's id")
_BLOCK: Final = _path("block", TEXT, "A height, a block's hash, or latest")
_CONTRACT: Final = _path("contract", TEXT, "The contract's name")
_METHOD: Final = _path("method", TEXT, "The view's name")
_KEY: Final = _path("key", TEXT, 'The key\'s parts as a JSON array, such as ["balances","acme.alice"], or 0x and hex')
_ORGANISATION: Final = _path("organisation", TEXT, "The organisation's id")
_LISTING: Final = (_LIMIT, _ORDER, _CURSOR)


def _problems(*codes: str) -> dict[str, Operation]:
    by_status: dict[int, list[str]] = {}
    for code in (*codes, *_ALWAYS):
        by_status.setdefault(PROBLEMS[code].status, []).append(code)
    return {
        str(status): {
            "description": ", ".join(dict.fromkeys(names)),
            "content": {PROBLEM_TYPE: {"schema": ref("Problem")}},
        }
        for status, names in sorted(by_status.items())
    }


def _answer(description: str, schema: Schema, *others: tuple[str, Schema]) -> Operation:
    content = {JSON_TYPE: {"schema": schema}, **{media_type: {"schema": other} for media_type, other in others}}
    return {"description": description, "headers": {"X-Ledger-Height": {"schema": INTEGER}}, "content": content}


def _get(
    name: str,
    tag: str,
    summary: str,
    parameters: tuple[Operation, ...],
    answer: Operation,
    *codes: str,
    unchanged: bool = False,
) -> Operation:
    cached = {"304": {"description": "The client holds it already"}} if unchanged else {}
    responses = {"200": answer, **cached, **_problems(*codes)}
    return {
        "operationId": name,
        "tags": [tag],
        "summary": summary,
        "parameters": list(parameters),
        "responses": responses,
    }


def paths() -> dict[str, dict[str, Operation]]:
    """Return all paths with their operations."""
    return {**_transactions(), **_blocks(), **_contracts(), **_state(), **_consortium(), **_operations()}


def _submission() -> Operation:
    admission = [code for code in PROBLEMS if code in _ADMISSION]
    codes = ("malformed_body", "too_many_transactions", "body_too_large", "unsupported_media_type", *admission)
    body = {JSON_TYPE: {"schema": ref("SubmissionRequest")}, MSGPACK: {"schema": _BYTES}}
    accepted = _answer("Received or waiting; it may be lost: send the same bytes again", ref("SubmissionAnswer"))
    accepted["headers"]["Location"] = {"schema": TEXT, "description": "Of a single transaction"}
    return {
        "operationId": "submitTransactions",
        "tags": ["transactions"],
        "summary": "Submit one transaction, or many",
        "parameters": [
            _query("wait", {"const": "committed"}, "Answer when the transaction is committed and its effects visible"),
            _query("timeout", {"type": "number", "minimum": 0}, "Seconds to wait; cut to what the node allows"),
            _query("proof", _FLAG, "Add the proof of each committed transaction"),
        ],
        "requestBody": {"required": True, "content": body},
        "responses": {
            "200": _answer("Committed, each with its receipt", ref("SubmissionAnswer")),
            "202": accepted,
            **_problems(*codes),
        },
    }


_ADMISSION: Final = frozenset(
    {
        "malformed_transaction",
        "unknown_sender",
        "transaction_too_large",
        "bad_signature",
        "foreign_chain",
        "expired",
        "valid_until_too_far",
        "gas_limit_too_high",
        "refused",
        "refused_meanwhile",
        "overloaded",
        "mempool_full",
        "organisation_share_exceeded",
    }
)


def _transactions() -> dict[str, dict[str, Operation]]:
    listing = _answer("A page", page("transactions", ref("ListedTransaction")))
    one = _answer("The transaction", ref("Transaction"))
    proof = _answer("The proof", ref("TransactionProof"), (BINARY_TYPE, _BYTES))
    tag = "transactions"
    return {
        "/v1/transactions": {
            "post": _submission(),
            "get": _get("listTransactions", tag, "List transactions", _LISTING, listing, "invalid_cursor", "pruned"),
        },
        "/v1/transactions/{id}": {
            "get": _get("getTransaction", tag, "Look a transaction up", (_ID,), one, "unknown_transaction", "pruned")
        },
        "/v1/transactions/{id}/proof": {
            "get": _get(
                "getTransactionProof",
                tag,
                "Prove a transaction and its receipt",
                (_ID,),
                proof,
                "unknown_transaction",
                "not_committed",
                "pruned",
            )
        },
    }


def _blocks() -> dict[str, dict[str, Operation]]:
    listing = _answer("A page, or a stream", page("blocks", ref("ListedBlock")), (EVENT_STREAM_TYPE, TEXT))
    events = _answer("A page, or a stream", page("events", ref("ListedEvent")), (EVENT_STREAM_TYPE, TEXT))
    raw = {"description": "Bytes", "content": {BINARY_TYPE: {"schema": _BYTES}}}
    many = {"description": "A range of recorded blocks", "content": {MSGPACK: {"schema": _BYTES}}}
    one = _answer("The block", ref("Block"), (BINARY_TYPE, _BYTES))
    later = _query("height", INTEGER, "The later header that commits to the block; the head's unless given")
    first = _query("from", INTEGER, "First height")
    count = _query("limit", {"type": "integer", "minimum": 1, "maximum": 1000}, "Blocks at most")
    filters = (_query("contract", TEXT, "Only events of this contract"), _query("name", TEXT, "Only such events"))
    stream = (*_LISTING, _LAST_ID)
    wrong = ("invalid_cursor", "pruned", "too_many_streams")
    gone = ("unknown_block", "pruned")
    return {
        "/v1/blocks": {"get": _get("listBlocks", "blocks", "List or follow blocks", stream, listing, *wrong)},
        "/v1/blocks/raw": {
            "get": _get("exportBlocks", "blocks", "Export consecutive blocks", (first, count), many, "pruned")
        },
        "/v1/blocks/{block}": {
            "get": _get("getBlock", "blocks", "Look a block up", (_BLOCK,), one, *gone, unchanged=True)
        },
        "/v1/blocks/{block}/raw": {
            "get": _get("getBlockRaw", "blocks", "Export a block", (_BLOCK,), raw, *gone, unchanged=True)
        },
        "/v1/blocks/{block}/history": {
            "get": _get(
                "getBlockHistory",
                "blocks",
                "Prove that a later header commits to a block",
                (_BLOCK, later),
                _answer("The proof", ref("BlockHistory")),
                *gone,
            )
        },
        "/v1/events": {
            "get": _get("listEvents", "events", "List or follow events", (*filters, *stream), events, *wrong)
        },
    }


def _contracts() -> dict[str, dict[str, Operation]]:
    listing = _answer("A page", page("contracts", ref("ListedContract")))
    view = _answer("What the view returned", ref("ViewAnswer"), (MSGPACK, _BYTES))
    query = (
        _CONTRACT,
        _METHOD,
        _query("args", TEXT, "Arguments as a JSON array of values"),
        _query("sender_key", DIGEST, "Public key of the member as whom the view runs"),
        _query("gas_limit", INTEGER, "Gas that the view may use"),
    )
    codes = ("unknown_contract", "unknown_method", "view_failed", "malformed_body")
    body = {JSON_TYPE: {"schema": ref("ViewRequest")}, MSGPACK: {"schema": _BYTES}}
    post = _get(
        "callView",
        "contracts",
        "Call a view",
        (_CONTRACT, _METHOD),
        view,
        *codes,
        "body_too_large",
        "unsupported_media_type",
    )
    return {
        "/v1/contracts": {
            "get": _get("listContracts", "contracts", "List contracts", (_LIMIT, _CURSOR), listing, "invalid_cursor")
        },
        "/v1/contracts/{contract}": {
            "get": _get(
                "getContract",
                "contracts",
                "Read a contract with its source",
                (_CONTRACT,),
                _answer("The contract", ref("Contract")),
                "unknown_contract",
            )
        },
        "/v1/contracts/{contract}/views/{method}": {
            "get": _get("getView", "contracts", "Call a view", query, view, *codes),
            "post": {**post, "requestBody": {"required": True, "content": body}},
        },
    }


def _state() -> dict[str, dict[str, Operation]]:
    prefix = _query("prefix", TEXT, "Only keys that begin with these parts")
    proof = _query("proof", _FLAG, "Add the proof against a certified state root")
    listing = _answer("A page", page("entries", ref("StateEntry")))
    one = _answer("What the state holds; no leaf if the key never existed", ref("State"), (BINARY_TYPE, _BYTES))
    versions = _answer("Versions, newest first", ref("StateHistory"))
    unknown = "unknown_contract"
    return {
        "/v1/state/{contract}": {
            "get": _get(
                "listState",
                "state",
                "List keys",
                (_CONTRACT, prefix, _LIMIT, _CURSOR),
                listing,
                "invalid_cursor",
                unknown,
            )
        },
        "/v1/state/{contract}/{key}": {
            "get": _get(
                "getState", "state", "Read a key", (_CONTRACT, _KEY, proof), one, "not_certified", unknown, "pruned"
            )
        },
        "/v1/state/{contract}/{key}/history": {
            "get": _get(
                "getStateHistory",
                "state",
                "Read a key's versions",
                (_CONTRACT, _KEY, _LIMIT),
                versions,
                "pruned",
                unknown,
            )
        },
    }


def _consortium() -> dict[str, dict[str, Operation]]:
    tag, unknown = "consortium", "unknown_organisation"
    listing = _answer("A page", page("organisations", ref("Organisation")))
    members = _answer("A page", page("members", ref("Member")))
    cursors = (_LIMIT, _CURSOR)
    key = _path("key", DIGEST, "The member's public key")
    genesis = _answer("The genesis", ref("Genesis"), (BINARY_TYPE, _BYTES))
    return {
        "/v1/organisations": {
            "get": _get("listOrganisations", tag, "List organisations", cursors, listing, "invalid_cursor")
        },
        "/v1/organisations/{organisation}": {
            "get": _get(
                "getOrganisation",
                tag,
                "Read an organisation",
                (_ORGANISATION,),
                _answer("The organisation", ref("Organisation")),
                unknown,
            )
        },
        "/v1/organisations/{organisation}/members": {
            "get": _get("listMembers", tag, "List its members", (_ORGANISATION, *cursors), members, unknown)
        },
        "/v1/members/{key}": {
            "get": _get(
                "getMember", tag, "Read a member", (key,), _answer("The member", ref("Member")), "unknown_member"
            )
        },
        "/v1/validators": {
            "get": _get("getValidators", tag, "Read the validators", (), _answer("The set", ref("Validators")))
        },
        "/v1/network": {
            "get": _get("getNetwork", tag, "Read the network and this node", (), _answer("It", ref("Network")))
        },
        "/v1/genesis": {"get": _get("getGenesis", tag, "Read the genesis", (), genesis, unchanged=True)},
    }


def _operations() -> dict[str, dict[str, Operation]]:
    verbose = _query("verbose", _FLAG, "Add the node's whole condition")
    text = {"description": "Prometheus text format", "content": {"text/plain": {"schema": TEXT}}}
    document = _answer("This document", {"type": "object"})
    ready = _answer("It can", ref("Ready"))
    return {
        "/livez": {"get": _get("getLivez", "node", "Does the node live", (), _answer("It does", ref("Live")))},
        "/readyz": {"get": _get("getReadyz", "node", "Can the node serve", (verbose,), ready)},
        "/metrics": {"get": _get("getMetrics", "node", "Read the metrics", (), text)},
        "/openapi.json": {"get": _get("getOpenapi", "node", "Read this document", (), document)},
    }
