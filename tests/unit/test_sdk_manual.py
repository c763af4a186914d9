"""Every example of the SDK's manual runs, one after another, against a served ledger."""

import asyncio
import re
from pathlib import Path

from api_fake_node import ALICE, FakeNode
from api_support import serving

import tallystick
from tallystick.building import local_time

MANUAL = Path(__file__).parents[2] / "docs" / "sdk.md"


async def test_the_examples_run(tmp_path: Path) -> None:
    examples = re.findall(r"```python\n(.*?)```", MANUAL.read_text(), re.DOTALL)
    assert len(examples) == 10
    # The examples use the real clock, so the ledger's time has to be near it.
    node = FakeNode(now=local_time())

    def run(address: str) -> None:
        names = {
            "NODE": address,
            "GENESIS_HASH": node.chain_id.hex(),
            "FOLDER": tmp_path,
            "ALICE": tallystick.Wallet(ALICE),
        }
        exec("\n".join(examples), names)

    async with serving(node) as api:
        await asyncio.to_thread(run, api.server.address)


def test_every_public_name_is_in_the_manual() -> None:
    text = MANUAL.read_text()
    types_of_answers = {
        "Call",
        "Checkpoint",
        "Interface",
        "LedgerEvent",
        "Receipt",
        "StateValue",
        "Transaction",
        "TransactionStatus",
    }
    for name in set(tallystick.__all__) - types_of_answers:
        assert re.search(rf"\b{name}\b", text), name
