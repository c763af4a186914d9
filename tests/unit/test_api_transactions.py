"""Submitting transactions over HTTP and reading what became of them."""

import asyncio
import base64
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from api_fake_node import STRANGER, FakeNode, deposit, fake_genesis, make_transaction
from api_support import Api, check_schema, serving

from api.context import ApiLimits
from chain.encoding import encode
from chain.mempool import AdmissionError
from chain.proofs import decode_transaction_proof

MSGPACK = {"Content-Type": "application/msgpack"}


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with serving(FakeNode(), ApiLimits(body_bytes_max=20_000, transactions_max=5)) as served:
        yield served


def raw_of(transaction_raw: bytes) -> dict[str, str]:
    return {"raw": base64.b64encode(transaction_raw).decode()}


async def test_one_transaction_waits_and_gets_its_receipt(api: Api) -> None:
    transaction = deposit(500)
    answer = await api.post("/v1/transactions?wait=committed&proof", json=raw_of(transaction.raw))
    assert answer.status == 200
    check_schema(answer.json, "Submission")
    assert answer.json["id"] == transaction.transaction_id.hex()
    assert (answer.json["height"], answer.json["index"]) == (1, 0)
    assert answer.headers["Location"] == f"/v1/transactions/{transaction.transaction_id.hex()}"
    assert answer.headers["X-Ledger-Height"] == "1"
    receipt = answer.json["receipt"]
    assert (receipt["status"], receipt["code"], receipt["gas_used"]) == ("succeeded", None, 40)
    assert receipt["values"] == [{"int": "500"}]
    fields = {"account": "acme.alice", "amount": {"int": "500"}, "note": {"bytes": "01"}}
    assert receipt["events"] == [{"contract": "bank", "name": "Deposited", "fields": fields}]
    proof = decode_transaction_proof(base64.b64decode(answer.json["proof"]))
    assert proof.transaction == transaction.raw


async def test_a_failed_call_is_committed_with_its_code(api: Api) -> None:
    answer = await api.post("/v1/transactions?wait=committed", json=raw_of(deposit(0).raw))
    assert answer.status == 200
    receipt = answer.json["receipt"]
    assert (receipt["status"], receipt["code"], receipt["events"]) == ("failed", "amount_not_positive", [])


async def test_without_waiting_the_answer_is_202_and_a_place_to_look(api: Api) -> None:
    api.node.auto_commit = False
    transaction = deposit(1)
    answer = await api.post("/v1/transactions", json=raw_of(transaction.raw))
    assert (answer.status, answer.json["status"]) == (202, "received")
    assert "same bytes again" in answer.json["detail"]
    check_schema(answer.json, "Submission")
    again = await api.post("/v1/transactions", json=raw_of(transaction.raw))
    assert (again.status, again.json["status"]) == (202, "pending")
    pending = await api.get(answer.headers["Location"])
    assert (pending.status, pending.json["status"]) == (200, "pending")
    check_schema(pending.json, "Transaction")
    await api.problem("GET", answer.headers["Location"] + "/proof", "not_committed")
    await api.node.commit()
    committed = await api.get(answer.headers["Location"])
    assert committed.json["status"] == "committed"
    check_schema(committed.json, "Transaction")


async def test_a_resend_gets_the_same_answer(api: Api) -> None:
    transaction = deposit(5)
    first = await api.post("/v1/transactions?wait=committed", json=raw_of(transaction.raw))
    second = await api.post("/v1/transactions?wait=committed", json=raw_of(transaction.raw))
    third = await api.post("/v1/transactions", json=raw_of(transaction.raw))
    assert first.json == second.json == third.json
    assert third.status == 200
    assert api.node.head().height == 1


async def test_waiting_ends_with_pending_when_the_time_is_over(api: Api) -> None:
    api.node.auto_commit = False
    answer = await api.post("/v1/transactions?wait=committed&timeout=0.05", json=raw_of(deposit(5).raw))
    assert (answer.status, answer.json["status"]) == (202, "received")
    assert "not committed yet" in answer.json["detail"]


async def test_the_node_says_why_nothing_is_committed(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    api.node.auto_commit = False
    status = replace(api.node.status(), not_ready_reasons=("only 1 of 3 peers is connected",))
    monkeypatch.setattr(api.node, "status", lambda: status)
    body = encode([deposit(5).raw])
    answer = await api.post("/v1/transactions?wait=committed&timeout=0.05", data=body, headers=MSGPACK)
    assert "(only 1 of 3 peers is connected)" in answer.json["transactions"][0]["detail"]


async def test_what_is_decided_but_cannot_be_read_yet_is_pending(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(ids: object, timeout_seconds: float) -> dict[object, object]:
        return {}

    await api.node.submit([deposit(5).raw])
    monkeypatch.setattr(api.node, "wait_committed", nothing)
    answer = await api.post("/v1/transactions?wait=committed&timeout=0.05", json=raw_of(deposit(5).raw))
    assert (answer.status, answer.json["status"]) == (202, "pending")


async def test_a_waiting_request_is_answered_by_the_block_that_comes(api: Api) -> None:
    api.node.auto_commit = False
    waiting = asyncio.create_task(api.post("/v1/transactions?wait=committed", json=raw_of(deposit(5).raw)))
    while not api.node.pending:
        await asyncio.sleep(0)
    await api.node.commit()
    assert (await waiting).json["status"] == "committed"


async def test_many_as_msgpack_and_as_json(api: Api) -> None:
    raws = [deposit(amount, nonce=amount).raw for amount in (1, 2, 3)]
    packed = await api.post("/v1/transactions?wait=committed", data=encode(raws), headers=MSGPACK)
    assert packed.status == 200
    check_schema(packed.json, "SubmissionAnswer")
    assert [entry["index"] for entry in packed.json["transactions"]] == [0, 1, 2]
    document = {"transactions": [raw_of(raw) for raw in raws]}
    again = await api.post("/v1/transactions?wait=committed", json=document)
    assert again.json == packed.json
    single = await api.post("/v1/transactions", data=encode(raws[0]), headers=MSGPACK)
    assert single.json == packed.json["transactions"][0]


async def test_a_batch_tells_of_each_transaction(api: Api) -> None:
    good = deposit(1)
    raws = [b"rubbish", good.raw, deposit(1, seed=STRANGER).raw]
    answer = await api.post("/v1/transactions?wait=committed", data=encode(raws), headers=MSGPACK)
    assert answer.status == 200
    entries = answer.json["transactions"]
    assert [entry["status"] for entry in entries] == ["refused", "committed", "refused"]
    assert [entry.get("code") for entry in entries] == ["malformed_transaction", None, "unknown_sender"]
    assert entries[0]["id"] is None


@pytest.mark.parametrize(
    ("transaction", "code"),
    [
        (deposit(1, genesis=fake_genesis("another")), "foreign_chain"),
        (deposit(1, valid_until=5), "expired"),
        (deposit(1, valid_until=2**60), "valid_until_too_far"),
        (deposit(1, gas_limit=2**40), "gas_limit_too_high"),
        (deposit(1, seed=STRANGER), "unknown_sender"),
    ],
)
async def test_refused_transactions_are_problems_with_the_cause(api: Api, transaction: object, code: str) -> None:
    raw = getattr(transaction, "raw")  # noqa: B009
    answer = await api.problem("POST", "/v1/transactions", code, json=raw_of(raw))
    assert len(answer.json["id"]) == 64
    assert answer.json["detail"]
    assert api.node.head().height == 0
    assert not api.node.pending


async def test_a_bad_signature_and_malformed_bytes(api: Api) -> None:
    good = deposit(1)
    body = good.raw[:-1] + bytes([good.raw[-1] ^ 1])
    await api.problem("POST", "/v1/transactions", "bad_signature", json=raw_of(body))
    await api.problem("POST", "/v1/transactions", "malformed_transaction", json=raw_of(good.raw + b"\0"))
    await api.problem("POST", "/v1/transactions", "malformed_transaction", json=raw_of(b""))


async def test_a_transaction_that_no_block_could_hold() -> None:
    async with serving(FakeNode()) as api:
        large = make_transaction(("bank", "deposit", ("x" * 70_000, 1)))
        await api.problem("POST", "/v1/transactions", "transaction_too_large", json=raw_of(large.raw))
        body = encode([deposit(1).raw, large.raw, deposit(2, nonce=2).raw])
        entries = (await api.post("/v1/transactions?wait=committed", data=body, headers=MSGPACK)).json["transactions"]
        assert [entry["status"] for entry in entries] == ["committed", "refused", "committed"]
        assert [len(raw) < 1_000 for raw in api.node.submitted] == [True, True]


@pytest.mark.parametrize("code", ["mempool_full", "organisation_share_exceeded"])
async def test_a_full_mempool_is_429_with_retry_after(api: Api, code: str) -> None:
    api.node.faults.refusal = AdmissionError(code, "too many wait", retry_after_seconds=3)
    answer = await api.problem("POST", "/v1/transactions", code, json=raw_of(deposit(1).raw))
    assert (answer.status, answer.headers["Retry-After"]) == (429, "3")
    batch = await api.problem("POST", "/v1/transactions", code, data=encode([deposit(1).raw]), headers=MSGPACK)
    assert batch.json["transactions"][0]["retry_after"] == 3


async def test_a_code_that_the_table_lacks_is_still_a_refusal(api: Api) -> None:
    api.node.faults.refusal = AdmissionError("quite_new", "no idea")
    answer = await api.problem("POST", "/v1/transactions", "refused", json=raw_of(deposit(1).raw))
    assert answer.json["detail"] == "quite_new: no idea"


async def test_a_node_that_is_not_ready_says_why(api: Api) -> None:
    api.node.faults.not_ready = ("only 2 of 3 validators are connected",)
    answer = await api.problem("POST", "/v1/transactions", "not_ready", json=raw_of(deposit(1).raw))
    assert answer.headers["Retry-After"] == "1"
    assert answer.json["reasons"] == ["only 2 of 3 validators are connected"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"raw": 5}',
        b'{"raw": "not base64!"}',
        b'{"raw": "AA==", "more": 1}',
        b'{"raw": "AA==", "raw": "AA=="}',
        b'{"transactions": []}',
        b'{"transactions": ["AA=="]}',
        b'{"transactions": [{"raw": "AA=="}, {"raw": "A"}]}',
        b'{"transactions": {"raw": "AA=="}}',
        b"\xff\xfe",
        b"[" * 5_000,
        b'{"raw": NaN}',
    ],
)
async def test_malformed_json_bodies(api: Api, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    await api.problem("POST", "/v1/transactions", "malformed_body", data=body, headers=headers)
    assert api.node.submitted == []


@pytest.mark.parametrize(
    "body",
    [b"", b"\xc1", encode([]), encode(5), encode([1]), encode([[b"a"]]), encode({"raw": b"a"}), b"\x91\xc5\0\1a"],
)
async def test_malformed_msgpack_bodies(api: Api, body: bytes) -> None:
    await api.problem("POST", "/v1/transactions", "malformed_body", data=body, headers=MSGPACK)
    assert api.node.submitted == []


async def test_a_body_of_empty_arrays_is_refused_before_it_is_decoded(api: Api) -> None:
    body = b"\xdc\x0f\xff" + b"\x90" * 4095
    answer = await api.problem("POST", "/v1/transactions", "malformed_body", data=body, headers=MSGPACK)
    assert "values in 4098 bytes" in answer.json["detail"]


async def test_limits_of_a_request(api: Api) -> None:
    too_many = encode([deposit(1, nonce=number).raw for number in range(6)])
    await api.problem("POST", "/v1/transactions", "too_many_transactions", data=too_many, headers=MSGPACK)
    await api.problem("POST", "/v1/transactions", "body_too_large", data=bytes(20_001), headers=MSGPACK)
    assert api.node.submitted == []


async def test_a_body_without_a_length_is_measured_while_it_is_read(api: Api) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield bytes(5_000)

    await api.problem("POST", "/v1/transactions", "body_too_large", data=chunks(), headers=MSGPACK)


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "application/octet-stream"])
async def test_other_media_types(api: Api, media_type: str) -> None:
    headers = {"Content-Type": media_type}
    await api.problem("POST", "/v1/transactions", "unsupported_media_type", data=b"{}", headers=headers)


async def test_compressed_bodies_are_not_unpacked(api: Api) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    await api.problem("POST", "/v1/transactions", "unsupported_media_type", data=b"\x1f\x8b", headers=headers)


@pytest.mark.parametrize("query", ["wait=yes", "timeout=-1", "timeout=x", "timeout=1&timeout=2", "proof=maybe", "w=1"])
async def test_wrong_parameters(api: Api, query: str) -> None:
    await api.problem("POST", f"/v1/transactions?{query}", "invalid_parameter", json=raw_of(deposit(1).raw))
    assert api.node.submitted == []


async def test_unknown_transactions(api: Api) -> None:
    await api.problem("GET", "/v1/transactions/" + "0" * 64, "unknown_transaction")
    await api.problem("GET", "/v1/transactions/" + "0" * 64 + "/proof", "unknown_transaction")
    for wrong in ("0", "g" * 64, "0" * 63, "0" * 65, "0x" + "0" * 62):
        await api.problem("GET", f"/v1/transactions/{wrong}", "invalid_parameter")


async def test_the_proof_as_json_and_as_bytes(api: Api) -> None:
    raws = [deposit(amount, nonce=amount).raw for amount in (1, 2, 3)]
    await api.post("/v1/transactions", data=encode(raws), headers=MSGPACK)
    wanted = deposit(2, nonce=2)
    path = f"/v1/transactions/{wanted.transaction_id.hex()}/proof"
    as_json = await api.get(path)
    check_schema(as_json.json, "TransactionProof")
    as_bytes = await api.get(path, headers={"Accept": "application/octet-stream"})
    assert as_bytes.body == base64.b64decode(as_json.json["proof"])
    proof = decode_transaction_proof(as_bytes.body)
    assert (proof.transaction, proof.index, proof.count) == (wanted.raw, 1, 3)


async def test_the_list_of_transactions_is_paged_in_both_orders(api: Api) -> None:
    for block in range(4):
        raws = [deposit(1, nonce=block * 10 + number).raw for number in range(3)]
        await api.post("/v1/transactions", data=encode(raws), headers=MSGPACK)
    for order in ("asc", "desc"):
        places: list[tuple[int, int]] = []
        path: str | None = f"/v1/transactions?limit=5&order={order}"
        while path:
            page = await api.get(path)
            places += [(entry["height"], entry["index"]) for entry in page.json["transactions"]]
            for entry in page.json["transactions"]:
                check_schema(entry, "ListedTransaction")
            link = page.headers.get("Link")
            assert (link is None) == (page.json["next"] is None)
            path = link.split(">")[0].removeprefix("<") if link else None
        expected = [(height, index) for height in range(1, 5) for index in range(3)]
        assert places == (expected if order == "asc" else expected[::-1])


async def test_memo_and_calls_are_shown(api: Api) -> None:
    transaction = make_transaction(("bank", "deposit", ("a", 7)), ("bank", "close", ("a",)), memo="rent", gas_limit=900)
    await api.post("/v1/transactions", json=raw_of(transaction.raw))
    shown = (await api.get(f"/v1/transactions/{transaction.transaction_id.hex()}")).json
    assert (shown["memo"], shown["idempotency_key"], shown["gas_limit"]) == ("rent", None, 900)
    assert shown["calls"][0] == {"contract": "bank", "method": "deposit", "args": ["a", {"int": "7"}]}
    assert base64.b64decode(shown["raw"]) == transaction.raw
