"""Proofs in the explorer: what is true verifies with one click, what a lying node shows is shown as forged."""

import json
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio
from api_support import Api, serving
from explorer_browser import Page, chromium, find_chromium
from story_node import StoryNode

from api.ports import CommittedTransaction, PendingTransaction, StateReply, ViewReply
from chain.encoding import decode, encode
from chain.receipt import decode_receipt
from chain.recorded_block import RecordedBlock
from chain.types import Digest, Height, PublicKey

PROGRAM = find_chromium()
pytestmark = [
    pytest.mark.skipif(
        PROGRAM is None, reason="no Chromium on this machine; scripts/install_test_programs.sh installs it"
    ),
    pytest.mark.asyncio(loop_scope="module"),
]
ITEM = "https://id.gs1.org/01/09521234001010/21/2600001"
UETR = "c963cfe0-afae-4a3b-b909-6a04e7d80068"


@dataclass
class Lies:
    """What a node is made to lie about."""

    receipt: bool = False
    proof: bool = False
    shown: bool = False
    state: bool = False
    certificate: bool = False
    view: bool = False


class LyingNode(StoryNode):
    """Tells what happened, unless it is told to lie."""

    def __init__(self) -> None:
        super().__init__()
        self.lies = Lies()

    async def transaction(self, transaction_id: Digest) -> CommittedTransaction | PendingTransaction | None:
        known = await super().transaction(transaction_id)
        if self.lies.shown and isinstance(known, CommittedTransaction):
            # The page shows a failure; the proof is the true one.
            return replace(known, receipt=replace(decode_receipt(known.receipt), code="no_money", values=()).encoded())
        return known

    async def block(self, height: Height) -> RecordedBlock | None:
        record = await super().block(height)
        if record is None or not (self.lies.receipt or self.lies.certificate):
            return record
        if self.lies.certificate:
            fields = decode(record.certificate)
            name, signature = fields[-1][0]
            fields[-1][0] = [name, bytes([signature[0] ^ 1]) + signature[1:]]
            return replace(record, certificate=encode(fields))
        receipts = tuple(replace(decode_receipt(it), code="no_money", values=()).encoded() for it in record.receipts)
        return replace(record, receipts=receipts)

    async def view(
        self, contract: str, method: str, args: Sequence[Any], sender_key: PublicKey | None, gas_limit: int
    ) -> ViewReply:
        reply = await super().view(contract, method, args, sender_key, gas_limit)
        if self.lies.view and method == "transfer_of":
            return replace(reply, value={**reply.value, "state": "returned"})
        if self.lies.view and method == "passport":
            return replace(reply, value={**reply.value, "item": {**reply.value["item"], "holder": "medidist"}})
        return reply

    async def state(self, contract: str, key: bytes, *, with_proof: bool) -> StateReply:
        reply = await super().state(contract, key, with_proof=with_proof)
        if self.lies.state and reply.proof is not None:
            assert b"paid_out" in reply.proof or b"dispensed" in reply.proof
            forged = reply.proof.replace(b"paid_out", b"returned").replace(b"dispensed", b"in_store.")
            return replace(reply, proof=forged)
        return reply


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    node = LyingNode()
    for story in ("vaccine", "wage"):
        await node.play(story, tmp_path_factory.mktemp("secrets"))
    async with serving(node) as served:
        yield served


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page(api: Api) -> AsyncIterator[Page]:
    assert PROGRAM is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        async with chromium(PROGRAM, Path(profile)) as browser, browser.page() as opened:
            yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def node(api: Api, page: Page) -> AsyncIterator[LyingNode]:
    """An honest node, of which nothing is cached, and a reader who trusts its genesis."""
    assert isinstance(api.node, LyingNode)
    api.node.lies = Lies()
    await page.open(f"{api.server.address}/#/")
    await page.run(f"localStorage.setItem('trusted-genesis', {api.node.chain_id.hex()!r})")
    page.complaints.clear()
    yield api.node
    api.node.lies = Lies()


async def verdict(page: Page) -> str:
    """Click the first proof's button and return what it says."""
    await page.run("document.querySelector('button.verify').click()")
    await page.wait("document.querySelector('.verdict .notice')")
    return str(await page.run("document.querySelector('.verdict').innerText"))


def subjects() -> dict[str, str]:
    return {
        "block": "blocks/4",
        "item": f"items/{quote(ITEM, safe='')}",
        "transfer": f"transfers/{UETR}",
        "head": "verify",
    }


@pytest.mark.parametrize("kind", ["transaction", *subjects()])
async def test_what_is_true_verifies_with_one_click(api: Api, page: Page, node: LyingNode, kind: str) -> None:
    path = (
        subjects().get(kind)
        or f"transactions/{(await api.get('/v1/transactions?limit=9')).json['transactions'][8]['id']}"
    )
    await page.open(f"{api.server.address}/#/{path}")
    text = await verdict(page)
    assert text.startswith("Proven: block"), text
    assert "certified by 3 of 4 validators" in text
    assert node.chain_id.hex() in text
    assert {"item": "dispensed", "transfer": "paid_out"}.get(kind, "") in text
    assert not page.complaints


async def test_a_key_of_the_state_verifies(api: Api, page: Page, node: LyingNode) -> None:
    await page.open(f"{api.server.address}/#/contracts/remittance/state?prefix=accounts")
    await page.run("[...document.querySelectorAll('td button')].at(0).click()")
    assert "Proven: block" in await verdict(page)


async def test_stored_records_are_shown_with_the_names_of_their_fields(api: Api, page: Page, node: LyingNode) -> None:
    await page.open(f"{api.server.address}/#/contracts/remittance/state?prefix=corridors")
    names = "[...document.querySelectorAll({!r})].map((it) => it.textContent)"
    listed = await page.run(names.format("tr:first-child td .value > dl > dt"))
    assert listed == ["terms", "opened_by", "approved_by", "state", "reason"]
    assert await page.run("document.querySelectorAll('td .value dd dl dt').length > 3"), "those of records in it too"
    await page.run("[...document.querySelectorAll('td button')].at(0).click()")
    assert "Proven: block" in await verdict(page)
    assert await page.run(names.format(".verdict .value > dl > dt")) == listed


@pytest.mark.parametrize("lie", ["receipt", "certificate"])
async def test_a_forged_transaction_is_shown_as_forged(api: Api, page: Page, node: LyingNode, lie: str) -> None:
    # A block that nothing has read before: the server keeps those that were read.
    height = {"receipt": 11, "certificate": 12}[lie]
    raw = await StoryNode.block(node, Height(height))
    assert raw is not None
    transaction = raw.decoded_receipts()[0].transaction_id.hex()
    setattr(node.lies, lie, True)
    await page.open(f"{api.server.address}/#/transactions/{transaction}")
    text = await verdict(page)
    assert text.startswith("NOT PROVEN"), text
    assert await page.run("document.querySelector('.verdict .notice').className") == "notice bad"


async def test_a_page_that_shows_another_outcome_than_the_proof_is_forged(
    api: Api, page: Page, node: LyingNode
) -> None:
    record = await StoryNode.block(node, Height(14))
    assert record is not None
    transaction = record.decoded_receipts()[0].transaction_id.hex()
    node.lies.shown = True
    await page.open(f"{api.server.address}/#/transactions/{transaction}")
    assert "no_money" in await page.run("document.querySelector('main').textContent")
    assert (await verdict(page)).startswith("FORGED"), await verdict(page)


async def test_a_block_with_forged_receipts_is_shown_as_forged(api: Api, page: Page, node: LyingNode) -> None:
    # A block that nothing has read before: the server keeps those that were read.
    node.lies.receipt = True
    await page.open(f"{api.server.address}/#/blocks/16")
    assert (await verdict(page)).startswith("NOT PROVEN: the receipts do not lead"), await verdict(page)


@pytest.mark.parametrize(
    ("forgery", "named"),
    [
        ("it.time += 1", "time"),
        ("it.proposer = 'node9'", "proposer"),
        ("it.result.state_root = it.hash", "state root"),
        ("it.certificate.signatures.pop()", "signers"),
        (
            "it.transactions.at(-1).status = it.transactions[0].status === 'failed' ? 'succeeded' : 'failed'",
            "transactions",
        ),
        ("it.transactions[0].id = it.hash", "transactions"),
        ("it.transaction_count = 2", "number of transactions"),
    ],
)
async def test_a_page_that_shows_another_block_than_the_proof_is_forged(
    api: Api, page: Page, node: LyingNode, forgery: str, named: str
) -> None:
    lie = f"""const it = await answer.clone().json(); {forgery};
        return new Response(JSON.stringify(it), {{ headers: answer.headers }});"""
    await page.run(f"""window.honest = fetch, window.fetch = async (url, ...others) => {{
        const answer = await honest(url, ...others);
        if (!String(url).endsWith('/v1/blocks/18')) return answer;
        {lie} }}, 1""")
    await page.open(f"{api.server.address}/#/blocks/18")
    text = await verdict(page)
    await page.run("window.fetch = honest, 1")
    assert text.startswith("FORGED") and f"{named} of the block" in text, text


@pytest.mark.parametrize("kind", ["item", "transfer"])
async def test_a_forged_value_is_shown_as_forged(api: Api, page: Page, node: LyingNode, kind: str) -> None:
    node.lies.state = True
    await page.open(f"{api.server.address}/#/{subjects()[kind]}")
    assert (await verdict(page)).startswith("NOT PROVEN")


@pytest.mark.parametrize("kind", ["item", "transfer"])
async def test_a_page_that_shows_another_value_than_the_proof_is_forged(
    api: Api, page: Page, node: LyingNode, kind: str
) -> None:
    node.lies.view = True
    await page.open(f"{api.server.address}/#/{subjects()[kind]}")
    assert (await verdict(page)).startswith("FORGED")


async def test_another_ledgers_genesis_verifies_nothing(api: Api, page: Page, node: LyingNode) -> None:
    await page.run("localStorage.setItem('trusted-genesis', '00'.repeat(32))")
    await page.open(f"{api.server.address}/#/transfers/{UETR}")
    assert "NOT PROVEN" in await verdict(page)


async def test_who_trusts_nothing_yet_is_asked_and_the_nodes_word_is_not_taken(
    api: Api, page: Page, node: LyingNode
) -> None:
    await page.run("localStorage.removeItem('trusted-genesis')")
    await page.open(f"{api.server.address}/#/blocks/5")
    await page.run("document.querySelector('button.verify').click()")
    await page.wait("document.querySelector('.verdict input[name=genesis]')")
    assert await page.run("document.querySelector('.verdict input').value") == ""
    await page.run("document.querySelector('.verdict input').focus()")
    await page.type(node.chain_id.hex())
    await page.key("Enter")
    await page.wait("document.querySelector('.verdict .notice.good')")
    assert json.loads(await page.run("JSON.stringify(localStorage.getItem('trusted-genesis'))")) == node.chain_id.hex()
