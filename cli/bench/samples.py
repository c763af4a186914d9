"""What a sampling profiler saw of a node's process, by stage of a transaction's life and by function."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from chain.values import dataclass

WAITING: Final = (
    "_worker (concurrent/futures/thread.py",
    "Ports.next_request (",
    "Channel._fill (",
    "Link.receive (",
)
"""Functions whose own samples are waiting."""
LOOP: Final = "Runner.run (asyncio/runners.py"
"""Its own samples are those of the event loop in C: waiting and working cannot be told apart."""

STAGES: Final = (
    ("decode transactions", ("(chain/columns.py", "(chain/transaction.py", "decode_batch (network/gossip.py")),
    ("check and hash blocks", ("check_header (chain/validity.py", "check_batch (chain/validity.py")),
    ("contract engine", ("(contracts/engine/", "(<contract>")),
    ("state tree", ("(chain/state_tree.py",)),
    ("state and versions", ("(chain/state.py", "(chain/state_versions.py", "(chain/state_database.py")),
    ("receipts", ("(chain/receipt.py",)),
    ("log", ("(consensus/log.py", "(consensus/files.py")),
    ("databases", ("(chain/block_store.py", "(chain/store.py")),
    ("votes: check and sign", ("(consensus/verify.py", "(consensus/pbft/messages.py", "(chain/certificate.py")),
    ("PBFT core", ("(consensus/pbft/",)),
    ("signature checks", ("(consensus/verifier.py", "(consensus/verifier_queue.py", "(consensus/verifier_worker.py")),
    ("proposals", ("(assembly/proposals.py", "(chain/batch.py", "(chain/merkle.py")),
    ("admission", ("(assembly/admission.py", "(chain/mempool.py", "(assembly/members.py")),
    ("HTTP answers", ("(api/render.py", "(api/responses.py", "(json/")),
    ("HTTP", ("(aiohttp/", "(api/")),
    ("TLS and framing", ("(network/", "(ssl.py", "(asyncio/streams.py", "(asyncio/sslproto.py")),
    ("pipes", ("(processes/", "(contracts/executor/")),
    ("block execution", ("(chain/execution.py", "(chain/ledger.py")),
    ("consensus driver", ("(consensus/driver.py", "(assembly/consensus_host.py")),
)
"""Stage and its functions; a sample belongs to the innermost function that has a stage."""
INDEX: Final = ("history index", "(assembly/indexing.py")
"""What the index has done by others' functions is its own, too."""
REST: Final = "event loop and interpreter"


@dataclass(frozen=True, slots=True)
class Samples:
    """What was seen of one process while it did not wait."""

    stages: dict[str, int]
    functions: dict[str, int]
    """Samples in which a function was on the stack."""
    own: dict[str, int]
    """Samples in which it was the innermost."""


def read_samples(lines: Sequence[str]) -> Samples:
    """Return the samples of folded stacks, one `frame;frame;frame count` a line, without those that only wait."""
    stages: Counter[str] = Counter()
    functions: Counter[str] = Counter()
    own: Counter[str] = Counter()
    for line in lines:
        stack, _, count = line.rpartition(" ")
        frames = stack.split(";")
        if any(frames[-1].startswith(name) for name in (*WAITING, LOOP)):
            continue
        number = int(count)
        stages[_stage_of(frames)] += number
        own[frames[-1]] += number
        for frame in set(frames):
            functions[frame] += number
    return Samples(dict(stages), dict(functions), dict(own))


def _stage_of(frames: Sequence[str]) -> str:
    if any(INDEX[1] in frame for frame in frames):
        return INDEX[0]
    for frame in reversed(frames):
        for stage, marks in STAGES:
            if any(mark in frame for mark in marks):
                return stage
    return REST
