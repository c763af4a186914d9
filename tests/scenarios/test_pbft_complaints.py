"""A primary that leaves a transaction out is replaced once f + 1 complain; f complaints change nothing (rule 8)."""

import pytest
from pbft_bench import Bench, Host

from chain.block import Block
from consensus.pbft.events import LeftOutChanged, Output, ViewChanged

VICTIM = b"victim"
TERM = 10_000
"""As on the product's networks: the turn does not move on by itself while a test lasts."""


class Censor:
    """A host that never proposes the victim's transaction, and always something."""

    def __init__(self, bench: Bench) -> None:
        self.host = next(iter(bench.hosts.values()))
        self.proposed = 0
        honest = Host.build

        def build(host: Host) -> Block:
            if host is not self.host:
                return honest(host)
            kept, self.proposed = host.pending, self.proposed + 1
            host.pending = [item for item in kept if item != VICTIM][:1] or [b"filler %d" % self.proposed]
            try:
                return honest(host)
            finally:
                host.pending = kept

        self.build = build


def pass_time(bench: Bench, blocks: int) -> None:
    """Let clients submit so many transactions, one after the other, and the hosts decide what they will."""
    for number in range(blocks):
        bench.submit(b"other %d of %d" % (number, len(bench.packets)))
        for _ in range(60):
            for host in bench.running():
                host.do_work()
            if bench.packets:
                bench.deliver()
        if number % 5 == 0:
            bench.tick(settle=False)


def complain(bench: Bench, names: list[str], *, is_left_out: bool = True) -> None:
    for name in names:
        bench.hosts[name].step(LeftOutChanged(is_left_out))  # type: ignore[index]


def stop_when_included(bench: Bench) -> None:
    """Let each host take its complaint back when it stores the transaction, as the product's does."""
    for host in bench.hosts.values():

        def observe(own: Host, event: object, output: Output) -> None:
            if own.replica is not None and any(VICTIM in item.block.transactions for item in output.decide):
                own.replica.step(LeftOutChanged(False))

        host.observe = observe


@pytest.fixture(params=[4, 7])
def bench(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Return a cluster whose first primary leaves the victim's transaction out."""
    bench = Bench(request.param, primary_term_blocks=TERM)
    monkeypatch.setattr(Host, "build", Censor(bench).build)
    bench.start_all()
    for transaction in (b"first", b"second", VICTIM):
        bench.submit(transaction)
    return bench


def others(bench: Bench) -> list[str]:
    return list(bench.validators.ids[1:])


def views_of(bench: Bench, name: str) -> list[int]:
    host = bench.hosts[name]  # type: ignore[index]
    return [report.view for report in host.reports if isinstance(report, ViewChanged)]


def test_without_complaints_it_is_left_out_for_good(bench: Bench) -> None:
    pass_time(bench, 30)
    assert all(VICTIM not in host.committed() for host in bench.hosts.values())
    assert all(not views_of(bench, name) for name in bench.validators.ids)


def test_f_plus_one_complaints_replace_the_primary_at_the_next_height(bench: Bench) -> None:
    pass_time(bench, 10)
    stop_when_included(bench)
    complain(bench, others(bench)[: bench.validators.faults_max + 1])
    before = max(bench.heights().values())
    pass_time(bench, 10)
    bench.settle()
    for host in bench.hosts.values():
        place = next(decided.block.header for decided in host.chain if VICTIM in decided.block.transactions)
        assert place.height <= before + 2, "at the height that is being decided, or the one after it"
        assert place.proposer == bench.validators.ids[1]
    bench.check()
    bench.tick(30)
    changes = {name: views_of(bench, name) for name in bench.validators.ids}
    assert all(views in ([1], []) for views in changes.values()), f"one change of view and no more: {changes}"


def test_f_complaints_change_nothing(bench: Bench) -> None:
    complainers = others(bench)[: bench.validators.faults_max]
    complain(bench, complainers)
    pass_time(bench, 40)
    alone = max(bench.heights().values())
    assert alone > 20, "the chain goes on at its pace"
    quiet = [name for name in bench.validators.ids if name not in complainers]
    assert all(not views_of(bench, name) for name in quiet), "nobody joins them"
    assert all(set(views_of(bench, name)) == {1} for name in complainers), "each height they ask for view 1 alone"
    bench.check()


def test_a_complaint_that_is_taken_back_ends_with_the_height(bench: Bench) -> None:
    name = others(bench)[0]
    complain(bench, [name])
    pass_time(bench, 5)
    asked = len(views_of(bench, name))
    assert asked > 0
    complain(bench, [name], is_left_out=False)
    pass_time(bench, 20)
    assert len(views_of(bench, name)) <= asked + 1


def test_a_primary_does_not_complain_of_itself_and_nobody_where_he_has_accepted_a_proposal(bench: Bench) -> None:
    pass_time(bench, 10)
    primary = bench.validators.ids[0]
    complain(bench, [primary])
    pass_time(bench, 10)
    assert not views_of(bench, primary)
    own = bench.hosts[bench.validators.ids[1]]
    own.executor = "silent"
    bench.submit(b"under way")
    for _ in range(40):
        for host in bench.running():
            host.do_work()
        if bench.packets:
            bench.deliver()
        if own.replica is not None and own.replica.spoken.has_proposal:
            break
    assert own.replica is not None and own.replica.spoken.has_proposal
    own.step(LeftOutChanged(True))
    assert not any(report for report in own.reports if isinstance(report, ViewChanged))
