"""A validator's key signs two votes for one view: every honest node keeps the proof, shows it, and hands it out."""

import asyncio
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cluster_load import Load
from cluster_support import Cluster, http, tally, until
from test_cluster_attacks import OTHERS, TRAITOR, connected

from chain.certificate import Phase, Subject
from chain.crypto import sign
from chain.encoding import encode
from chain.types import Digest, Epoch, Height, Signature, ValidatorId, View
from consensus.pbft.messages import TAGS, Vote, encode_message
from network.framing import Channel, encode_frame

pytestmark = pytest.mark.cluster


def vote(cluster: Cluster, height: int, content: int) -> Vote:
    """Return a PREPARE that the traitor's true key has signed."""
    seed = bytes.fromhex((cluster.node(TRAITOR).folder / "keys" / "consensus.seed").read_text(encoding="ascii"))
    made_up = Digest(bytes([content]) * 32)
    subject = Subject(Digest(cluster.chain_id), Epoch(0), Height(height), View(0), made_up, made_up)
    unsigned = Vote(Phase.PREPARE, subject, ValidatorId(TRAITOR), Signature(bytes(64)))
    signature = sign(seed, TAGS[unsigned.kind], unsigned.payload)
    return Vote(Phase.PREPARE, subject, ValidatorId(TRAITOR), signature)


async def tell(cluster: Cluster, name: str, *votes: Vote) -> None:
    """Connect to a node as the traitor and send it votes."""
    stream = await connected(cluster, name)
    for each in votes:
        stream.put(encode_frame(Channel.CONSENSUS, encode([1, encode_message(each), None])))
    async with asyncio.timeout(20):
        await stream.drain()
    await stream.close()


def held_by(cluster: Cluster, name: str) -> list[dict[str, Any]] | None:
    """Return what a node can prove, None while that is nothing."""
    entries: list[dict[str, Any]] = http(cluster.node(name), "/v1/evidence").json()["evidence"]
    return entries or None


async def test_every_honest_node_shows_proof_of_a_double_vote(
    make_cluster: Callable[[], Cluster], tmp_path: Path
) -> None:
    cluster = make_cluster()
    await cluster.begin()
    cluster.expect_errors("evidence against node4: two_prepares")
    assert all(held_by(cluster, name) is None for name in OTHERS), "nothing is held against honest validators"
    cluster.kill(TRAITOR)
    height = max(cluster.reports()[name].height or 0 for name in OTHERS) + 1
    first, second = vote(cluster, height, 1), vote(cluster, height, 2)
    for name in OTHERS:
        await tell(cluster, name, first, first, second)
    for name in OTHERS:
        (entry,) = await until(functools.partial(held_by, cluster, name), f"{name} holds evidence")
        assert (entry["validator"], entry["code"], entry["height"]) == (TRAITOR, "two_prepares", height)
        assert entry["durable"]

    folder, genesis = str(cluster.layout.folder), str(cluster.layout.folder / "genesis.json")
    listed = await asyncio.to_thread(tally, "evidence", "list", "--dir", folder)
    digest = entry["digest"]
    assert f"{TRAITOR}      two_prepares" in listed.stdout and "node1, node2, node3" in listed.stdout
    file = tmp_path / "node4.evidence"
    await asyncio.to_thread(tally, "evidence", "fetch", digest[:12], str(file), "--dir", folder)
    proven = await asyncio.to_thread(tally, "evidence", "verify", str(file), "--genesis", genesis)
    assert f"{TRAITOR} signed two different PREPAREs in one view" in proven.stdout
    altered = tmp_path / "altered.evidence"
    altered.write_bytes(file.read_bytes().replace(bytes([2]) * 32, bytes([3]) * 32))
    refused = await asyncio.to_thread(tally, "evidence", "verify", str(altered), "--genesis", genesis, check=False)
    assert refused.returncode == 3 and "bad_signature" in refused.stdout
    doctor = await asyncio.to_thread(tally, "doctor", "--dir", folder, check=False)
    assert f"there is evidence against {TRAITOR}: two_prepares" in doctor.stdout
    metrics = http(cluster.node("node1"), "/metrics").body.decode()
    assert f'tallystick_evidence{{validator="{TRAITOR}"}} 1\n' in metrics

    cluster.kill("node1")
    cluster.start()
    await cluster.ready(*OTHERS)
    (kept,) = await until(lambda: held_by(cluster, "node1"), "node1 has kept its evidence over a crash")
    assert kept["digest"] == digest
    async with Load(cluster, *OTHERS) as load:
        await load.grows(3)
    assert all(len(held_by(cluster, name) or ()) == 1 for name in OTHERS)
