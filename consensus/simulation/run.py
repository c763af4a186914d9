"""One run from its seed to its outcome: faults for so many events, then calm, then everything must be committed.

A run that fails returns the broken promise, the command that repeats it and the last lines of its trace.
"""

import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from chain.types import ValidatorId
from consensus.simulation.byzantine import LIES, Lie, LyingValidator
from consensus.simulation.chance import chance_of
from consensus.simulation.checker import Checker
from consensus.simulation.clients import Clients
from consensus.simulation.clock import MILLISECOND, SECOND, Schedule
from consensus.simulation.contract import genesis_of, name_of
from consensus.simulation.edge import Edge
from consensus.simulation.incidents import Incidents
from consensus.simulation.machine import Machine, machine_of
from consensus.simulation.network import Network
from consensus.simulation.node import Node
from consensus.simulation.settings import RECOVERY_US_MAX, Fault, Settings, Weather, weather_of
from consensus.simulation.trace import WORLD, Trace, Violation
from consensus.simulation.world import World

LOOK_US: Final = 50 * MILLISECOND
CONNECT_US: Final = (200, 20_000)
AFTERWARDS: Final = 3
"""Transactions that are submitted once the faults have stopped."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A promise that a run broke."""

    rule: str
    detail: str
    tail: tuple[str, ...]
    """The last lines of the trace."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run."""

    settings: Settings
    events: int
    virtual_seconds: float
    blocks: int
    transactions: int
    """Committed ones."""
    acknowledged: int
    incidents: dict[str, int]
    lies: tuple[str, ...]
    recovery_seconds: float | None
    """Virtual time from the end of the faults until everything was committed everywhere."""
    digest: str
    """Over the whole trace: equal in every run of the same settings."""
    failure: Failure | None


class Run:
    """Owns one world and takes it through its phases."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        seed, weather = settings.seed, weather_of(settings)
        genesis = genesis_of(settings.nodes)
        schedule, edge = Schedule(), Edge()
        checker = Checker(genesis, edge)
        network = Network(schedule, chance_of(seed, "network"), weather)
        chance = chance_of(seed, "work")
        chain_id = genesis.genesis_hash
        self.world = World(genesis, chain_id, schedule, Trace(), network, edge, checker, chance)
        self.world.on_started = self._started
        self.nodes: list[Node] = []
        faulty = self._make_nodes(weather)
        faulty_left = genesis.validators.faults_max - faulty
        self.incidents = Incidents(self.world, self.nodes, chance_of(seed, "incidents"), weather, faulty_left)
        self.clients = Clients(self.world, self.nodes, chance_of(seed, "clients"), weather.submit_every_us)
        self._recovery_us: int | None = None

    def carry_out(self) -> Outcome:
        """Run to the end, and return what came of it."""
        failure = None
        try:
            self._carry_out()
        except Violation as violation:
            failure = Failure(violation.rule, violation.detail, tuple(self.world.trace.tail(400)))
        except Exception as error:  # noqa: BLE001 - the boundary of a run: whatever a node raises is a finding
            where = "".join(traceback.format_exception(error)[-3:]).strip()
            rule = f"raised {type(error).__name__}"
            failure = Failure(rule, where, tuple(self.world.trace.tail(400)))
        return self._outcome(failure)

    def _carry_out(self) -> None:
        for node in self.nodes:
            node.start()
        self.clients.begin()
        self.incidents.begin()
        schedule = self.world.schedule
        while schedule.done < self._settings.steps and schedule.run_next():
            pass
        self.world.note(WORLD, "the faults stop")
        self.incidents.end()
        self.clients.is_quiet = True
        for _ in range(AFTERWARDS):
            self.clients.submit()
        self._recover()
        self.world.checker.finish([node.process for node in self._honest() if node.process is not None])

    def _recover(self) -> None:
        """Run on until everything is committed everywhere, but not for long.

        Raises:
            Violation: when it takes too long.
        """
        schedule = self.world.schedule
        begin = schedule.now
        look_at = begin
        while schedule.run_next():
            if schedule.now < look_at:
                continue
            if self._is_recovered():
                self._recovery_us = schedule.now - begin
                return
            if schedule.now - begin > RECOVERY_US_MAX:
                raise Violation("no recovery", "; ".join(self._describe()))
            look_at = schedule.now + LOOK_US

    def _is_recovered(self) -> bool:
        height = len(self.world.checker.history)
        return self.clients.waiting() == 0 and all(
            node.process is not None and node.process.host.ledger.head.height == height for node in self._honest()
        )

    def _honest(self) -> Iterator[Node]:
        """Yield the nodes that have to recover: all but liars."""
        twins = {name for names in self.world.machines.values() if len(names) > 1 for name in names}
        for node in self.nodes:
            if node.machine.liar is None and node.machine.name not in twins:
                yield node

    def _describe(self) -> Iterator[str]:
        yield f"{self.clients.waiting()} transactions wait"
        for node in self.nodes:
            if node.process is None:
                yield f"{node.machine.name} is down"
            else:
                status = node.process.replica.status
                state = "votes" if status.votes else status.why_not
                waiting = len(node.process.host.mempool)
                yield f"{node.machine.name} at {status.height}/{status.view} {state}, {waiting} pending"

    def _make_nodes(self, weather: Weather) -> int:
        """Make machines, some of which lie; return how many validators are faulty."""
        settings, world = self._settings, self.world
        names = [name_of(place) for place in range(settings.nodes)]
        lies = _lies_of(settings, weather, names)
        for name in names:
            doubles = [name, f"{name}2"] if lies.get(name) is Lie.TWINS else [str(name)]
            world.machines[name] = doubles
            for double in doubles:
                machine = machine_of(double, name, chance_of(settings.seed, f"disk/{double}"))
                self._make_faulty(machine, lies.get(name), names)
                world.validator_of[double] = name
                self.nodes.append(Node(world, machine))
        self.lies = tuple(f"{name} {lie}" for name, lie in lies.items())
        if lies:
            world.note(WORLD, f"liars: {', '.join(self.lies)}")
        return len(lies)

    def _make_faulty(self, machine: Machine, lie: Lie | None, names: list[ValidatorId]) -> None:
        machine.is_faulty = lie is not None
        if lie is not None and lie is not Lie.TWINS:
            others = [name for name in names if name != machine.validator_id]
            chance = chance_of(self._settings.seed, f"lies/{machine.name}")
            machine.liar = LyingValidator(machine.validator_id, lie, chance, others)

    def _started(self, name: str) -> None:
        """Let a node that has started and all that run find each other."""
        started = next(node for node in self.nodes if node.machine.name == name)
        for other in self.nodes:
            if other.machine.validator_id != started.machine.validator_id:
                self._connect(started, other)
                self._connect(other, started)

    def _connect(self, node: Node, other: Node) -> None:
        def connect() -> None:
            if other.process is not None and self.world.network.is_open(other.machine.name, node.machine.name):
                node.connected(other)

        self.world.schedule.after(self.world.chance.randrange(*CONNECT_US), connect)

    def _outcome(self, failure: Failure | None) -> Outcome:
        schedule, checker = self.world.schedule, self.world.checker
        return Outcome(
            self._settings,
            schedule.done,
            schedule.now / SECOND,
            len(checker.history),
            sum(len(block.transactions) for block in checker.history),
            len(checker.acknowledged),
            dict(sorted(self.incidents.counts.items())),
            self.lies,
            None if self._recovery_us is None else self._recovery_us / SECOND,
            self.world.trace.digest,
            failure,
        )


def _lies_of(settings: Settings, weather: Weather, names: list[ValidatorId]) -> dict[ValidatorId, Lie]:
    faults_max = (settings.nodes - 1) // 3
    if Fault.BYZANTINE not in weather.faults or faults_max == 0:
        return {}
    chance = chance_of(settings.seed, "liars")
    liars = chance.sample(names, chance.randrange(1, faults_max + 1))
    return {name: chance.choice(LIES) for name in liars}


def simulate(settings: Settings) -> Outcome:
    """Carry out one run."""
    return Run(settings).carry_out()


def campaign(
    first_seed: int, nodes: tuple[int, ...], seconds: float, steps: int, faults: frozenset[Fault]
) -> Iterator[Outcome]:
    """Carry out runs of consecutive seeds, each with the next number of nodes, until the time is over."""
    end = time.monotonic() + seconds
    seed = first_seed
    while time.monotonic() < end:
        yield simulate(Settings(seed, nodes[seed % len(nodes)], steps, faults))
        seed += 1
