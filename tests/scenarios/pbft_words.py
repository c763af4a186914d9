"""How scenario files speak of messages, records, requests and reports: a few words each."""

from chain.block import Block
from chain.certificate import Certificate
from chain.types import Digest
from consensus.pbft import events, messages
from consensus.pbft.records import RecordKind


class Words:
    """Remembers blocks by the names of their transactions."""

    def __init__(self) -> None:
        """Know no block yet."""
        self.labels: dict[Digest, str] = {}

    def label(self, block: Block) -> None:
        """Name a block by its transactions."""
        self.labels[block.block_hash] = "+".join(item.decode() for item in block.transactions)

    def name_of(self, block_hash: bytes) -> str:
        """Return a block's label."""
        return self.labels.get(Digest(block_hash), "unknown")

    def show_message(self, message: messages.Message) -> str:
        """Return a message in a few words."""
        kind = message.kind.name.replace("_", "-")
        match message:
            case messages.Vote(subject=subject):
                return f"{kind} {message.height}/{message.view} {self.name_of(subject.block_hash)}"
            case messages.PrePrepare():
                return f"{kind} {message.height}/{message.view} {self.name_of(message.block_hash)}"
            case messages.ViewChange(prepared=prepared):
                return f"{kind} {message.height}/{message.view} {self.show_prepared(prepared)}"
            case messages.NewView(view_changes=changes):
                return f"{kind} {message.height}/{message.view} of {' '.join(change.signer for change in changes)}"
            case messages.Inquiry():
                return kind
            case messages.Testimony(highest=highest):
                return f"{kind} {'of nothing' if highest is None else self.show_message(highest)}"

    def show_prepared(self, certificate: Certificate | None) -> str:
        """Return a prepared certificate in a few words."""
        if certificate is None:
            return "prepared nothing"
        return f"prepared {self.name_of(certificate.subject.block_hash)} in view {certificate.subject.view}"

    def show_record(self, kind: RecordKind, payload: bytes) -> str:
        """Return a record in a few words."""
        if kind is RecordKind.HEARD:
            return f"HEARD {self.show_message(messages.decode_message(payload))}"
        if kind is RecordKind.MESSAGE:
            return self.show_message(messages.decode_message(payload))
        return kind.name

    def show_outgoing(self, item: events.Outgoing) -> str:
        """Return what is sent in a few words."""
        if isinstance(item, events.Serve):
            return f"serve block {item.height} to {item.to}"
        body = " with body" if item.block is not None else ""
        return f"send {self.show_message(item.message)}{body} to {' '.join(item.to)}"

    def show_decision(self, item: events.Decide) -> str:
        """Return a decision in a few words."""
        self.label(item.block)
        signers = " ".join(signer for signer, _ in item.certificate.signatures)
        what = f"{item.block.header.height} {self.name_of(item.block.block_hash)}"
        return f"decide {what} in view {item.certificate.subject.view} by {signers}"

    def show_request(self, item: events.Request) -> str:
        """Return what is asked of the host in a few words."""
        match item:
            case events.Execute(block=block):
                return f"execute {self.name_of(block.block_hash)}"
            case events.ProposeBlock(height=height, view=view):
                return f"ask for a block {height}/{view}"
            case events.FetchBody(block_hash=block_hash, candidates=candidates):
                return f"fetch {self.name_of(block_hash)} from {' '.join(candidates)}"
            case events.CatchUp(height=height, candidates=candidates):
                return f"catch up from {height} with {' '.join(candidates)}"

    def show_report(self, item: events.Report) -> str:
        """Return a report in a few words."""
        match item:
            case events.Awoke():
                return "report awake"
            case events.LostVotes(shown=shown, witness=witness):
                what = "says the log" if shown is None else f"{self.show_message(shown)} shown by {witness}"
                return f"report lost votes: {what}"
            case events.ViewChanged(view=view):
                return f"report leaving for view {view}"
            case events.ViewEntered(view=view, forced=forced):
                duty = "a fresh block" if forced is None else self.name_of(forced)
                return f"report entered view {view} for {duty}"
            case events.BadProposal(proposer=proposer, code=code):
                return f"report bad proposal of {proposer}: {code}"
            case events.Equivocation(first=first, second=second):
                return f"report {first.signer} equivocates: {self.show_message(first)}, {self.show_message(second)}"
            case events.HidPrepared(change=change, commit=commit):
                both = f"{self.show_message(commit)}, {self.show_message(change)}"
                return f"report {change.signer} hides what it prepared: {both}"
            case events.Diverged(height=height):
                return f"report diverged at {height}, stopped"
            case events.CannotExecute(height=height):
                return f"report cannot execute the block of {height}, stopped"

    def show_event(self, event: events.Event) -> str:
        """Return an event in a few words."""
        match event:
            case events.MessageArrived(sender=sender, message=message):
                return f"{self.show_message(message)} from {sender}"
            case events.CertifiedBlock(block=block):
                return f"certified block {block.header.height}"
            case events.Applied(head=head):
                return f"applied {head.height}"
            case events.PeerConnected(peer=peer):
                return f"connected {peer}"
        return type(event).__name__
