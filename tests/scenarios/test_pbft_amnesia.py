"""Lost votes are noticed though everybody was down at once: whatever an own vote rests on is in the log."""

from pbft_bench import Bench, Host, Packet

from chain.types import Milliseconds
from consensus.pbft import messages
from consensus.pbft.events import LostVotes, Send
from consensus.pbft.messages import Inquiry, Kind, PrePrepare, ViewChange, Vote
from consensus.pbft.records import RecordKind, decode_record

RANKED = (PrePrepare, Vote, ViewChange)


def settle_without(bench: Bench, lost: tuple[Kind, ...]) -> None:
    """Let everything happen but for the arrival of messages of some kinds."""
    while True:
        worked = [host.do_work() for host in bench.running()]
        bench.packets[:] = [packet for packet in bench.packets if kind_of(packet) not in lost]
        if bench.packets:
            bench.deliver()
        elif not any(worked):
            return


def kind_of(packet: Packet) -> Kind | None:
    return packet.content.message.kind if isinstance(packet.content, Send) else None


def all_restart_and_one_has_forgotten(bench: Bench, victim: Host) -> list[object]:
    """Return what the victim says of consensus after a power cut for all that its disk has not survived."""
    said: list[object] = []
    for host in bench.hosts.values():
        host.crash()
    bench.packets.clear()
    victim.log.clear()
    victim.clock = Milliseconds(victim.clock + 500)
    victim.observe = lambda host, event, output: said.extend(
        item.message for item in output.send if isinstance(item, Send) and isinstance(item.message, RANKED)
    )
    for host in bench.hosts.values():
        host.start()
    bench.settle()
    bench.tick(40)
    return said


def proposed(lost: tuple[Kind, ...]) -> tuple[Bench, Host]:
    bench = Bench(4)
    bench.start_all()
    bench.submit(b"transaction")
    settle_without(bench, lost)
    return bench, bench.hosts[bench.validators.ids[0]]


def test_a_primary_whose_proposal_was_prepared_but_not_decided() -> None:
    bench, primary = proposed((Kind.COMMIT,))
    assert not all_restart_and_one_has_forgotten(bench, primary)
    assert any(isinstance(report, LostVotes) for report in primary.reports)
    bench.check()


def test_a_primary_whose_proposal_was_voted_for_and_no_more() -> None:
    bench, primary = proposed((Kind.PREPARE, Kind.COMMIT))
    kinds = [decode_record(data).kind for host in bench.hosts.values() for data in host.log]
    assert RecordKind.PREPARED not in kinds
    assert not all_restart_and_one_has_forgotten(bench, primary)
    assert any(isinstance(report, LostVotes) for report in primary.reports)
    assert all(host.chain for host in bench.hosts.values() if host is not primary), "the others go on"


def test_a_backup_whose_view_change_was_shown_by_a_new_view() -> None:
    bench, _ = proposed((Kind.PREPARE, Kind.COMMIT))
    for _ in range(11):
        bench.tick(settle=False)
        settle_without(bench, (Kind.PREPARE, Kind.COMMIT))
    victim = bench.hosts[bench.validators.ids[0]]
    assert victim.replica is not None, "everybody runs"
    assert victim.replica.status.view == 1
    said = all_restart_and_one_has_forgotten(bench, victim)
    assert not said
    assert any(isinstance(report, LostVotes) for report in victim.reports)


def test_a_testimony_that_comes_after_waking_ends_what_should_not_have_begun() -> None:
    bench, primary = proposed((Kind.COMMIT,))
    primary.crash()
    primary.log.clear()
    witnesses = [host for host in bench.hosts.values() if host is not primary]
    for host in witnesses[:2]:
        host.crash()
        host.log.clear()
        host.start()
    bench.packets.clear()
    primary.start()
    late: list[Packet] = []
    while bench.packets:
        packet = bench.packets[0]
        message = packet.content.message if isinstance(packet.content, Send) else None
        if isinstance(message, messages.Testimony) and packet.sender == witnesses[2].name and packet.to == primary.name:
            late.append(bench.packets.pop(0))
        elif isinstance(message, Inquiry | messages.Testimony):
            bench.deliver()
        else:
            bench.packets.pop(0)
    assert primary.replica is not None, "the primary runs"
    assert primary.replica.status.votes, "two who have forgotten as well are enough to wake it"
    assert not any(isinstance(report, LostVotes) for report in primary.reports)
    primary.receive(late[0])
    assert primary.replica.status.why_not == "lost_votes"


def test_what_was_said_since_the_start_is_no_sign_of_lost_votes() -> None:
    bench = Bench(4)
    bench.start_all()
    dan = bench.hosts[bench.validators.ids[3]]
    dan.crash()
    dan.start()
    kept: list[Packet] = []
    while bench.packets:
        packet = bench.packets[0]
        if packet.to != dan.name and isinstance(packet.content, Send) and isinstance(packet.content.message, Inquiry):
            kept.append(packet)
        bench.deliver()
    bench.submit(b"transaction")
    bench.settle()
    assert len(dan.chain) == 1
    bench.packets += kept
    bench.settle()
    assert dan.replica is not None, "dan runs"
    assert dan.replica.status.votes
