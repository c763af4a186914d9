"""Makes a plan's incidents happen: kills, power cuts, pauses, cuts, bad disks and clocks.

Every incident ends by itself after a while. Crashes may take down all nodes at once, which is no excuse to lose what
was acknowledged; only what destroys durable bytes, and lies, is limited to the f nodes that the protocol tolerates.
"""

from collections.abc import Callable, Iterator
from typing import Final

from consensus.pbft.messages import Kind
from consensus.simulation.chance import chance_of
from consensus.simulation.incident import Incident, What
from consensus.simulation.node import Node
from consensus.simulation.packet import Packet
from consensus.simulation.plan import Plan
from consensus.simulation.world import World

DESTRUCTIVE: Final = frozenset((What.ROT_LOG, What.ROT_SYNCED, What.ROT_BLOCKS, What.ROT_STATE, What.BACKUP, What.WIPE))


class Incidents:
    """Owns what is to happen next, and the number of validators that may still become faulty."""

    def __init__(self, world: World, nodes: list[Node], plan: Plan, faults_max: int) -> None:
        self._world = world
        self._nodes = {node.machine.name: node for node in nodes}
        self._plan = plan
        self._weak = set(plan.lies)
        """Validators that count as faulty: liars, and those whose disk was damaged."""
        self._faults_max = faults_max
        self._is_over = False
        self._next: Iterator[Incident] = iter(())
        self.counts: dict[str, int] = {}

    def begin(self) -> None:
        """Let incidents happen from now on."""
        twins = [(names[0], names[1]) for names in self._world.machines.values() if len(names) > 1]
        self._next = self._plan.incidents(list(self._nodes), twins)
        self._plan_next()

    def end(self) -> None:
        """End all incidents: everything works and runs again."""
        self._is_over = True
        self._world.network.calm()
        for node in self._nodes.values():
            node.machine.heal()
            node.is_kept_down = False
            node.resume()
            node.start()
        names = list(self._nodes)
        self._reconnect(tuple((a, b) for a in names for b in names if a != b))

    def _plan_next(self) -> None:
        incident = next(self._next, None)
        if incident is not None:
            delay = max(0, incident.at_us - self._world.schedule.now)
            self._world.schedule.after(delay, lambda: self._happen(incident))

    def _happen(self, incident: Incident) -> None:
        if self._is_over:
            return
        node = self._nodes[incident.machine]
        if incident.what not in DESTRUCTIVE or self._may_weaken(node):
            self._plan.happened.incidents.append(incident)
            self.counts[incident.fault] = self.counts.get(incident.fault, 0) + 1
            self._world.note(incident.machine, lambda: f"! {incident.words()}")
            self._carry_out(node, incident)
        self._plan_next()

    def _may_weaken(self, node: Node) -> bool:
        """Tell whether a validator may become faulty, and count it; a liar's disk is left alone."""
        validator = node.machine.validator_id
        if validator in self._plan.lies:
            return False
        self._weak |= {validator} if len(self._weak) < self._faults_max else set()
        return validator in self._weak

    def _carry_out(self, node: Node, incident: Incident) -> None:
        machine, amount = node.machine, incident.amount
        match incident.what:
            case What.SLOW_LINK:
                link = incident.links[0]
                self._world.network.slow_down(link, amount)
                self._afterwards(incident, lambda: self._world.network.slow_down(link, 0))
            case What.CUT:
                self._cut(incident)
            case What.DEAF:
                self._world.network.lose(incident.links, amount)
                self._afterwards(incident, lambda: self._world.network.lose_no_more(incident.links, amount))
            case What.DISCORD:
                self._discord(incident)
            case What.PAUSE:
                node.pause()
                self._afterwards(incident, node.resume)
            case What.KILL:
                self._take_down(node, incident, power_cut=False)
            case What.POWER:
                self._take_down(node, incident, power_cut=True)
            case What.POWER_OF_ALL:
                for each in self._nodes.values():
                    self._take_down(each, incident, power_cut=True)
            case What.DISK_FULL:
                machine.fill_disk()
                self._afterwards(incident, machine.free_disk)
            case What.SKEW:
                machine.skew_ms = amount
                self._afterwards(incident, machine.set_clock_right)
            case What.EXECUTOR_SLOW:
                machine.executor_slow_us = amount
                self._afterwards(incident, machine.speed_executor_up)
            case What.BACKUP:
                backup, first = machine.backup(), self._world.checker.signed_by(machine)
                self._afterwards(
                    incident, lambda: self._restore(node, incident, lambda: machine.restore(backup), first)
                )
            case What.WIPE:
                self._restore(node, incident, machine.wipe, 0)
            case What.ROT_SYNCED:
                self._rot_unheard(node, incident)
            case _:
                machine.plan_failure(incident.what, amount, chance_of(amount, "damage"))

    def _afterwards(self, incident: Incident, end: Callable[[], None]) -> None:
        self._world.schedule.after(incident.lasts_us, self._unless_over(end))

    def _unless_over(self, end: Callable[[], None]) -> Callable[[], None]:
        def end_unless_over() -> None:
            if not self._is_over:
                end()

        return end_unless_over

    def _discord(self, incident: Incident) -> None:
        """In each view let one machine alone be prepared, and nobody hear in the next one what it has prepared.

        So several views prepare different blocks and decide none: what follows must choose among them (rules.py).
        """
        network, names = self._world.network, list(self._nodes)
        if network.drops:
            return  # Two at once would let nobody be prepared.

        def is_lost(sender: str, receiver: str, packet: Packet) -> bool:
            match packet.kind:
                case Kind.PREPARE:
                    return receiver != names[(incident.amount + packet.view) % len(names)]
                case Kind.VIEW_CHANGE:
                    return sender == names[(incident.amount + packet.view - 1) % len(names)]
            return packet.kind is Kind.COMMIT

        network.drops.append(is_lost)
        self._world.schedule.after(incident.amount, self._unless_over(lambda: network.drops.remove(is_lost)))

    def _cut(self, incident: Incident) -> None:
        self._world.network.cut(incident.links)

        def join() -> None:
            self._world.network.join(incident.links)
            self._world.note(incident.machine, lambda: "! links joined")
            self._reconnect(incident.links)

        self._afterwards(incident, join)

    def _reconnect(self, links: tuple[tuple[str, str], ...]) -> None:
        network = self._world.network
        for a, b in sorted(links):
            if network.is_open(a, b) and network.is_open(b, a):
                self._nodes[a].connected(self._nodes[b])

    def _rot_unheard(self, node: Node, incident: Incident) -> None:
        """Let nobody hear a machine, then flip a bit of what it said, which nobody else holds, and start it again."""
        self._world.network.cut(incident.links)

        def rot() -> None:
            self._world.network.join(incident.links)
            node.kill(power_cut=False)
            said = self._world.checker.unstored(node.machine)
            if said:
                chance = chance_of(incident.amount, "damage")
                node.machine.rot_log_at(said[incident.amount % len(said)], chance)
            node.start()
            self._reconnect(incident.links)

        self._afterwards(incident, rot)

    def _take_down(self, node: Node, incident: Incident, *, power_cut: bool) -> None:
        node.kill(power_cut=power_cut)
        node.is_kept_down = True

        def up_again() -> None:
            node.is_kept_down = False
            node.start()

        self._afterwards(incident, up_again)

    def _restore(self, node: Node, incident: Incident, restore: Callable[[], None], first: int) -> None:
        """Set a machine back; what it signed from the so manyth message on is lost."""
        self._take_down(node, incident, power_cut=True)
        restore()
        node.machine.is_faulty = node.machine.has_rotten_log = False
        self._world.checker.loses_votes(node.machine, first)
        self._world.checker.forget(node.machine.name)
