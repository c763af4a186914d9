"""A bench that is moved at random: loss, repetition, disorder, and crashes between the parts of an output."""

import random

from pbft_bench import Bench, Host

from chain.types import Milliseconds, ValidatorId
from consensus.pbft import messages
from consensus.pbft.events import PeerConnected, Send, Tick
from consensus.pbft.messages import Kind

Slots = dict[tuple[str, int, int, Kind], object]


class Storm:
    """Moves a bench at random, and remembers what every key has signed."""

    def __init__(self, seed: int, count: int) -> None:
        self.random = random.Random(seed)
        self.loss = self.random.choice([0.02, 0.1, 0.3])
        self.pace = self.random.choice([0.08, 0.15, 0.3])
        self.bench = Bench(count, timeout_ticks=self.random.choice([2, 3, 10]), resend_ticks=self.random.choice([2, 4]))
        self.said: Slots = {}
        self.liars: set[ValidatorId] = set()
        """Validators of which nothing is expected."""
        self.submitted = 0
        self.bench.start_all()

    def check_votes(self) -> None:
        """Assert that no key ever signed two messages for one slot, across restarts."""
        for packet in self.bench.packets:
            if isinstance(packet.content, Send):
                message = packet.content.message
                if isinstance(message, messages.Inquiry | messages.Testimony) or message.signer in self.liars:
                    continue
                slot = (message.signer, message.height, message.view, message.kind)
                assert self.said.setdefault(slot, message) == message, f"two messages in slot {slot}"

    def run(self, steps: int) -> None:
        """Take random steps with faults."""
        for _ in range(steps):
            self.step()
            self.check_votes()
        self.bench.check()
        assert self.liars or not self.bench.refused, "honest messages pass the edge"

    def step(self) -> None:
        bench, draw = self.bench, self.random
        choice = draw.random()
        running = list(bench.running())
        down = [host for host in bench.hosts.values() if host.replica is None]
        if choice < 0.05:
            self.submitted += 1
            bench.submit(b"transaction %d" % self.submitted)
        elif choice < 0.05 + self.pace and running:
            self.tick(draw.choice(running))
        elif choice < 0.055 + self.pace and running:
            draw.choice(running).crash()
        elif choice < 0.07 + self.pace and down:
            bench.restart(draw.choice(down).name)
        elif choice < 0.65 and any(host.work for host in running):
            self.work(draw.choice([host for host in running if host.work]))
        elif bench.packets:
            self.move_packet()

    def tick(self, host: Host) -> None:
        host.clock = Milliseconds(host.clock + 10)
        host.step(Tick(host.clock), self.crash_point())

    def work(self, host: Host) -> None:
        host.step(host.work.pop(0), self.crash_point())

    def crash_point(self) -> int:
        return self.random.randrange(5) if self.random.random() < 0.002 else 5

    def move_packet(self) -> None:
        packets, draw = self.bench.packets, self.random
        index = draw.randrange(min(len(packets), 30))
        fate = draw.random()
        if fate < self.loss:
            packets.pop(index)
        elif fate < self.loss + 0.04:
            packets.append(packets[index])
        else:
            self.bench.deliver(index, self.crash_point())

    def heal(self) -> None:
        """End all faults: everyone runs and is connected, and something is to be decided."""
        for host in self.bench.hosts.values():
            if host.replica is None:
                self.bench.restart(host.name)
        for host in self.bench.hosts.values():
            for other in self.bench.hosts.values():
                if other is not host:
                    host.step(PeerConnected(other.name))
        self.bench.submit(b"after the storm")

    def recovers(self, ticks_max: int) -> bool:
        """Tell whether every host has everything within so many ticks."""
        for _ in range(ticks_max):
            self.bench.tick()
            honest = [host for name, host in self.bench.hosts.items() if name not in self.liars]
            if all(b"after the storm" in host.committed() for host in honest):
                return True
        return False
