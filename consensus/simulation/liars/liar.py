"""A lying validator: its replica runs honestly, and what it wants to send is replaced on the way out.

Some lies need no occasion: they are told at intervals. Each occasion has a number, and the plan says on which of them
the liar lies; what it says then follows from seed and number alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from chain.certificate import Subject
from chain.mempool import Mempool
from chain.rules import Rules
from chain.transaction import Transaction
from chain.types import Milliseconds
from consensus.pbft.events import Send
from consensus.pbft.messages import NewView, PrePrepare, Testimony, ViewChange, Vote
from consensus.simulation.chance import chance_of
from consensus.simulation.clock import MILLISECOND
from consensus.simulation.contract import member_seed
from consensus.simulation.liars import blocks, certificates, messages
from consensus.simulation.liars.craft import Craft
from consensus.simulation.liars.lies import Lie, Told
from consensus.simulation.packet import Channel
from consensus.simulation.settings import VIEW_TIMEOUT_MS
from consensus.simulation.signatures import key_of

UNASKED_US: Final = (2 * MILLISECOND, 40 * MILLISECOND)
"""Between two lies that need no occasion."""
UNASKED: Final = frozenset((Lie.REPLAY, Lie.FAR, Lie.SPAM, Lie.FLOOD, Lie.FORGE))
SUBJECTS_MAX: Final = 8
FLOOD_MESSAGES: Final = 100
"""One flood, once a run: it costs as much as a tenth of it, and more than a validator's share of checks."""
FLOOD_EVERY_US: Final = 2 * MILLISECOND
"""Between two of these: most come in as they were sent, and what comes behind a higher view is not read at all."""


class LyingValidator:
    """Owns one liar's choices and what it remembers; outlives the processes of its machine."""

    def __init__(self, craft: Craft, lies: Sequence[Lie], seed: int, tells: Callable[[int], bool]) -> None:
        """`tells` says on which occasions the liar lies."""
        self.craft = craft
        self._lies = tuple(lies)
        self._seed = seed
        self._tells = tells
        self._occasions = 0
        self._snubbed = frozenset(craft.some_others())
        self._censored = key_of(member_seed(craft.chance.choice(craft.others)))
        self._subjects: list[Subject] = []
        """What it voted for lately."""
        self._demanded = 0
        self._has_flooded = False
        self.lies_otherwise = True
        """Whether it tells other lies too than to leave transactions out and to complain."""
        self.counts: dict[str, int] = {}

    def told_instead(self, outgoing: Send) -> list[Told]:
        """Return what is sent in place of what the replica wanted to send."""
        if isinstance(outgoing.message, Vote):
            self._subjects = [*self._subjects[1 - SUBJECTS_MAX :], outgoing.message.subject]
        honest = Told(outgoing.to, outgoing.message, outgoing.block)
        lies = [lie for lie in self._lies if _is_occasion(lie, outgoing)]
        if not lies or not self._is_told():
            return [honest]
        lie = self._note(self.craft.chance.choice(lies))
        told = self._lie(lie, honest)
        return [item for item in told if item.to]

    def unasked(self) -> list[Told]:
        """Return what is said without any occasion."""
        lies = [lie for lie in self._lies if lie in UNASKED and (lie is not Lie.FLOOD or self._may_flood)]
        if not lies or not self._is_told():
            return []
        match self._note(self.craft.chance.choice(lies)):
            case Lie.REPLAY:
                told = messages.replayed(self.craft)
            case Lie.FAR:
                far = self.craft.chance.choice((messages.far_message, messages.far_view))
                told = far(self.craft)
            case Lie.SPAM:
                self._demanded += 1
                told = messages.demanded_view(self.craft, self._demanded)
            case Lie.FLOOD:
                return self._flood()
            case _:
                forgers = (messages.in_another_name, messages.forged_block, messages.block_of_too_few)
                told = self.craft.chance.choice(forgers)(self.craft)
        return [] if told is None else [told]

    def answer(self, channel: Channel, honest: list[bytes]) -> list[bytes]:
        """Return the bodies or certified blocks with which a question is answered in place of the honest ones."""
        if Lie.MISLEAD not in self._lies or not self._is_told():
            return honest
        self._note(Lie.MISLEAD)
        chance = self.craft.chance
        match chance.randrange(8):
            case 0:
                return []
            case 1:
                return [chance.randbytes(40)]
            case 2:
                return list(reversed(honest)) if len(honest) > 1 else []
            case 3:
                return honest[1:] + honest[:1] + honest
        if channel is Channel.BLOCKS and honest:
            place = chance.randrange(len(honest))
            return [*honest[:place], messages.false_certified(self.craft, honest[place]), *honest[place + 1 :]]
        return [body + b"\x00" for body in honest]

    def announced(self, height: int) -> int:
        """Return the height that the liar says it has."""
        if Lie.MISLEAD not in self._lies or not self._is_told():
            return height
        self._note(Lie.MISLEAD)
        return int(self.craft.chance.choice((0, height + 1, height + 1_000, 2**62)))

    def chosen(self, mempool: Mempool, rules: Rules, time: Milliseconds) -> list[Transaction]:
        """Return the transactions that the liar proposes: of what others wait behind, it takes those instead."""
        honest = mempool.select(rules, time)
        if Lie.CENSOR not in self._lies or all(item.body.sender_key != self._censored for item in honest):
            return honest
        self._note(Lie.CENSOR)
        limits = rules.parameters
        wide = replace(limits, block_transactions_max=len(mempool), block_gas_max=limits.block_gas_max * len(mempool))
        all_that_fit = mempool.select(replace(rules, parameters=wide), time)
        # Half of a block is left free: nobody can say that it was full.
        allowed = [item for item in all_that_fit if item.body.sender_key != self._censored]
        return allowed[: limits.block_transactions_max // 2]

    def complains(self) -> bool:
        """Tell whether the liar demands another primary at every height, without any reason."""
        if Lie.COMPLAIN not in self._lies:
            return False
        self._note(Lie.COMPLAIN)
        return True

    @property
    def _may_flood(self) -> bool:
        """Whether it has not done so yet, and there is a certificate to show."""
        insight = self.craft.insight
        return not self._has_flooded and insight is not None and insight.head.certificate is not None

    def _flood(self) -> list[Told]:
        """Demand view after view at once, each higher than the one before, with the certificate of the block below."""
        self._has_flooded = True
        views = range(self._demanded + 1, self._demanded + 1 + FLOOD_MESSAGES)
        self._demanded += FLOOD_MESSAGES
        told = [messages.demanded_view(self.craft, view) for view in views]
        return [replace(item, delay_us=place * FLOOD_EVERY_US) for place, item in enumerate(told) if item is not None]

    def _is_told(self) -> bool:
        self._occasions += 1
        if not self.lies_otherwise or not self._tells(self._occasions):
            return False
        self.craft.chance = chance_of(self._seed, f"lie/{self.craft.name}/{self._occasions}")
        return True

    def _note(self, lie: Lie) -> Lie:
        self.counts[lie] = self.counts.get(lie, 0) + 1
        return lie

    def _lie(self, lie: Lie, honest: Told) -> list[Told]:
        craft, message = self.craft, honest.content
        match lie, message:
            case Lie.SILENT, _:
                return [replace(honest, to=tuple(peer for peer in honest.to if peer not in self._snubbed))]
            case Lie.SLOW, _:
                return [replace(honest, delay_us=craft.chance.randrange(VIEW_TIMEOUT_MS) * MILLISECOND)]
            case Lie.SELECTIVE, PrePrepare():
                return [replace(honest, to=craft.some_others()[:1])]
            case Lie.EQUIVOCATE, PrePrepare() if honest.block is not None:
                return self._split(honest, Told((), *blocks.second_proposal(craft, message, honest.block)))
            case Lie.EQUIVOCATE, Vote():
                return self._split(honest, Told((), blocks.second_vote(craft, message, self._subjects)))
            case Lie.INVALID, PrePrepare() if honest.block is not None:
                return [Told(honest.to, *blocks.invalid_proposal(craft, message, honest.block))]
            case Lie.CLOCK, PrePrepare() if honest.block is not None:
                return [Told(honest.to, *blocks.proposal_of_another_time(craft, message, honest.block))]
            case Lie.HIDE, ViewChange():
                return [Told(honest.to, craft.signed(replace(message, prepared=None)))]
            case Lie.FABRICATE, ViewChange():
                return [Told(honest.to, certificates.fabricated(craft, message, self._rival_of(message)))]
            case Lie.FABRICATE, NewView():
                return [Told(honest.to, certificates.false_new_view(craft, message))]
            case Lie.MISLEAD, Testimony():
                return [Told(honest.to, craft.signed(replace(message, highest=None)))]
            case Lie.FORGE, Vote():
                return [honest, *(messages.vote_of_another(craft, message, other) for other in craft.some_others())]
        return [honest]

    def _rival_of(self, change: ViewChange) -> Subject | None:
        subjects = [subject for subject in self._subjects if subject.height == change.height]
        return self.craft.chance.choice(subjects) if subjects else None

    def _split(self, first: Told, second: Told) -> list[Told]:
        """Tell some the one and some the other, and one of them both."""
        half = tuple(peer for peer in first.to if peer in self._snubbed)
        rest = tuple(peer for peer in first.to if peer not in self._snubbed)
        return [replace(second, to=half), replace(first, to=rest + half[:1])]


def _is_occasion(lie: Lie, outgoing: Send) -> bool:
    match lie:
        case Lie.SILENT | Lie.SLOW:
            return True
        case Lie.SELECTIVE | Lie.INVALID | Lie.CLOCK:
            return isinstance(outgoing.message, PrePrepare) and outgoing.block is not None
        case Lie.EQUIVOCATE:
            return isinstance(outgoing.message, PrePrepare | Vote)
        case Lie.HIDE:
            return isinstance(outgoing.message, ViewChange)
        case Lie.FABRICATE:
            return isinstance(outgoing.message, ViewChange | NewView)
        case Lie.MISLEAD:
            return isinstance(outgoing.message, Testimony)
        case Lie.FORGE:
            return isinstance(outgoing.message, Vote)
    return False
