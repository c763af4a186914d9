"""An audit on a real Dask scheduler and workers says what a local one says, also when a worker is killed under way."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from audit_support import alter_leaf, write_data_folder
from chain_maker import ChainMaker, MemorySource, certify
from click.testing import CliRunner
from cluster_support import free_base_port
from distributed import Client

from audit.auditor import run_audit
from audit.checkpoint import CheckpointError, CheckpointWatcher
from audit.export_source import ExportSource
from audit.export_writer import write_export
from audit.mismatch import Level
from audit.verdict import Verdict
from audit.whole import Whole, audit_in_ranges
from chain.types import Digest
from cli.audit_dask import DaskWorkers
from cli.main import tally

pytestmark = pytest.mark.cluster

BLOCKS = 60
BORDERS = (20, 40)
COMMAND = "from distributed.cli.dask_{0} import main; main()"


class DaskCluster:
    """Owns a scheduler and two workers on loopback."""

    def __init__(self, folder: Path) -> None:
        port = free_base_port(1)
        self.address = f"tcp://127.0.0.1:{port}"
        self._folder = folder
        self._processes = [self._start("scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-show")]
        for _ in range(2):
            self.add_worker()

    def add_worker(self) -> None:
        options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(self._folder))
        self._processes.append(self._start("worker", self.address, "--host", "127.0.0.1", *options))

    def kill_a_worker(self) -> None:
        self._processes[-1].kill()

    def close(self) -> None:
        for process in self._processes:
            process.send_signal(signal.SIGKILL)
            process.wait(10)

    def _start(self, kind: str, *arguments: str) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "DASK_DISTRIBUTED__DASHBOARD__LINK": "", "PYTHONWARNINGS": "ignore"}
        log = (self._folder / f"{kind}.log").open("ab")
        command = [sys.executable, "-c", COMMAND.format(kind), *arguments]
        with log:
            return subprocess.Popen(command, stdout=log, stderr=log, env=environment)


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    cluster = DaskCluster(tmp_path_factory.mktemp("dask"))
    connect: type = Client
    try:
        with connect(cluster.address, timeout=60, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
        yield cluster
    finally:
        cluster.close()


@pytest.fixture(scope="module")
def maker() -> ChainMaker:
    maker = ChainMaker()
    maker.decide_many(BLOCKS)
    return maker


@pytest.fixture(scope="module")
def snapshots(maker: ChainMaker, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("snapshots")
    run_audit(maker.source, watchers=[CheckpointWatcher(folder, BORDERS[0])])
    return folder


def exported(folder: Path, source: MemorySource) -> str:
    write_export(folder, source, lambda height, head: None)
    return str(folder)


def scheduled(
    dask: DaskCluster,
    source: str,
    maker: ChainMaker,
    snapshots: Path | None,
    on_range: Callable[[int, int], None] = lambda done, of: None,
    level: Level = Level.EXECUTION,
) -> Whole:
    workers = DaskWorkers(dask.address, source, on_range)
    try:
        options = {"anchored": True, "level": level, "snapshots": snapshots, "range_blocks": 7}
        return audit_in_ranges(ExportSource(Path(source)), maker.genesis, workers, **options)  # type: ignore[arg-type]
    finally:
        workers.close()


def alike(verdict: Verdict) -> Verdict:
    return replace(verdict, seconds=0.0)


def local(source: str, maker: ChainMaker, level: Level = Level.EXECUTION) -> Verdict:
    return alike(run_audit(ExportSource(Path(source)), genesis_hash=maker.genesis.genesis_hash, level=level))


def test_the_verdict_is_that_of_a_local_audit(
    dask: DaskCluster, maker: ChainMaker, snapshots: Path, tmp_path: Path
) -> None:
    source = exported(tmp_path / "export", maker.source)
    whole = scheduled(dask, source, maker, snapshots)
    assert whole.borders == BORDERS
    assert alike(whole.verdict) == local(source, maker)
    assert sum(each.transactions for each in whole.statistics.organisations.values()) == 2 * BLOCKS
    without = scheduled(dask, source, maker, None, level=Level.RECEIPTS)
    assert alike(without.verdict) == local(source, maker, Level.RECEIPTS)


def test_lies_are_found_in_whatever_range_they_stand(
    dask: DaskCluster, maker: ChainMaker, snapshots: Path, tmp_path: Path
) -> None:
    source = maker.source
    few = certify(maker.genesis, maker.records[4].decoded_block(), maker.records[4].decoded_result(), ["v01", "v02"])
    source.records[4] = replace(maker.records[4], certificate=few.encoded()).encoded()
    lie = replace(maker.records[32].decoded_result(), state_root=Digest(bytes(32)))
    signed = certify(maker.genesis, maker.records[32].decoded_block(), lie)
    forged = replace(maker.records[32], result=lie.encoded(), certificate=signed.encoded())
    source.records[32] = forged.encoded()
    path = exported(tmp_path / "export", source)
    found = scheduled(dask, path, maker, snapshots).verdict
    assert [(each.level, each.height, each.field) for each in found.mismatches[:2]] == [
        (Level.CERTIFICATES, 5, "certificate.signatures"),
        (Level.EXECUTION, 33, "result.state_root"),
    ]
    assert (found.blocks, found.execution_ended) == (4, 33)
    assert found.first_mismatch == local(path, maker).first_mismatch


def test_a_border_that_was_altered_is_refused(
    dask: DaskCluster, maker: ChainMaker, snapshots: Path, tmp_path: Path
) -> None:
    source = exported(tmp_path / "export", maker.source)
    (chunk,) = (snapshots / str(BORDERS[1])).glob("data*")
    original = chunk.read_bytes()
    chunk.write_bytes(original[:-1] + bytes([original[-1] ^ 1]))
    with pytest.raises(CheckpointError, match="not proven"):
        scheduled(dask, source, maker, snapshots)
    chunk.write_bytes(original)


def test_the_command_says_from_where_contracts_were_run(
    dask: DaskCluster, maker: ChainMaker, snapshots: Path, tmp_path: Path
) -> None:
    source = exported(tmp_path / "export", maker.source)
    report = tmp_path / "report.html"
    options = ["--scheduler", dask.address, "--snapshots", str(snapshots), "--report", str(report)]
    result = CliRunner().invoke(tally, ["audit", source, *options])
    assert result.exit_code == 0, result.output
    assert "snapshots at the heights 20, 40, each proven" in result.stdout
    assert "acme" in report.read_text(encoding="utf-8")
    together = CliRunner().invoke(tally, ["audit", source, "--scheduler", dask.address, "--resume", "x"])
    assert "goes neither with --resume" in str(together.exception)


def test_a_state_database_is_compared_by_whoever_runs_up_to_it(
    dask: DaskCluster, maker: ChainMaker, snapshots: Path, tmp_path: Path
) -> None:
    folder = str(write_data_folder(maker, tmp_path / "node"))
    options = ["--scheduler", dask.address, "--snapshots", str(snapshots), "--json"]
    good = json.loads(CliRunner().invoke(tally, ["audit", folder, *options]).stdout)
    assert "state" in good["levels_passed"]
    assert any("the state database, at block 60" in each for each in good["compared"])
    contract, key = alter_leaf(Path(folder), maker)
    found = CliRunner().invoke(tally, ["audit", folder, *options])
    assert found.exit_code == 3
    first = json.loads(found.stdout)["first_mismatch"]
    assert (first["level"], first["contract"], first["key"]) == ("state", contract, key.hex())


def test_a_worker_is_killed_and_nothing_is_lost(
    dask: DaskCluster, maker: ChainMaker, snapshots: Path, tmp_path: Path
) -> None:
    source = exported(tmp_path / "export", maker.source)
    killed: list[int] = []

    def kill_at_the_first(done: int, of: int) -> None:
        if not killed:
            dask.kill_a_worker()
            killed.append(done)

    whole = scheduled(dask, source, maker, snapshots, kill_at_the_first)
    assert killed == [1]
    assert alike(whole.verdict) == local(source, maker)
