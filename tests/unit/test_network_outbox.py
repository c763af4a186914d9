"""Each lane is bounded, keeps its order, and has its own outcome when it is full."""

from network.framing import Channel
from network.limits import LimitedLog, NetworkLimits, TokenBucket
from network.outbox import LANES, Lane, Offer, Outbox

SMALL = NetworkLimits(urgent_bytes_max=10, answers_bytes_max=10, bulk_bytes_max=10)


def test_every_channel_has_a_lane() -> None:
    assert set(LANES) == set(Channel)


def test_consensus_overtakes_bulk_and_answers() -> None:
    outbox = Outbox(NetworkLimits())
    for lane, frame in ((Lane.BULK, b"b1"), (Lane.ANSWERS, b"a1"), (Lane.URGENT, b"u1"), (Lane.URGENT, b"u2")):
        assert outbox.offer(lane, frame) is Offer.QUEUED
    assert outbox.take(1000)[:2] == [b"u1", b"u2"]


def test_answers_and_bulk_take_turns() -> None:
    outbox = Outbox(NetworkLimits())
    for number in range(3):
        outbox.offer(Lane.ANSWERS, b"a%d" % number)
        outbox.offer(Lane.BULK, b"b%d" % number)
    assert outbox.take(1000) == [b"b0", b"a0", b"b1", b"a1", b"b2", b"a2"]
    assert outbox.take(1000) == []


def test_a_batch_is_about_the_size_wanted_and_never_empty() -> None:
    outbox = Outbox(NetworkLimits())
    for _ in range(4):
        outbox.offer(Lane.URGENT, bytes(10))
    assert len(outbox.take(15)) == 2
    assert len(outbox.take(1)) == 1


def test_a_full_urgent_lane_overflows() -> None:
    outbox = Outbox(SMALL)
    assert outbox.offer(Lane.URGENT, bytes(10)) is Offer.QUEUED
    assert outbox.offer(Lane.URGENT, b"x") is Offer.OVERFLOW


def test_a_full_answers_lane_refuses_the_newcomer() -> None:
    outbox = Outbox(SMALL)
    assert outbox.offer(Lane.ANSWERS, bytes(8)) is Offer.QUEUED
    assert outbox.offer(Lane.ANSWERS, bytes(3)) is Offer.REFUSED
    assert outbox.offer(Lane.ANSWERS, bytes(2)) is Offer.QUEUED


def test_a_full_bulk_lane_drops_the_oldest() -> None:
    outbox = Outbox(SMALL)
    for frame in (b"1111", b"2222", b"3333"):
        assert outbox.offer(Lane.BULK, frame) is Offer.QUEUED
    assert outbox.dropped_frames == 1
    assert outbox.take(1000) == [b"2222", b"3333"]


def test_a_bulk_frame_larger_than_its_lane_is_refused_and_drops_nothing() -> None:
    outbox = Outbox(SMALL)
    outbox.offer(Lane.BULK, b"1111")
    assert outbox.offer(Lane.BULK, bytes(11)) is Offer.REFUSED
    assert outbox.take(1000) == [b"1111"]


def test_depths_follow_offers_and_takes() -> None:
    outbox = Outbox(SMALL)
    outbox.offer(Lane.URGENT, bytes(3))
    outbox.offer(Lane.BULK, bytes(4))
    depths = outbox.depths()
    assert (depths.urgent_bytes, depths.answers_bytes, depths.bulk_bytes, depths.frames) == (3, 0, 4, 2)
    outbox.take(1000)
    assert outbox.depths().frames == 0
    assert outbox.offer(Lane.URGENT, bytes(10)) is Offer.QUEUED


def test_a_bucket_allows_a_burst_and_then_the_rate() -> None:
    bucket = TokenBucket(100.0, now=0.0)
    assert bucket.take(100, now=0.0) == 0.0
    assert bucket.take(50, now=0.0) == 0.5
    assert bucket.take(0, now=0.5) == 0.0
    assert bucket.take(100, now=10.0) == 0.0, "the burst never exceeds one second"
    assert bucket.take(1, now=10.0) > 0.0


class _Lines:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, level: int, form: str, message: str, suffix: str, *, exc_info: BaseException | None) -> None:
        self.lines.append(form % (message, suffix))


def test_the_log_is_limited_per_kind_and_counts_what_it_kept_back() -> None:
    now = [0.0]
    lines = _Lines()
    log = LimitedLog(lines, 10.0, lambda: now[0])  # type: ignore[arg-type]
    for _ in range(5):
        log.write(30, "kind", "message")
    log.write(30, "other", "message")
    now[0] = 11.0
    log.write(30, "kind", "message")
    assert lines.lines == ["message", "message", "message (4 more like this were not logged)"]
