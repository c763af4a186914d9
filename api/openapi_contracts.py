"""The paths of the OpenAPI document that are about contracts and the decisions on them."""

from api.openapi_parts import (
    BYTES,
    CONTRACT,
    CURSOR_PARAMETER,
    LIMIT,
    METHOD,
    MSGPACK,
    Operation,
    answer,
    get,
    path,
    query,
)
from api.openapi_schemas import DIGEST, INTEGER, TEXT, page, ref
from api.requests import JSON_TYPE
from chain.proposals import EXPIRED, STATUSES


def contract_paths() -> dict[str, dict[str, Operation]]:
    """Return the paths of contracts and their views."""
    listing = answer(
        "A page, and how much of the ledger's room for code all contracts in force take, in tokens",
        page("contracts", ref("ListedContract"), code_tokens=INTEGER, code_tokens_max=INTEGER),
    )
    view = answer("What the view returned", ref("ViewAnswer"), (MSGPACK, BYTES))
    parameters = (
        CONTRACT,
        METHOD,
        query("args", TEXT, "Arguments: a JSON array of values, or an object of plain values by the parameters' names"),
        query("sender_key", DIGEST, "Public key of the member as whom the view runs"),
        query("gas_limit", INTEGER, "Gas that the view may use"),
    )
    codes = ("unknown_contract", "unknown_method", "view_failed", "malformed_body")
    body = {JSON_TYPE: {"schema": ref("ViewRequest")}, MSGPACK: {"schema": BYTES}}
    post = get(
        "callView",
        "contracts",
        "Call a view",
        (CONTRACT, METHOD),
        view,
        *codes,
        "body_too_large",
        "unsupported_media_type",
    )
    return {
        "/v1/contracts": {
            "get": get(
                "listContracts", "contracts", "List contracts", (LIMIT, CURSOR_PARAMETER), listing, "invalid_cursor"
            )
        },
        "/v1/contracts/{contract}": {
            "get": get(
                "getContract",
                "contracts",
                "Read a contract with its source",
                (CONTRACT,),
                answer("The contract", ref("Contract")),
                "unknown_contract",
            )
        },
        "/v1/contracts/{contract}/abi": {
            "get": get(
                "getContractAbi",
                "contracts",
                "Read what clients need to call a contract",
                (CONTRACT,),
                answer("The interface", ref("ContractAbi")),
                "unknown_contract",
            )
        },
        "/v1/contracts/{contract}/views/{method}": {
            "get": get("getView", "contracts", "Call a view", parameters, view, *codes),
            "post": {**post, "requestBody": {"required": True, "content": body}},
        },
    }


def version_paths() -> dict[str, dict[str, Operation]]:
    """Return the paths of contracts' versions."""
    return {
        "/v1/contracts/{contract}/versions": {
            "get": get(
                "listContractVersions",
                "contracts",
                "List a contract's versions",
                (CONTRACT, LIMIT, CURSOR_PARAMETER),
                answer("A page", page("versions", ref("ListedVersion"))),
                "unknown_contract",
            )
        },
        "/v1/contracts/{contract}/versions/{version}/abi": {
            "get": get(
                "getContractVersionAbi",
                "contracts",
                "Read what clients needed to call a version",
                (CONTRACT, path("version", INTEGER, "The version's number, from 1")),
                answer("The interface", ref("ContractAbi")),
                "unknown_contract",
                "unknown_version",
            )
        },
        "/v1/contracts/{contract}/versions/{version}": {
            "get": get(
                "getContractVersion",
                "contracts",
                "Read a version of a contract with its source",
                (CONTRACT, path("version", INTEGER, "The version's number, from 1")),
                answer("The version", ref("ContractVersion")),
                "unknown_contract",
                "unknown_version",
            )
        },
    }


def proposal_paths() -> dict[str, dict[str, Operation]]:
    """Return the paths of proposals."""
    status = query("status", {"enum": [*STATUSES, EXPIRED]}, "Only such proposals; a page may then be short")
    listing = answer("A page", page("proposals", ref("ListedProposal")))
    number = path("number", INTEGER, "The proposal's number, from 1")
    one = answer("The proposal", ref("Proposal"))
    tag = "proposals"
    return {
        "/v1/proposals": {
            "get": get("listProposals", tag, "List proposals, newest first", (status, LIMIT, CURSOR_PARAMETER), listing)
        },
        "/v1/proposals/{number}": {
            "get": get("getProposal", tag, "Read a proposal", (number,), one, "unknown_proposal")
        },
    }
