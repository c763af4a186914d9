"""The peer network of one node: one live TLS connection with every other validator, whatever happens to it.

    network = PeerNetwork(NetworkConfig(...), validators, addresses, handler, own_head)
    port = network.listen()                  # optional; binds early, so that a taken port is a clear error at start
    await network.run()                      # until cancelled; leaves no task and no socket behind
    network.close()                          # gives the port back if `run` was not reached after `listen`
    network.send(peer, Channel.CONSENSUS, payload) -> bool          # False: not connected, or its queue is full
    network.broadcast(Channel.TRANSACTIONS, payload) -> int         # number of peers that it was queued for
    await network.request(peer, kind, payload, timeout_seconds) -> bytes      # raises RequestError
    network.heads() -> {peer: height}        # connected peers and the heads they announced (refreshed by pings)
    network.update(validators, addresses)    # a new set of members or certificates, at any time
    network.status() -> NetworkStatus

The handler is a `network.connection.PeerHandler`: on_message, on_connected, on_disconnected (plain functions that
take note and return) and `async on_request`. Payloads are opaque bytes here; what they may be is bounded by
`network.framing.PAYLOAD_BYTES_MAX`. A message that was queued may still be lost with its connection, so whoever needs
it repeats it on `on_connected`.

Both sides dial, because a restarted node then reconnects at once whoever it is, and because one direction may be
barred; network/handshake.py says how doubles are resolved. Nothing that arrives on the port can end `run`.
"""

import asyncio
import logging
import random
import secrets
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import field
from functools import partial
from typing import Final

from chain.types import Digest, Height, ValidatorId
from chain.values import dataclass
from network import handshake
from network.connection import Connection, PeerHandler
from network.errors import DisconnectError, PeerUnavailableError, Reason
from network.framing import Channel, FrameStream, encode_frame
from network.limits import LimitedLog, NetworkLimits
from network.listener import Listener
from network.opening import accept_stream, open_stream
from network.peer import Address, Peer
from network.status import NetworkStatus
from network.tls import Observer, Registered, TlsFiles, client_context, registry_of, server_context

_LOG_INTERVAL_SECONDS: Final = 30.0
_FAREWELL_SECONDS: Final = 0.5
"""Time for a refusal to reach the peer before its connection is cut."""

_ENDED_BY_PEER: Final = frozenset({Reason.CLOSED_BY_PEER, Reason.LOST, Reason.REFUSED, Reason.HANDSHAKE_TIMEOUT})
"""Endings after which nobody reads a refusal."""

Opening = Callable[[float], Awaitable[FrameStream]]
"""Opens or accepts a stream within these seconds."""


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """Who this node is and where it listens."""

    own_id: ValidatorId
    chain_id: Digest
    files: TlsFiles
    host: str
    port: int
    """0 lets the system choose."""
    limits: NetworkLimits = field(default_factory=NetworkLimits)


class PeerNetwork:
    """Owns every peer connection of a node."""

    def __init__(
        self,
        config: NetworkConfig,
        validators: Iterable[Registered],
        addresses: Mapping[ValidatorId, Address],
        handler: PeerHandler,
        own_head: Callable[[], Height],
        observers: Iterable[Observer] = (),
    ) -> None:
        self._config = config
        self._limits = config.limits
        self._handler = handler
        self._own_head = own_head
        self._instance = secrets.token_bytes(handshake.INSTANCE_BYTES)
        self._log = LimitedLog(logging.getLogger(__name__), _LOG_INTERVAL_SECONDS, time.monotonic)
        self._listener = Listener(config.host, config.port, config.limits, self._log)
        self._group: asyncio.TaskGroup | None = None
        self._peers: dict[ValidatorId, Peer] = {}
        self._refused: Counter[str] = Counter()
        self._welcomes = 0
        self.update(validators, addresses, observers)

    def update(
        self,
        validators: Iterable[Registered],
        addresses: Mapping[ValidatorId, Address],
        observers: Iterable[Observer] = (),
    ) -> None:
        """Trust exactly these certificates from now on; cut off whom the change leaves out.

        Observers are not dialled, get nothing that is broadcast, and their heads count for nothing.

        Raises:
            TlsMaterialError: when this node's own certificate or key cannot be loaded.
        """
        own_id = self._config.own_id
        followers = list(observers)
        others = [peer for peer in (*validators, *followers) if peer.validator_id != own_id]
        self._observers = frozenset(observer.validator_id for observer in followers)
        self._registry = registry_of(others)
        self._server_context = server_context(self._config.files, self._registry)
        self._client_context = client_context(self._config.files, self._registry)
        for validator_id, why in self._registry.unusable:
            self._log.write(logging.WARNING, f"unusable {validator_id}", f"certificate of {validator_id}: {why}")
        for gone in self._peers.keys() - {validator.validator_id for validator in others}:
            self._forget(self._peers.pop(gone))
        for validator in others:
            self._remember(validator.validator_id, addresses.get(validator.validator_id))

    def listen(self) -> int:
        """Bind the peer port and return its number.

        Raises:
            OSError: when the address is taken or does not exist on this machine.
        """
        return self._listener.bind()

    def close(self) -> None:
        """Give the port back; only needed when `run` was not reached after `listen`."""
        self._listener.close()

    async def run(self) -> None:
        """Keep the connections up until cancelled.

        Raises:
            OSError: when the peer port cannot be bound.
        """
        self.listen()
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                for peer in self._peers.values():
                    self._start_dialling(peer)
                await self._listener.run(group, self._serve)
        finally:
            self._group = None
            self._listener.close()

    def send(self, peer_id: ValidatorId, channel: Channel, payload: bytes) -> bool:
        """Queue a message for one peer; False when it is not connected or its queue is full."""
        peer = self._peers.get(peer_id)
        if peer is None or peer.connection is None:
            return False
        return peer.connection.send(channel, encode_frame(channel, payload))

    def broadcast(self, channel: Channel, payload: bytes) -> int:
        """Queue a message for all connected peers but observers and return for how many it was queued."""
        frame = encode_frame(channel, payload)
        peers = [peer for peer in self._peers.values() if peer.peer_id not in self._observers]
        return sum(peer.connection.send(channel, frame) for peer in peers if peer.connection)

    async def request(self, peer_id: ValidatorId, kind: int, payload: bytes, timeout_seconds: float) -> bytes:
        """Ask one peer and return its answer.

        Raises:
            RequestError: PeerUnavailableError, RequestTimeoutError or RequestRefusedError.
        """
        peer = self._peers.get(peer_id)
        if peer is None or peer.connection is None:
            raise PeerUnavailableError(peer_id, "not connected")
        return await peer.connection.request(kind, payload, timeout_seconds)

    def heads(self) -> dict[ValidatorId, Height]:
        """Return the connected peers, observers aside, and the highest head that each announced."""
        return {
            peer.peer_id: peer.connection.head_height
            for peer in self._peers.values()
            if peer.connection and peer.peer_id not in self._observers
        }

    def observers(self) -> list[ValidatorId]:
        """Return the observers that are connected."""
        return [name for name in sorted(self._observers) if name in self._peers and self._peers[name].connection]

    def status(self) -> NetworkStatus:
        """Return a snapshot for metrics and operators."""
        peers = tuple(self._peers[name].status(name in self._observers) for name in sorted(self._peers))
        refused = {**self._refused, str(Reason.CROWDED_OUT): self._listener.crowded_out}
        return NetworkStatus(peers, self._listener.strangers, refused, self._registry.unusable)

    # Membership

    def _remember(self, peer_id: ValidatorId, address: Address | None) -> None:
        peer = self._peers.get(peer_id)
        if peer is None:
            peer = self._peers[peer_id] = Peer(peer_id, address)
        peer.address = address
        if peer.connection and peer_id not in self._registry.owners_of(peer.certificate):
            peer.connection.close(DisconnectError(Reason.UNREGISTERED))
        self._start_dialling(peer)

    def _forget(self, peer: Peer) -> None:
        if peer.connection:
            peer.connection.close(DisconnectError(Reason.UNREGISTERED))
        peer.gone = True
        peer.disconnected.set()

    # Opening connections

    def _start_dialling(self, peer: Peer) -> None:
        if self._group is not None and peer.address is not None and not peer.dialling:
            peer.dialling = True
            self._group.create_task(self._dial(peer))

    async def _dial(self, peer: Peer) -> None:
        """Dial whenever there is no connection, until the peer is forgotten or has no address."""
        while True:
            await peer.disconnected.wait()
            if peer.failures:
                await asyncio.sleep(self._backoff_seconds(peer.failures))
            address = peer.address
            if peer.gone or address is None:
                peer.dialling = False
                return
            if peer.connection is not None:
                continue
            opening = partial(open_stream, address.host, address.port, self._client_context)
            await self._meet(opening, peer, str(address))

    async def _serve(self, accepted: socket.socket, origin: str) -> None:
        await self._meet(partial(accept_stream, accepted, self._server_context), None, origin)

    async def _meet(self, opening: Opening, expected: Peer | None, origin: str) -> None:
        """Open a stream, greet, and serve the connection to its end; nothing that the other side does escapes."""
        stream: FrameStream | None = None
        farewell_seconds = 0.0
        seconds_max = self._limits.handshake_seconds_max
        try:
            async with asyncio.timeout(seconds_max):
                stream = await opening(seconds_max)
                peer, connection = await self._greet(stream, expected)
            await self._talk(peer, connection)
        except DisconnectError as refusal:
            if stream is not None and refusal.reason not in _ENDED_BY_PEER:
                handshake.send_refusal(stream, refusal)
                farewell_seconds = _FAREWELL_SECONDS
            self._note_failure(expected, origin, refusal)
        except TimeoutError:
            detail = f"not done after {seconds_max} s"
            self._note_failure(expected, origin, DisconnectError(Reason.HANDSHAKE_TIMEOUT, detail))
        finally:
            if stream is not None:
                await stream.close(farewell_seconds)

    def _note_failure(self, expected: Peer | None, origin: str, refusal: DisconnectError) -> None:
        double = refusal.reason in (Reason.DUPLICATE, Reason.SUPERSEDED)
        if expected is None:
            self._refused[refusal.reason] += 1
            if not double:
                self._log.write(logging.WARNING, f"inbound {refusal.reason}", f"connection from {origin}: {refusal}")
            return
        expected.failures += 1
        if double:
            return
        expected.last_error = str(refusal)
        message = f"no connection with {expected.peer_id} at {origin}: {refusal}"
        self._log.write(logging.WARNING, f"dial {expected.peer_id} {refusal.reason}", message)

    def _backoff_seconds(self, failures: int) -> float:
        full = min(self._limits.backoff_seconds_max, self._limits.backoff_seconds_first * 2.0 ** min(failures, 32))
        return full * random.uniform(0.5, 1.0)  # noqa: S311  (keeps nodes out of step; no secret)

    # The greeting and who decides

    async def _greet(self, stream: FrameStream, expected: Peer | None) -> tuple[Peer, Connection]:
        """Exchange greetings and return the connection, registered as the peer's only one.

        Raises:
            DisconnectError: when there is a reason, on this side or the other, not to use the connection.
        """
        certificate = stream.peer_certificate
        allowed = self._registry.owners_of(certificate)
        if not allowed:
            raise DisconnectError(Reason.FOREIGN_CERTIFICATE, "the certificate is not registered")
        if expected is not None:
            allowed = allowed & {expected.peer_id}
        ours = handshake.Hello(self._config.chain_id, self._config.own_id, self._own_head(), self._instance)
        handshake.send_hello(stream, ours)
        theirs = await handshake.receive_hello(stream)
        handshake.check_hello(theirs, ours, allowed)
        if ours.validator_id < theirs.validator_id:
            number = self._decide(theirs)
            handshake.send_welcome(stream, number)
        else:
            number = await handshake.receive_welcome(stream)
        # The set may have changed since the first check.
        peer = self._peers.get(theirs.validator_id)
        if peer is None or theirs.validator_id not in self._registry.owners_of(certificate):
            raise DisconnectError(Reason.UNREGISTERED)
        if peer.connection and peer.instance == theirs.instance and number < peer.welcome:
            raise DisconnectError(Reason.SUPERSEDED)
        connection = Connection(peer.peer_id, stream, self._handler, self._limits, self._own_head, theirs.head_height)
        self._activate(peer, connection, certificate, theirs.instance, number)
        return peer, connection

    def _decide(self, theirs: handshake.Hello) -> int:
        """Return the number of the welcome for a connection, or refuse it as a duplicate of a fresh one."""
        peer = self._peers.get(theirs.validator_id)
        if peer is not None and peer.connection is not None and peer.instance == theirs.instance:
            age_seconds = time.monotonic() - peer.connected_at
            if age_seconds < self._limits.stable_seconds:
                raise DisconnectError(Reason.DUPLICATE)
        self._welcomes += 1
        return self._welcomes

    def _activate(self, peer: Peer, connection: Connection, certificate: bytes, instance: bytes, number: int) -> None:
        if peer.connection is not None:
            self._deactivate(peer, peer.connection, DisconnectError(Reason.SUPERSEDED))
        task = asyncio.current_task()
        assert task is not None, "connections are served in tasks"
        self._listener.authenticated(task)
        peer.connection, peer.certificate, peer.instance, peer.welcome = connection, certificate, instance, number
        peer.connected_at = time.monotonic()
        peer.connections += 1
        peer.disconnected.clear()
        self._handler.on_connected(peer.peer_id, connection.head_height)

    async def _talk(self, peer: Peer, connection: Connection) -> None:
        ended = DisconnectError(Reason.SHUTDOWN)
        try:
            ended = await connection.run()
        finally:
            peer.add_totals(connection)
            if peer.connection is connection:
                self._deactivate(peer, connection, ended)

    def _deactivate(self, peer: Peer, connection: Connection, ended: DisconnectError) -> None:
        connection.close(ended)
        peer.connection = None
        peer.disconnected.set()
        peer.last_error = str(ended)
        stable = time.monotonic() - peer.connected_at >= self._limits.stable_seconds
        peer.failures = 0 if stable else peer.failures + 1
        if ended.reason is Reason.INTERNAL_ERROR:
            message = f"a message of {peer.peer_id} met a bug in this node: {ended}"
            self._log.write(logging.ERROR, f"internal {peer.peer_id}", message, failure=ended.__cause__)
        elif ended.reason is not Reason.SHUTDOWN:
            message = f"connection with {peer.peer_id} ended: {ended}"
            self._log.write(logging.WARNING, f"ended {peer.peer_id} {ended.reason}", message)
        self._handler.on_disconnected(peer.peer_id, ended)
