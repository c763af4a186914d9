"""One node: a machine and the process that runs on it, started, killed, paused and started again.

Fatal errors that the product turns into an exit code end the process here as well, and somebody starts it again after a
while. Failed assertions and everything unforeseen are not caught: the run ends with them.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

from chain.runtime import LocalFault
from chain.storage import StoreError
from consensus.log import LogWriteError
from consensus.simulation.clock import MILLISECOND
from consensus.simulation.disk import ProcessKilled
from consensus.simulation.machine import Machine
from consensus.simulation.packet import Packet
from consensus.simulation.process import Process
from consensus.simulation.world import World

START_US: Final = 50 * MILLISECOND
"""From being told to start to running."""
RESTART_US: Final = 300 * MILLISECOND
"""After an exit of its own, until somebody starts it again."""
HELD_MAX: Final = 4_096
"""Work and packets kept for a machine that is paused or busy; more is lost, as in the buffers of its kernel."""

Fatal = (LogWriteError, StoreError, LocalFault)
Work = Callable[[], None]


class Node:
    """Owns a machine, its process and its pauses."""

    def __init__(self, world: World, machine: Machine) -> None:
        self.world = world
        self.machine = machine
        self.process: Process | None = None
        self.is_paused = False
        self.is_kept_down = False
        """Nobody starts it before its fault is over."""
        self._held: deque[Work] = deque()
        self._is_starting = False
        world.network.attach(machine.name, self._receive)

    def start(self) -> None:
        """Start the process a little later, unless it runs or is about to."""
        if self.process is None and not self._is_starting:
            self._is_starting = True
            self.world.schedule.after(START_US, self._start)

    def kill(self, *, power_cut: bool) -> None:
        """End the process at once."""
        self._end("power cut" if power_cut else "killed")
        if power_cut:
            self.machine.disk.cut_power()

    def pause(self) -> None:
        """Stop doing anything, without noticing it."""
        self.is_paused = True

    def resume(self) -> None:
        """Go on where it was, with all that came in meanwhile."""
        self.is_paused = False
        self._work_off()

    def run(self, process: Process, work: Work) -> None:
        """Do work of a process, unless it has ended; later if the machine is paused or the process busy."""
        if process is not self.process:
            return
        if self.is_paused or process.is_blocked:
            if len(self._held) < HELD_MAX:
                self._held.append(work)
            return
        self._guard(work)
        if process is self.process and process.waiting and not process.is_blocked:
            self._guard(process.turn)

    def unblock(self, process: Process, then: Work) -> None:
        """Let a process go on after something for which nothing else could be done, then work off the rest."""
        if process is self.process:
            process.is_blocked = False
            self._held.appendleft(then)
            self._work_off()

    def connected(self, other: "Node") -> None:
        """Tell the process that it can reach another node."""
        process = self.process
        if process is not None:
            peer = other.machine.validator_id
            self.run(process, lambda: process.connected(peer))

    def _start(self) -> None:
        machine = self.machine
        if self.is_kept_down:
            self._is_starting = False
            return
        machine.starts += 1
        self.world.note(machine.name, lambda: f"starts, time {machine.starts}")
        self._guard(self._open)
        self._is_starting = False
        if self.process is not None:
            self.world.on_started(machine.name)

    def _open(self) -> None:
        process = Process(self.world, self)
        self.process = process
        process.begin()

    def _receive(self, sender: str, packet: Packet) -> None:
        process = self.process
        if process is not None:
            self.run(process, lambda: process.receive(sender, packet))

    def _work_off(self) -> None:
        """Do what was held back, then let the process step on all of it at once."""
        process = self.process
        while process is not None and process is self.process and not (self.is_paused or process.is_blocked):
            if self._held:
                self._guard(self._held.popleft())
            elif process.waiting:
                self._guard(process.turn)
            else:
                return

    def _guard(self, work: Work) -> None:
        try:
            work()
        except ProcessKilled as killed:
            self.kill(power_cut=killed.power_cut)
            self._start_again()
        except Fatal as error:
            why = f"{type(error).__name__}: {error}"
            self._end(why)
            self._start_again()

    def _start_again(self) -> None:
        self.world.schedule.after(RESTART_US, self.start)

    def _end(self, why: str) -> None:
        if self.process is not None:
            self.world.note(self.machine.name, lambda: f"ends: {why}")
        self.process = None
        self._held.clear()
