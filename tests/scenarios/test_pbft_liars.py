"""Seeded storms in which f validators lie: the honest agree all the same, and get on once the network is good."""

from dataclasses import replace

import pytest
from pbft_bench import Packet, seed_of
from pbft_storm import Storm

from chain.block import decode_header, make_block
from chain.certificate import Phase, Subject
from chain.crypto import sign
from chain.types import Digest, Milliseconds, ValidatorId, View
from consensus.pbft import events, messages


class Liar:
    """Rewrites what a validator sends, to each recipient anew: equivocates, forgets, votes for anything."""

    def __init__(self, storm: Storm, name: ValidatorId) -> None:
        """Take over a validator's outgoing packets."""
        self.storm = storm
        self.name = name
        self.host = storm.bench.hosts[name]
        self.host.emit = self.emit
        self.blocks: list[Digest] = []

    def emit(self, packet: Packet) -> None:
        """Send something else than what was asked for, as often as not."""
        content = packet.content
        if isinstance(content, events.Send) and self.storm.random.random() < 0.5:
            packet = replace(packet, content=self.twist(content))
        if self.storm.random.random() < 0.9:
            self.storm.bench.packets.append(packet)

    def twist(self, send: events.Send) -> events.Send:
        """Return a lie in place of an honest message."""
        message, draw = send.message, self.storm.random
        match message:
            case messages.Vote(subject=subject):
                self.blocks.append(subject.block_hash)
                lie = replace(
                    subject,
                    view=View(max(0, subject.view + draw.choice([-1, 0, 0, 1]))),
                    block_hash=draw.choice(self.blocks),
                )
                return replace(send, message=self.signed(self.vote(message, lie)))
            case messages.ViewChange():
                return replace(send, message=self.signed(replace(message, prepared=None)))
            case messages.PrePrepare(header=header):
                time = Milliseconds(decode_header(header).time + draw.randrange(1, 9))
                block = make_block(replace(decode_header(header), time=time), [])
                self.blocks.append(block.block_hash)
                other = replace(message, header=block.header.encoded())
                return replace(send, message=self.signed(other), block=draw.choice([block, None]))
        return send

    def vote(self, message: messages.Vote, lie: Subject) -> messages.Vote:
        return replace(message, subject=lie, phase=self.storm.random.choice(list(Phase)))

    def signed(self, message: messages.Ranked) -> messages.Ranked:
        signature = sign(seed_of(self.name), messages.TAGS[message.kind], message.payload)
        return replace(message, signature=signature)


@pytest.mark.parametrize("count", [4, 7])
@pytest.mark.parametrize("seed", range(3))
def test_liars_split_nothing(count: int, seed: int) -> None:
    storm = Storm(seed + 1000, count)
    names = storm.random.sample(storm.bench.validators.ids, storm.bench.validators.faults_max)
    liars = [Liar(storm, name) for name in names]
    storm.liars = set(names)
    storm.run(1000)
    storm.heal()
    assert storm.recovers(1500), storm.bench.heights()
    for liar in liars:
        storm.bench.hosts.pop(liar.name)
    storm.bench.check()
