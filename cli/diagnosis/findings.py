"""What the doctor can find: one entry for each cause, with what it means and what to do."""

from enum import IntEnum
from typing import Final

from chain.values import dataclass


class Severity(IntEnum):
    """How bad it is; the lower the worse."""

    STOPS = 0
    """Nothing can be committed because of it, or nothing is."""
    HARMS = 1
    """Things are committed, with less to spare or slower than they should."""
    NOTE = 2
    """Good to know."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause."""

    meaning: str
    action: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A cause that the evidence shows."""

    code: str
    severity: Severity
    what: str
    """What was seen, with names and numbers."""
    nodes: tuple[str, ...] = ()
    """Whom it concerns."""
    keeps_from_voting: bool = False
    """Whether these validators do not vote because of it."""

    @property
    def cause(self) -> Cause:
        """What it means and what to do."""
        return CAUSES[self.code]


CAUSES: Final[dict[str, Cause]] = {
    # Why a validator does not vote; the most telling first.
    "disk_full": Cause(
        "The node stopped cleanly because its disk, quota or file size was used up. What was acknowledged is kept.",
        "Make room on its disk, then start it.",
    ),
    "disk_failed": Cause(
        "The node stopped because the system refused to read or write its files.",
        "Look at permissions, mounts and the system's log, then start it.",
    ),
    "data_damaged": Cause(
        "A database does not read as it was written, and was repaired as often as a run may, or cannot be.",
        "Check the disk. Then move the folder that the message names away and start it. Leave wal/ alone.",
    ),
    "configuration": Cause(
        "Configuration, genesis or keys of the node cannot be used, or its ports are taken; the message names what.",
        "Correct what the message names, then start it.",
    ),
    "diverged": Cause(
        "The node's own result of a block is not the one that a quorum certified. It stopped and overwrote nothing.",
        "Compare program versions, test the memory, move its state/ away and start. Report a repetition.",
    ),
    "old_program": Cause(
        "A version of the protocol is decided, or holds already, that this program does not know.",
        "Install a release that knows it, then start the node.",
    ),
    "helper_failed": Cause(
        "The processes that execute contracts or check signatures cannot be kept alive, or fail on a decided block.",
        "Its log says how they died; memory is the usual cause. Start it again.",
    ),
    "walls_required": Cause(
        "The node's configuration requires walls around its helper processes that its kernel does not offer.",
        "Give it a kernel that has them (docs/sandbox.md), or set require_walls = false.",
    ),
    "lost_votes": Cause(
        "The validator's log of votes was lost, damaged or put back from an old copy. It may vote no more.",
        "If the very last wal/ still exists, stop the node and put it back. Otherwise its key has to be replaced.",
    ),
    "other_chain": Cause(
        "The node belongs to another ledger: its genesis is not that of the others.",
        "Give it the genesis file of the others, and its own data folder.",
    ),
    "paused": Cause(
        "The node's process, or its executor, is stopped by a signal: it holds its connections and says nothing more.",
        "Let it go on: tally cluster resume, or kill -CONT.",
    ),
    "not_running": Cause("The node's process does not run.", "Start it; node.out and node.log say why it ended."),
    "certificates": Cause(
        "Connections end during TLS: a certificate is not the registered one, or has expired.",
        "Compare keys/tls.pem with what genesis registers for the node, and its dates.",
    ),
    "unreachable": Cause(
        "Neither we nor the other nodes reach it: it is down, its host is, or the network between is cut.",
        "Look at its host, its addresses in the others' [peers], and at firewalls on the peer port.",
    ),
    "disconnected": Cause(
        "Nodes run and answer us, and yet do not reach each other over their peer ports.",
        "Look at the addresses in [peers] and at firewalls on the peer ports; peers that one side sees are listed.",
    ),
    "joining": Cause(
        "The node fetches blocks or a state before it can take part.",
        "Wait; tally node status shows how far it is. If it stands still, it says which peers are not asked and why.",
    ),
    "catching_up": Cause(
        "The node's blocks are behind what it signed, or behind the others. It votes when it has caught up.",
        "Wait; tally node status shows how far it is.",
    ),
    "starting": Cause(
        "A validator that starts votes only when quorum - 1 others have shown what they hold of it.",
        "Start the others; it takes a moment once they are connected.",
    ),
    # Why nothing is decided although enough vote.
    "clock": Cause(
        "A node's clock is off. Proposals whose time is further away than clock_drift_max get no votes.",
        "Set its clock, and keep it set (chrony, systemd-timesyncd).",
    ),
    "primary_silent": Cause(
        "The validator whose turn it is proposes nothing; the others replace it after a timeout, again and again.",
        "Look at that node's log and load, and at the connection between it and the others.",
    ),
    "no_agreement": Cause(
        "Enough validators vote and transactions wait, and still no block is decided.",
        "Look at the proposals that were refused, and at lines about views and executors in the logs.",
    ),
    "quarantined": Cause(
        "Transactions wait that this machine fails to execute; it keeps them out of its own proposals.",
        "Its log names them. Others may be able to; if not, report them.",
    ),
    "slow_disk": Cause(
        "Syncing the log of votes takes long, and no vote leaves before it is done.",
        "Look for what else writes to that disk; move the data folder to a faster one.",
    ),
    "helper_restarts": Cause(
        "The executor or a verifier was started again: it died, or took too long.",
        "Its log says how it died; memory is the usual cause.",
    ),
    # Good to know.
    "behind": Cause(
        "The node is behind the others; its answers are old.", "Wait; tally node status shows how far it is."
    ),
    "disk_low": Cause("The disk is nearly full; when it is, the node stops.", "Make room."),
    "certificate_expires": Cause(
        "The node's TLS certificate ends soon; from then on no peer lets it connect.",
        "Register the next certificate in time.",
    ),
    "versions_differ": Cause("Nodes run different versions of the program.", "Finish the upgrade."),
    "pool_full": Cause(
        "The node takes no further transactions until some are committed or expire.",
        "If blocks are decided, send slower; otherwise look at what stops them.",
    ),
    "misbehaviour": Cause(
        "Nodes hold proof that a validator signed what no honest one signs: its program lies, its key was stolen, or it"
        " runs twice.",
        "Check the proof (tally evidence list, fetch, verify), ask its operator, and lay it before the members.",
    ),
    "left_out": Cause(
        "Blocks had room for a transaction that waits, and younger ones were taken. Nodes complain: from f + 1 of them"
        " on the primary is replaced at each height until the transaction is in a block, or can be in none any more.",
        "Ask the primary's operator why it is left out; by itself it proves nothing. Where few nodes complain, look"
        " whether the others hold the transaction.",
    ),
    "floods": Cause(
        "A validator sends more messages than agreement ever needs. Beyond its share they are dropped unread, and it is"
        " read more slowly; the others lose nothing.",
        "Ask its operator: its program lies, or its key was stolen. If it goes on, let the members replace its key.",
    ),
    "api_silent": Cause(
        "The node does not answer us, and the others are connected with it: it seems to vote.",
        "Look at its API's address, at its load, and at firewalls.",
    ),
    "set_aside": Cause(
        "Folders were set aside after damage. The node has repaired itself.", "Check the disk, then remove them."
    ),
    "walls_missing": Cause(
        "The kernel lacks walls around the processes that run contracts or check signatures; the others stand.",
        "docs/sandbox.md tells what still holds. With a newer kernel nothing is missing; require_walls insists on it.",
    ),
    "few_validators": Cause(
        "Fewer than four validators tolerate no fault: as soon as one is gone nothing is committed.", "Add validators."
    ),
    "nothing_known": Cause(
        "No node answered, so nothing can be said about the ledger.",
        "Start the nodes, or give the addresses of nodes that run (--url).",
    ),
}
"""By code, in the order in which a cause is likelier to be the root of the others."""

RANK: Final = {code: place for place, code in enumerate(CAUSES)}
