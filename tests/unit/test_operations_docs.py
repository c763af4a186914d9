"""docs/operations.md lists every exit code, every metric and every reason why a node is not ready, and no others."""

import re
from pathlib import Path

import pytest
from chain_maker import make_genesis

from api.request_metrics import RequestMetrics
from assembly.condition import STALLED_SECONDS_MAX, WHY_SILENT, condition_of
from assembly.exit_codes import ExitCode
from assembly.metrics import node_metrics
from chain.crypto import verify
from chain.mempool import Mempool, MempoolLimits
from chain.types import Digest, Height, Milliseconds, ValidatorId, View
from consensus.counters import DriverCounters
from consensus.gate import Gate
from consensus.pbft import replica
from consensus.pbft.events import Head
from consensus.pbft.replica import Status
from network.status import NetworkStatus

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
PRIMARY = ValidatorId("v01")


def status(why_not: str | None = None) -> Status:
    return Status(Height(8), View(2), PRIMARY, False, why_not is None, why_not)


def head() -> Head:
    zero = Digest(bytes(32))
    return Head(Height(7), zero, zero, Milliseconds(0), PRIMARY, None, make_genesis().validators)


def reasons(why_not: str | None = None, peers: int = 3, highest: int = 7, stalled: float = 0.0) -> tuple[str, ...]:
    heads = {ValidatorId(f"v{number + 2:02d}"): Height(highest) for number in range(peers)}
    return condition_of(status(why_not), head(), heads, stalled, observes=False).not_ready_reasons


def test_every_exit_code_has_a_row() -> None:
    rows = re.findall(r"^\| (\d+) \| ([A-Z_]+) \|", PAGE, flags=re.MULTILINE)
    assert rows == [(str(code.value), code.name) for code in ExitCode]


def test_every_metric_has_a_row() -> None:
    counters = DriverCounters()
    network = NetworkStatus((), 0, {}, ())
    own = node_metrics(
        Height(0), status(), Mempool(MempoolLimits()), counters, Gate(verify), network, 0, 0.0, 1, False, 0, 0, {}
    )
    metrics = {metric.name: metric.kind.value for metric in [*own, *RequestMetrics().snapshot(0)]}
    assert dict(re.findall(r"^\| `(tallystick_\w+)` \| (\w+) \|", PAGE, flags=re.MULTILINE)) == metrics


def test_every_cause_of_silence_has_words() -> None:
    """The causes that the core names in its source are those for which there is a sentence."""
    source = Path(replica.__file__).read_text(encoding="utf-8")
    (listed,) = re.findall(r"One of ([a-z_, \n]+)\.", source)
    assert set(re.split(r"[,\s]+", listed.strip())) == set(WHY_SILENT)


@pytest.mark.parametrize("why_not", WHY_SILENT)
def test_every_cause_of_silence_is_explained(why_not: str) -> None:
    assert reasons(why_not) == (WHY_SILENT[why_not],)
    assert f"| `{WHY_SILENT[why_not]}` |" in PAGE


def test_other_reasons_are_explained() -> None:
    """The page shows the beginning of each; where several hold, the gravest comes first, and a stall only by itself."""
    assert reasons() == ()
    long = STALLED_SECONDS_MAX + 1
    for found in (reasons(peers=1, stalled=long), reasons(highest=90, stalled=long), reasons(stalled=long)):
        (reason,) = found
        beginning = re.split(r"\d", reason)[0]
        assert beginning and f"| `{beginning}" in PAGE, reason
    assert reasons(peers=1)[0].startswith("no quorum: 2 of 4 validators are connected, 3 must be")
    assert "view 2, whose primary is v01" in reasons(stalled=long)[0]
    assert len(reasons("lost_votes", peers=1, highest=90, stalled=long)) == 3
