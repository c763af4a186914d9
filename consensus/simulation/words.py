"""A few words for each message and report, for the trace."""

from chain.certificate import Certificate
from consensus.pbft import events, messages


def message_words(message: messages.Message) -> str:
    """Return a message in a few words."""
    match message:
        case messages.Vote(subject=subject):
            return f"{_where(message)} {short(subject.block_hash)}={short(subject.result_hash)}"
        case messages.PrePrepare():
            return f"{_where(message)} {short(message.block_hash)}"
        case messages.ViewChange(prepared=prepared):
            return f"{_where(message)} {_prepared(prepared)}"
        case messages.NewView(view_changes=changes):
            shown = ", ".join(f"{change.signer} {_prepared(change.prepared)}" for change in changes)
            return f"{_where(message)} of {shown}"
        case messages.Inquiry():
            return f"INQUIRY of {message.signer}"
        case messages.Testimony(highest=highest):
            return f"TESTIMONY about {message.about}: {'nothing' if highest is None else _where(highest)}"


def report_words(report: events.Report) -> str:
    """Return a report in a few words."""
    match report:
        case events.ViewChanged(height=height, view=view):
            return f"leaves for view {view} at {height}"
        case events.ViewEntered(height=height, view=view, forced=forced):
            return f"enters view {view} at {height} for {'a fresh block' if forced is None else short(forced)}"
        case events.BadProposal(height=height, view=view, code=code):
            return f"refuses the proposal of {height}/{view}: {code}"
        case events.LostVotes(shown=shown, witness=witness):
            what = "as the log says" if shown is None else f"shown by {witness}: {message_words(shown)}"
            return f"has lost votes, {what}"
        case events.Equivocation(first=first, second=second):
            return f"caught {first.signer}: {message_words(first)} and {message_words(second)}"
        case events.HidPrepared(change=change, commit=commit):
            return f"caught {change.signer} hiding: {message_words(commit)} and {message_words(change)}"
        case events.Diverged(height=height) | events.CannotExecute(height=height):
            return f"stops at {height}: {type(report).__name__}"
        case events.Awoke():
            return "is awake"


def short(digest: bytes) -> str:
    """Return the beginning of a digest."""
    return digest[:3].hex()


def _where(message: messages.Ranked) -> str:
    return f"{message.kind.name.replace('_', '-')} {message.height}/{message.view} of {message.signer}"


def _prepared(certificate: Certificate | None) -> str:
    if certificate is None:
        return "prepared nothing"
    return f"prepared {short(certificate.subject.block_hash)} in {certificate.subject.view}"
