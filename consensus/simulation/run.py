"""One run from its seed to its outcome: faults for so many events, then calm, then everything must be committed.

A run that fails returns the broken promise and a script of all that had gone wrong until then.
"""

import functools
import traceback
from collections.abc import Iterator
from typing import Final

from chain.genesis import Genesis
from chain.types import Digest, ValidatorId
from chain.values import dataclass
from consensus.simulation.chance import between, chance_of
from consensus.simulation.checker import Checker
from consensus.simulation.clients import Clients
from consensus.simulation.clock import MILLISECOND, SECOND, Schedule
from consensus.simulation.contract import consensus_seed, genesis_of, member_seed, name_of
from consensus.simulation.edge import Edge
from consensus.simulation.incidents import Incidents
from consensus.simulation.liars.craft import Craft
from consensus.simulation.liars.liar import LyingValidator
from consensus.simulation.liars.lies import Lie
from consensus.simulation.machine import machine_of
from consensus.simulation.network import Network
from consensus.simulation.node import Node
from consensus.simulation.plan import DrawnPlan, Plan, Script, ScriptedPlan, script_of
from consensus.simulation.settings import LONG_TERM_BLOCKS, PRIMARY_TERM_BLOCKS, RECOVERY_US_MAX, Settings
from consensus.simulation.signatures import REAL_EVERY, RealSignatures, Signatures, StandInSignatures
from consensus.simulation.trace import TAIL_LINES, WORLD, Trace, Violation
from consensus.simulation.world import World

LOOK_US: Final = 10 * MILLISECOND
CONNECT_US: Final = (200, 20_000)
ASK_US: Final = 100 * MILLISECOND
"""From the end of the faults, in which all nodes start, until clients send again what has no answer."""
BUSY_US: Final = 80 * MILLISECOND
"""Between two transactions while it is seen whether a censor is outlasted: he always has others' to propose."""
BUSY_OPEN_MAX: Final = 300
LEFT_OUT_US_MAX: Final = 15 * SECOND
"""Virtual time within which nobody is left out any more: thrice the patience of consensus.complaints."""
AFTERWARDS: Final = 2
"""Transactions that are submitted once the faults have stopped."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A promise that a run broke."""

    rule: str
    detail: str
    tail: tuple[str, ...]
    """The last lines of the trace, if it was kept."""
    script: Script
    """What had gone wrong."""


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
    faults: dict[str, int]
    """What went wrong, by kind: incidents, packets that did not arrive as they should, lies told."""
    lies: tuple[str, ...]
    refused: int
    """Messages of liars that the edges refused."""
    evidence: dict[str, int]
    """What validators were convicted of, once a validator and height."""
    recovery_seconds: float | None
    """Virtual time from the end of the faults until everything was committed everywhere."""
    digest: str | None
    """Over the whole trace: equal in every run of the same settings; None if it was not kept."""
    failure: Failure | None


class Run:
    """Owns one world and takes it through its phases."""

    def __init__(self, settings: Settings, plan: Plan, *, is_traced: bool) -> None:
        self._settings = settings
        self._plan = plan
        seed = settings.seed
        genesis = genesis_of(settings.nodes, _term_blocks(settings, plan))
        schedule, signatures = Schedule(), _signatures_of(settings)
        edge, chain_id = Edge(signatures), _chain_id(genesis)
        checker = Checker(genesis, chain_id, edge, plan.lies, lambda: schedule.now)
        network = Network(schedule, seed, plan)
        trace, chance = Trace(is_kept=is_traced), chance_of(seed, "work")
        self.world = World(genesis, chain_id, schedule, trace, network, edge, signatures, checker, chance)
        self.world.on_started = self._started
        self.nodes: list[Node] = []
        self._make_nodes()
        checker.machines = [node.machine for node in self.nodes]
        self.incidents = Incidents(self.world, self.nodes, plan, genesis.validators.faults_max)
        self.clients = Clients(self.world, self.nodes, seed, plan)
        self._recovery_us: int | None = None

    def carry_out(self) -> Outcome:
        """Run to the end, and return what came of it."""
        failure = None
        try:
            self._carry_out()
        except Violation as violation:
            failure = self._failure(violation.rule, violation.detail)
        except Exception as error:  # noqa: BLE001 - the boundary of a run: whatever a node raises is a finding
            where = "".join(traceback.format_exception(error)[-3:]).strip()
            failure = self._failure(f"raised {type(error).__name__}", where)
        return self._outcome(failure)

    def _carry_out(self) -> None:
        for node in self.nodes:
            node.start()
        self.clients.begin()
        self.incidents.begin()
        schedule = self.world.schedule
        # A discord takes effect in the views that follow it, so that none is broken off.
        while self.world.network.drops or not self._plan.is_over(schedule.done, schedule.now):
            if not schedule.run_next():
                break
        self.world.note(WORLD, lambda: "the faults stop")
        self._plan.happened.calm_at_us = schedule.now
        self.incidents.end()
        self.clients.is_quiet = True
        # Each at its own time, they would make a block each: seeing all that waits committed would be most of a run.
        schedule.after(ASK_US, self.clients.ask_all)
        if self.world.genesis.parameters.primary_term_blocks == LONG_TERM_BLOCKS:
            self._outlast_censors()
        for _ in range(AFTERWARDS):
            self.clients.submit()
        self._recover()
        self.world.checker.finish([node.process for node in self._honest() if node.process is not None])

    def _outlast_censors(self) -> None:
        """Run on, with clients that submit on, until all that waits now is committed: nobody is left out for good.

        Meanwhile liars do nothing that would cost them their turn to propose.

        Raises:
            Violation: when it takes too long.
        """
        schedule, clients = self.world.schedule, self.clients
        begin, before = schedule.now, clients.submitted
        submit_at = begin
        self._lie_otherwise(False)
        while clients.waiting(before) and schedule.run_next():
            if schedule.now - begin > LEFT_OUT_US_MAX:
                raise Violation("left out for good", "; ".join(self._describe()))
            if schedule.now >= submit_at:
                submit_at += BUSY_US
                clients.submit(BUSY_OPEN_MAX)
        self._lie_otherwise(True)

    def _lie_otherwise(self, lies: bool) -> None:
        for node in self.nodes:
            if node.machine.liar is not None:
                node.machine.liar.lies_otherwise = lies

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
            node.process is not None
            and node.process.host.ledger.head.height == height
            # By now enough others have answered: it votes, or knows why it must not.
            and node.process.replica.status.why_not != "waiting_for_testimony"
            for node in self._honest()
        )

    def _honest(self) -> Iterator[Node]:
        """Yield the nodes that have to recover: all but liars."""
        for node in self.nodes:
            if node.machine.validator_id not in self._plan.lies:
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

    def _make_nodes(self) -> None:
        """Make the machines, some of which lie."""
        settings, world = self._settings, self.world
        names = [name_of(place) for place in range(settings.nodes)]
        for name in names:
            lies = self._plan.lies.get(name, ())
            doubles = [name, f"{name}2"] if Lie.TWINS in lies else [str(name)]
            world.machines[name] = doubles
            for double in doubles:
                machine = machine_of(double, name, chance_of(settings.seed, f"disk/{double}"))
                machine.is_faulty = bool(lies)
                if lies and Lie.TWINS not in lies:
                    machine.liar = self._liar(name, lies, names)
                world.validator_of[double] = name
                self.nodes.append(Node(world, machine))
        world.note(WORLD, lambda: f"liars: {', '.join(self._lies())}")

    def _liar(self, name: ValidatorId, lies: tuple[Lie, ...], names: list[ValidatorId]) -> LyingValidator:
        world, seed = self.world, self._settings.seed
        others = tuple(other for other in names if other != name)
        chance = chance_of(seed, f"liar/{name}")
        craft = Craft(name, world.genesis, world.signatures, others, world.checker.poison, chance)
        return LyingValidator(craft, lies, seed, functools.partial(self._plan.tells, name))

    def _lies(self) -> tuple[str, ...]:
        return tuple(f"{name} {lie}" for name, lies in self._plan.lies.items() for lie in lies)

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

        self.world.schedule.after(between(self.world.chance, *CONNECT_US), connect)

    def _failure(self, rule: str, detail: str) -> Failure:
        happened = self._plan.happened
        happened.calm_at_us = happened.calm_at_us or self.world.schedule.now
        return Failure(rule, detail, tuple(self.world.trace.tail(TAIL_LINES)), script_of(self._plan))

    def _outcome(self, failure: Failure | None) -> Outcome:
        schedule, checker = self.world.schedule, self.world.checker
        faults = {**self.incidents.counts, **self.world.network.counts}
        if checker.floods:
            faults["over the share"] = checker.floods
        for node in self.nodes:
            told = {} if node.machine.liar is None else node.machine.liar.counts
            for lie, count in told.items():
                faults[lie] = faults.get(lie, 0) + count
        return Outcome(
            self._settings,
            schedule.done,
            schedule.now / SECOND,
            len(checker.history),
            sum(len(block.transactions) for block in checker.history),
            len(checker.acknowledged),
            dict(sorted(faults.items())),
            self._lies(),
            checker.refusals,
            dict(sorted(checker.evidence.items())),
            None if self._recovery_us is None else self._recovery_us / SECOND,
            self.world.trace.digest,
            failure,
        )


def simulate(settings: Settings, script: Script | None = None, *, is_traced: bool = False) -> Outcome:
    """Carry out one run, of what the seed draws or of what a script says."""
    names = [name_of(place) for place in range(settings.nodes)]
    plan = DrawnPlan(settings, list(names)) if script is None else ScriptedPlan(script)
    return Run(settings, plan, is_traced=is_traced).carry_out()


def _signatures_of(settings: Settings) -> Signatures:
    if settings.seed % REAL_EVERY == REAL_EVERY - 1:
        return RealSignatures()
    return _stand_ins(settings.nodes)


@functools.cache
def _stand_ins(nodes: int) -> StandInSignatures:
    names = [name_of(place) for place in range(nodes)]
    strangers = (member_seed("a stranger"),)
    return StandInSignatures((*map(consensus_seed, names), *map(member_seed, names), *strangers))


@functools.cache
def _chain_id(genesis: Genesis) -> Digest:
    return genesis.genesis_hash


def _term_blocks(settings: Settings, plan: Plan) -> int:
    """Return after how many blocks the turn moves on: hardly ever in some runs with a censor, so that only complaints
    end what it does."""
    has_censor = any(Lie.CENSOR in lies for lies in plan.lies.values())
    is_long = has_censor and chance_of(settings.seed, "term").randrange(2) == 0
    return LONG_TERM_BLOCKS if is_long else PRIMARY_TERM_BLOCKS
