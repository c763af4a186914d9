"""What an honest key may sign, checked message by message and without asking the code under test.

Agreement follows from a few promises about messages (consensus/pbft/rules.py says how). A broken promise shows in the
message that breaks it, long before two blocks stand at one height, if ever: so these rules find in seconds what the
ledgers of a run would show in hours.
"""

from collections.abc import Callable

from chain.certificate import Certificate, Phase, Subject
from chain.types import Digest, Height, Signature, ValidatorId, View
from consensus.pbft.messages import Inquiry, Kind, Message, NewView, Ranked, Testimony, ViewChange, Vote
from consensus.simulation.trace import Violation
from consensus.simulation.words import message_words, short

SignedBefore = Callable[[bytes, bytes], bool]
SignedUnsent = Callable[[Certificate, ValidatorId, Signature], bool]
Slot = tuple[ValidatorId, Height, View, Kind]
Place = tuple[ValidatorId, Height]


def quorum_of(nodes: int) -> int:
    """Return how many of n validators always share an honest one with any as many: half of n + f, and more."""
    faulty = (nodes - 1) // 3
    return (nodes + faulty) // 2 + 1


class VoteRules:
    """Owns what every key has signed in a run."""

    def __init__(self, nodes: int, signed_unsent: SignedUnsent) -> None:
        """`signed_unsent` tells whether a liar's signature is its own, though nobody was sent what it signs."""
        self._nodes = nodes
        self._quorum = quorum_of(nodes)
        self._signed_unsent = signed_unsent
        self._slots: dict[Slot, bytes] = {}
        self._said: dict[Place, list[bytes]] = {}
        """What an honest key signed at a height."""
        self._left: dict[Place, tuple[View, bytes]] = {}
        """The highest view for which a validator sent VIEW-CHANGE, and that message: it gave up all below."""
        self._prepared: dict[Subject, set[ValidatorId]] = {}
        """Who sent PREPARE, liars included."""
        self._committed: dict[Place, Subject] = {}
        """What a validator sent COMMIT for, in the highest view."""
        self._results: dict[tuple[Height, Digest], Digest] = {}
        self._duties: dict[tuple[Height, View], set[Digest]] = {}
        """Blocks that NEW-VIEWs oblige a view to propose again; empty while any block will do."""
        self._striven: dict[Height, View] = {}
        """The highest view of a height that an honest validator strove for, or a quorum did."""
        self._free: set[tuple[Height, View]] = set()
        """Views that some NEW-VIEW leaves free to propose a fresh block."""

    def said(self, message: Message, encoded: bytes, signed_before: SignedBefore | None) -> bool:
        """Take in a message that was sent; return whether it fills a slot for the first time.

        `signed_before` compares two messages by the signer's log; None for a liar. A restarted replica sends what it
        had signed in another order, and the last of each kind alone, so that sending says little about signing.

        Raises:
            Violation: when an honest key must not have signed it.
        """
        if isinstance(message, Inquiry | Testimony):
            return False
        slot = (message.signer, message.height, message.view, message.kind)
        known = self._slots.get(slot)
        if known == encoded:
            return False
        if signed_before is None:
            self._remember(message, encoded)
            return False
        if known is not None:
            raise Violation("two messages in one slot", f"{message_words(message)} is not what was sent before")
        self._slots[slot] = encoded
        self._said.setdefault((message.signer, message.height), []).append(encoded)
        self._check_order(message, encoded, signed_before)
        match message:
            case Vote(phase=Phase.PREPARE):
                self._check_prepare(message)
            case Vote():
                self._check_commit(message)
            case ViewChange():
                self._check_view_change(message)
            case NewView(view_changes=changes):
                for change in changes:
                    self._check_genuine(change.prepared, message)
        self._remember(message, encoded)
        return True

    def forget(self, signer: ValidatorId) -> None:
        """A validator's disk has lost what it said: what it says from now on is held against nothing older."""
        self._slots = {slot: encoded for slot, encoded in self._slots.items() if slot[0] != signer}
        self._said = {place: said for place, said in self._said.items() if place[0] != signer}
        self._left = {place: left for place, left in self._left.items() if place[0] != signer}
        self._committed = {place: subject for place, subject in self._committed.items() if place[0] != signer}

    def said_at(self, signer: ValidatorId, height: Height) -> list[bytes]:
        """Return what an honest key has signed at a height."""
        return self._said.get((signer, height), [])

    def is_duty(self, subject: Subject) -> bool:
        """Tell whether a NEW-VIEW obliges the view to propose this block again."""
        return subject.block_hash in self._duties.get((subject.height, subject.view), ())

    def _check_order(self, message: Ranked, encoded: bytes, signed_before: SignedBefore) -> None:
        left, change = self._left.get((message.signer, message.height), (View(0), b""))
        if message.view < left and not signed_before(encoded, change):
            raise Violation("spoke in a view that it had left", f"{message_words(message)} after VIEW-CHANGE to {left}")

    def _check_prepare(self, vote: Vote) -> None:
        subject = vote.subject
        result = self._results.setdefault((subject.height, subject.block_hash), subject.result_hash)
        if result != subject.result_hash:
            raise Violation("two results of one block", f"{message_words(vote)}, others found {short(result)}")
        place = (subject.height, subject.view)
        duties = self._duties.get(place, {subject.block_hash})
        if subject.view > 0 and place not in self._free and subject.block_hash not in duties:
            raise Violation("voted against the new view", f"{message_words(vote)}")

    def _check_commit(self, vote: Vote) -> None:
        prepared = self._prepared.get(vote.subject, set()) | {vote.signer}
        if len(prepared) < self._quorum:
            who = " ".join(sorted(prepared))
            raise Violation("commit without a quorum of prepares", f"{message_words(vote)}, prepared by {who}")

    def _check_genuine(self, prepared: Certificate | None, message: Ranked) -> None:
        """What an honest validator passes on as prepared was sent by everyone who is named, or signed by a liar."""
        if prepared is None:
            return
        sent = self._prepared.get(prepared.subject, set())
        unsent = [entry for entry in prepared.signatures if entry[0] not in sent]
        if not is_quorum(prepared, self._nodes) or not all(self._signed_unsent(prepared, *entry) for entry in unsent):
            raise Violation("showed what was not prepared", message_words(message))

    def _check_view_change(self, change: ViewChange) -> None:
        self._check_genuine(change.prepared, change)
        striven = self._striven.get(change.height, View(0))
        if change.view > striven + 1:
            # Either the view before ran out here, or f + 1 others are there already, one of them honest.
            raise Violation(
                "hurried by liars", f"{message_words(change)}, no honest one strove for more than {striven}"
            )
        self._striven[change.height] = max(change.view, striven)
        committed = self._committed.get((change.signer, change.height))
        if committed is None:
            return
        shown = change.prepared
        if shown is None or shown.subject.view < committed.view:
            raise Violation("hid what it had prepared", f"{message_words(change)} after COMMIT in {committed.view}")

    def _remember(self, message: Ranked, encoded: bytes) -> None:
        place = (message.signer, message.height)
        match message:
            case Vote(phase=Phase.PREPARE):
                self._prepared.setdefault(message.subject, set()).add(message.signer)
            case Vote():
                self._committed[place] = message.subject
            case ViewChange():
                self._left[place] = max((message.view, encoded), self._left.get(place, (View(0), b"")))
            case NewView():
                self._remember_duty(message)
                if len({change.signer for change in message.view_changes}) >= self._quorum:
                    self._striven[message.height] = max(message.view, self._striven.get(message.height, View(0)))

    def _remember_duty(self, message: NewView) -> None:
        place = (message.height, message.view)
        prepared = [change.prepared for change in message.view_changes if change.prepared is not None]
        if len({change.signer for change in message.view_changes}) < self._quorum:
            return
        if not prepared:
            self._free.add(place)
            return
        highest = max(prepared, key=lambda certificate: certificate.subject.view)
        self._duties.setdefault(place, set()).add(highest.subject.block_hash)


def is_quorum(certificate: Certificate, nodes: int) -> bool:
    """Tell whether a certificate has enough distinct signers."""
    return len({signer for signer, _ in certificate.signatures}) >= quorum_of(nodes)
