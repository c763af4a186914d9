"""Lies that a faulty validator tells with its own, genuine key; the protocol has to bear up to f such validators.

A liar's replica runs honestly; what it wants to send is replaced on the way out. Twins are the other kind of liar: two
honest machines under one name and key, which contradict each other whenever they see different things.
"""

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Final, TypeVar

from chain.block import Block, block_hash_of, make_block
from chain.certificate import Subject
from chain.crypto import sign, tagged_hash
from chain.types import Digest, Milliseconds, ValidatorId
from consensus.pbft.events import Send
from consensus.pbft.messages import TAGS, PrePrepare, ViewChange, Vote
from consensus.simulation.chance import Chance, happens
from consensus.simulation.contract import consensus_seed


class Lie(StrEnum):
    """Ways to be faulty."""

    SILENT = "silent"
    """Says nothing to some, or to all."""
    EQUIVOCATE = "equivocate"
    """Proposes two blocks at once, and votes for both."""
    HIDE = "hide"
    """Leaves out of VIEW-CHANGE what it has prepared."""
    TWINS = "twins"


Signed = TypeVar("Signed", PrePrepare, ViewChange, Vote)

LIES: Final = tuple(Lie)
LIE_PER_MILLE: Final = 500
"""How often a liar lies when it could."""


class LyingValidator:
    """Owns one liar's choices; implements consensus.simulation.machine.Liar."""

    def __init__(self, name: ValidatorId, lie: Lie, chance: Chance, others: Sequence[ValidatorId]) -> None:
        self._name = name
        self._lie = lie
        self._chance = chance
        self._snubbed = frozenset(other for other in others if chance.randrange(2)) or frozenset(others)
        self._other_block: dict[Digest, Digest] = {}
        """The second block beside each that it proposed."""

    def told_instead(self, outgoing: Send) -> list[Send]:
        """Return what is sent in place of what the replica wanted to send."""
        if self._lie is Lie.SILENT:
            to = tuple(peer for peer in outgoing.to if peer not in self._snubbed)
            return [replace(outgoing, to=to)] if to else []
        if not happens(self._chance, LIE_PER_MILLE):
            return [outgoing]
        match outgoing.message:
            case PrePrepare() if self._lie is Lie.EQUIVOCATE and outgoing.block is not None:
                return self._split(outgoing, *self._second_proposal(outgoing.message, outgoing.block))
            case Vote() if self._lie is Lie.EQUIVOCATE:
                return self._split(outgoing, self._second_vote(outgoing.message), None)
            case ViewChange() if self._lie is Lie.HIDE:
                return [Send(outgoing.to, self._signed(replace(outgoing.message, prepared=None)))]
        return [outgoing]

    def _split(self, outgoing: Send, other: PrePrepare | Vote, block: Block | None) -> list[Send]:
        """Tell some the one and some the other, and one of them both."""
        half = tuple(peer for peer in outgoing.to if peer in self._snubbed)
        rest = tuple(peer for peer in outgoing.to if peer not in self._snubbed)
        both = half[:1]
        sends = [Send(half, other, block), Send(rest + both, outgoing.message, outgoing.block)]
        return [send for send in sends if send.to]

    def _second_proposal(self, message: PrePrepare, block: Block) -> tuple[PrePrepare, Block]:
        header = replace(block.header, time=Milliseconds(block.header.time + 1))
        other = make_block(header, block.transactions)
        self._other_block[block.block_hash] = other.block_hash
        assert block_hash_of(header.encoded()) == other.block_hash, "a block's hash is its header's"
        return self._signed(replace(message, header=header.encoded())), other

    def _second_vote(self, vote: Vote) -> Vote:
        """Vote for the second block with an invented result, or for the same block with another result."""
        subject = vote.subject
        block_hash = self._other_block.get(subject.block_hash, subject.block_hash)
        result_hash = tagged_hash("simulation-lie", subject.result_hash)
        place = (subject.chain_id, subject.epoch, subject.height, subject.view)
        return self._signed(replace(vote, subject=Subject(*place, block_hash, result_hash)))

    def _signed(self, message: Signed) -> Signed:
        signature = sign(consensus_seed(self._name), TAGS[message.kind], message.payload)
        return replace(message, signature=signature)
