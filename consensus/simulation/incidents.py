"""What goes wrong in a run besides the network's weather: kills, power cuts, pauses, partitions, bad disks and clocks.

Every incident ends by itself after a while. Crashes may take down all nodes at once, which is no excuse to lose what
was acknowledged; only wiped disks and lies are limited, together, to the f nodes that the protocol tolerates.
"""

from collections.abc import Callable
from typing import Final

from consensus.simulation.chance import Chance
from consensus.simulation.clock import MILLISECOND, SECOND
from consensus.simulation.node import Node
from consensus.simulation.settings import DRIFT_MS_MAX, Fault, Weather
from consensus.simulation.world import World

LASTS_US: Final = (50 * MILLISECOND, 6 * SECOND)
ACTIONS_MAX: Final = 60
"""A planned kill falls on one of so many next things that a process does."""
DISK_OPERATIONS_MAX: Final = 30
STORE_WRITES_MAX: Final = 4
"""A database is written to once a block."""

Links = set[tuple[str, str]]


class Incidents:
    """Owns the chance of incidents and the number of nodes that may still become faulty."""

    def __init__(self, world: World, nodes: list[Node], chance: Chance, weather: Weather, faulty_left: int) -> None:
        self._world = world
        self._nodes = nodes
        self._chance = chance
        self._every_us = weather.fault_every_us
        self._faulty_left = faulty_left
        kinds: dict[Fault, Callable[[Node], None]] = {
            Fault.DELAY: self._slow_link,
            Fault.PARTITION: self._partition,
            Fault.PAUSE: self._pause,
            Fault.CRASH: self._crash,
            Fault.POWER: self._power,
            Fault.DISK: self._disk,
            Fault.SKEW: self._skew,
            Fault.EXECUTOR: self._executor,
            Fault.WIPE: self._wipe,
            Fault.BYZANTINE: self._part_twins,
        }
        self._kinds = [(kind, kinds[kind]) for kind in weather.faults if kind in kinds]
        self.is_over = False
        self.counts: dict[str, int] = {}

    def begin(self) -> None:
        """Let incidents happen from now on."""
        self._world.schedule.after(self._chance.randrange(1, 2 * self._every_us), self._happen)

    def end(self) -> None:
        """End all incidents: everything works and runs again."""
        self.is_over = True
        self._world.network.calm()
        for node in self._nodes:
            node.machine.heal()
            node.is_kept_down = False
            node.resume()
            node.start()
        self._reconnect({(a, b) for a in self._world.network.names for b in self._world.network.names if a != b})

    def _happen(self) -> None:
        if self.is_over or not self._kinds:
            return
        kind, incident = self._chance.choice(self._kinds)
        self.counts[kind] = self.counts.get(kind, 0) + 1
        incident(self._chance.choice(self._nodes))
        self.begin()

    def _for_a_while(self, end: Callable[[], None]) -> None:
        def end_unless_over() -> None:
            if not self.is_over:
                end()

        self._world.schedule.after(self._chance.randrange(*LASTS_US), end_unless_over)

    def _note(self, node: Node, text: str) -> None:
        self._world.note(node.machine.name, f"! {text}")

    def _slow_link(self, node: Node) -> None:
        other = self._chance.choice(self._nodes)
        link = (node.machine.name, other.machine.name)
        self._world.network.slow_down(link, self._chance.randrange(SECOND))
        self._note(node, f"slow link to {other.machine.name}")
        self._for_a_while(lambda: self._world.network.slow_down(link, 0))

    def _partition(self, node: Node) -> None:
        self._cut(node, self._links_to_cut(node))

    def _part_twins(self, node: Node) -> None:
        """Part the network so that each of two twins sees another half of it: then they contradict each other most."""
        if all(len(names) == 1 for names in self._world.machines.values()):
            return
        first: set[str] = set()
        for names in self._world.machines.values():
            if len(names) > 1:
                first.add(self._chance.choice(names))
            elif self._chance.randrange(2):
                first.add(names[0])
        names = self._world.network.names
        self._cut(node, {(a, b) for a in names for b in names if (a in first) != (b in first)})

    def _cut(self, node: Node, links: Links) -> None:
        self._world.network.cut(links)
        self._note(node, f"cut {' '.join(sorted(f'{a}>{b}' for a, b in links))}")

        def join() -> None:
            self._world.network.join(links)
            self._note(node, "links joined")
            self._reconnect(links)

        self._for_a_while(join)

    def _links_to_cut(self, node: Node) -> Links:
        """Draw a cut: one node away, one way only, two halves, or a ring in which each hears its neighbours."""
        names, own = self._world.network.names, node.machine.name
        others = [name for name in names if name != own]
        match self._chance.randrange(4):
            case 0:
                return {(own, name) for name in others} | {(name, own) for name in others}
            case 1:
                return {(own, name) for name in others if self._chance.randrange(2)}
            case 2:
                half = {name for name in names if self._chance.randrange(2)}
                return {(a, b) for a in names for b in names if (a in half) != (b in half)}
        count = len(names)
        places = {name: place for place, name in enumerate(names)}
        return {(a, b) for a in names for b in names if (places[a] - places[b]) % count not in (0, 1, count - 1)}

    def _reconnect(self, links: Links) -> None:
        by_name = {node.machine.name: node for node in self._nodes}
        for a, b in sorted(links):
            if self._world.network.is_open(a, b) and self._world.network.is_open(b, a):
                by_name[a].connected(by_name[b])

    def _pause(self, node: Node) -> None:
        node.pause()
        self._note(node, "pauses")
        self._for_a_while(node.resume)

    def _crash(self, node: Node) -> None:
        match self._chance.randrange(4):
            case 0:
                node.machine.kill_in_actions = self._chance.randrange(1, ACTIONS_MAX)
            case 1:
                node.machine.disk.faults.kill_in = self._chance.randrange(1, DISK_OPERATIONS_MAX)
                node.machine.disk.faults.kill_cuts_power = False
            case _:
                self._take_down(node, power_cut=False)

    def _power(self, node: Node) -> None:
        match self._chance.randrange(6):
            case 0:
                self._note(node, "power cut for all")
                for each in self._nodes:
                    self._take_down(each, power_cut=True)
            case 1:
                node.machine.disk.faults.kill_in = self._chance.randrange(1, DISK_OPERATIONS_MAX)
                node.machine.disk.faults.kill_cuts_power = True
            case 2:
                store = self._chance.choice((node.machine.blocks, node.machine.state))
                store.kill_in = self._chance.randrange(1, STORE_WRITES_MAX)
            case _:
                self._take_down(node, power_cut=True)

    def _take_down(self, node: Node, *, power_cut: bool) -> None:
        node.kill(power_cut=power_cut)
        node.is_kept_down = True

        def up_again() -> None:
            node.is_kept_down = False
            node.start()

        self._for_a_while(up_again)

    def _disk(self, node: Node) -> None:
        machine = node.machine
        match self._chance.randrange(3):
            case 0:
                machine.disk.faults.fail_sync_in = self._chance.randrange(1, DISK_OPERATIONS_MAX)
            case 1:
                store = self._chance.choice((machine.blocks, machine.state))
                store.fail_in = self._chance.randrange(1, STORE_WRITES_MAX)
            case _:
                machine.disk.faults.full = True
                self._note(node, "disk full")

                def free() -> None:
                    machine.disk.faults.full = False

                self._for_a_while(free)

    def _skew(self, node: Node) -> None:
        reach = self._chance.choice((100, DRIFT_MS_MAX // 2, 3 * DRIFT_MS_MAX))
        node.machine.skew_ms = self._chance.randrange(-reach, reach)
        self._note(node, f"clock wrong by {node.machine.skew_ms} ms")

        def set_right() -> None:
            node.machine.skew_ms = 0

        self._for_a_while(set_right)

    def _executor(self, node: Node) -> None:
        machine = node.machine
        if self._chance.randrange(2):
            machine.executor_faults = self._chance.randrange(1, 4)
            return
        machine.executor_slow_us = self._chance.randrange(2 * SECOND)

        def fast_again() -> None:
            machine.executor_slow_us = 0

        self._for_a_while(fast_again)

    def _wipe(self, node: Node) -> None:
        if not node.machine.is_faulty:
            if self._faulty_left == 0:
                return
            self._faulty_left -= 1
        if node.machine.liar is not None:
            return
        self._note(node, "loses its disk")
        self._take_down(node, power_cut=True)
        node.machine.wipe()
        self._world.checker.wiped(node.machine.name)
