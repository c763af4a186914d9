"""A validator that lies, as a real process with its key, as primary too: nobody is split, left out or loses anything.

The liar's process (lying_node.py) tells the lies of the simulator's liars. Meanwhile nothing that was acknowledged is
missing on the honest nodes, and commits go on; who contradicts itself leaves proof. What the liar's own node serves
is asked once it is honest again. Each lie by itself: pytest tests/cluster/test_cluster_liars.py --each-lie
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator

import pytest
from cluster_contract import write
from cluster_load import Load, check_exactly_once
from cluster_support import Cluster, http, tally, until

from chain.genesis import Parameters
from consensus.simulation.liars.lies import Lie

pytestmark = pytest.mark.cluster

LIAR = "node1"
HONEST = ("node2", "node3", "node4")
CENSORED = "medidist.ops"
"""It takes no part in the load."""
TIMEOUT_MS = 1_000
LATE_MS = 700
"""As late as a primary may propose: the others wait a timeout, and need some of it to decide."""
RECOVERY_SECONDS = 15.0

OF_A_PRIMARY = ("selective", "slow", "silent", "invalid", "clock")
OF_ANYBODY = ("hide", "fabricate", "forge", "replay", "far", "spam", "flood")
IN_VIEW_CHANGES = {"hide", "fabricate"}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Try lies together, or each by itself."""
    together = {"primary_lies": OF_A_PRIMARY, "other_lies": OF_ANYBODY}
    for name in together.keys() & set(metafunc.fixturenames):
        chosen = [(lie,) for lie in together[name]] if metafunc.config.getoption("--each-lie") else [together[name]]
        metafunc.parametrize(name, chosen, ids="-".join)


@pytest.fixture(scope="module")
def made_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    parameters = Parameters(view_timeout_base=TIMEOUT_MS, view_timeout_max=4 * TIMEOUT_MS)
    cluster = Cluster(tmp_path_factory.mktemp("liars") / "cluster", parameters=parameters)
    cluster.make_liar(LIAR)
    try:
        asyncio.run(cluster.begin())
        yield cluster
        assert cluster.stop() == 0, "every node stops when it is told to"
    finally:
        cluster.close()


@pytest.fixture
async def cluster(made_cluster: Cluster) -> AsyncIterator[Cluster]:
    """The cluster, honest so far; afterwards it is honest again, and all hold the same."""
    made_cluster.expect_errors("evidence against node1")
    await made_cluster.ready()
    first = await made_cluster.settled() + 1
    (made_cluster.node(LIAR).folder / "told").unlink(missing_ok=True)
    yield made_cluster
    made_cluster.lies(LIAR)
    await made_cluster.ready(*HONEST)
    await made_cluster.height_at_least(await made_cluster.settled(*HONEST), LIAR)
    await made_cluster.same_everywhere(first)
    assert not made_cluster.unexpected_errors()


async def make_primary(cluster: Cluster, name: str) -> None:
    """Let each primary in turn stand still until it is another's turn, up to the one that is wanted."""
    while (primary := await cluster.primary()) != name:
        cluster.signal(signal.SIGSTOP, primary)
        others = [node.name for node in cluster.nodes if node.name != primary]
        async with Load(cluster, *others, clients=1, batch=1) as load:
            await load.grows(1)
        cluster.signal(signal.SIGCONT, primary)
        await cluster.ready()


def told(cluster: Cluster) -> dict[str, int]:
    """Return how often the liar told each lie in this test."""
    path = cluster.node(LIAR).folder / "told"
    text = path.read_text(encoding="ascii") if path.exists() else ""
    return {name: int(times) for name, _, times in (word.partition(":") for word in text.split())}


def evidence(cluster: Cluster) -> set[tuple[str, str]]:
    """Return whom the honest nodes can prove what."""
    found = [entry for name in HONEST for entry in http(cluster.node(name), "/v1/evidence").json()["evidence"]]
    return {(entry["validator"], entry["code"]) for entry in found}


def is_primary(cluster: Cluster, name: str) -> bool:
    """Tell whether all honest nodes take a node for the primary."""
    reports = cluster.reports()
    return all(reports[honest].primary == name for honest in HONEST)


async def test_a_primary_that_proposes_as_late_as_it_may(cluster: Cluster) -> None:
    """It keeps its place, and everything is committed, more slowly."""
    await make_primary(cluster, LIAR)
    cluster.lies(LIAR, f"late:{LATE_MS}")
    async with Load(cluster, *HONEST) as load:
        await load.grows(18)
    assert told(cluster)["late"] >= 2


async def test_two_proposals_for_one_place_leave_proof(cluster: Cluster) -> None:
    """Some get the one and some the other, with votes for both: one is decided, and honest nodes show who did it."""
    await make_primary(cluster, LIAR)
    cluster.lies(LIAR, Lie.EQUIVOCATE)
    async with Load(cluster, *HONEST) as load:
        await until(lambda: evidence(cluster) or None, "somebody has proof")
        await load.grows(6)
    assert told(cluster)["equivocate"] and {validator for validator, _ in evidence(cluster)} == {LIAR}
    folder = str(cluster.layout.folder)
    listed = await asyncio.to_thread(tally, "evidence", "list", "--dir", folder)
    assert LIAR in listed.stdout and "two_" in listed.stdout
    doctor = await asyncio.to_thread(tally, "doctor", "--dir", folder, check=False)
    assert f"there is evidence against {LIAR}: two_" in doctor.stdout


async def test_whom_the_primary_leaves_out_is_served_in_the_end(cluster: Cluster) -> None:
    """Its term would last 10,000 blocks, and it serves everybody else: the others complain, and replace it."""
    await make_primary(cluster, LIAR)
    cluster.lies(LIAR, f"leave_out:{cluster.wallet(CENSORED).public_key.hex()}")
    async with Load(cluster, *HONEST, clients=1) as load:
        await load.grows(6)
        assert is_primary(cluster, LIAR), "whoever serves most is not replaced at once"
        async with cluster.client(*HONEST) as client:
            receipt = await client.submit(cluster.wallet(CENSORED), write("left out"), timeout_seconds=40)
        assert receipt.succeeded and told(cluster)["leave_out"] > 5
        assert not is_primary(cluster, LIAR)
        await load.grows(6)


async def test_a_primary_that_proposes_too_late_is_replaced(cluster: Cluster) -> None:
    await make_primary(cluster, LIAR)
    cluster.lies(LIAR, f"late:{2 * TIMEOUT_MS}")
    async with Load(cluster, *HONEST) as load:
        await load.grows(3)
        assert told(cluster)["late"] and not is_primary(cluster, LIAR)


async def test_what_a_primary_proposes_falsely(cluster: Cluster, primary_lies: tuple[str, ...]) -> None:
    """It loses its turn, and what it says afterwards holds nobody up."""
    await make_primary(cluster, LIAR)
    cluster.lies(LIAR, *primary_lies)
    async with Load(cluster, *HONEST) as load:
        await until(lambda: told(cluster) or None, "a lie is told")
        await load.grows(18)
    assert set(told(cluster)) <= set(primary_lies)
    assert {validator for validator, _ in evidence(cluster)} <= {LIAR}


async def test_what_a_validator_says_falsely(cluster: Cluster, other_lies: tuple[str, ...]) -> None:
    """Its turn comes when the primary is killed, and it lies about what was prepared: commits resume all the same."""
    before = "node4"
    await make_primary(cluster, before)
    cluster.lies(LIAR, *other_lies)
    async with Load(cluster, *HONEST) as load:
        await load.grows(6)
        cluster.kill(before)
        if told_in_view_changes := IN_VIEW_CHANGES & set(other_lies):
            await until(lambda: told_in_view_changes & told(cluster).keys() or None, "it lies in a view change")
        cluster.start(before)
        await cluster.ready(before)
        await asyncio.wait_for(load.grows(12), RECOVERY_SECONDS)
        await until(lambda: told(cluster) or None, "a lie is told")
    assert set(told(cluster)) <= set(other_lies)
    assert {validator for validator, _ in evidence(cluster)} <= {LIAR}


async def test_who_was_away_is_not_misled(cluster: Cluster) -> None:
    """The liar answers questions for blocks and bodies falsely, and says that it has more than anybody."""
    cluster.kill("node4")
    cluster.lies(LIAR, Lie.MISLEAD)
    first = (cluster.reports()["node2"].height or 0) + 1
    async with Load(cluster, "node2", "node3") as load:
        await load.grows(24)
        cluster.start("node4")
        await cluster.ready("node4")
        await load.grows(6)
    await cluster.settled(*HONEST)
    assert told(cluster)["mislead"]
    blocks = await asyncio.to_thread(cluster.chain, cluster.node("node4"), first)
    numbers = [receipt.values[0] for receipt in blocks[0].decoded_receipts()]
    check_exactly_once(load, blocks, numbers[0])
