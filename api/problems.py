"""Every error that the API answers with: one table of stable codes, and their form as problem+json (RFC 9457).

A code never changes its meaning; programs branch on it, people read the detail. docs/api.md lists all of them.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from chain.values import dataclass

PROBLEM_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:tallystick:problem:"


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """One kind of error."""

    status: int
    title: str


PROBLEMS: Final[Mapping[str, ProblemKind]] = {
    # The request itself.
    "invalid_parameter": ProblemKind(400, "A parameter of the request is not valid"),
    "invalid_cursor": ProblemKind(400, "The cursor was not issued for this listing"),
    "malformed_body": ProblemKind(400, "The body is not what this resource takes"),
    "bad_request": ProblemKind(400, "The request cannot be understood"),
    "not_found": ProblemKind(404, "There is no such resource"),
    "method_not_allowed": ProblemKind(405, "The resource does not support this method"),
    "not_acceptable": ProblemKind(406, "The resource has no form that the client accepts"),
    "body_too_large": ProblemKind(413, "The body exceeds the limit of this node"),
    "too_many_transactions": ProblemKind(413, "The request holds more transactions than this node takes at once"),
    "unsupported_media_type": ProblemKind(415, "The resource does not take a body of this type"),
    "token_required": ProblemKind(401, "This node asks who reads"),
    # What was asked for.
    "unknown_transaction": ProblemKind(404, "This node does not know the transaction"),
    "unknown_block": ProblemKind(404, "There is no such block yet, or none with this hash"),
    "unknown_contract": ProblemKind(404, "There is no such contract"),
    "unknown_version": ProblemKind(404, "The contract has no such version"),
    "unknown_proposal": ProblemKind(404, "There is no such proposal"),
    "unknown_method": ProblemKind(404, "The contract has no such view"),
    "unknown_organisation": ProblemKind(404, "There is no such organisation"),
    "unknown_member": ProblemKind(404, "There is no member with this key"),
    "unknown_account": ProblemKind(404, "There is no account with this name"),
    "not_indexed": ProblemKind(404, "This node keeps no index of history; another one may"),
    "unknown_evidence": ProblemKind(404, "This node holds no such evidence"),
    "not_committed": ProblemKind(409, "The transaction is not committed yet"),
    "not_signed": ProblemKind(409, "This node signs no head"),
    "not_certified": ProblemKind(409, "No block certifies this state yet"),
    "pruned": ProblemKind(410, "It existed, and this node no longer keeps it"),
    "view_failed": ProblemKind(422, "The contract refused the view; contract_code says why"),
    # Why a transaction was not admitted; nothing was changed.
    "malformed_transaction": ProblemKind(400, "The bytes are no transaction in canonical form"),
    "unknown_sender": ProblemKind(403, "The sender's key is not registered or was revoked"),
    "transaction_too_large": ProblemKind(413, "The transaction exceeds the ledger's limit"),
    "bad_signature": ProblemKind(422, "The signature is not the sender's over this transaction"),
    "foreign_chain": ProblemKind(422, "The transaction was made for another ledger"),
    "expired": ProblemKind(422, "The transaction can no longer be committed"),
    "valid_until_too_far": ProblemKind(422, "The transaction is valid for longer than the ledger allows"),
    "gas_limit_too_high": ProblemKind(422, "The gas limit exceeds what the ledger allows a transaction"),
    "gas_limit_too_low": ProblemKind(422, "The gas limit is less than what a transaction of this size pays by itself"),
    "refused": ProblemKind(422, "The transaction was refused; the detail says why"),
    "refused_meanwhile": ProblemKind(
        409, "The same transaction was being refused just now; send it again to learn why"
    ),
    "overloaded": ProblemKind(429, "More waits than this network can commit soon"),
    "mempool_full": ProblemKind(429, "Too many transactions wait on this node"),
    "organisation_share_exceeded": ProblemKind(429, "Too many transactions of this organisation wait on this node"),
    # The node.
    "internal_error": ProblemKind(500, "This node failed to answer; its log has the correlation id"),
    "not_ready": ProblemKind(503, "This node cannot serve the request now"),
    "too_many_streams": ProblemKind(503, "This node serves as many event streams as it may"),
}

NOT_READY_RETRY_SECONDS: Final = 1


class Problem(Exception):
    """An error answer; raised anywhere in a handler, turned into a response in the middleware."""

    def __init__(self, code: str, detail: str, *, retry_after_seconds: int | None = None, **members: Any) -> None:
        super().__init__(f"{code}: {detail}")
        assert code in PROBLEMS, f"{code} is not in the table"
        self.code = code
        self.detail = detail
        self.retry_after_seconds = retry_after_seconds
        self.members = members
        """Further members of the problem object."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        return PROBLEMS[self.code].status

    def as_json(self) -> dict[str, Any]:
        """Return the problem object."""
        kind = PROBLEMS[self.code]
        problem = {"type": TYPE_PREFIX + self.code, "title": kind.title, "status": kind.status}
        return {**problem, "code": self.code, "detail": self.detail, **self.members}


def problem_response(problem: Problem, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return the response that a problem is."""
    response = web.Response(
        status=problem.status, body=json.dumps(problem.as_json()).encode(), content_type=PROBLEM_TYPE, headers=headers
    )
    if problem.code == "token_required":
        response.headers["WWW-Authenticate"] = 'Bearer realm="tallystick"'
    if problem.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(problem.retry_after_seconds)
    return response


def refusal(code: str | None, detail: str | None, retry_after_seconds: int | None, **members: Any) -> Problem:
    """Return the problem of a transaction that the node refused."""
    text = detail or "the node gave no reason"
    if code is None or code not in PROBLEMS:
        code, text = "refused", f"{code}: {text}"
    return Problem(code, text, retry_after_seconds=retry_after_seconds, **members)


def not_ready(reasons: tuple[str, ...]) -> Problem:
    """Return the problem of a node that cannot serve a request now."""
    detail = "; ".join(reasons) or "the node does not say why"
    return Problem("not_ready", detail, retry_after_seconds=NOT_READY_RETRY_SECONDS, reasons=list(reasons))
