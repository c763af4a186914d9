"""Makes a failing run smaller: leaves out faults, transactions and nodes for as long as the same promise is broken.

Each list of the script is reduced by delta debugging (Zeller and Hildebrandt, 2002): ever smaller parts are left out,
and what is not needed stays out. The lists are taken in turn until a round changes nothing or the budget is used up.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from consensus.simulation.plan import Script
from consensus.simulation.replay import Replay
from consensus.simulation.run import simulate
from consensus.simulation.settings import Settings

NODES_MIN: Final = 4
"""Fewer tolerate no fault, so that a failure there says something else."""

Item = TypeVar("Item")


@dataclass(slots=True)
class _Budget:
    """How much may still be tried."""

    ends_at: float
    runs: int = 0

    @property
    def is_used_up(self) -> bool:
        return time.monotonic() >= self.ends_at


class Shrinker:
    """Owns the smallest failing run that was found so far."""

    def __init__(self, settings: Settings, script: Script, rule: str, seconds: float) -> None:
        self._seed = settings.seed
        self._nodes = settings.nodes
        self._script = script
        self._rule = rule
        self._budget = _Budget(time.monotonic() + seconds)

    @property
    def runs(self) -> int:
        """How many runs were tried."""
        return self._budget.runs

    def smallest(self) -> Replay | None:
        """Return the smallest run that was found; None if the script does not fail by itself."""
        if not self._still_fails(self._script, self._nodes):
            return None
        while not self._budget.is_used_up:
            before = (self._script, self._nodes)
            self._shrink_once()
            if (self._script, self._nodes) == before:
                break
        return Replay(self._seed, self._nodes, self._rule, "", self._script)

    def _shrink_once(self) -> None:
        script = self._script
        liars = list(script.lies.items())
        self._reduce(liars, lambda kept: replace(self._script, lies=dict(kept)))
        self._reduce(self._script.packets, lambda kept: replace(self._script, packets=tuple(kept)))
        self._reduce(self._script.incidents, lambda kept: replace(self._script, incidents=tuple(kept)))
        self._reduce(self._script.told, lambda kept: replace(self._script, told=tuple(kept)))
        for name in list(self._script.lies):
            self._reduce(
                self._script.lies.get(name, ()),
                lambda kept, name=name: replace(self._script, lies=self._script.lies | {name: tuple(kept)}),  # type: ignore[misc]
                least=1,
            )
        self._reduce_number(script.transactions_max, lambda number: replace(self._script, transactions_max=number))
        self._reduce_number(script.calm_at_us, lambda number: replace(self._script, calm_at_us=number))
        while self._nodes > NODES_MIN and self._try(self._script, self._nodes - 1):
            pass

    def _reduce(self, items: Sequence[Item], make: Callable[[list[Item]], Script], least: int = 0) -> None:
        """Leave out as many items as possible."""
        kept = list(items)
        if len(kept) > least and least == 0 and self._try(make([])):
            return
        parts = 2
        while len(kept) > max(1, least) and not self._budget.is_used_up:
            size = max(1, len(kept) // parts)
            for start in range(0, len(kept), size):
                rest = kept[:start] + kept[start + size :]
                if len(rest) >= least and self._try(make(rest)):
                    kept, parts = rest, max(2, parts - 1)
                    break
            else:
                if size == 1:
                    return
                parts = min(len(kept), 2 * parts)

    def _reduce_number(self, number: int, make: Callable[[int], Script]) -> None:
        """Find a small number by halving the distance to zero."""
        low = 0
        while low < number - 1 and not self._budget.is_used_up:
            middle = (low + number) // 2
            if self._try(make(middle)):
                number = middle
            else:
                low = max(low + 1, middle)

    def _try(self, script: Script, nodes: int | None = None) -> bool:
        """Keep a smaller run if it still fails."""
        nodes = self._nodes if nodes is None else nodes
        if (script, nodes) == (self._script, self._nodes) or self._budget.is_used_up:
            return False
        if not self._still_fails(script, nodes):
            return False
        self._script, self._nodes = script, nodes
        return True

    def _still_fails(self, script: Script, nodes: int) -> bool:
        self._budget.runs += 1
        failure = simulate(Settings(self._seed, nodes), script).failure
        return failure is not None and failure.rule == self._rule


def describe(replay: Replay) -> list[str]:
    """Return a script in lines for people."""
    script = replay.script
    lines = [
        f"{replay.nodes} nodes, {script.transactions_max} transactions, faults for {script.calm_at_us / 1e6:.3f} s"
    ]
    lines += [f"liar {name}: {', '.join(lies)}" for name, lies in script.lies.items()]
    lines += [incident.words() for incident in script.incidents]
    lines += [
        f"packet {fault.number} from {fault.sender} to {fault.receiver}: {fault.fate}" for fault in script.packets
    ]
    lines += [f"{name} lies on occasion {number}" for name, number in script.told]
    return lines
