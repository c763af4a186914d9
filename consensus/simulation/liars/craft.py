"""What a liar works with: its own key, what its node holds, and what it has heard.

Nobody else's key, with one exception: messages for another chain or epoch. Validators may well use their keys
elsewhere, and what they sign there must mean nothing here.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol, TypeVar

from chain.block import Block
from chain.genesis import Genesis
from chain.receipt import BlockResult
from chain.types import Digest, Height, ValidatorId
from consensus.pbft.events import Head
from consensus.pbft.messages import TAGS, Message
from consensus.simulation.chance import Chance
from consensus.simulation.contract import consensus_seed
from consensus.simulation.signatures import Signatures

HEARD_MAX: Final = 64
LATELY: Final = 8

Signed = TypeVar("Signed", bound=Message)


class Insight(Protocol):
    """What the liar's own node knows and does for it."""

    @property
    def head(self) -> Head:
        """The last applied block."""
        ...

    def certified(self, height: Height) -> bytes | None:
        """Return a decided block with result and certificate."""
        ...

    def executed(self, block_hash: Digest) -> tuple[Block, BlockResult] | None:
        """Return an undecided block that the node has executed, and what came out."""
        ...

    def old_transaction(self, height: Height) -> bytes | None:
        """Return some transaction of a decided block."""
        ...

    def keep(self, block: Block) -> Block:
        """Keep a body, so that peers get it when they ask."""
        ...


@dataclass(slots=True)
class Craft:
    """One liar's means."""

    name: ValidatorId
    genesis: Genesis
    signatures: Signatures
    others: tuple[ValidatorId, ...]
    on_poison: Callable[[Digest, str], None]
    """Told of each block that no honest validator may vote for, with the rule that it breaks."""
    chance: Chance
    """Of the present occasion."""
    insight: Insight | None = None
    """None while the node is down."""
    heard: deque[bytes] = field(default_factory=lambda: deque(maxlen=HEARD_MAX))
    """Payloads of consensus messages that came in, the latest last."""

    def signed(self, message: Signed) -> Signed:
        """Return the message with its signer's genuine signature."""
        seed = consensus_seed(message.signer)
        signature = self.signatures.sign(seed, TAGS[message.kind], message.payload)
        return replace(message, signature=signature)

    def heard_lately(self) -> bytes | None:
        """Draw one of the last payloads that came in."""
        lately = list(self.heard)[-LATELY:]
        return self.chance.choice(lately) if lately else None

    def some_others(self) -> tuple[ValidatorId, ...]:
        """Draw some of the others, at least one."""
        drawn = tuple(other for other in self.others if self.chance.randrange(2))
        return drawn or (self.chance.choice(self.others),)

    def rest(self, some: Sequence[ValidatorId]) -> tuple[ValidatorId, ...]:
        """Return the others that are not among these."""
        return tuple(other for other in self.others if other not in some)
