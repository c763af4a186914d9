"""Whom a node asks for history, and whom it does not ask for a while, and why.

Peers are evidence's messengers, not its judges: whatever they send is checked by who asked, so a peer can lie only to
its own cost. Who lied, is slow, refuses or is gone is set aside for a time under a named reason. When answers do not
come in time, smaller pieces are asked for with more patience, because the slow link may be our own.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final, Protocol, TypeVar

from chain.encoding import DecodeError
from chain.types import Height, ValidatorId
from chain.values import dataclass
from network.errors import PeerUnavailableError, RequestError, RequestRefusedError, RequestTimeoutError

_IMPATIENCE_MAX: Final = 4
"""Requests get up to 16 times smaller and 16 times more time."""

LACKING: Final = "lacking"
"""First word of the reason with which a node refuses what it would have if it held all of history."""

T = TypeVar("T")


class SetAside(StrEnum):
    """Why a peer is not asked for a while."""

    LIED = "lied"
    """It served bytes that are not what they should be."""
    SERVED_NOTHING = "served-nothing"
    """It announced a height and did not serve it."""
    SLOW = "slow"
    REFUSED = "refused"
    LACKING = "lacking"
    """It does not hold that part of history."""
    UNAVAILABLE = "unavailable"


class Requester(Protocol):
    """The part of the peer network that fetching needs."""

    async def request(self, peer_id: ValidatorId, kind: int, payload: bytes, timeout_seconds: float) -> bytes:
        """Ask one peer; raises RequestError."""
        ...

    def heads(self) -> Mapping[ValidatorId, Height]:
        """Return connected peers and the heads that they announced."""
        ...


@dataclass(frozen=True, slots=True)
class SourceLimits:
    """How long to wait for an answer, and how long a peer is set aside."""

    request_seconds_max: float = 5.0
    liar_seconds: float = 60.0
    lacking_seconds: float = 20.0
    slow_seconds: float = 5.0
    unavailable_seconds: float = 0.5


class SourceChoice:
    """Owns who is set aside, and the patience with which peers are asked."""

    def __init__(self, requester: Requester, limits: SourceLimits, clock: Callable[[], float]) -> None:
        self._requester = requester
        self._limits = limits
        self._clock = clock
        self._aside: dict[ValidatorId, tuple[float, SetAside, str]] = {}
        self._last: ValidatorId | None = None
        self._impatience = 0

    @property
    def impatience(self) -> int:
        """By how many powers of two requests should be smaller than usual."""
        return self._impatience

    def aside(self) -> dict[ValidatorId, str]:
        """Return who is not asked at the moment, and why."""
        return {peer: f"{why}: {detail}" for peer, why, detail in self._present()}

    def aside_for(self, why: SetAside) -> set[ValidatorId]:
        """Return who is not asked at the moment for one reason."""
        return {peer for peer, reason, _ in self._present() if reason is why}

    def usable(self, above: int) -> list[ValidatorId]:
        """Return the peers that announced a head above a height and are not set aside, sorted."""
        now = self._clock()
        self._aside = {peer: entry for peer, entry in self._aside.items() if entry[0] > now}
        heads = self._requester.heads()
        return sorted(peer for peer, head in heads.items() if head > above and peer not in self._aside)

    def choose(self, above: int) -> ValidatorId | None:
        """Return the peer to ask next, or None when nobody usable is ahead; a source that serves well is kept."""
        usable = self.usable(above)
        if not usable:
            return None
        if self._last is None:
            self._last = usable[0]
        elif self._last not in usable:
            self._last = next((peer for peer in usable if peer > self._last), usable[0])
        return self._last

    async def ask(self, peer: ValidatorId, kind: int, payload: bytes, parse: Callable[[bytes], T]) -> T | None:
        """Ask one peer and return what `parse` makes of its answer; None when it was set aside over it.

        `parse` raises DecodeError for what is no answer.
        """
        limits = self._limits
        try:
            seconds_max = limits.request_seconds_max * 2**self._impatience
            value = parse(await self._requester.request(peer, kind, payload, seconds_max))
        except RequestTimeoutError as error:
            self._impatience = min(self._impatience + 1, _IMPATIENCE_MAX)
            self.set_aside(peer, SetAside.SLOW, error.detail)
        except PeerUnavailableError as error:
            self.set_aside(peer, SetAside.UNAVAILABLE, error.detail)
        except RequestRefusedError as error:
            is_lacking = error.detail.startswith(LACKING)
            self.set_aside(peer, SetAside.LACKING if is_lacking else SetAside.REFUSED, error.detail)
        except RequestError as error:
            self.set_aside(peer, SetAside.REFUSED, error.detail)
        except DecodeError as error:
            self.set_aside(peer, SetAside.LIED, str(error))
        else:
            self._impatience = max(self._impatience - 1, 0)
            return value
        return None

    def set_aside(self, peer: ValidatorId, why: SetAside, detail: str) -> None:
        """Do not ask a peer for a while."""
        limits = self._limits
        seconds = {
            SetAside.LIED: limits.liar_seconds,
            SetAside.LACKING: limits.lacking_seconds,
            SetAside.UNAVAILABLE: limits.unavailable_seconds,
        }.get(why, limits.slow_seconds)
        self._aside[peer] = (self._clock() + seconds, why, detail)

    def _present(self) -> list[tuple[ValidatorId, SetAside, str]]:
        now = self._clock()
        return [(peer, why, detail) for peer, (until, why, detail) in self._aside.items() if until > now]
