"""A node that lies with a validator's own key: all of it is the product, but for what it proposes, says and answers.

    python tests/cluster/lying_node.py --config FILE

The lies are those of the simulator (consensus/simulation/liars), told here by a real process: what the replica wants to
send is replaced on its way from the core to the driver, questions of peers are answered falsely on their way back.
Which lies it tells stands in the file `lies` of the folder in which it runs, words that may change while it runs; how
often it told each, it writes to the file `told`. Beside the simulator's there are two lies of a primary:
`leave_out:KEY` proposes nothing of a sender, `late:MILLISECONDS` proposes so much later.
"""

import argparse
import asyncio
import contextlib
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, cast
from unittest.mock import patch

from assembly import composition, full_node
from assembly.consensus_host import ConsensusHostService
from assembly.full_node import Node
from assembly.history_service import certified_block
from assembly.keys import NodeKeys
from assembly.peer_handler import PeerService
from assembly.proposals import Proposals
from chain import crypto
from chain.block import Block, decode_block, make_block
from chain.block_store import BlockStore
from chain.encoding import DecodeError, encode
from chain.genesis import Genesis
from chain.receipt import BlockResult
from chain.transaction import decode_transaction, transactions_root_of
from chain.types import Digest, Height, Signature, ValidatorId, View
from configs.node_config import NodeConfig
from consensus.driver import ConsensusDriver, ConsensusHost, Core
from consensus.pbft.events import Event, Head, MessageArrived, Output, Send, Serve
from consensus.pbft.messages import Message, PrePrepare, encode_message
from consensus.simulation.chance import chance_of
from consensus.simulation.contract import consensus_seed
from consensus.simulation.liars.craft import Craft
from consensus.simulation.liars.liar import LyingValidator
from consensus.simulation.liars.lies import Lie, Told
from consensus.simulation.packet import Channel as SimulatedChannel
from consensus.simulation.packet import Packet
from consensus.simulation.signatures import RealSignatures
from network import requests
from network.framing import Channel
from network.peers import PeerNetwork

UNASKED_SECONDS: Final = (0.002, 0.04)
"""Between two lies that need no occasion, as in the simulator."""
CHANNELS: Final = {SimulatedChannel.CONSENSUS: Channel.CONSENSUS, SimulatedChannel.BLOCK: Channel.BLOCKS}


class OwnKey:
    """Signs with the true key what the liar signs itself; implements consensus.simulation.signatures.Signatures.

    The simulator derives each validator's seed from its name. For those of others the names give none that is true.
    """

    def __init__(self, own: bytes, seed: bytes) -> None:
        """`own` stands for the true `seed`."""
        self._own = own
        self._sign = crypto.signer(seed)
        self._others = RealSignatures()

    def sign(self, seed: bytes, tag: str, payload: bytes) -> Signature:
        """Return a signature, a true one if it is the liar's own."""
        return self._sign(tag, payload) if seed == self._own else self._others.sign(seed, tag, payload)

    def verify(self, key: bytes, tag: str, payload: bytes, signature: bytes) -> bool:
        """Tell whether a signature is good."""
        return crypto.verify(key, tag, payload, signature)


class Liar:
    """Owns what is lied about now and how often it was; knows the node as the simulator's liars know theirs."""

    def __init__(self, config: NodeConfig, genesis: Genesis, keys: NodeKeys, blocks: BlockStore) -> None:
        self._own_id = ValidatorId(config.name)
        others = tuple(name for name in genesis.validators.ids if name != self._own_id)
        signatures = OwnKey(consensus_seed(config.name), keys.consensus_seed)
        chance = chance_of(1, config.name)
        self._craft = Craft(self._own_id, genesis, signatures, others, lambda block_hash, code: None, chance, self)
        self._liars: dict[tuple[Lie, ...], LyingValidator] = {}
        self._blocks = blocks
        self._executed: dict[Digest, tuple[Block, BlockResult]] = {}
        self._kept: dict[Digest, Block] = {}
        self._host: ConsensusHostService | None = None
        self._proposals: Proposals | None = None
        self._network: PeerNetwork | None = None
        self._told: dict[str, int] = {}
        self._pause = random.Random(1)
        self._loop = asyncio.get_running_loop()
        self._loop.call_soon(self._lie_unasked)

    # What it lies about

    @property
    def words(self) -> list[str]:
        """What the file says."""
        try:
            return Path("lies").read_text(encoding="ascii").split()
        except FileNotFoundError:
            return []

    @property
    def validator(self) -> LyingValidator | None:
        """Who tells the simulator's lies that are asked for, None if none are."""
        known = set(Lie)
        lies = tuple(sorted(Lie(word) for word in self.words if word in known))
        if not lies:
            return None
        if lies not in self._liars:
            self._liars[lies] = LyingValidator(self._craft, lies, len(self._liars), lambda occasion: True)
        return self._liars[lies]

    def parameter(self, lie: str) -> str | None:
        """Return what stands behind a lie's name, None if it is not to be told."""
        return next((word.partition(":")[2] for word in self.words if word.partition(":")[0] == lie), None)

    def note(self, lie: str, count: int = 1) -> None:
        """Write down that a lie was told; who removes the file counts anew."""
        if not Path("told").exists():
            self._told.clear()
        self._told[lie] = self._told.get(lie, 0) + count
        Path("told").write_text(" ".join(f"{name}:{times}" for name, times in self._told.items()), encoding="ascii")

    # What it knows; implements consensus.simulation.liars.craft.Insight

    @property
    def head(self) -> Head:
        """The last applied block."""
        assert self._host is not None, "lies are told while the node runs"
        return self._host.head

    def certified(self, height: Height) -> bytes | None:
        """Return a decided block with result and certificate."""
        return certified_block(self._blocks, height)

    def executed(self, block_hash: Digest) -> tuple[Block, BlockResult] | None:
        """Return an undecided block that the node has executed, and what came out."""
        return self._executed.get(block_hash)

    def old_transaction(self, height: Height) -> bytes | None:
        """Return some transaction of a decided block."""
        raw = self._blocks.block(height)
        return None if raw is None else decode_block(raw).transactions[0]

    def keep(self, block: Block) -> Block:
        """Keep a body, so that peers get it when they ask."""
        self._kept[block.block_hash] = block
        while len(self._kept) > 16:
            del self._kept[next(iter(self._kept))]
        return block

    # Where it stands in the node

    def peers(
        self, blocks: BlockStore, mempool: Any, proposals: Proposals, admission: Any, host: Any, undecided: Any
    ) -> PeerService:
        """Make what answers peers."""
        self._host, self._proposals = host, proposals
        return cast(PeerService, LyingPeers(PeerService(blocks, mempool, proposals, admission, host, undecided), self))

    def network(self, settings: Any, validators: Any, addresses: Any, peers: Any, height: Any, obs: Any) -> PeerNetwork:
        """Make the network, which tells a height."""
        self._network = PeerNetwork(settings, validators, addresses, peers, lambda: self._announced(height()), obs)
        return self._network

    def driver(self, core: Core, log: Any, host: ConsensusHost, *rest: Any) -> ConsensusDriver:
        """Make the driver between a core and a host that lie."""
        return ConsensusDriver(LyingCore(core, self), log, cast(ConsensusHost, LyingHost(host, self)), *rest)

    def hears(self, message: Message) -> None:
        """Remember what others say."""
        self._craft.heard.append(encode([1, encode_message(message), None]))

    def has_executed(self, block: Block, result: BlockResult) -> None:
        """Remember the outcome of a block."""
        self._executed = {block.block_hash: (block, result)}

    # What it says

    def instead(self, outgoing: Send | Serve) -> Iterator[Send | Serve]:
        """Yield what the driver is to send in place of what the replica wants to; lies go past the driver."""
        validator, late = self.validator, self.parameter("late")
        if isinstance(outgoing, Serve) or (validator is None and late is None):
            yield outgoing
            return
        if late is not None and isinstance(outgoing.message, PrePrepare):
            self.note("late")
            self._tell(Told(outgoing.to, outgoing.message, outgoing.block, delay_us=int(late) * 1_000))
            return
        told = [Told(outgoing.to, outgoing.message, outgoing.block)]
        if validator is not None:
            told = self._noted(validator, lambda: validator.told_instead(outgoing))
        for item in told:
            if item.content is outgoing.message and item.to == outgoing.to and not item.delay_us:
                yield outgoing
            else:
                self._tell(item)

    def _lie_unasked(self) -> None:
        validator = self.validator
        if validator is not None and self._network is not None:
            for told in self._noted(validator, validator.unasked):
                self._tell(told)
        self._loop.call_later(self._pause.uniform(*UNASKED_SECONDS), self._lie_unasked)

    def answered(self, channel: SimulatedChannel, honest: list[bytes]) -> list[bytes]:
        """Return with what a peer's question is answered."""
        validator = self.validator
        return honest if validator is None else self._noted(validator, lambda: validator.answer(channel, honest))

    def kept_body(self, block_hash: Digest) -> bytes | None:
        """Return the body of a proposal that the liar made up."""
        block = self._kept.get(block_hash)
        return None if block is None else block.raw

    def _announced(self, height: Height) -> Height:
        validator = self.validator
        return height if validator is None else Height(validator.announced(height))

    def _noted(self, validator: LyingValidator, lie: Callable[[], list[Any]]) -> list[Any]:
        before = dict(validator.counts)
        found = lie()
        for name, times in validator.counts.items():
            if times > before.get(name, 0):
                self.note(name, times - before.get(name, 0))
        return found

    def _tell(self, told: Told) -> None:
        """Send past the driver, soon or later."""
        if isinstance(told.content, Packet):
            channel, payload = CHANNELS[told.content.channel], told.content.payload
        else:
            channel, payload = Channel.CONSENSUS, encode([1, encode_message(told.content), self._ids(told.block)])
        self._loop.call_later(told.delay_us / 1_000_000, self._send, told.to, channel, payload)

    def _send(self, to: tuple[ValidatorId, ...], channel: Channel, payload: bytes) -> None:
        assert self._network is not None, "lies are told once there is a network"
        for peer in to:
            self._network.send(peer, channel, payload)

    def _ids(self, block: Block | None) -> bytes | None:
        assert self._proposals is not None, "lies are told while the node runs"
        try:
            return None if block is None else self._proposals.concatenated_ids(block)
        except DecodeError:
            return None  # It has put in what is no transaction.


class LyingCore:
    """The replica, whose messages are replaced on the way out; implements consensus.driver.Core."""

    def __init__(self, core: Core, liar: Liar) -> None:
        self._core = core
        self._liar = liar

    def step(self, event: Event) -> Output:
        """Take one event in."""
        if isinstance(event, MessageArrived):
            self._liar.hears(event.message)
        output = self._core.step(event)
        if not output.send:
            return output
        return replace(output, send=tuple(said for item in output.send for said in self._liar.instead(item)))

    def is_moot(self, sender: ValidatorId, message: Message, *, has_body: bool) -> bool:
        """Tell whether a message would change nothing."""
        return self._core.is_moot(sender, message, has_body=has_body)


class LyingHost:
    """The node as its driver uses it, but for whose transactions are proposed."""

    def __init__(self, host: ConsensusHost, liar: Liar) -> None:
        self._host = host
        self._liar = liar

    def __getattr__(self, name: str) -> Any:
        return getattr(self._host, name)

    async def execute(self, block: Block) -> BlockResult:
        """Check and execute a block."""
        result = await self._host.execute(block)
        self._liar.has_executed(block, result)
        return result

    async def propose(self, height: Height, view: View) -> Block | None:
        """Build a fresh block, without one sender's transactions if those are to be left out."""
        block = await self._host.propose(height, view)
        sender = self._liar.parameter("leave_out")
        if block is None or sender is None:
            return block
        left = [raw for raw in block.transactions if _sender_of(raw) != sender]
        if len(left) == len(block.transactions):
            return block
        self._liar.note("leave_out")
        if not left:
            return None
        return make_block(replace(block.header, transactions_root=transactions_root_of(left)), left)


class LyingPeers:
    """What peers' questions meet."""

    def __init__(self, peers: PeerService, liar: Liar) -> None:
        self._peers = peers
        self._liar = liar

    def __getattr__(self, name: str) -> Any:
        return getattr(self._peers, name)

    async def on_request(self, peer: ValidatorId, kind: int, payload: bytes) -> bytes:
        """Answer a peer's question."""
        if kind == requests.RequestKind.BODY:
            made_up = self._liar.kept_body(requests.decode_body_request(payload))
            if made_up is not None:
                return encode([1, made_up])
        answer = await self._peers.on_request(peer, kind, payload)
        match kind:
            case requests.RequestKind.BODY:
                body = requests.decode_body(answer)
                false = self._liar.answered(SimulatedChannel.BODY, [] if body is None else [body])
                return encode([1, false[0] if false else None])
            case requests.RequestKind.BLOCKS:
                return encode([1, self._liar.answered(SimulatedChannel.BLOCKS, requests.decode_blocks(answer))])
        return answer


def _sender_of(raw: bytes) -> str:
    return decode_transaction(raw, size_max=len(raw)).body.sender_key.hex()


def lying(config: NodeConfig, genesis: Genesis, keys: NodeKeys, blocks: BlockStore, *rest: Any, **named: Any) -> Node:
    """Build a node as the composition does, with the liar in between."""
    liar = Liar(config, genesis, keys, blocks)
    parts = {"PeerService": liar.peers, "PeerNetwork": liar.network, "ConsensusDriver": liar.driver}
    with contextlib.ExitStack() as stack:
        for name, part in parts.items():
            stack.enter_context(patch.object(full_node, name, part))
        return Node(config, genesis, keys, blocks, *rest, **named)


def main() -> int:
    """Run the node until it is told to stop; return its exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--config", type=Path, required=True)
    # What stands in front of it is how an honest node would have been started.
    config = parser.parse_known_args()[0].config
    with patch.object(composition, "Node", lying):
        return composition.run_node(config)


if __name__ == "__main__":
    sys.exit(main())
