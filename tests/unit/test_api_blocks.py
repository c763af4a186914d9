"""Blocks over HTTP: listings, single blocks, raw bytes and proofs of history."""

import base64
from collections.abc import AsyncIterator

import pytest
from api_fake_node import FakeNode, deposit
from api_support import Api, check_schema, serving

from api.context import ApiLimits
from chain.block import decode_header
from chain.merkle import verify_inclusion
from chain.recorded_block import decode_range, decode_recorded_block


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    node = FakeNode()
    for number in range(5):
        await node.submit([deposit(1, nonce=number).raw])
    async with serving(node) as served:
        yield served


async def test_a_block_by_height_hash_and_as_the_latest(api: Api) -> None:
    by_height = await api.get("/v1/blocks/5")
    check_schema(by_height.json, "Block")
    assert by_height.json["transaction_count"] == 1
    assert len(by_height.json["certificate"]["signatures"]) == 3
    by_hash = await api.get(f"/v1/blocks/{by_height.json['hash']}")
    latest = await api.get("/v1/blocks/latest")
    assert by_hash.json == by_height.json == latest.json
    assert "immutable" in by_hash.headers["Cache-Control"]


@pytest.mark.parametrize("accepted", ["application/json", "application/octet-stream"])
@pytest.mark.parametrize("name", ["latest", "2", "latest/raw", "2/raw"])
async def test_what_names_another_block_later_is_asked_for_again(api: Api, name: str, accepted: str) -> None:
    """The latest block changes, and so does each height of another ledger that is served at this address."""
    first = await api.get(f"/v1/blocks/{name}", headers={"Accept": accepted})
    held = {"Accept": accepted, "If-None-Match": first.headers["ETag"]}
    async with api.session.get(f"{api.server.address}/v1/blocks/{name}", headers=held) as again:
        assert again.status == 304
        assert again.headers["Cache-Control"] == first.headers["Cache-Control"] == "no-cache"


async def test_the_two_forms_of_a_block_are_two_entities(api: Api) -> None:
    readable = await api.get("/v1/blocks/2")
    raw = await api.get(
        "/v1/blocks/2", headers={"Accept": "application/octet-stream", "If-None-Match": readable.headers["ETag"]}
    )
    assert raw.status == 200 and raw.headers["ETag"] != readable.headers["ETag"]
    assert "Accept" in raw.headers["Vary"] and "Accept" in readable.headers["Vary"]


async def test_a_compressed_answer_has_a_weak_tag(api: Api) -> None:
    plain = await api.get("/v1/blocks/2", headers={"Accept-Encoding": "identity"})
    packed = await api.get("/v1/blocks/2", headers={"Accept-Encoding": "gzip"})
    assert packed.json == plain.json
    assert packed.headers["ETag"] == f"W/{plain.headers['ETag']}"
    again = await api.get("/v1/blocks/2", headers={"If-None-Match": packed.headers["ETag"]})
    assert (again.status, again.headers["ETag"]) == (304, packed.headers["ETag"])


async def test_the_entity_tag_is_the_block_hash(api: Api) -> None:
    answer = await api.get("/v1/blocks/2")
    raw = await api.get("/v1/blocks/2/raw")
    assert answer.headers["ETag"].removeprefix("W/") == f'"{answer.json["hash"]}.json"'
    assert raw.headers["ETag"] == f'"{answer.json["hash"]}"'
    unchanged = await api.get("/v1/blocks/2", headers={"If-None-Match": answer.headers["ETag"]})
    assert (unchanged.status, unchanged.body) == (304, b"")
    other = await api.get("/v1/blocks/3", headers={"If-None-Match": answer.headers["ETag"]})
    assert other.status == 200


@pytest.mark.parametrize("block", ["0", "6", "9" * 18, "f" * 64])
async def test_blocks_that_are_not_there(api: Api, block: str) -> None:
    await api.problem("GET", f"/v1/blocks/{block}", "unknown_block")


@pytest.mark.parametrize("block", ["-1", "1.0", "x", "9" * 19, "z" * 64, "%00"])
async def test_what_names_no_block(api: Api, block: str) -> None:
    await api.problem("GET", f"/v1/blocks/{block}", "invalid_parameter")


async def test_raw_bytes_of_a_block(api: Api) -> None:
    raw = await api.get("/v1/blocks/3/raw")
    negotiated = await api.get("/v1/blocks/3", headers={"Accept": "application/octet-stream"})
    assert raw.body == negotiated.body
    assert raw.headers["Content-Type"] == "application/octet-stream"
    record = decode_recorded_block(raw.body)
    assert record == await api.node.block(api.node.head().height.__class__(3))
    again = await api.get("/v1/blocks/3/raw", headers={"If-None-Match": raw.headers["ETag"]})
    assert again.status == 304


async def test_ranges_of_raw_blocks_are_bounded_in_number_and_bytes() -> None:
    node = FakeNode()
    for number in range(5):
        await node.submit([deposit(1, nonce=number).raw])
    async with serving(node, ApiLimits(range_bytes_max=2_500)) as api:
        first, records = decode_range((await api.get("/v1/blocks/raw?from=1&limit=1")).body)
        assert (first, len(records)) == (1, 1)
        answer = await api.get("/v1/blocks/raw?from=2")
        first, records = decode_range(answer.body)
        assert first == 2
        assert 1 <= len(records) < 4
        assert answer.headers["X-Ledger-Height"] == "5"
        heights = [decode_recorded_block(record).decoded_block().header.height for record in records]
        assert heights == list(range(2, 2 + len(records)))
        _, records = decode_range((await api.get("/v1/blocks/raw?from=6")).body)
        assert records == ()
        await api.problem("GET", "/v1/blocks/raw?from=0", "invalid_parameter")
        await api.problem("GET", "/v1/blocks/raw?limit=1001", "invalid_parameter")


async def test_pruned_blocks_are_gone_and_said_so(api: Api) -> None:
    api.node.faults.pruned_below = 3
    await api.problem("GET", "/v1/blocks/2", "pruned")
    await api.problem("GET", "/v1/blocks/raw?from=1", "pruned")
    await api.problem("GET", "/v1/blocks?order=asc", "pruned")
    assert (await api.get("/v1/blocks/3")).status == 200


async def test_pages_and_ranges_end_before_a_pruned_block_and_the_next_is_refused(api: Api) -> None:
    """What is kept can be read to its very end; what is not is never left out silently."""
    api.node.faults.pruned_below = 3
    newest = await api.get("/v1/blocks?limit=9")
    assert [entry["height"] for entry in newest.json["blocks"]] == [5, 4, 3]
    assert newest.json["next"] is not None
    await api.problem("GET", f"/v1/blocks?limit=9&cursor={newest.json['next']}", "pruned")


async def test_ascending_pages_and_ranges_end_before_a_pruned_block_too(api: Api) -> None:
    api.node.faults.pruned_from = 5
    kept = await api.get("/v1/blocks?order=asc&cursor=ba2-4294967295-4294967295")
    assert [entry["height"] for entry in kept.json["blocks"]] == [3, 4]
    await api.problem("GET", f"/v1/blocks?order=asc&cursor={kept.json['next']}", "pruned")
    first, records = decode_range((await api.get("/v1/blocks/raw?from=3")).body)
    assert (first, len(records)) == (3, 2)
    await api.problem("GET", "/v1/blocks/raw?from=5", "pruned")


async def test_listing_in_both_orders_with_cursors(api: Api) -> None:
    newest = await api.get("/v1/blocks?limit=2")
    assert [entry["height"] for entry in newest.json["blocks"]] == [5, 4]
    for entry in newest.json["blocks"]:
        check_schema(entry, "ListedBlock")
    older = await api.get(f"/v1/blocks?limit=9&cursor={newest.json['next']}")
    assert [entry["height"] for entry in older.json["blocks"]] == [3, 2, 1]
    assert older.json["next"] is None
    assert "Link" not in older.headers
    ascending = await api.get("/v1/blocks?order=asc&limit=2")
    assert [entry["height"] for entry in ascending.json["blocks"]] == [1, 2]
    link = ascending.headers["Link"]
    assert link == f'</v1/blocks?order=asc&limit=2&cursor={ascending.json["next"]}>; rel="next"'


@pytest.mark.parametrize(
    "cursor", ["", "x", "bd5-0", "ed5-0-0", "ba5-0-0", "bd5-0-99999999999", "bd" + "9" * 19 + "-0-0"]
)
async def test_foreign_cursors(api: Api, cursor: str) -> None:
    await api.problem("GET", f"/v1/blocks?cursor={cursor}", "invalid_cursor")


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=x", "limit=", "order=up", "ordre=asc", "limit=1&limit=2"]
)
async def test_wrong_parameters(api: Api, query: str) -> None:
    await api.problem("GET", f"/v1/blocks?{query}", "invalid_parameter")


async def test_a_page_looks_through_a_bounded_number_of_blocks() -> None:
    node = FakeNode()
    for number in range(7):
        await node.submit([deposit(1, account="early" if number == 0 else "late", nonce=number).raw])
    # Without an index, that is: with one nothing is looked through.
    node.faults.no_index = True
    async with serving(node, ApiLimits(scan_blocks_max=3)) as api:
        path = "/v1/events?contract=bank&name=Closed&order=asc"
        seen = []
        cursor = None
        while True:
            page = await api.get(path + (f"&cursor={cursor}" if cursor else ""))
            assert page.json["events"] == []
            cursor = page.json["next"]
            if cursor is None:
                break
            seen.append(cursor)
        assert len(seen) == 2


async def test_an_old_block_proves_against_a_later_header(api: Api) -> None:
    answer = await api.get("/v1/blocks/2/history?height=4")
    check_schema(answer.json, "BlockHistory")
    header = decode_header(base64.b64decode(answer.json["header"]))
    assert (header.height, header.history_root.hex()) == (4, answer.json["root"])
    path = [bytes.fromhex(digest) for digest in answer.json["path"]]
    block_hash = bytes.fromhex(answer.json["block_hash"])
    verify_inclusion(header.history_root, answer.json["size"], answer.json["index"], block_hash, path)
    assert (await api.get("/v1/blocks/2/history")).json["size"] == 5
    await api.problem("GET", "/v1/blocks/5/history", "unknown_block")
    await api.problem("GET", "/v1/blocks/2/history?height=2", "invalid_parameter")


async def test_an_empty_ledger_lists_nothing() -> None:
    async with serving(FakeNode()) as api:
        assert (await api.get("/v1/blocks")).json == {"blocks": [], "next": None}
        await api.problem("GET", "/v1/blocks/latest", "unknown_block")
