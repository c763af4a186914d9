"""Ledgers with many accounts, made once and kept in the temporary folder, so that networks to measure begin with them.

The accounts are opened by transactions in certified blocks (cli/bench/offline.py), so that every node could have come
to this state by itself. They are opened in the order of their places in the state tree: each block then touches one
part of it, and a node of the tree is written about once, instead of once an account.
"""

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from chain.genesis import GenesisContract, Parameters
from chain.receipt import decode_receipt
from chain.state_keys import encode_key
from chain.state_leaf import path_of
from chain.store import FORMAT
from chain.transaction import NONCE_BYTES, Call, Transaction, TransactionBody
from chain.types import Height, Milliseconds
from cli import cluster_layout
from cli.bench.offline import OfflineLedger, copy_ledger, offline_ledger, settle
from cli.bench.workloads import GIFT, SENDERS, account_name
from cli.cluster_files import create_cluster
from cli.cluster_layout import ClusterLayout
from cli.errors import CliError
from tallystick.wallet import Wallet

KEYS_MIN: Final = 10_000
KEYS_MAX: Final = 10_000_000
BYTES_A_KEY: Final = 350
"""On disk, of one node, while it is filled: leaf, tree, the block that opened the account, the index of history. With
a million accounts it is 339, and 205 once the databases have put their files in order."""
RECIPE: Final = 3
"""Raised when ledgers are made in another way, so that none that was kept is used any more."""
KEPT_MAX: Final = 3
"""Ledgers that are kept; the one that was used longest ago goes first."""
KEYS_A_CALL: Final = 1_000
GAS_A_CALL: Final = 710_000
"""Opening so many accounts uses 668,000."""
UNFINISHED: Final = ".new"
ABANDONED_SECONDS: Final = 24 * 3_600
BLOCK_MILLISECONDS: Final = 1_000
AGE_MILLISECONDS: Final = 24 * 3_600_000
"""How long ago genesis lies: more than all blocks take."""
VALID_MILLISECONDS: Final = 60_000
HEIGHT_FILE: Final = "height"
"""Beside a kept cluster's other files: where its ledger ends."""

Tell = Callable[[int, int], None]
"""Is given how many accounts are open, and of how many."""


def cache_folder() -> Path:
    """Return where ledgers are kept between runs."""
    return Path(tempfile.gettempdir()) / f"tally-bench-ledgers-{os.getuid()}"


def bytes_needed(nodes: int, keys: int) -> int:
    """Return the bytes of disk that networks with so many accounts take, the kept ledger included."""
    return keys * BYTES_A_KEY * (nodes + 1)


def check_room(nodes: int, keys: int) -> None:
    """Check before anything is written that the disk has room.

    Raises:
        CliError: when it has not.
    """
    needed, free = bytes_needed(nodes, keys), shutil.disk_usage(tempfile.gettempdir()).free
    if needed > free:
        raise CliError(
            f"{keys:,} accounts on {nodes} nodes take {needed / 1e9:.1f} GB below {tempfile.gettempdir()}, "
            f"where {free / 1e9:.1f} GB are free; choose another place with TMPDIR, fewer --keys or fewer --nodes"
        )


def preloaded_ledger(nodes: int, base_port: int, contracts: tuple[GenesisContract, ...], keys: int, tell: Tell) -> Path:
    """Return the folder of a kept cluster with so many accounts on its first node, making it if there is none.

    Raises:
        CliError: when the disk has no room.
        StoreError: when it fails.
    """
    cache = cache_folder()
    cache.mkdir(mode=0o700, exist_ok=True)
    kept = cache / _name(nodes, base_port, contracts, keys)
    if cluster_layout.exists(kept):
        os.utime(kept)
        return kept
    check_room(nodes, keys)
    _forget_oldest(cache)
    fresh = kept.with_suffix(UNFINISHED)
    shutil.rmtree(fresh, ignore_errors=True)
    began = Milliseconds(time.time_ns() // 1_000_000 - AGE_MILLISECONDS)
    layout = create_cluster(fresh, nodes, base_port, contracts, genesis_time=began)
    with offline_ledger(layout) as ledger:
        fill(ledger, Wallet.load(layout.party_key(f"{SENDERS[0]}.ops")), keys, tell)
        (fresh / HEIGHT_FILE).write_text(f"{ledger.head.height}\n", encoding="ascii")
    settle(layout)
    fresh.rename(kept)
    return kept


def place_copy(kept: Path, folder: Path) -> ClusterLayout:
    """Copy a kept cluster to a new place, with its ledger on every node."""
    shutil.copytree(kept, folder)
    layout = cluster_layout.load(folder)
    copy_ledger(layout, _height(kept))
    return layout


def fill(ledger: OfflineLedger, wallet: Wallet, keys: int, tell: Tell) -> None:
    """Open so many accounts, as many in a block as its gas holds."""
    calls_a_block = Parameters().block_gas_max // GAS_A_CALL
    batch: list[Transaction] = []
    opened = 0
    for numbers in _slices(tree_order(keys), KEYS_A_CALL):
        batch.append(_opening(ledger, wallet, [account_name(number) for number in numbers]))
        opened += len(numbers)
        if len(batch) == calls_a_block or opened == keys:
            execution = ledger.decide(batch, BLOCK_MILLISECONDS)
            assert all(decode_receipt(receipt).succeeded for receipt in execution.receipts), "accounts are opened"
            batch.clear()
            tell(opened, keys)


def tree_order(keys: int) -> list[int]:
    """Return the numbers of accounts in the order of their places in the state tree."""
    base = encode_key(("balances",))
    places = [
        path_of("transfer", base + encode_key((account_name(number),)))[:8] + number.to_bytes(4, "big")
        for number in range(keys)
    ]
    places.sort()
    return [int.from_bytes(place[8:], "big") for place in places]


def _opening(ledger: OfflineLedger, wallet: Wallet, names: list[str]) -> Transaction:
    head = ledger.head
    call = Call("transfer", "open_accounts", (names, GIFT))
    valid_until = Milliseconds(head.time + VALID_MILLISECONDS)
    nonce = os.urandom(NONCE_BYTES)
    return wallet.sign_transaction(
        TransactionBody(head.chain_id, wallet.public_key, nonce, valid_until, (call,), GAS_A_CALL)
    )


def _height(kept: Path) -> Height:
    return Height(int((kept / HEIGHT_FILE).read_text(encoding="ascii")))


def _slices(numbers: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for first in range(0, len(numbers), size):
        yield numbers[first : first + size]


def _name(nodes: int, base_port: int, contracts: tuple[GenesisContract, ...], keys: int) -> str:
    sources = "".join(contract.source for contract in contracts)
    described = f"{RECIPE} {FORMAT} {Parameters()} {nodes} {base_port} {keys} {KEYS_A_CALL} {sources}"
    return f"{keys}-{hashlib.sha256(described.encode()).hexdigest()[:16]}"


def _forget_oldest(cache: Path) -> None:
    """Make room for one more; what was begun long ago and never finished goes, too."""
    begun = [path for path in cache.iterdir() if path.suffix == UNFINISHED]
    finished = sorted(
        (path for path in cache.iterdir() if cluster_layout.exists(path) and path not in begun),
        key=lambda path: path.stat().st_mtime,
    )
    abandoned = [path for path in begun if time.time() - path.stat().st_mtime > ABANDONED_SECONDS]
    for path in [*abandoned, *finished[: max(0, len(finished) - KEPT_MAX + 1)]]:
        shutil.rmtree(path)
