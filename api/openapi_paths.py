"""The paths of the OpenAPI document: parameters, bodies and answers of every route."""

from typing import Final

from api.openapi_contracts import contract_paths, proposal_paths, version_paths
from api.openapi_evidence import evidence_paths
from api.openapi_finding import finding_paths
from api.openapi_parts import (
    BLOCK,
    BYTES,
    CONTRACT,
    CURSOR_PARAMETER,
    FLAG,
    ID,
    KEY,
    LAST_ID,
    LIMIT,
    LISTING,
    MSGPACK,
    ORGANISATION,
    WORD,
    Operation,
    answer,
    get,
    path,
    problems,
    query,
)
from api.openapi_schemas import DIGEST, INTEGER, TEXT, page, ref
from api.problems import PROBLEMS
from api.requests import BINARY_TYPE, EVENT_STREAM_TYPE, JSON_TYPE


def paths() -> dict[str, dict[str, Operation]]:
    """Return all paths with their operations."""
    ledger = {**_transactions(), **_blocks(), **contract_paths(), **version_paths(), **proposal_paths(), **_state()}
    return {**ledger, **_consortium(), **finding_paths(), **evidence_paths(), **_operations()}


def _submission() -> Operation:
    admission = [code for code in PROBLEMS if code in _ADMISSION]
    codes = ("malformed_body", "too_many_transactions", "body_too_large", "unsupported_media_type", *admission)
    body = {JSON_TYPE: {"schema": ref("SubmissionRequest")}, MSGPACK: {"schema": BYTES}}
    accepted = answer("Received or waiting; it may be lost: send the same bytes again", ref("SubmissionAnswer"))
    accepted["headers"]["Location"] = {"schema": TEXT, "description": "Of a single transaction"}
    return {
        "operationId": "submitTransactions",
        "tags": ["transactions"],
        "summary": "Submit one transaction, or many",
        "parameters": [
            query("wait", {"const": "committed"}, "Answer when the transaction is committed and its effects visible"),
            query("timeout", {"type": "number", "minimum": 0}, "Seconds to wait; cut to what the node allows"),
            query("proof", FLAG, "Add the proof of each committed transaction"),
        ],
        "requestBody": {"required": True, "content": body},
        "responses": {
            "200": answer("Committed, each with its receipt", ref("SubmissionAnswer")),
            "202": accepted,
            **problems(*codes),
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
        "gas_limit_too_low",
        "refused",
        "refused_meanwhile",
        "overloaded",
        "mempool_full",
        "organisation_share_exceeded",
    }
)


def _transactions() -> dict[str, dict[str, Operation]]:
    listing = answer("A page, or a stream", page("transactions", ref("ListedTransaction")), (EVENT_STREAM_TYPE, TEXT))
    filters = (
        query("sender", TEXT, "Only those that this account signed"),
        query("organisation", TEXT, "Only those that an account of this organisation signed"),
        query("contract", TEXT, "Only those that call this contract or in which it announced something"),
        query("mentions", WORD, "Only those that name this word: an account, an item, a UETR, a hash, any identifier"),
        *LISTING,
        LAST_ID,
    )
    wrong = ("invalid_cursor", "not_indexed", "pruned", "too_many_streams")
    one = answer("The transaction", ref("Transaction"))
    proof = answer("The proof", ref("TransactionProof"), (BINARY_TYPE, BYTES))
    tag = "transactions"
    return {
        "/v1/transactions": {
            "post": _submission(),
            "get": get(
                "listTransactions",
                tag,
                "List or follow transactions, the filters hold for both",
                filters,
                listing,
                *wrong,
            ),
        },
        "/v1/transactions/{id}": {
            "get": get("getTransaction", tag, "Look a transaction up", (ID,), one, "unknown_transaction", "pruned")
        },
        "/v1/transactions/{id}/proof": {
            "get": get(
                "getTransactionProof",
                tag,
                "Prove a transaction and its receipt",
                (ID,),
                proof,
                "unknown_transaction",
                "not_committed",
                "pruned",
            )
        },
    }


def _blocks() -> dict[str, dict[str, Operation]]:
    listing = answer("A page, or a stream", page("blocks", ref("ListedBlock")), (EVENT_STREAM_TYPE, TEXT))
    events = answer("A page, or a stream", page("events", ref("ListedEvent")), (EVENT_STREAM_TYPE, TEXT))
    raw = {"description": "Bytes", "content": {BINARY_TYPE: {"schema": BYTES}}}
    many = {"description": "A range of recorded blocks", "content": {MSGPACK: {"schema": BYTES}}}
    one = answer("The block", ref("Block"), (BINARY_TYPE, BYTES))
    later = query("height", INTEGER, "The later header that commits to the block; the head's unless given")
    first = query("from", INTEGER, "First height")
    count = query("limit", {"type": "integer", "minimum": 1, "maximum": 1000}, "Blocks at most")
    filters = (
        query("contract", TEXT, "Only events of this contract"),
        query("name", TEXT, "Only such events"),
        query("mentions", WORD, "Only events with this word among their fields"),
        query("sender", TEXT, "Only events of transactions that this account signed"),
        query("organisation", TEXT, "Only events of transactions that an account of this organisation signed"),
    )
    stream = (*LISTING, LAST_ID)
    wrong = ("invalid_cursor", "pruned", "too_many_streams")
    gone = ("unknown_block", "pruned")
    return {
        "/v1/blocks": {"get": get("listBlocks", "blocks", "List or follow blocks", stream, listing, *wrong)},
        "/v1/blocks/raw": {
            "get": get("exportBlocks", "blocks", "Export consecutive blocks", (first, count), many, "pruned")
        },
        "/v1/blocks/{block}": {"get": get("getBlock", "blocks", "Look a block up", (BLOCK,), one, *gone)},
        "/v1/blocks/{block}/raw": {"get": get("getBlockRaw", "blocks", "Export a block", (BLOCK,), raw, *gone)},
        "/v1/blocks/{block}/history": {
            "get": get(
                "getBlockHistory",
                "blocks",
                "Prove that a later header commits to a block",
                (BLOCK, later),
                answer("The proof", ref("BlockHistory")),
                *gone,
            )
        },
        "/v1/checkpoint": {
            "get": get(
                "getCheckpoint",
                "blocks",
                "Read the head, signed by this validator",
                (),
                {"description": "A note of C2SP", "content": {"text/plain": {"schema": TEXT}}},
                "not_signed",
            )
        },
        "/v1/events": {
            "get": get(
                "listEvents",
                "events",
                "List or follow events, the filters hold for both",
                (*filters, *stream),
                events,
                "not_indexed",
                *wrong,
            )
        },
    }


def _state() -> dict[str, dict[str, Operation]]:
    prefix = query("prefix", TEXT, "Only keys that begin with these parts")
    proof = query("proof", FLAG, "Add the proof against a certified state root")
    listing = answer("A page", page("entries", ref("StateEntry")))
    one = answer("What the state holds; no leaf if the key never existed", ref("State"), (BINARY_TYPE, BYTES))
    versions = answer("Versions, newest first", ref("StateHistory"))
    version = query("version", DIGEST, "Begin with the version that has this hash, such as `previous` of another one")
    unknown = "unknown_contract"
    return {
        "/v1/state/{contract}": {
            "get": get(
                "listState",
                "state",
                "List keys",
                (CONTRACT, prefix, LIMIT, CURSOR_PARAMETER),
                listing,
                "invalid_cursor",
                unknown,
            )
        },
        "/v1/state/{contract}/{key}": {
            "get": get(
                "getState", "state", "Read a key", (CONTRACT, KEY, proof), one, "not_certified", unknown, "pruned"
            )
        },
        "/v1/state/{contract}/{key}/history": {
            "get": get(
                "getStateHistory",
                "state",
                "Read a key's versions",
                (CONTRACT, KEY, LIMIT, version),
                versions,
                "pruned",
                unknown,
            )
        },
    }


def _consortium() -> dict[str, dict[str, Operation]]:
    tag, unknown = "consortium", "unknown_organisation"
    listing = answer("A page", page("organisations", ref("Organisation")))
    members = answer("A page", page("members", ref("Member")))
    cursors = (LIMIT, CURSOR_PARAMETER)
    key = path("key", DIGEST, "The member's public key")
    genesis = answer("The genesis", ref("Genesis"), (BINARY_TYPE, BYTES))
    return {
        "/v1/organisations": {
            "get": get("listOrganisations", tag, "List organisations", cursors, listing, "invalid_cursor")
        },
        "/v1/organisations/{organisation}": {
            "get": get(
                "getOrganisation",
                tag,
                "Read an organisation",
                (ORGANISATION,),
                answer("The organisation", ref("Organisation")),
                unknown,
            )
        },
        "/v1/organisations/{organisation}/members": {
            "get": get("listMembers", tag, "List its members", (ORGANISATION, *cursors), members, unknown)
        },
        "/v1/members/{key}": {
            "get": get("getMember", tag, "Read a member", (key,), answer("The member", ref("Member")), "unknown_member")
        },
        "/v1/validators": {
            "get": get("getValidators", tag, "Read the validators", (), answer("The set", ref("Validators")))
        },
        "/v1/network": {
            "get": get("getNetwork", tag, "Read the network and this node", (), answer("It", ref("Network")))
        },
        "/v1/network/status": {
            "get": get(
                "getNetworkStatus",
                tag,
                "Read what this node knows of why something is, or is not, being committed",
                (),
                answer("Its votes, peers, clock, disk, helpers and waiting transactions", ref("NetworkStatus")),
            )
        },
        "/v1/genesis": {"get": get("getGenesis", tag, "Read the genesis", (), genesis)},
    }


def _operations() -> dict[str, dict[str, Operation]]:
    verbose = query("verbose", FLAG, "Add the node's whole condition")
    text = {"description": "Prometheus text format", "content": {"text/plain": {"schema": TEXT}}}
    document = answer("This document", {"type": "object"})
    ready = answer("It can", ref("Ready"))
    page = {"description": "A page for people", "content": {"text/html": {"schema": TEXT}}}
    kinds = ("text/html", "text/javascript", "text/css", "image/svg+xml")
    file = {"description": "The file", "content": {kind: {"schema": BYTES} for kind in kinds}}
    name = path("file", TEXT, "The file's name")
    return {
        "/": {"get": get("getExplorer", "node", "Open the explorer", (), page)},
        "/explorer/{file}": {
            "get": get("getExplorerFile", "node", "Read a file of the explorer", (name,), file, "not_found")
        },
        "/livez": {"get": get("getLivez", "node", "Does the node live", (), answer("It does", ref("Live")))},
        "/readyz": {"get": get("getReadyz", "node", "Can the node serve", (verbose,), ready)},
        "/metrics": {"get": get("getMetrics", "node", "Read the metrics", (), text)},
        "/openapi.json": {"get": get("getOpenapi", "node", "Read this document", (), document)},
    }
