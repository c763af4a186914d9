"""The seam between the PBFT core and its host: all that happens to a replica, and all that it asks for in return.

The host turns the world into events, calls `replica.step(event)` for one after the other, and carries out each Output
completely before it carries out the next. The parts of an Output have one order, and it is what makes a crash at any
point harmless (rules 1 and 10):

1. `persist`: append to the write-ahead log and fsync. If that fails the process ends; nothing below may happen.
2. `send`: hand messages to the network. They are lost, repeated or late as the network likes.
3. `decide`: store block, result and certificate, have the state written, then answer with Applied.
4. `fetch`: work for the host that ends in an event (a body, an execution, a proposal, a catch-up). Nothing is fetched
   twice at the same time by a careful host; the core asks again at intervals for what is on the network.
5. `report`: facts for operators; they change nothing.

Event to answer:

| the core asks   | the host answers with |
|---|---|
| FetchBody       | BodyArrived when the own log or some candidate gave the block with that hash; nothing otherwise |
| Execute         | one of Executed, ExecutionInvalid, ExecutionFault; nothing if the height was decided |
| ProposeBlock    | Proposal, or PendingChanged(False) when nothing is left to propose |
| CatchUp, Serve  | CertifiedBlock at the asking side, in order of height |
| Decide          | Applied |

Signatures, certificates and bounds are checked before an event is made of them (consensus/verify.py): the core takes
every message in MessageArrived and every CertifiedBlock as authentic, though not as honest.
"""

from typing import Final

from chain.block import Block
from chain.certificate import Certificate
from chain.receipt import BlockResult
from chain.types import Digest, Height, Milliseconds, ValidatorId, View
from chain.validators import ValidatorSet
from chain.values import dataclass
from consensus.pbft.messages import Message, PrePrepare, Ranked, ViewChange, Vote
from consensus.pbft.records import Record


@dataclass(frozen=True, slots=True)
class Head:
    """The last block that is decided and stored here, with what the next height needs to know of it."""

    height: Height
    """0 for genesis."""
    block_hash: Digest
    """The genesis hash at height 0."""
    result_hash: Digest
    """As this node's own execution found it; at height 0 computed from genesis."""
    time: Milliseconds
    proposer: ValidatorId | None
    """`header.proposer`; None at height 0."""
    certificate: Certificate | None
    """None at height 0 alone."""
    validators: ValidatorSet
    """The set that decides height + 1."""


# Events: what happens to a replica.


@dataclass(frozen=True, slots=True)
class Restored:
    """The replica starts; the first event, and given once. A new node has the genesis head and no records."""

    head: Head
    floor: Height
    """Lowest height of which the log still holds everything; 1 on a new node. Below it votes were dropped."""
    records: tuple[Record, ...]
    """What the log holds, in the order of writing."""
    nonce: bytes
    """16 bytes that no earlier start has used (messages.NONCE_BYTES)."""
    clock: Milliseconds
    damaged: bool = False
    """The log was damaged beyond an incomplete last record, so that votes may be lost: amnesia."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A unit of time has passed; the host chooses how long one is."""

    clock: Milliseconds
    """The local wall clock; it is compared with the time of fresh proposals and with nothing else."""


@dataclass(frozen=True, slots=True)
class MessageArrived:
    """A checked message came in. A replica's own messages never come this way."""

    sender: ValidatorId
    """The authenticated peer, to whom answers go; messages may be passed on, so it need not be the signer."""
    message: Message
    clock: Milliseconds
    block: Block | None = None
    """The body that travelled beside a PRE-PREPARE, if it did."""


@dataclass(frozen=True, slots=True)
class BodyArrived:
    """A block came in that was asked for with FetchBody; its transactions match its header."""

    block: Block


@dataclass(frozen=True, slots=True)
class PendingChanged:
    """Whether this node has valid transactions waiting changed; false at the start."""

    has_pending: bool


@dataclass(frozen=True, slots=True)
class LeftOutChanged:
    """Whether the oldest valid transaction here stays out of blocks that had room for it changed; false at the start.

    While it is true the replica complains (rule 8): it leaves view 0 of each new height at once.
    """

    is_left_out: bool


@dataclass(frozen=True, slots=True)
class Proposal:
    """The block that the host built for ProposeBlock; its header fits the replica's head."""

    height: Height
    view: View
    block: Block


@dataclass(frozen=True, slots=True)
class Executed:
    """The executor found the block valid, with this result."""

    block_hash: Digest
    result: BlockResult


@dataclass(frozen=True, slots=True)
class ExecutionInvalid:
    """The executor found the block invalid, which every other executor finds too."""

    block_hash: Digest
    code: str
    """Stable code of the reason."""


@dataclass(frozen=True, slots=True)
class ExecutionFault:
    """The executor failed for reasons of its own (memory, disk, watchdog): says nothing about the block."""

    block_hash: Digest


@dataclass(frozen=True, slots=True)
class CertifiedBlock:
    """A checked block with result and certificate came in from a peer; ignored unless it is the next height."""

    block: Block
    result: BlockResult
    certificate: Certificate


@dataclass(frozen=True, slots=True)
class Applied:
    """A decided block is stored and its state written, durably: the next height begins."""

    head: Head


@dataclass(frozen=True, slots=True)
class PeerConnected:
    """A connection to a validator was made, or made again: what was sent before may be lost."""

    peer: ValidatorId


Event = (
    Restored
    | Tick
    | MessageArrived
    | BodyArrived
    | PendingChanged
    | LeftOutChanged
    | Proposal
    | Executed
    | ExecutionInvalid
    | ExecutionFault
    | CertifiedBlock
    | Applied
    | PeerConnected
)


# Output: what the replica asks for.


@dataclass(frozen=True, slots=True)
class Send:
    """Send a message."""

    to: tuple[ValidatorId, ...]
    """Validators, never the replica itself; those that are not connected are passed over."""
    message: Message
    block: Block | None = None
    """The body that should travel beside a fresh PRE-PREPARE."""


@dataclass(frozen=True, slots=True)
class Serve:
    """Send a decided block with result and certificate to a peer that still talks about its height (rule 7)."""

    height: Height
    to: ValidatorId


@dataclass(frozen=True, slots=True)
class Decide:
    """The block of this height is decided; it is final the moment it is stored."""

    block: Block
    result: BlockResult
    certificate: Certificate


@dataclass(frozen=True, slots=True)
class FetchBody:
    """Get a block by its hash; asked again at intervals.

    From the own log if it is there, for a replica remembers the last few bodies alone; otherwise from any of these
    validators, the likeliest first.
    """

    height: Height
    block_hash: Digest
    candidates: tuple[ValidatorId, ...]


@dataclass(frozen=True, slots=True)
class Execute:
    """Check a block completely against the parent state and execute it, without writing anything."""

    block: Block


@dataclass(frozen=True, slots=True)
class ProposeBlock:
    """It is this replica's turn and work is pending: build a fresh block on the current head."""

    height: Height
    view: View


@dataclass(frozen=True, slots=True)
class CatchUp:
    """Peers speak of greater heights: get certified blocks from this height on, and blame nobody (rule 7)."""

    height: Height
    """The height that this replica needs next."""
    candidates: tuple[ValidatorId, ...]


@dataclass(frozen=True, slots=True)
class Awoke:
    """Enough others have testified; the replica votes from now on."""


@dataclass(frozen=True, slots=True)
class LostVotes:
    """This validator's log misses something that it signed, or is damaged: it stays a learner (rule 11)."""

    shown: Ranked | None
    """The message that it signed and does not hold; None when the log was damaged, or says that votes were lost."""
    witness: ValidatorId | None
    """Who showed it."""


@dataclass(frozen=True, slots=True)
class ViewChanged:
    """The replica left its view: the primary was too slow, others left, or the proposal was invalid."""

    height: Height
    view: View
    """The view that it strives for."""


@dataclass(frozen=True, slots=True)
class ViewEntered:
    """The replica accepted a NEW-VIEW."""

    height: Height
    view: View
    primary: ValidatorId
    forced: Digest | None
    """The block that the view must propose again, if any."""


@dataclass(frozen=True, slots=True)
class BadProposal:
    """A proposal was refused."""

    height: Height
    view: View
    proposer: ValidatorId
    code: str
    message: PrePrepare | None
    """What was refused, if it is still here; with the right things beside it, it may be evidence."""


@dataclass(frozen=True, slots=True)
class Equivocation:
    """One validator signed two different messages for one slot: evidence that verifies on its own."""

    first: Ranked
    second: Ranked


@dataclass(frozen=True, slots=True)
class HidPrepared:
    """A validator left a view in which it had sent COMMIT without showing what it had prepared there: evidence too."""

    change: ViewChange
    commit: Vote


@dataclass(frozen=True, slots=True)
class Diverged:
    """The own outcome of a block differs from a certificate's: the replica has stopped and overwrites nothing."""

    height: Height
    block_hash: Digest
    own: Digest | None
    """The own result hash; None when the own executor found the block invalid."""
    certified: Digest


@dataclass(frozen=True, slots=True)
class CannotExecute:
    """The own executor failed twice on a block that is decided: the replica has stopped."""

    height: Height
    block_hash: Digest


Outgoing = Send | Serve
Request = FetchBody | Execute | ProposeBlock | CatchUp
Accusation = BadProposal | Equivocation | HidPrepared
Report = Awoke | LostVotes | ViewChanged | ViewEntered | Accusation | Diverged | CannotExecute


@dataclass(frozen=True, slots=True)
class Output:
    """What one step asks for, to be carried out in the order of these fields."""

    persist: tuple[Record, ...] = ()
    send: tuple[Outgoing, ...] = ()
    decide: tuple[Decide, ...] = ()
    """At most one."""
    fetch: tuple[Request, ...] = ()
    report: tuple[Report, ...] = ()


NOTHING: Final = Output()
"""What a step returns that asks for nothing."""
