"""Who has to notice that it has lost votes: what a validator signed and its disk lost, and who else still holds it.

A validator that starts hears quorum - 1 others before it speaks (rule 11). Where so many honest others hold on their
disks something that it signed and has lost that no quorum - 1 of them can pass all by, it has to stay silent, whatever
was up or down meanwhile. Where fewer do, it may find out, and need not: then it speaks as one who begins anew.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from chain.types import Height, ValidatorId
from chain.values import dataclass
from consensus.pbft.messages import Ranked
from consensus.simulation.machine import Machine
from consensus.simulation.trace import Violation
from consensus.simulation.words import message_words

RULE: Final = "spoke after it had lost votes"


@dataclass(frozen=True, slots=True)
class _Signed:
    """A message; its signature stands in the log of whoever rests a vote on it."""

    message: Ranked
    encoded: bytes


@dataclass(frozen=True, slots=True)
class _Lost:
    """A message that its signer has forgotten."""

    signed: _Signed
    holders: tuple[Machine, ...]
    """Honest machines that held it at that moment."""


class Amnesia:
    """Owns what every honest key has signed, what was lost of it, and who must be silent."""

    def __init__(self, nodes: int, quorum: int) -> None:
        self._passed_by_max = nodes - quorum
        """So many of the others need not be heard."""
        self._signed: dict[ValidatorId, list[_Signed]] = {}
        self._lost: dict[str, list[_Lost]] = {}
        self._silenced: dict[str, str] = {}
        self._had_losses: set[str] = set()

    def signed(self, message: Ranked, encoded: bytes) -> None:
        """An honest machine has said something for the first time."""
        self._signed.setdefault(message.signer, []).append(_Signed(message, encoded))

    def count(self, validator: ValidatorId) -> int:
        """Return how many messages a validator has signed so far."""
        return len(self._signed.get(validator, ()))

    def loses(self, victim: Machine, machines: Sequence[Machine], first: int, above: Height) -> bool:
        """A machine's disk lost what it had signed from the so manyth message on, at heights above one; or nothing.

        Only a first loss is judged: later others may rightly show it what it has said since.
        """
        self._silenced.pop(victim.name, None)
        self._lost.pop(victim.name, None)
        if victim.name in self._had_losses:
            return False
        others = [item for item in machines if item.validator_id != victim.validator_id and not item.is_faulty]
        lost = [
            _Lost(item, tuple(other for other in others if other.disk.holds(item.message.signature)))
            for item in self._signed.get(victim.validator_id, [])[first:]
            if item.message.height > above and not victim.disk.holds(item.encoded)
        ]
        if lost:
            self._had_losses.add(victim.name)
            self._lost[victim.name] = lost
        return bool(lost)

    def silence(self, machine: Machine, why: str) -> None:
        """A machine's log shows damage that nothing but damage explains."""
        self._silenced[machine.name] = why

    def speaks(self, machine: Machine, message: Ranked, heights: Mapping[str, Height]) -> None:
        """A machine says something of a height; `heights` is what each has stored.

        Raises:
            Violation: when it must not.
        """
        why = self._silenced.get(machine.name)
        if why is not None:
            raise Violation(RULE, f"{message_words(message)}: {why}")
        for lost in self._lost.pop(machine.name, ()):
            shown = lost.signed.message
            # Who has gone on to a greater height need not hold, nor show, what counts no more.
            holders = [
                item.name
                for item in lost.holders
                if not item.is_faulty
                and heights.get(item.name, Height(0)) <= shown.height
                and item.disk.holds(shown.signature)
            ]
            if len(holders) > self._passed_by_max:
                raise Violation(RULE, f"{message_words(message)}; {' '.join(holders)} hold {message_words(shown)}")
