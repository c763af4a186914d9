"""A body that a replica voted for is never lost: a view that is forced back to it can always be had from who voted."""

from collections.abc import Callable
from dataclasses import replace

from pbft_bench import CHAIN_ID, Bench, Host, Packet, seed_of

from chain.certificate import decode_certificate
from chain.crypto import sign
from chain.types import Epoch, Height, Signature, View
from consensus.pbft.events import Send
from consensus.pbft.messages import TAGS, Kind, ViewChange
from consensus.pbft.records import RecordKind, decode_record

FAILED_VIEWS = 12
TICKS_MAX = 1_000
"""After loss has ended; six of the longest timeouts."""


class Liar:
    """The first primary: it alone holds a prepared certificate of view 0, and shows it in every later view."""

    def __init__(self) -> None:
        self.bench = Bench(4)
        self.host, *self.others = self.bench.hosts.values()
        self._said: set[View] = set()
        self.bench.start_all()

    def prepare_alone(self) -> None:
        """Have two others vote for a block, and keep to itself what makes it prepared."""
        self.bench.submit(b"transaction")
        self._settle_without(
            lambda packet: (
                packet.sender == self.host.name
                and (_kind(packet) in (Kind.PREPARE, Kind.COMMIT) or packet.to == self.others[2].name)
            )
        )
        self.host.crash()
        records = [decode_record(data) for data in self.host.log]
        self.prepared = decode_certificate(
            next(record.payload for record in records if record.kind is RecordKind.PREPARED)
        )

    def fail_views(self, count: int) -> None:
        """Let views fail, because PREPAREs get lost."""
        first = self.others[0]
        while first.replica is not None and first.replica.status.view < count:
            self.bench.tick(settle=False)
            self._settle_without(lambda packet: _kind(packet) is Kind.PREPARE)

    def _settle_without(self, is_lost: Callable[[Packet], bool]) -> None:
        while True:
            worked = [host.do_work() for host in self.bench.running()]
            packets = self.bench.packets
            packets[:] = [packet for packet in packets if not is_lost(packet)]
            if packets:
                self.bench.deliver()
            elif not any(worked):
                return

    def show(self) -> None:
        """Demand every view that another is in or about to enter, with the genuine certificate."""
        for host in self.others:
            assert host.replica is not None, "the others run"
            for view in (host.replica.status.view, View(host.replica.status.view + 1)):
                if view > 0 and view not in self._said:
                    self._said.add(view)
                    change = Send((), self._change(view))
                    self.bench.packets += [Packet(self.host.name, other.name, change) for other in self.others]

    def _change(self, view: View) -> ViewChange:
        where = (CHAIN_ID, Epoch(0), Height(1), view)
        message = ViewChange(*where, None, self.prepared, self.host.name, Signature(bytes(64)))
        return replace(message, signature=sign(seed_of(self.host.name), TAGS[message.kind], message.payload))


def _kind(packet: Packet) -> Kind | None:
    return packet.content.message.kind if isinstance(packet.content, Send) else None


def _decides(liar: Liar) -> bool:
    for _ in range(TICKS_MAX):
        liar.show()
        liar.bench.settle()
        liar.bench.tick()
        if all(host.chain for host in liar.others):
            return True
    return False


def stuck() -> Liar:
    liar = Liar()
    liar.prepare_alone()
    liar.fail_views(FAILED_VIEWS)
    return liar


def holders(liar: Liar) -> list[Host]:
    return [host for host in liar.others if host.logged_body(liar.prepared.subject.block_hash) is not None]


def test_a_view_is_forced_to_a_body_that_was_voted_for_long_ago() -> None:
    liar = stuck()
    forced = liar.prepared.subject.block_hash
    assert all(host.replica is not None and host.replica.body(forced) is None for host in liar.others), "out of memory"
    assert len(holders(liar)) == 2
    assert _decides(liar), f"stuck in views {[host.replica.status.view for host in liar.others if host.replica]}"
    liar.bench.check()


def test_a_restart_changes_nothing_about_it() -> None:
    liar = stuck()
    for host in holders(liar):
        host.crash()
        liar.bench.restart(host.name)
    assert _decides(liar)
    liar.bench.check()


def test_what_is_remembered_of_it_is_one_hash_a_view() -> None:
    liar = stuck()
    for host in liar.others:
        assert host.replica is not None, "the others run"
        kept = {what: (count, limit) for what, count, limit in host.replica.kept}
        assert kept["bodies"][0] <= host.config.bodies_max
        count, limit = kept["bodies in the log"]
        assert 5 < count <= limit == host.replica.status.view + 1
