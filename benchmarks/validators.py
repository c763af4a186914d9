"""What a block costs as validators become more: messages, bytes and CPU time, beside what PBFT predicts.

    python -m benchmarks.validators [--sizes 4,7,10,16,31] [--blocks 100] [--json FILE]

Quiet simulated networks: the real replicas with stand-in signatures, every message counted. In the normal case (Castro
and Liskov, section 4) a block takes n - 1 PRE-PREPAREs, (n - 1)^2 PREPAREs and n (n - 1) COMMITs, 2 n (n - 1) messages
together, each to one receiver. CPU time is that of the replicas' steps alone, without signatures, which cost each node
one check for each message that it receives. Real nodes: tally bench --nodes 7 --one-rate --rate 100.
"""

import argparse
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from consensus.pbft.events import Event, Output
from consensus.pbft.messages import Kind
from consensus.pbft.replica import Replica
from consensus.simulation.packet import Channel, Packet
from consensus.simulation.plan import DrawnPlan
from consensus.simulation.run import Run
from consensus.simulation.settings import Settings

SIZES: Final = "4,7,10,16,31"
EVENTS_PER_BLOCK: Final = 12
"""Events of the simulation that a block takes at least, for each pair of validators."""
NORMAL: Final = (Kind.PRE_PREPARE, Kind.PREPARE, Kind.COMMIT)


@dataclass(slots=True)
class Seen:
    """What one run sent and did."""

    packets: Counter[Kind] = field(default_factory=Counter)
    bytes: Counter[Kind] = field(default_factory=Counter)
    step_seconds: float = 0.0
    steps: int = 0
    blocks: int = 0


def main() -> None:
    """Run each size and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default=SIZES, help="numbers of validators")
    parser.add_argument("--blocks", type=int, default=100, help="blocks of each run, about")
    parser.add_argument("--json", type=Path, default=None, help="also write the figures here")
    options = parser.parse_args()
    rows = [row_of(int(size), options.blocks) for size in options.sizes.split(",")]
    print("  n  blocks  messages  predicted      bytes  received   CPU us  steps")
    print("            a block                          a block   a block and node")
    for row in rows:
        print(
            f"{row['validators']:>3} {row['blocks']:>7} {row['messages']:>9.1f} {row['predicted']:>10} "
            f"{row['bytes']:>10,.0f} {row['received']:>9.1f} {row['cpu_us']:>8.0f} {row['steps']:>6.1f}"
        )
    if options.json is not None:
        options.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


def row_of(size: int, blocks: int) -> dict[str, Any]:
    """Return the figures of one size."""
    seen = quiet_run(size, blocks)
    messages = sum(seen.packets[kind] for kind in NORMAL) / seen.blocks
    others = {kind.name: count for kind, count in seen.packets.items() if kind not in NORMAL}
    return {
        "validators": size,
        "blocks": seen.blocks,
        "messages": messages,
        "predicted": 2 * size * (size - 1),
        "bytes": sum(seen.bytes[kind] for kind in NORMAL) / seen.blocks,
        "received": messages / size,
        "cpu_us": 1e6 * seen.step_seconds / seen.blocks / size,
        "steps": seen.steps / seen.blocks / size,
        "other_messages_of_the_run": others,
    }


def quiet_run(size: int, blocks: int) -> Seen:
    """Run a network in which nothing goes wrong, and count."""
    settings = Settings(1, size, steps=EVENTS_PER_BLOCK * size * size * blocks // 4, faults=frozenset())
    names = [f"v{number}" for number in range(size)]
    run = Run(settings, DrawnPlan(settings, names), is_traced=False)
    seen = Seen()
    send, step = run.world.network.send, Replica.step

    def count(sender: str, receiver: str, packet: Packet) -> None:
        if packet.channel is Channel.CONSENSUS:
            seen.packets[Kind(packet.kind)] += 1
            seen.bytes[Kind(packet.kind)] += len(packet.payload)
        send(sender, receiver, packet)

    def timed(replica: Replica, event: Event) -> Output:
        begin = time.process_time()
        try:
            return step(replica, event)
        finally:
            seen.step_seconds += time.process_time() - begin
            seen.steps += 1

    setattr(run.world.network, "send", count)  # noqa: B010 - counted here, not in the product
    setattr(Replica, "step", timed)  # noqa: B010
    try:
        outcome = run.carry_out()
    finally:
        setattr(Replica, "step", step)  # noqa: B010
    assert outcome.failure is None, outcome.failure
    seen.blocks = outcome.blocks
    return seen


if __name__ == "__main__":
    main()
