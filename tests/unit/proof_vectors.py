"""Writes tests/vectors/proofs.json: run it from the root after the format has changed, and look at the difference.

The proofs come from a node of the small ledger by way of its API, as `tally prove` makes them.
"""

import asyncio
import json
from functools import partial
from pathlib import Path
from typing import Any, Final

from api_support import serving
from proof_forgeries import forgeries
from proof_support import UETR, VIAL, changed_validators, proof_genesis, proof_ledger

from chain.proof_file import StoryRule
from chain.recorded_block import RecordedBlock
from chain.state_keys import encode_key
from chain.transaction import transaction_id_of_raw
from chain.types import Height
from tallystick.client import AsyncClient
from tallystick.proof_checking import check_proof
from tallystick.proof_facts import proven_json
from tallystick.proving import MakeProof, Prover

VECTORS: Final = Path(__file__).parents[1] / "vectors" / "proofs.json"


async def proofs() -> dict[str, bytes]:
    """Return a proof file of each kind, by what it is about."""
    node = await proof_ledger()
    bolt, closed = encode_key(("balances", "bolt")), encode_key(("balances", "closed"))
    failed = transaction_id_of_raw((await _record(node, 3)).decoded_block().transactions[1])
    paid = transaction_id_of_raw((await _record(node, 5)).decoded_block().transactions[2])
    made: dict[str, bytes] = {}
    async with serving(node) as api, AsyncClient([api.server.address], genesis_hash=node.chain_id) as client:

        async def prove(name: str, make: MakeProof, *, carry_genesis: bool = False) -> None:
            made[name], _ = await client.prove(make, carry_genesis=carry_genesis)

        await prove("a transaction that succeeded, the last of three", lambda prover: prover.transaction(paid))
        await prove(
            "a transaction that failed, with the genesis",
            lambda prover: prover.transaction(failed),
            carry_genesis=True,
        )
        await prove("a value at the last height", lambda prover: prover.key("remittance", bolt))
        await prove("a value at an earlier height", lambda prover: prover.key("remittance", bolt, 3))
        await prove("a key before its first value", lambda prover: prover.key("remittance", bolt, 0))
        await prove("a deleted value", lambda prover: prover.key("remittance", closed))
        for name in ("nobody", "somebody", "anybody"):
            key = encode_key(("balances", name))
            await prove(f"a key that never existed: {name}", partial(Prover.key, contract="remittance", key=key))
        await prove("a whole history", lambda prover: prover.history("remittance", bolt))
        await prove("a history of nothing", lambda prover: prover.history("remittance", encode_key(("void",))))
        await prove("the story of a transfer", lambda prover: prover.story("remittance", StoryRule.TRANSFER, UETR))
        await prove(
            "the story of an item in a container in a container",
            lambda prover: prover.story("traceability", StoryRule.ITEM, VIAL),
        )
        await prove("the validators of genesis", lambda prover: prover.validators(2))
    made["validators after two changes of the set"] = changed_validators().encoded()
    return made


async def _record(node: Any, height: int) -> RecordedBlock:
    record: RecordedBlock | None = await node.block(Height(height))
    assert record is not None
    return record


def document() -> dict[str, Any]:
    """Return the content of the file."""
    genesis = proof_genesis()
    files = asyncio.run(proofs())
    valid = [
        {"name": name, "file": data.hex(), "proven": proven_json(check_proof(data, genesis))}
        for name, data in files.items()
    ]
    refused = [{"name": name, "file": data.hex()} for name, data in forgeries(files).items()]
    hashed = {"genesis_hash": genesis.genesis_hash.hex(), "genesis": genesis.encoded().hex()}
    return {**hashed, "valid": valid, "forged": refused}


if __name__ == "__main__":
    VECTORS.write_text(json.dumps(document(), indent=1) + "\n")
