"""What the index answers over HTTP: filtered listings, accounts, search and statistics."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest
from api_fake_node import BOB, FakeNode, deposit, make_transaction
from api_support import Api, check_schema, serving

from api.item_names import spellings
from chain.types import Height

ITEM = "https://id.gs1.org/01/09506000134352/21/1234"
UETR = "97ed4827-7b6f-4491-a06f-b548d5a7512d"


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    node = FakeNode(auto_commit=False)
    for number in range(30):
        for place in range(3):
            account = f"account-{place}"
            sender = {"seed": BOB} if place == 2 else {}
            await node.submit([deposit(number + 1, account=account, nonce=number * 3 + place, **sender).raw])
        await node.commit()
    await node.submit([make_transaction(("bank", "deposit", (ITEM, 1)), nonce=900, memo=UETR).raw])
    await node.submit([make_transaction(("bank", "deposit", ("nobody", -1)), nonce=901).raw])
    await node.commit()
    async with serving(node) as served:
        yield served


async def all_pages(api: Api, path: str, name: str, limit: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        joint = "&" if "?" in path else "?"
        page = (await api.get(f"{path}{joint}limit={limit}" + (f"&cursor={cursor}" if cursor else ""))).json
        found += page[name]
        cursor = page["next"]
        if cursor is None:
            return found


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ("mentions=account-1", 30),
        ("sender=zenith.bob", 30),
        ("organisation=acme", 62),
        ("contract=bank", 92),
        ("sender=zenith.bob&mentions=account-1", 0),
        ("organisation=acme&mentions=account-0", 30),
        ("sender=nobody", 0),
    ],
)
async def test_filtered_transactions_are_those_that_looking_through_all_finds(
    api: Api, filters: str, count: int, order: str
) -> None:
    found = await all_pages(api, f"/v1/transactions?{filters}&order={order}", "transactions", 7)
    everything = await all_pages(api, f"/v1/transactions?order={order}", "transactions", 50)
    assert len(found) == count
    by_id = {entry["id"]: entry for entry in everything}
    assert [by_id[entry["id"]] for entry in found] == found
    places = [(entry["height"], entry["index"]) for entry in found]
    assert places == sorted(places, reverse=order == "desc")
    for entry in found[:3]:
        check_schema(entry, "ListedTransaction")


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("filters", ["contract=bank", "contract=bank&name=Deposited", "mentions=account-2"])
async def test_events_from_the_index_are_those_of_the_blocks(api: Api, filters: str, order: str) -> None:
    found = await all_pages(api, f"/v1/events?{filters}&order={order}", "events", 7)
    everything = await all_pages(api, f"/v1/events?order={order}", "events", 50)
    wanted = [entry for entry in everything if "mentions" not in filters or "account-2" in entry["fields"].values()]
    assert found == wanted
    assert len(found) == (30 if "mentions" in filters else 91)


async def test_a_cursor_of_one_page_serves_while_blocks_come(api: Api) -> None:
    first = (await api.get("/v1/transactions?mentions=account-1&limit=10")).json
    await api.node.submit([deposit(5, account="account-1", nonce=5000).raw])
    await api.node.commit()
    second = (await api.get(f"/v1/transactions?mentions=account-1&limit=50&cursor={first['next']}")).json
    assert len(second["transactions"]) == 20
    assert (await api.get("/v1/transactions?mentions=account-1&limit=200")).json["transactions"][0]["height"] == 32


async def test_accounts_by_name(api: Api) -> None:
    answer = (await api.get("/v1/accounts/acme.alice")).json
    check_schema(answer, "Account")
    assert answer["organisation"] == "acme" and len(answer["keys"]) == 1
    await api.problem("GET", "/v1/accounts/acme.nobody", "unknown_account")


async def test_search_finds_everything_that_has_a_name(api: Api) -> None:
    transaction = (await api.get("/v1/transactions?limit=1&order=asc")).json["transactions"][0]
    key = (await api.get("/v1/accounts/zenith.bob")).json["keys"][0]["key"]
    cases = {
        "5": ("block", "5"),
        transaction["block_hash"]: ("block", "1"),
        transaction["id"].upper(): ("transaction", transaction["id"]),
        key: ("account", key),
        "acme.alice": ("account", "acme.alice"),
        "acme": ("organisation", "acme"),
        "zenith.b": ("account", "zenith.bob"),
        "bank": ("contract", "bank"),
        ITEM: ("item", ITEM),
        "urn:epc:id:sgtin:9506000.013435.1234": ("item", ITEM),
        "https://example.com/x/gtin/9506000134352/ser/1234?y=1": ("item", ITEM),
        UETR: ("transfer", UETR),
        UETR[:13]: ("transfer", UETR),
        "account-": ("word", "account-0"),
    }
    for text, (kind, identity) in cases.items():
        answer = (await api.get(f"/v1/search?q={quote(text, safe='')}")).json
        check_schema(answer, "SearchAnswer")
        assert (answer["results"][0]["type"], answer["results"][0]["id"]) == (kind, identity), text
    nothing = (await api.get("/v1/search?q=there-is-no-such-thing")).json
    assert nothing["results"] == []
    await api.problem("GET", "/v1/search", "invalid_parameter")
    await api.problem("GET", "/v1/search?q=" + "x" * 257, "invalid_parameter")


def test_spellings_of_items() -> None:
    assert spellings("urn:epc:id:sscc:0614141.1234567890")[1] == "https://id.gs1.org/00/106141412345678908"
    assert spellings("urn:epc:class:lgtin:4012345.012345.998877")[1] == "https://id.gs1.org/01/04012345123456/10/998877"
    assert spellings("plain text") == ["plain text"]


async def test_statistics_add_up(api: Api) -> None:
    answer = (await api.get("/v1/statistics?resolution=day")).json
    check_schema(answer, "Statistics")
    assert answer["totals"] == {"blocks": 31, "transactions": 92, "failed": 1, "events": 91}
    assert sum(period["transactions"] for period in answer["periods"]) == 92
    await api.problem("GET", "/v1/statistics?resolution=year", "invalid_parameter")


async def test_a_node_without_an_index_says_so_and_still_lists_events(api: Api) -> None:
    api.node.faults.no_index = True
    for path in ("/v1/transactions?sender=acme.alice", "/v1/statistics", "/v1/events?mentions=account-1"):
        await api.problem("GET", path, "not_indexed")
    assert len((await api.get("/v1/events?contract=bank&name=Deposited&limit=5")).json["events"]) == 5
    assert (await api.get("/v1/search?q=acme")).json["indexed"] is False


async def test_history_ends_before_a_gap_and_is_refused_in_it(api: Api) -> None:
    assert (await api.get("/v1/statistics")).status == 200
    api.node.store._gaps = ((Height(10), Height(20)),)
    newest = (await api.get("/v1/transactions?mentions=account-1&limit=50")).json
    assert [entry["height"] for entry in newest["transactions"]] == list(range(30, 20, -1))
    await api.problem("GET", f"/v1/transactions?mentions=account-1&cursor={newest['next']}", "pruned")
    oldest = (await api.get("/v1/transactions?mentions=account-1&limit=50&order=asc")).json
    assert [entry["height"] for entry in oldest["transactions"]] == list(range(1, 10))
    await api.problem("GET", f"/v1/transactions?mentions=account-1&order=asc&cursor={oldest['next']}", "pruned")
