"""What a block costs in messages, log records and syncs: counted, so that no change makes it dearer unnoticed."""

from collections import Counter

import pytest
from pbft_bench import Bench, Host

from consensus.pbft.events import Event, Output, Send


@pytest.mark.parametrize("count", [4, 7])
def test_a_block_costs_two_rounds_of_votes_and_two_syncs(count: int) -> None:
    """PBFT's theory: one proposal and two votes of everybody go to everybody else, whatever the block holds."""
    bench = Bench(count)
    bench.start_all()
    sent: Counter[str] = Counter()
    syncs: Counter[str] = Counter()

    def observe(host: Host, event: Event, output: Output) -> None:
        for item in output.send:
            if isinstance(item, Send):
                sent[type(item.message).__name__] += len(item.to)
        syncs[host.name] += bool(output.persist)

    for host in bench.hosts.values():
        host.observe = observe
    blocks = 5
    for number in range(blocks):
        bench.submit(b"transaction %d" % number)
        bench.settle()
    assert set(bench.heights().values()) == {blocks}
    votes = 2 * count * (count - 1)
    assert sent == {"PrePrepare": blocks * (count - 1), "Vote": blocks * votes}
    # One before PREPARE, one before COMMIT; the proposer needs one more before its proposal, which it executes after.
    assert sorted(syncs.values()) == [2 * blocks] * (count - 1) + [3 * blocks]
