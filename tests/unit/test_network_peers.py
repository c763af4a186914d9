"""Nodes with real sockets find each other, talk, and find each other again."""

import asyncio
from pathlib import Path

import pytest
import uvloop
from network_support import CHAIN, QUICK, Cluster, Node, eventually, greet_as, make_validator, running

from chain.types import Digest, Height, ValidatorId
from chain.validators import Validator
from network.errors import (
    PeerUnavailableError,
    Reason,
    RefusalError,
    RequestRefusedError,
    RequestTimeoutError,
)
from network.framing import Channel
from network.peers import NetworkConfig, PeerNetwork
from network.tls import Observer

NORTH, EAST, SOUTH, WEST = (ValidatorId(name) for name in ("north", "east", "south", "west"))


async def test_four_nodes_connect_and_messages_arrive_in_order(tmp_path: Path) -> None:
    async with running(tmp_path, NORTH, EAST, SOUTH, WEST) as cluster:
        north, *others = cluster.nodes
        sent = [bytes([number]) * number for number in range(100)]
        for payload in sent:
            assert north.network.broadcast(Channel.CONSENSUS, payload) == 3
        for node in others:
            await node.handler.until(lambda node=node: len(node.handler.messages) == 100)  # type: ignore[misc]
            assert node.handler.messages == [(NORTH, Channel.CONSENSUS, payload) for payload in sent]
        assert north.network.send(EAST, Channel.BLOCKS, b"one")
        assert not north.network.send(ValidatorId("nobody"), Channel.BLOCKS, b"one")


async def test_large_messages_pass(tmp_path: Path) -> None:
    async with running(tmp_path, NORTH, EAST) as cluster:
        north, east = cluster.nodes
        payload = bytes(range(256)) * 4 * 8192
        assert north.network.send(EAST, Channel.CONSENSUS, payload)
        await east.handler.until(lambda: bool(east.handler.messages))
        assert east.handler.messages[0][2] == payload


async def test_both_dialling_at_once_leaves_one_connection(tmp_path: Path) -> None:
    async with running(tmp_path, NORTH, EAST) as cluster:
        north, east = cluster.nodes
        for node in (north, east):
            connected, disconnected = len(node.handler.connected), len(node.handler.disconnected)
            assert connected == disconnected + 1
        assert await north.network.request(EAST, 1, b"still here", 5.0) == b"still here"
        assert await east.network.request(NORTH, 1, b"me too", 5.0) == b"me too"


async def test_heads_are_announced_and_refreshed(tmp_path: Path) -> None:
    async with running(tmp_path, NORTH, EAST) as cluster:
        north, east = cluster.nodes
        assert east.network.heads() == {NORTH: 0}
        north.head = Height(41)
        await eventually(lambda: east.network.heads() == {NORTH: 41})


async def test_requests_are_answered_refused_or_time_out(tmp_path: Path) -> None:
    async with running(tmp_path, NORTH, EAST) as cluster:
        north, east = cluster.nodes
        east.handler.answer = lambda peer, kind, payload: f"{peer} {kind} ".encode() + payload
        assert await north.network.request(EAST, 7, b"what", 5.0) == b"north 7 what"

        def refuse(peer: ValidatorId, kind: int, payload: bytes) -> bytes:
            raise RefusalError("pruned below 100")

        east.handler.answer = refuse
        with pytest.raises(RequestRefusedError, match="pruned below 100"):
            await north.network.request(EAST, 7, b"", 5.0)
        with pytest.raises(PeerUnavailableError):
            await north.network.request(SOUTH, 7, b"", 5.0)


class _Stuck:
    """Requests that are never answered."""

    def __init__(self) -> None:
        self.cancelled = 0

    async def on_request(self, peer: ValidatorId, kind: int, payload: bytes) -> bytes:
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled += 1
        return b""


async def test_a_request_times_out_and_open_requests_are_bounded(tmp_path: Path) -> None:
    async with running(tmp_path, NORTH, EAST) as cluster:
        north, east = cluster.nodes
        stuck = _Stuck()
        east.handler.on_request = stuck.on_request  # type: ignore[method-assign]
        with pytest.raises(RequestTimeoutError):
            await north.network.request(EAST, 1, b"", 0.05)
        asked = [asyncio.create_task(north.network.request(EAST, 1, b"", 30.0)) for _ in range(QUICK.requests_open_max)]
        await asyncio.sleep(0)
        with pytest.raises(PeerUnavailableError, match="too many"):
            await north.network.request(EAST, 1, b"", 30.0)
        # One answer is owed from the request that timed out, so one more is refused as too many at once.
        done, waiting = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED, timeout=10.0)
        assert [type(task.exception()) for task in done] == [RequestRefusedError]
        await east.stop()
        for task in waiting:
            with pytest.raises(PeerUnavailableError):
                await task
        assert stuck.cancelled == QUICK.answers_open_max


async def test_a_restarted_peer_is_connected_again(tmp_path: Path) -> None:
    async with running(tmp_path, NORTH, EAST, SOUTH) as cluster:
        for name in (NORTH, EAST):
            position = [node.node_id for node in cluster.nodes].index(name)
            node = cluster.nodes.pop(position)
            others = [other for other in cluster.nodes if other.node_id in (NORTH, EAST, SOUTH)]
            await node.stop()
            await eventually(lambda others=others, name=name: all(name not in o.network.heads() for o in others))  # type: ignore[misc]
            again = cluster.make_node(name, node.port)
            again.start()
            await eventually(lambda again=again: len(again.network.heads()) == 2)  # type: ignore[misc]
            for other in others:
                await eventually(lambda other=other, name=name: name in other.network.heads())  # type: ignore[misc]
                assert await other.network.request(name, 1, b"welcome back", 5.0) == b"welcome back"


async def test_another_run_of_a_peer_takes_the_place_of_a_dead_connection(tmp_path: Path) -> None:
    """A peer that lost power leaves a connection that looks alive; its next run must not have to wait."""
    async with running(tmp_path, EAST) as cluster:
        cluster.add_validators(["north", "aaa"])
        cluster.introduce()
        east = cluster.nodes[0]
        for name in ("north", "aaa"):
            dead = await greet_as(cluster, name, east, instance=bytes(16))
            await eventually(lambda name=name: name in east.network.heads())  # type: ignore[misc]
            alive = await greet_as(cluster, name, east, instance=b"\x01" * 16)
            peer = ValidatorId(name)
            await east.handler.until(
                lambda peer=peer: [one for one, _ in east.handler.connected].count(peer) == 2  # type: ignore[misc]
            )
            assert [(one, why.reason) for one, why in east.handler.disconnected if one == peer] == [
                (peer, Reason.SUPERSEDED)
            ]
            await dead.close()
            await alive.close()


async def test_another_chain_is_refused_by_name(tmp_path: Path) -> None:
    async with running(tmp_path, NORTH) as cluster:
        cluster.add_validators([EAST])
        stranger = cluster.make_node(EAST, chain_id=Digest(b"\x05" * 32))
        cluster.introduce()
        stranger.start()
        north = cluster.nodes[0]

        def told(node: Node) -> bool:
            return Reason.OTHER_CHAIN in str(node.network.status().peers[0].last_error)

        await eventually(lambda: told(north) or north.network.status().refused.get(Reason.OTHER_CHAIN))
        await eventually(lambda: told(stranger))
        assert "peer is on" in str(stranger.network.status().peers[0].last_error)
        assert north.handler.connected == stranger.handler.connected == []


async def test_a_peer_with_another_certificate_is_refused_and_named(tmp_path: Path) -> None:
    async with running(tmp_path, NORTH) as cluster:
        cluster.add_validators([EAST])
        impostor = cluster.make_node(EAST)
        cluster.introduce()
        folder = tmp_path / "genuine"
        folder.mkdir()
        genuine, _ = make_validator(folder, EAST)
        north = cluster.nodes[0]
        north.network.update([cluster.validators[0], genuine], cluster.addresses)
        impostor.start()
        await eventually(lambda: Reason.FOREIGN_CERTIFICATE in str(north.network.status().peers[0].last_error))
        await eventually(lambda: north.network.status().refused.get(Reason.FOREIGN_CERTIFICATE))
        assert north.handler.connected == impostor.handler.connected == []


async def test_the_validator_at_an_address_must_be_the_one_expected(tmp_path: Path) -> None:
    async with running(tmp_path, NORTH, EAST) as cluster:
        cluster.add_validators([SOUTH])
        north = cluster.nodes[0]
        cluster.addresses[SOUTH] = cluster.addresses[EAST]
        north.network.update(cluster.validators, cluster.addresses)
        await eventually(lambda: Reason.WRONG_PEER in str(north.network.status().peers[1].last_error))
        assert set(north.network.heads()) == {EAST}


async def test_the_set_may_change_while_the_network_runs(tmp_path: Path) -> None:
    async with running(tmp_path, NORTH, EAST) as cluster:
        north, east = cluster.nodes
        cluster.add_validators([SOUTH])
        south = cluster.make_node(SOUTH)
        south.start()
        cluster.introduce()
        await eventually(lambda: all(len(node.network.heads()) == 2 for node in cluster.nodes))
        cluster.validators = [validator for validator in cluster.validators if validator.validator_id != SOUTH]
        for node in (north, east):
            node.network.update(cluster.validators, cluster.addresses)
            await node.handler.until(lambda node=node: (SOUTH, Reason.UNREGISTERED) in _ends(node))  # type: ignore[misc]
        assert set(north.network.heads()) == {EAST}
        assert [peer.peer for peer in north.network.status().peers] == [EAST]


async def test_a_replaced_certificate_cuts_off_the_old_one(tmp_path: Path) -> None:
    async with running(tmp_path, NORTH, EAST) as cluster:
        north, east = cluster.nodes
        folder = tmp_path / "next"
        folder.mkdir()
        renewed, files = make_validator(folder, EAST)
        old = cluster.validators.pop()
        both = Validator(EAST, EAST, old.consensus_key, (*old.tls_certificates, *renewed.tls_certificates))
        north.network.update([*cluster.validators, both], cluster.addresses)
        assert (EAST, Reason.UNREGISTERED) not in _ends(north), "the announcement of a next one cuts nobody off"
        north.network.update([*cluster.validators, renewed], cluster.addresses)
        await north.handler.until(lambda: (EAST, Reason.UNREGISTERED) in _ends(north))
        await east.stop()
        config = NetworkConfig(EAST, CHAIN, files, "127.0.0.1", east.port, QUICK)
        network = PeerNetwork(config, cluster.validators, cluster.addresses, east.handler, lambda: Height(0))
        cluster.nodes.append(Node(network, east.handler, config, network.listen(), Height(0)))
        cluster.nodes[-1].start()
        await eventually(lambda: EAST in north.network.heads())


async def test_a_taken_port_is_an_error_at_start(tmp_path: Path) -> None:
    async with running(tmp_path, NORTH) as cluster:
        with pytest.raises(OSError, match="use"):
            cluster.make_node(NORTH, cluster.nodes[0].port)


async def test_cancelling_in_any_state_leaves_nothing_behind(tmp_path: Path) -> None:
    """`running` checks for tasks and unclosed sockets; here networks are cancelled in the middle of connecting."""
    cluster = Cluster(tmp_path, QUICK)
    cluster.add_validators([NORTH, EAST, SOUTH])
    for steps in range(0, 60, 3):
        cluster.nodes.clear()
        for name in (NORTH, EAST, SOUTH):
            cluster.make_node(name)
        cluster.introduce()
        for node in cluster.nodes:
            node.start()
        for _ in range(steps):
            await asyncio.sleep(0)
        for node in cluster.nodes:
            await node.stop()
        assert len(asyncio.all_tasks()) == 1


def _ends(node: Node) -> list[tuple[ValidatorId, Reason]]:
    return [(peer, ended.reason) for peer, ended in node.handler.disconnected]


def test_everything_works_on_uvloop(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path, NORTH, EAST, SOUTH) as cluster:
            north, east, south = cluster.nodes
            assert north.network.broadcast(Channel.CONSENSUS, bytes(300_000)) == 2
            for node in (east, south):
                await node.handler.until(lambda node=node: bool(node.handler.messages))  # type: ignore[misc]
            await east.stop()
            await eventually(lambda: set(north.network.heads()) == {SOUTH})
            cluster.nodes.remove(east)
            again = cluster.make_node(EAST, east.port)
            again.start()
            await eventually(lambda: set(again.network.heads()) == {NORTH, SOUTH})
            await eventually(lambda: EAST in north.network.heads())
            assert await again.network.request(SOUTH, 1, b"hello", 5.0) == b"hello"

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scenario())


async def test_an_observer_follows_and_counts_for_nothing(tmp_path: Path) -> None:
    """It is let in by its certificate, can be sent to and can ask; what is broadcast and what it announces pass by."""
    async with running(tmp_path, NORTH, EAST) as cluster:
        north, east = cluster.nodes
        registered, files = make_validator(tmp_path, "watcher")
        follower = Observer(registered.validator_id, registered.tls_certificates)
        cluster.files[registered.validator_id] = files
        watcher = cluster.make_node("watcher")
        watcher.network.update(cluster.validators, cluster.addresses)
        watcher.head = Height(10**9)
        watcher.start()
        await eventually(lambda: any(peer.last_error for peer in watcher.network.status().peers))
        assert watcher.network.heads() == {}, "strangers are refused"
        for node in (north, east):
            node.network.update(cluster.validators, cluster.addresses, [follower])
        await eventually(lambda: set(watcher.network.heads()) == {NORTH, EAST})
        name = registered.validator_id
        assert north.network.observers() == [name] and north.network.heads() == {EAST: 0}
        assert [peer.is_observer for peer in north.network.status().peers] == [False, True]
        assert north.network.broadcast(Channel.TRANSACTIONS, b"all") == 1
        assert north.network.send(name, Channel.BLOCKS, b"block")
        await watcher.handler.until(lambda: bool(watcher.handler.messages))
        assert watcher.handler.messages == [(NORTH, Channel.BLOCKS, b"block")]
        assert await watcher.network.request(EAST, 1, b"question", 5.0) == b"question"
        assert watcher.network.broadcast(Channel.TRANSACTIONS, b"from outside") == 2
        for node in (north, east):
            node.network.update(cluster.validators, cluster.addresses)
        await eventually(lambda: watcher.network.heads() == {} and north.network.observers() == [])


async def test_clocks_are_compared(tmp_path: Path) -> None:
    async with running(tmp_path, NORTH, EAST) as cluster:
        north, east = cluster.nodes

        def offset(node: Node) -> float | None:
            return node.network.status().peers[0].clock_offset_seconds

        await eventually(lambda: offset(north) is not None and offset(east) is not None)
        seen = offset(north)
        assert seen is not None and abs(seen) < 5.0, "one machine has one clock"
        assert all(peer.silent_seconds is not None for peer in north.network.status().peers)
