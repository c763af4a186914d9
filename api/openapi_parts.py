"""What the paths of the OpenAPI document are put together from: parameters, answers, problems, operations."""

from typing import Any, Final

from api.openapi_schemas import DIGEST, INTEGER, TEXT, Schema, ref
from api.problems import PROBLEM_TYPE, PROBLEMS
from api.requests import JSON_TYPE, LIMIT_DEFAULT, LIMIT_MAX
from chain.index_terms import WORD_BYTES_MAX

Operation = dict[str, Any]

MSGPACK: Final = "application/msgpack"
BYTES: Final[Schema] = {"type": "string", "format": "binary"}
WORD: Final[Schema] = {"type": "string", "minLength": 1, "maxLength": WORD_BYTES_MAX}
FLAG: Final[Schema] = {"enum": ["", "true", "false", "1", "0"]}
ALWAYS: Final = ("invalid_parameter", "token_required", "internal_error", "not_ready")


def query(name: str, schema: Schema, description: str) -> Operation:
    """Return an optional parameter of the query."""
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}


def path(name: str, schema: Schema, description: str) -> Operation:
    """Return a parameter of the path."""
    return {"name": name, "in": "path", "required": True, "schema": schema, "description": description}


LIMIT: Final = query(
    "limit", {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT_DEFAULT}, "Entries of a page"
)
ORDER: Final = query("order", {"enum": ["asc", "desc"], "default": "desc"}, "Oldest or newest first")
CURSOR_PARAMETER: Final = query("cursor", TEXT, "Where to go on; the value of `next`, or of an entry's `cursor`")
LAST_ID: Final[Operation] = {
    "name": "Last-Event-ID",
    "in": "header",
    "required": False,
    "schema": TEXT,
    "description": "For event streams: the last id seen; it goes before the cursor",
}
ID: Final = path("id", DIGEST, "The transaction's id")
BLOCK: Final = path("block", TEXT, "A height, a block's hash, or latest")
CONTRACT: Final = path("contract", TEXT, "The contract's name")
METHOD: Final = path("method", TEXT, "The view's name")
KEY: Final = path("key", TEXT, 'The key\'s parts as a JSON array, such as ["balances","acme.alice"], or 0x and hex')
ORGANISATION: Final = path("organisation", TEXT, "The organisation's id")
LISTING: Final = (LIMIT, ORDER, CURSOR_PARAMETER)


def problems(*codes: str) -> dict[str, Operation]:
    """Return the error answers by status, with those that every resource may give."""
    by_status: dict[int, list[str]] = {}
    for code in (*codes, *ALWAYS):
        by_status.setdefault(PROBLEMS[code].status, []).append(code)
    return {
        str(status): {
            "description": ", ".join(dict.fromkeys(names)),
            "content": {PROBLEM_TYPE: {"schema": ref("Problem")}},
        }
        for status, names in sorted(by_status.items())
    }


def answer(description: str, schema: Schema, *others: tuple[str, Schema]) -> Operation:
    """Return an answer in JSON, and in other media types."""
    content = {JSON_TYPE: {"schema": schema}, **{media_type: {"schema": other} for media_type, other in others}}
    return {"description": description, "headers": {"X-Ledger-Height": {"schema": INTEGER}}, "content": content}


def get(
    name: str,
    tag: str,
    summary: str,
    parameters: tuple[Operation, ...],
    good: Operation,
    *codes: str,
) -> Operation:
    """Return a reading operation; `codes` are the problems that it may answer with."""
    cached = {"304": {"description": "The client holds it already (If-None-Match)"}}
    responses = {"200": good, **cached, **problems(*codes)}
    return {
        "operationId": name,
        "tags": [tag],
        "summary": summary,
        "parameters": list(parameters),
        "responses": responses,
    }
