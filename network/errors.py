"""Why connections end and requests fail: one name for each cause, for logs, metrics and callers."""

from enum import StrEnum

from chain.types import ValidatorId

DETAIL_CHARACTERS_MAX = 200
"""Text from a peer is cut to this before it is kept or logged."""


class Reason(StrEnum):
    """The names under which connections are refused or closed."""

    UNREACHABLE = "unreachable"
    FOREIGN_CERTIFICATE = "foreign-certificate"
    """The other side showed a certificate that is not registered."""
    NOT_ACCEPTED = "not-accepted"
    """The other side does not accept our certificate, or broke TLS off."""
    NOT_TLS = "not-tls"
    """The bytes on the port were no TLS 1.3 handshake."""
    HANDSHAKE_TIMEOUT = "handshake-timeout"
    CROWDED_OUT = "crowded-out"
    """Too many unauthenticated connections; the oldest made room."""
    OTHER_VERSION = "other-version"
    OTHER_CHAIN = "other-chain"
    WRONG_PEER = "wrong-peer"
    """The certificate or the greeting belongs to another validator than expected."""
    DUPLICATE = "duplicate"
    """There is a fresh connection between the two already."""
    SUPERSEDED = "superseded"
    """A newer connection of the same peer took the place."""
    REFUSED = "refused"
    """The other side refused and said why."""
    MALFORMED = "malformed"
    OVERSIZED = "oversized"
    FAULT = "fault"
    """A handler found the peer at fault."""
    INTERNAL_ERROR = "internal-error"
    """A handler failed; the bug is ours, the connection pays."""
    URGENT_OVERFLOW = "urgent-overflow"
    """The peer takes consensus messages too slowly; it must fetch what it missed after it reconnects."""
    SILENT = "silent"
    CLOSED_BY_PEER = "closed-by-peer"
    LOST = "lost"
    """The operating system reported the connection broken."""
    UNREGISTERED = "unregistered"
    """The peer's certificate is registered no more."""
    SHUTDOWN = "shutdown"


class DisconnectError(Exception):
    """A connection ends for a named reason."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        self.reason = reason
        self.detail = detail[:DETAIL_CHARACTERS_MAX]
        super().__init__(f"{reason}: {self.detail}" if detail else str(reason))


class PeerFaultError(Exception):
    """A handler raises this to close the connection of a peer that sent what no correct peer sends."""


class RequestError(Exception):
    """A request got no answer."""

    def __init__(self, peer: ValidatorId, detail: str) -> None:
        self.peer = peer
        self.detail = detail[:DETAIL_CHARACTERS_MAX]
        super().__init__(f"request to {peer}: {self.detail}")


class PeerUnavailableError(RequestError):
    """The peer is not connected, disconnected meanwhile, or has too many requests of ours open."""


class RequestTimeoutError(RequestError):
    """The peer did not answer in time."""


class RequestRefusedError(RequestError):
    """The peer answered that it will not serve the request; `detail` is its reason."""


class RefusalError(Exception):
    """An answering handler raises this to refuse a request with a reason that the peer may read."""
