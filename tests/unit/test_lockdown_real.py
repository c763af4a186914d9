"""The real executor, reader and verifier, tried from inside: each is locked in by its own start and by nothing else."""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from executor_support import HERE, Chain, running
from lockdown_runtime import AttemptRuntime
from lockdown_world import EMFILE, EPERM, ROWS, Row, World, make_world

from chain.receipt import decode_receipt
from contracts.executor.client import ExecutorClient
from contracts.executor.errors import ExecutorDied, ExecutorFault
from processes.child import start_child

MODULES: dict[str, Any] = {
    "module": "lockdown_runtime",
    "reader_module": "lockdown_reader",
    "module_folders": (HERE,),
}
SECONDS_MAX = 60
SURVIVED = [row for row in ROWS if row.name not in ("many_files", "large_file", "much_memory", "raise_limits")]
"""What is left out here would cost the machine more than it shows, or is in LIMITS below."""


def attempts_chain() -> Chain:
    return Chain(runtime=AttemptRuntime())


async def in_executor(client: ExecutorClient, chain: Chain, *attempts: tuple[str, str]) -> list[str]:
    """Return what came of attempts in the executor, each made by a call of one block."""
    transactions = [chain.transaction(("fake", name, (argument,))) for name, argument in attempts]
    executed = await client.execute(chain.block_of(transactions).raw)
    return [decode_receipt(receipt).values[0] for receipt in executed.receipts]


def worlds(folder: Path, rows: list[Row]) -> World:
    """Return a world whose inner folder is the executor's."""
    return make_world(folder, rows, "state")


async def test_the_executor_cannot_get_out(tmp_path: Path) -> None:
    chain, world = attempts_chain(), worlds(tmp_path, SURVIVED)
    before = world.condition()
    async with running(tmp_path, chain, **MODULES) as client:
        outcomes = await in_executor(client, chain, *world.attempts(SURVIVED))
        for row, outcome in zip(SURVIVED, outcomes, strict=True):
            assert outcome in row.locked, (row, outcome)
        assert client.restarts == 0
    assert world.condition() == before


async def test_the_reader_cannot_get_out(tmp_path: Path) -> None:
    chain, world = attempts_chain(), worlds(tmp_path, SURVIVED)
    before = world.condition()
    async with running(tmp_path, chain, **MODULES) as client:
        views = [client.view("fake", name, [argument], None, 1_000) for name, argument in world.attempts(SURVIVED)]
        for row, viewed in zip(SURVIVED, await asyncio.gather(*views), strict=True):
            assert viewed.value in row.without_folder, (row, viewed.value)
        assert client.reader_restarts == 0
    assert world.condition() == before


async def test_the_verifier_cannot_get_out(tmp_path: Path) -> None:
    world = worlds(tmp_path, SURVIVED)
    before = world.condition()
    attempts = world.attempts(SURVIVED)
    messages: list[list[Any]] = []
    child = await start_child("lockdown_verifier", messages.append, (HERE,))
    try:
        async with asyncio.timeout(SECONDS_MAX):
            fields = [[name.encode(), "tag", argument.encode(), b""] for name, argument in attempts]
            child.send([1, [item for check in fields for item in check]])
            while len(messages) < len(attempts) + 2:
                await asyncio.sleep(0.01)
            child.close_pipe()
            assert (await child.wait()).status == 0
    finally:
        child.collect()
    assert messages[0] == [0, []]
    for row, (_, outcome) in zip(SURVIVED, messages[1:-1], strict=True):
        assert outcome in row.without_folder, (row, outcome)
    assert world.condition() == before


@pytest.mark.parametrize("what", ["fork", "thread", "unix_socket", "kill"])
async def test_what_only_an_intruder_tries_ends_the_process(tmp_path: Path, what: str) -> None:
    argument = str(os.getpid())
    chain = attempts_chain()
    async with running(tmp_path, chain, **MODULES) as client:
        with pytest.raises(ExecutorDied, match="SIGSYS"):
            await client.view("fake", what, [argument], None, 1_000)
        assert (await client.view("fake", "environment", [""], None, 1_000)).code is None
        assert (client.restarts, client.reader_restarts) == (0, 1)
        with pytest.raises(ExecutorFault, match="SIGSYS"):
            await in_executor(client, chain, (what, argument))


async def test_the_executor_holds_no_descriptor_but_its_own(tmp_path: Path) -> None:
    chain = attempts_chain()
    async with running(tmp_path, chain, **MODULES) as client:
        (held,) = await in_executor(client, chain, ("descriptors", ""))
        own = {f"{path.stat().st_dev}:{path.stat().st_ino}" for path in (tmp_path / "state").rglob("*")}
        null, errors = os.stat("/dev/null"), os.fstat(2)
        first = ["0=socket", f"1={null.st_dev}:{null.st_ino}", f"2={errors.st_dev}:{errors.st_ino}", "3=socket"]
        assert held.split()[:4] == first
        others = [each.partition("=")[2] for each in held.split()[4:]]
        assert len(others) >= 3, "the lock, the log and the manifest at least"
        assert set(others) <= own
        viewed = await client.view("fake", "descriptors", [""], None, 1_000)
        assert [each.split("=")[0] for each in viewed.value.split()] == ["0", "1", "2", "3"]


async def test_no_secret_is_in_their_environment_or_command_line(tmp_path: Path) -> None:
    chain = attempts_chain()
    async with running(tmp_path, chain, **MODULES) as client:
        environment = await in_executor(client, chain, ("environment", ""))
        viewed = await client.view("fake", "environment", [""], None, 1_000)
        assert {*environment, viewed.value} <= {"", "LC_CTYPE"}
        for pid, module in ((client.pid, "lockdown_runtime"), (client.reader_pid, "lockdown_reader")):
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")[1:-1]
            assert arguments[:2] == ["-I", "-S"] and module in arguments
            assert all(each.startswith("/") or re.fullmatch(r"-?\w+", each) for each in arguments)


async def test_their_limits_are_those_of_the_page(tmp_path: Path) -> None:
    chain = attempts_chain()
    async with running(tmp_path, chain, **MODULES) as client:
        attempts = [("raise_limits", "RLIMIT_NOFILE"), ("many_files", str(tmp_path / "state"))]
        assert await in_executor(client, chain, *attempts) == [EPERM, EMFILE]
        await client.view("fake", "environment", [""], None, 1_000)
        for pid, memory, files, size in (
            (client.pid, 4 * 1024**3, 4096, 4 * 1024**3),
            (client.reader_pid, 1024**3, 16, 4 * 1024**3),
        ):
            limits = Path(f"/proc/{pid}/limits").read_text()
            for name, limit in (
                ("core file size", 0),
                ("data size", memory),
                ("open files", files),
                ("file size", size),
            ):
                assert re.search(rf"^Max {name} +{limit} +{limit} ", limits, re.MULTILINE), (name, limits)
            status = Path(f"/proc/{pid}/status").read_text()
            assert re.search(r"^NoNewPrivs:\t1$", status, re.MULTILINE)
            assert re.search(r"^Seccomp:\t2$", status, re.MULTILINE)
            assert not int(re.findall(r"^CapPrm:\t(\w+)$", status, re.MULTILINE)[0], 16) & ~(1 << 1)
            assert len(list(Path(f"/proc/{pid}/task").iterdir())) == (2 if pid == client.pid else 1)


def test_the_last_words_of_a_process_without_files_are_kept(tmp_path: Path) -> None:
    """Its standard error is often a file: what it says before it dies must not be lost to its own limits."""
    program = (
        "from processes.lockdown import Walls, lock_down\n"
        "lock_down(Walls(None, 1 << 30))\n"
        "raise ValueError('last words')\n"
    )
    output = tmp_path / "output"
    with output.open("wb") as stream:
        ended = subprocess.run([sys.executable, "-c", program], stderr=stream, check=False, timeout=30)
    assert ended.returncode == 1
    assert output.read_text(encoding="utf-8").endswith("ValueError: last words\n")
