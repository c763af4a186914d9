"""Contracts, views, state, the consortium and health over HTTP."""

import base64
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from urllib.parse import quote

import pytest
from api_fake_node import ALICE, BOB, STRANGER, FakeNode, deposit, make_transaction
from api_support import Api, check_schema, serving

from api.context import ApiLimits
from chain.code_room import CODE_TOKENS_MAX
from chain.crypto import public_key_of
from chain.encoding import decode, encode
from chain.genesis import decode_genesis, genesis_from_json
from chain.proofs import decode_state_proof
from chain.state_keys import encode_key
from chain.state_proof import verify_proof
from chain.types import Height

MSGPACK = {"Content-Type": "application/msgpack", "Accept": "application/msgpack"}


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    node = FakeNode()
    await node.submit([deposit(5, account="a/b c").raw, deposit(9, account="zed", nonce=1).raw])
    async with serving(node, ApiLimits(view_gas_max=1_000, body_bytes_max=5_000)) as served:
        yield served


def key_path(*parts: object) -> str:
    return quote(json.dumps(parts), safe="")


async def test_contracts_with_source(api: Api) -> None:
    listing = await api.get("/v1/contracts")
    assert [entry["name"] for entry in listing.json["contracts"]] == ["bank"]
    check_schema(listing.json["contracts"][0], "ListedContract")
    one = await api.get("/v1/contracts/bank")
    check_schema(one.json, "Contract")
    assert one.json["source"] == "the source of bank"
    room = {"code_tokens": listing.json["code_tokens"], "code_tokens_max": CODE_TOKENS_MAX}
    assert (await api.get("/v1/contracts?cursor=bank")).json == {"contracts": [], "next": None, **room}
    await api.problem("GET", "/v1/contracts/nothing", "unknown_contract")
    await api.problem("GET", "/v1/contracts/No%20Name", "unknown_contract")
    await api.problem("GET", "/v1/contracts?cursor=No", "invalid_cursor")


async def test_interfaces_of_contracts(api: Api) -> None:
    one = await api.get("/v1/contracts/bank/abi")
    check_schema(one.json, "ContractAbi")
    assert (one.json["name"], one.json["version"]) == ("bank", 1)
    assert [method["name"] for method in one.json["abi"]["methods"]] == ["deposit", "balance"]
    assert (await api.get("/v1/contracts/bank/versions/1/abi")).json == one.json
    await api.problem("GET", "/v1/contracts/nothing/abi", "unknown_contract")
    await api.problem("GET", "/v1/contracts/bank/versions/2/abi", "unknown_version")


async def test_a_view_by_get_and_by_post(api: Api) -> None:
    by_get = await api.get("/v1/contracts/bank/views/balance", params={"args": '["zed"]'})
    check_schema(by_get.json, "ViewAnswer")
    assert by_get.json == {"height": 1, "value": {"int": "9"}, "gas_used": 7}
    assert by_get.headers["X-Ledger-Height"] == "1"
    by_post = await api.post("/v1/contracts/bank/views/balance", json={"args": ["zed"]})
    assert by_post.json == by_get.json
    packed = await api.post("/v1/contracts/bank/views/balance", data=encode({"args": ["zed"]}), headers=MSGPACK)
    assert decode(packed.body) == {"height": 1, "value": 9, "gas_used": 7}


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        "text",
        "12",
        {"int": "-9223372036854775808"},
        {"bytes": "00ff"},
        [[], {"map": {"int": {"int": "1"}}}],
    ],
)
async def test_values_come_back_as_they_were_given(api: Api, value: object) -> None:
    answer = await api.post("/v1/contracts/bank/views/echo", json={"args": [value]})
    assert answer.json["value"] == value
    check_schema(answer.json, "ViewAnswer")


async def test_plain_integers_are_taken_and_tagged_in_the_answer(api: Api) -> None:
    answer = await api.post("/v1/contracts/bank/views/echo", json={"args": [12]})
    assert answer.json["value"] == {"int": "12"}


async def test_who_asks(api: Api) -> None:
    path = "/v1/contracts/bank/views/who"
    key = public_key_of(BOB)
    assert (await api.get(path)).json["value"] == ""
    assert (await api.get(f"{path}?sender_key={key.hex()}")).json["value"] == "zenith.bob"
    packed = await api.post(path, data=encode({"args": [], "sender_key": key}), headers=MSGPACK)
    assert decode(packed.body)["value"] == "zenith.bob"


async def test_arguments_of_a_view_by_name(api: Api) -> None:
    """They are plain JSON, read by the types of the contract's interface."""
    path = "/v1/contracts/bank/views/balance"
    in_order = await api.get(path, params={"args": '["zed"]'})
    assert (await api.post(path, json={"args": {"account": "zed"}})).json == in_order.json
    assert (await api.get(path, params={"args": '{"account": "zed"}'})).json == in_order.json
    for args, words in (({"account": 5}, "bank.balance: account: expected str, not int 5"), ({}, "missing: account")):
        answer = await api.problem("POST", path, "view_failed", json={"args": args})
        assert answer.json["contract_code"] == "invalid_arguments" and words in answer.json["detail"]
    await api.problem("POST", "/v1/contracts/bank/views/balances", "unknown_method", json={"args": {}})
    await api.problem("POST", "/v1/contracts/other/views/balance", "unknown_contract", json={"args": {}})


async def test_maps_of_arguments_are_in_the_order_of_their_keys(api: Api) -> None:
    body = '{"args": [{"map": {"b": 1, "a": {"map": {"d": 1, "c": 2}}}}]}'
    answer = await api.post("/v1/contracts/bank/views/echo", data=body, headers={"Content-Type": "application/json"})
    found = answer.json["value"]["map"]
    assert list(found) == ["a", "b"] and list(found["a"]["map"]) == ["c", "d"]


@pytest.mark.parametrize("text", [r'["\ud800"]', r'[{"map": {"\uDfFf": 1}}]', r'{"account": "\uD83D"}'])
async def test_halves_of_characters_are_refused(api: Api, text: str) -> None:
    """They have no encoding: they reach no other process, and no answer is out of step after them."""
    path = "/v1/contracts/bank/views/balance"
    await api.problem("GET", path, "invalid_parameter", params={"args": text})
    body = f'{{"args": {text}}}'
    await api.problem("POST", path, "malformed_body", data=body, headers={"Content-Type": "application/json"})
    assert (await api.get(path, params={"args": '["\\ud83d\\ude00"]'})).status == 200


async def test_views_that_fail(api: Api) -> None:
    answer = await api.problem("GET", "/v1/contracts/bank/views/refuse", "view_failed")
    assert (answer.json["contract_code"], answer.json["height"], answer.json["gas_used"]) == ("closed_today", 1, 2)
    await api.problem("GET", "/v1/contracts/bank/views/nothing", "unknown_method")
    await api.problem("GET", "/v1/contracts/other/views/balance", "unknown_contract")


@pytest.mark.parametrize(
    "body",
    [
        "[]",
        '{"args": 5}',
        '{"args": [1.5]}',
        '{"args": [{"int": "01"}]}',
        '{"args": [{"int": "9223372036854775808"}]}',
        '{"args": [{"bytes": "0"}]}',
        '{"args": [{"float": "1"}]}',
        '{"args": [{}]}',
        '{"args": [9007199254740992]}',
        '{"arguments": []}',
        '{"args": [], "gas_limit": 1001}',
        '{"args": [], "gas_limit": true}',
        '{"args": [], "sender_key": 5}',
        '{"args": ' + "[" * 40 + "]" * 40 + "}",
    ],
)
async def test_malformed_arguments(api: Api, body: str) -> None:
    headers = {"Content-Type": "application/json"}
    await api.problem("POST", "/v1/contracts/bank/views/echo", "malformed_body", data=body, headers=headers)


async def test_malformed_views_of_other_kinds(api: Api) -> None:
    path = "/v1/contracts/bank/views/echo"
    for body in (b"", b"\xc1", encode([]), encode({"args": 5}), encode({"args": [], "sender_key": b"short"})):
        await api.problem("POST", path, "malformed_body", data=body, headers=MSGPACK)
    await api.problem("GET", f"{path}?args=[", "invalid_parameter")
    await api.problem("GET", f"{path}?sender_key=00", "invalid_parameter")
    await api.problem("POST", path, "unsupported_media_type", data=b"", headers={"Content-Type": "text/plain"})
    await api.problem("POST", path, "body_too_large", json={"args": ["x" * 6_000]})


async def test_state_with_proof(api: Api) -> None:
    path = f"/v1/state/bank/{key_path('balances', 'a/b c')}"
    answer = await api.get(path + "?proof")
    check_schema(answer.json, "State")
    assert answer.json["key"] == ["balances", "a/b c"]
    assert answer.json["leaf"]["value"] == {"int": "5"}
    assert (answer.json["leaf"]["height"], answer.json["leaf"]["deleted"]) == (1, False)
    raw = await api.get(path, headers={"Accept": "application/octet-stream"})
    assert raw.body == base64.b64decode(answer.json["proof"])
    proof = decode_state_proof(raw.body)
    root = api.node.ledger.head.result.state_root
    leaf = verify_proof(root, "bank", encode_key(("balances", "a/b c")), proof.proof)
    assert leaf is not None
    assert leaf.value == encode(5)
    by_bytes = await api.get(f"/v1/state/bank/0x{encode_key(('balances', 'a/b c')).hex()}")
    assert by_bytes.json["leaf"] == answer.json["leaf"]


async def test_absence_and_deletion(api: Api) -> None:
    absent = await api.get(f"/v1/state/bank/{key_path('balances', 'nobody')}?proof=true")
    check_schema(absent.json, "State")
    assert absent.json["leaf"] is None
    assert decode_state_proof(base64.b64decode(absent.json["proof"])).contract == "bank"
    await api.node.submit([make_transaction(("bank", "close", ("zed",)), nonce=5).raw])
    deleted = await api.get(f"/v1/state/bank/{key_path('balances', 'zed')}")
    assert (deleted.json["leaf"]["deleted"], deleted.json["leaf"]["value"]) == (True, None)
    history = await api.get(f"/v1/state/bank/{key_path('balances', 'zed')}/history")
    check_schema(history.json, "StateHistory")
    versions = history.json["versions"]
    assert [version["deleted"] for version in versions] == [True, False]
    assert versions[0]["previous"] == versions[1]["hash"]
    assert history.json["complete"] is True
    cut = await api.get(f"/v1/state/bank/{key_path('balances', 'zed')}/history?limit=1")
    assert (len(cut.json["versions"]), cut.json["complete"]) == (1, False)


@pytest.mark.parametrize(
    "key", ["balances", "[]", "{}", "[[]]", "[null]", "0x0", "0xff", "0xzz", '["' + "x" * 1100 + '"]']
)
async def test_what_is_no_key(api: Api, key: str) -> None:
    await api.problem("GET", f"/v1/state/bank/{quote(key, safe='')}", "invalid_parameter")


async def test_keys_of_every_kind_of_part(api: Api) -> None:
    parts: list[object] = ["balances", {"int": "-5"}, {"bytes": "00ff"}, True, "{x}/%2F?#"]
    answer = await api.get(f"/v1/state/bank/{key_path(*parts)}")
    assert answer.json["key"] == parts
    history = await api.get(f"/v1/state/bank/{key_path(*parts)}/history")
    assert (history.json["key"], history.json["versions"], history.json["complete"]) == (parts, [], True)


async def test_the_state_of_genesis_is_not_certified_yet() -> None:
    async with serving(FakeNode()) as api:
        path = f"/v1/state/bank/{key_path('balances', 'x')}"
        assert (await api.get(path)).json["leaf"] is None
        await api.problem("GET", path + "?proof", "not_certified")


async def test_state_that_is_ahead_of_the_head_waits_for_it(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    head, path = api.node.head(), f"/v1/state/bank/{key_path('balances', 'zed')}?proof"
    monkeypatch.setattr(api.node, "head", lambda: replace(head, height=Height(0)))
    assert (await api.get(path)).status == 200


async def test_keys_of_a_contract(api: Api) -> None:
    first = await api.get("/v1/state/bank?limit=1")
    check_schema(first.json["entries"][0], "StateEntry")
    assert first.json["entries"][0]["key"] == ["balances", "a/b c"]
    second = await api.get(f"/v1/state/bank?limit=1&cursor={first.json['next']}")
    assert (second.json["entries"][0]["key"], second.json["next"]) == (["balances", "zed"], None)
    prefixed = await api.get("/v1/state/bank", params={"prefix": '["balances"]'})
    assert len(prefixed.json["entries"]) == 2
    await api.problem("GET", "/v1/state/bank?cursor=zz", "invalid_cursor")


async def test_organisations_and_members(api: Api) -> None:
    listing = await api.get("/v1/organisations?limit=1")
    assert [entry["id"] for entry in listing.json["organisations"]] == ["acme"]
    rest = await api.get(f"/v1/organisations?cursor={listing.json['next']}")
    assert [entry["id"] for entry in rest.json["organisations"]] == ["zenith"]
    one = await api.get("/v1/organisations/zenith")
    check_schema(one.json, "Organisation")
    members = await api.get("/v1/organisations/zenith/members")
    assert [entry["id"] for entry in members.json["members"]] == ["zenith.bob"]
    check_schema(members.json["members"][0], "Member")
    found = []
    cursor = ""
    while True:
        page = (await api.get(f"/v1/organisations/acme/members?limit=1{cursor}")).json
        found += page["members"]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert [entry["id"] for entry in found] == ["acme.alice"]
    await api.problem("GET", "/v1/organisations/nobody", "unknown_organisation")
    await api.problem("GET", "/v1/organisations/NO/members", "unknown_organisation")


async def test_a_member_by_key(api: Api) -> None:
    answer = await api.get(f"/v1/members/{public_key_of(ALICE).hex()}")
    check_schema(answer.json, "Member")
    assert answer.json["roles"] == ["administrator"]
    await api.problem("GET", f"/v1/members/{public_key_of(STRANGER).hex()}", "unknown_member")
    await api.problem("GET", "/v1/members/xyz", "invalid_parameter")


async def test_validators_and_network(api: Api) -> None:
    validators = await api.get("/v1/validators")
    check_schema(validators.json, "Validators")
    assert (validators.json["quorum"], validators.json["faults_max"]) == (3, 1)
    network = await api.get("/v1/network")
    check_schema(network.json, "Network")
    assert network.json["head"]["height"] == 1
    assert network.json["node"]["walls_missing"] == ["landlock"]


async def test_the_genesis_as_json_and_as_bytes(api: Api) -> None:
    as_json = await api.get("/v1/genesis")
    as_bytes = await api.get("/v1/genesis", headers={"Accept": "application/octet-stream"})
    assert decode_genesis(as_bytes.body) == genesis_from_json(as_json.body.decode()) == api.node.genesis
    assert as_bytes.headers["ETag"] == f'"{api.node.chain_id.hex()}"'
    held = {"Accept": "application/octet-stream", "If-None-Match": as_bytes.headers["ETag"]}
    async with api.session.get(f"{api.server.address}/v1/genesis", headers=held) as again:
        assert (again.status, again.headers["Cache-Control"]) == (304, "no-cache")


async def test_health(api: Api) -> None:
    assert (await api.get("/livez")).json == {"alive": True}
    assert (await api.get("/readyz")).json == {"ready": True}
    verbose = await api.get("/readyz?verbose")
    check_schema(verbose.json, "Ready")
    api.node.faults.not_ready = ("two of four validators are away", "the executor restarts")
    answer = await api.problem("GET", "/readyz?verbose", "not_ready")
    assert answer.json["reasons"] == ["two of four validators are away", "the executor restarts"]
    assert answer.json["peers"][0]["name"] == "node-2"
    assert (await api.get("/livez")).status == 200


async def test_metrics_in_the_text_format(api: Api) -> None:
    await api.get("/v1/blocks/1")
    await api.get("/v1/blocks/99")
    await api.get("/nowhere")
    answer = await api.get("/metrics")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = answer.body.decode().splitlines()
    assert "# TYPE tallystick_height gauge" in lines
    assert "tallystick_height 1" in lines
    assert r'tallystick_peer_seconds_total{peer="a\"b\\c\n"} 1.5' in lines
    assert 'tallystick_http_requests_total{method="GET",route="/v1/blocks/{block}",status="200"} 1' in lines
    assert 'tallystick_http_requests_total{method="GET",route="/v1/blocks/{block}",status="404"} 1' in lines
    assert 'tallystick_http_requests_total{method="GET",route="other",status="404"} 1' in lines


async def test_unknown_paths_and_methods(api: Api) -> None:
    await api.problem("GET", "/nothing", "not_found")
    await api.problem("GET", "/v1/transactions/a/b/c", "not_found")
    answer = await api.problem("DELETE", "/v1/transactions", "method_not_allowed")
    assert answer.headers["Allow"] == "GET, HEAD, POST"
    assert answer.headers["X-Ledger-Height"] == "1"
    head = await api.request("HEAD", "/v1/blocks/1")
    assert (head.status, head.body) == (200, b"")


async def test_a_bug_becomes_a_problem_with_a_correlation_id(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    api.node.faults.crash = True
    with caplog.at_level(logging.ERROR):
        raw = base64.b64encode(deposit(1).raw).decode()
        answer = await api.problem("POST", "/v1/transactions", "internal_error", json={"raw": raw})
    assert answer.json["correlation_id"] in caplog.text
    assert "a bug of ours" in caplog.text
    assert b"a bug of ours" not in answer.body
    api.node.faults.crash = False
    assert (await api.get("/livez")).status == 200


async def test_the_status_of_a_running_node(api: Api) -> None:
    status = await api.get("/v1/network/status")
    check_schema(status.json, "NetworkStatus")
    assert status.headers["Cache-Control"] == "no-store"
    assert status.json["consensus"]["silent_seconds"] == {"node-2": 1.5, "node-3": None}
    assert status.json["peers"][0]["clock_offset_seconds"] == -0.5
    await api.problem("GET", "/v1/network/status?x=1", "invalid_parameter")
