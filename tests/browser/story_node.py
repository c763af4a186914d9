"""A ledger in memory on which the sample stories were played, for the explorer to show: no consensus, all the rest."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from api_fake_node import START, VALIDATOR_SEEDS, FakeNode

from api.ports import CommittedTransaction
from chain.crypto import public_key_of
from chain.genesis import Genesis, GenesisMember, Governance, Organisation, Parameters
from chain.json_values import from_json
from chain.receipt import decode_receipt
from chain.transaction import Call, TransactionBody, sign_transaction
from chain.types import Digest, Epoch, Milliseconds
from chain.validators import Validator, validator_set
from cli.demo import PARTIES, library_contracts
from cli.epcis import prepare_file as prepare_epcis
from cli.iso20022 import prepare_file as prepare_iso20022
from contracts.engine.abi import derive_abi
from contracts.engine.runtime import Engine
from gateway.iso20022.corridor import STEP_GAS
from gateway.iso20022.story import fill_travel_rule
from gateway.iso20022.submit import PreparedTransfer

EXAMPLES: Final = Path(__file__).parents[2] / "examples"
SEEDS: Final = {party.member_id: bytes([20 + number]) * 32 for number, party in enumerate(PARTIES)}


def story_genesis() -> Genesis:
    """Return the genesis of the sample consortium."""
    validators = [
        Validator(name, "brightvax", public_key_of(seed), (b"certificate",)) for name, seed in VALIDATOR_SEEDS.items()
    ]
    organisations = tuple(
        Organisation(party.organisation, party.name, public_key_of(SEEDS[party.member_id])) for party in PARTIES
    )
    members = tuple(
        GenesisMember(party.member_id, public_key_of(SEEDS[party.member_id]), party.roles) for party in PARTIES
    )
    return Genesis(
        "story",
        START,
        Parameters(),
        Governance(("brightvax",), 1, 1, 1, 60_000),
        validator_set(Epoch(0), validators),
        organisations,
        members,
        library_contracts(),
    )


class StoryNode(FakeNode):
    """The fake node over the engine and the contracts that ship."""

    def __init__(self) -> None:
        super().__init__(genesis=story_genesis(), runtime=Engine())
        self._nonce = 0
        self._interfaces: dict[Digest, Mapping[str, Any]] = {}

    async def interface(self, source_hash: Digest, source: str) -> Mapping[str, Any]:
        if source_hash not in self._interfaces:
            self._interfaces[source_hash] = derive_abi(source)
        return self._interfaces[source_hash]

    async def play(self, name: str, folder: Path) -> None:
        """Play a story of examples/; `folder` keeps the secrets of its parties."""
        document = json.loads((EXAMPLES / name / "story.json").read_text(encoding="utf-8"))
        prepared: list[PreparedTransfer] = []
        for step in document["steps"]:
            calls = self._calls(step, EXAMPLES / name, folder, prepared)
            codes = [await self.call(step["as"], call, gas) for call, gas in calls]
            expected = None if step["expect"] == "ok" else step["expect"]
            assert expected in codes and (expected or {*codes} == {None}), (step, codes)

    async def call(self, member: str, call: Call, gas: int) -> str | None:
        """Have a member's call committed; return the code with which it failed, None when it succeeded."""
        self._nonce += 1
        seed = SEEDS[member]
        body = TransactionBody(
            self.chain_id,
            public_key_of(seed),
            self._nonce.to_bytes(16, "big"),
            Milliseconds(self.now + 60_000),
            (call,),
            gas,
        )
        (answer,) = await self.submit([sign_transaction(body, seed).raw])
        assert answer.code is None and answer.transaction_id is not None, answer
        committed = await self.transaction(answer.transaction_id)
        assert isinstance(committed, CommittedTransaction), committed
        return decode_receipt(committed.receipt).code

    def _calls(
        self, step: dict[str, Any], examples: Path, folder: Path, prepared: list[PreparedTransfer]
    ) -> list[tuple[Call, int]]:
        if "file" in step:
            events = prepare_epcis(examples / step["file"])
            return [(Call(it.contract, it.method, tuple(it.args)), it.gas_limit) for it in events]
        if "iso20022" in step:
            transfers = prepare_iso20022(examples / step["iso20022"], folder / f"{step['as']}.secret")
            prepared.extend(transfers)
            return [(Call(it.contract, it.method, tuple(it.args)), it.gas_limit) for it in transfers]
        contract, method, args = step["call"]
        values = [from_json(value) for value in fill_travel_rule(args, prepared)]
        return [(Call(contract, method, tuple(values)), step.get("gas", STEP_GAS))]
