"""The part of the OpenAPI document about evidence against validators."""

from api.openapi_parts import BYTES, Operation, answer, get, path
from api.openapi_schemas import BOOLEAN, DIGEST, INTEGER, TEXT, array, record
from api.requests import BINARY_TYPE


def evidence_paths() -> dict[str, dict[str, Operation]]:
    """Return the paths with their operations."""
    tag = "consortium"
    entry = {"digest": DIGEST, "validator": TEXT, "code": TEXT, "epoch": INTEGER, "height": INTEGER}
    entry |= {"view": INTEGER, "bytes": INTEGER, "durable": BOOLEAN}
    listing = record({"evidence": array(record(entry)), "next": {"type": "null"}})
    return {
        "/v1/evidence": {
            "get": get(
                "listEvidence",
                tag,
                "List what this node can prove against validators",
                (),
                answer("All of it", listing),
            )
        },
        "/v1/evidence/{digest}": {
            "get": get(
                "getEvidence",
                tag,
                "Read evidence as the bytes that prove it",
                (path("digest", DIGEST, "The evidence's digest"),),
                {"description": "Canonical bytes", "content": {BINARY_TYPE: {"schema": BYTES}}},
                "unknown_evidence",
            )
        },
    }
