"""Submitting transactions: one or many, as JSON or MessagePack, at once or waiting until they are committed."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from aiohttp import web

from api.context import ApiContext, context_of
from api.ports import CommittedTransaction, Submission, SubmissionState
from api.problems import Problem, refusal
from api.render import committed_json, submission_json
from api.requests import (
    JSON_TYPE,
    MSGPACK_TYPES,
    expect_parameters,
    flag_of,
    json_from,
    read_body,
    seconds_of,
)
from api.responses import base64_text, json_response
from chain.block import TRANSACTION_BYTES_MIN
from chain.encoding import DecodeError, decode
from chain.types import Digest

_Committed = Mapping[Digest, CommittedTransaction]


async def submit(request: web.Request) -> web.Response:
    """Answer POST /v1/transactions."""
    expect_parameters(request, "wait", "timeout", "proof")
    context = context_of(request)
    limits = context.limits
    wait = request.query.get("wait")
    if wait not in (None, "committed"):
        raise Problem("invalid_parameter", "wait is committed, or is left out", parameter="wait")
    timeout = seconds_of(request, "timeout", limits.wait_seconds_default, limits.wait_seconds_max)
    with_proof = flag_of(request, "proof")
    raws, batch = await _read_transactions(request, context)
    submissions = await _hand_on(raws, context)
    for submission in submissions:
        context.metrics.count_transactions(submission.state.value)
    ids = _ids(submissions, SubmissionState.RECEIVED, SubmissionState.PENDING, SubmissionState.COMMITTED)
    if not ids:
        raise _refusal_of_all(submissions, batch)
    # Without waiting, those that were committed before are still answered in full: a resend gets the same answer.
    wanted = ids if wait else _ids(submissions, SubmissionState.COMMITTED)
    committed: _Committed = {}
    if wanted:
        waiting = context.node.wait_committed(wanted, timeout)
        committed = await context.unless_stopping(waiting, timeout + 1) or {}
    status = 200 if all(known in committed for known in ids) else 202
    detail = "" if status == 200 else _pending_detail(context, waited=bool(wait))
    answers = [await _answer(context, known, committed, with_proof, detail) for known in submissions]
    if batch:
        return json_response({"transactions": answers}, status=status)
    return json_response(answers[0], status=status, headers={"Location": f"/v1/transactions/{ids[0].hex()}"})


async def _hand_on(raws: Sequence[bytes], context: ApiContext) -> Sequence[Submission]:
    """Return the node's answer to each transaction; those that no block could hold never reach it."""
    size_max = context.node.genesis.parameters.transaction_bytes_max
    fitting = [raw for raw in raws if len(raw) <= size_max]
    answers = await context.node.submit(fitting)
    assert len(answers) == len(fitting), "the node answers for each transaction"
    if len(fitting) == len(raws):
        return answers
    following = iter(answers)
    return [next(following) if len(raw) <= size_max else _too_large(raw, size_max) for raw in raws]


def _too_large(raw: bytes, size_max: int) -> Submission:
    detail = f"{len(raw)} bytes, at most {size_max}"
    return Submission(SubmissionState.REFUSED, None, "transaction_too_large", detail)


def _ids(submissions: Sequence[Submission], *states: SubmissionState) -> list[Digest]:
    return [known.transaction_id for known in submissions if known.transaction_id and known.state in states]


def _refusal_of_all(submissions: Sequence[Submission], batch: bool) -> Problem:
    first = submissions[0]
    members: dict[str, Any] = {"transactions": [submission_json(known) for known in submissions]} if batch else {}
    if first.transaction_id is not None and not batch:
        members["id"] = first.transaction_id.hex()
    return refusal(first.code, first.detail, first.retry_after_seconds, **members)


def _pending_detail(context: ApiContext, *, waited: bool) -> str:
    """Return what the client is told of a transaction without a receipt, with the node's own troubles."""
    reasons = context.node.status().not_ready_reasons
    told = "received, and may still be lost"
    if waited:
        told = "not committed yet"
    if reasons:
        told += f" ({'; '.join(reasons)})"
    return f"{told}: look it up, or send the same bytes again, which is always safe"


async def _answer(
    context: ApiContext, submission: Submission, committed: _Committed, with_proof: bool, pending_detail: str
) -> dict[str, Any]:
    if submission.state is SubmissionState.REFUSED or submission.transaction_id is None:
        return submission_json(submission)
    known = committed.get(submission.transaction_id)
    if known is None:
        # What is decided but cannot be read yet is pending to the client: an acknowledgement has a receipt.
        received = submission.state is SubmissionState.RECEIVED
        state = SubmissionState.RECEIVED if received else SubmissionState.PENDING
        return {**submission_json(replace(submission, state=state)), "detail": pending_detail}
    answer = committed_json(known)
    if with_proof:
        block = await context.blocks.get(known.height)
        assert block is not None, "a committed transaction stands in a block"
        answer["proof"] = base64_text(block.prover.prove(known.index).encoded())
    return answer


async def _read_transactions(request: web.Request, context: ApiContext) -> tuple[list[bytes], bool]:
    """Return the raw transactions of a request and whether it came as a batch."""
    media_type = request.content_type
    if media_type not in MSGPACK_TYPES and media_type != JSON_TYPE:
        raise Problem("unsupported_media_type", f"{media_type} is neither application/json nor application/msgpack")
    body = await read_body(request, context.limits)
    value = _from_json(json_from(body)) if media_type == JSON_TYPE else _from_msgpack(body, context)
    if isinstance(value, bytes):
        return [value], False
    if not value:
        raise Problem("malformed_body", "there is no transaction in it")
    if len(value) > context.limits.transactions_max:
        detail = f"{len(value)} transactions where {context.limits.transactions_max} are allowed"
        raise Problem("too_many_transactions", detail)
    return value, True


def _from_msgpack(body: bytes, context: ApiContext) -> bytes | list[bytes]:
    try:
        # Anybody may send a body: millions of empty arrays in it must not become millions of objects.
        values_max = context.limits.transactions_max + len(body) // TRANSACTION_BYTES_MIN + 1
        value = decode(body, size_max=context.limits.body_bytes_max, depth_max=1, values_max=values_max)
    except DecodeError as error:
        raise Problem("malformed_body", str(error)) from error
    if isinstance(value, bytes):
        return value
    if not isinstance(value, list) or any(type(raw) is not bytes for raw in value):
        raise Problem("malformed_body", "expected the bytes of a transaction, or an array of such")
    return value


def _from_json(document: Any) -> bytes | list[bytes]:
    match document:
        case {"raw": str(text), **rest} if not rest:
            return _from_base64(text, "raw")
        case {"transactions": list(entries), **rest} if not rest:
            return [_from_entry(entry, index) for index, entry in enumerate(entries)]
    raise Problem("malformed_body", 'expected {"raw": base64} or {"transactions": [{"raw": base64}, ...]}')


def _from_entry(entry: Any, index: int) -> bytes:
    match entry:
        case {"raw": str(text), **rest} if not rest:
            return _from_base64(text, f"transactions[{index}].raw")
    raise Problem("malformed_body", f'transactions[{index}] is not {{"raw": base64}}')


def _from_base64(text: str, where: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Problem("malformed_body", f"{where} is not base64: {error}") from error
