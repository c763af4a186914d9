"""Makes a local cluster whose ledger is long already, without deciding each of its blocks among running nodes."""

import time
from pathlib import Path
from typing import Final

from chain.receipt import decode_receipt
from chain.transaction import Transaction
from chain.types import Height, Milliseconds
from chain.values import dataclass
from cli.bench.offline import copy_ledger, offline_ledger, settle
from cli.bench.workloads import SENDERS, Signer, account_name, measured_contracts, transfer_to
from cli.cluster_files import create_cluster
from cli.cluster_layout import ClusterLayout
from cli.progress import ProgressLine, bar

BLOCK_MILLISECONDS: Final = 200
"""Between blocks: with 500 transactions in each, the ledger is one of 2,500 transactions a second."""
MARGIN_MILLISECONDS: Final = 60_000
"""How long ago the last block lies, at least, when the nodes begin."""


@dataclass(frozen=True, slots=True)
class LongLedger:
    """A cluster that does not run yet, and what its ledger is."""

    layout: ClusterLayout
    height: Height
    made_per_second: float
    """Transactions that one process executed and stored in a second of processor time."""


def make_long_ledger(folder: Path, nodes: int, base_port: int, count: int, size: int, accounts: int) -> LongLedger:
    """Create a cluster whose nodes hold `count` transfers to so many accounts in turn, `size` of them in each block.

    Raises:
        StoreError: when the databases cannot be written.
    """
    blocks = -(-count // size)
    began = Milliseconds(time.time_ns() // 1_000_000 - blocks * BLOCK_MILLISECONDS - MARGIN_MILLISECONDS)
    layout = create_cluster(folder, nodes, base_port, measured_contracts(), genesis_time=began)
    spent = 0.0
    with offline_ledger(layout) as ledger, ProgressLine() as line:
        for first in range(0, count, size):
            signer = Signer(layout, Milliseconds(ledger.head.time + 60_000))
            batch = [_transfer(signer, number, accounts) for number in range(first, min(first + size, count))]
            started = time.process_time()
            execution = ledger.decide(batch, BLOCK_MILLISECONDS)
            spent += time.process_time() - started
            assert all(decode_receipt(receipt).succeeded for receipt in execution.receipts), "transfers succeed"
            line.show(f"making the ledger {bar(first + len(batch), count)}")
        height = ledger.head.height
    settle(layout)
    copy_ledger(layout, height)
    return LongLedger(layout, height, count / spent)


def _transfer(signer: Signer, number: int, accounts: int) -> Transaction:
    work = transfer_to(account_name(number % accounts))
    return signer.sign(f"{SENDERS[number % len(SENDERS)]}.ops", work.call, work.gas_limit)
