"""What a benchmark sends, and the ledgers that it makes beforehand: remittances that succeed, accounts that exist."""

import tempfile
from collections import Counter
from pathlib import Path

import pytest

from chain.block_store import BlockStore
from chain.genesis import GenesisContract
from chain.receipt import decode_receipt
from chain.store import open_store
from chain.transaction import verify_transaction
from cli.bench import preload
from cli.bench.offline import STORES, offline_ledger
from cli.bench.preload import place_copy, preloaded_ledger, tree_order
from cli.bench.remittances import acceptance, uetr
from cli.bench.workloads import GIFT, STRIDE, measured_contracts, setup_transactions, signed_transactions
from cli.cluster_files import create_cluster
from cli.errors import CliError


def _contract(name: str) -> tuple[GenesisContract, ...]:
    return tuple(contract for contract in measured_contracts() if contract.name == name)


def test_all_accounts_are_used_before_one_is_used_again() -> None:
    for keys in (10_000, 1_000_000, 10_000_000):
        used = {number * STRIDE % keys for number in range(10_000)}
        assert len(used) == 10_000
        assert max(Counter(account * 10 // keys for account in used).values()) < 1_200


def test_a_transfer_keeps_its_number_and_has_a_uuid_of_version_4() -> None:
    assert acceptance(7) == acceptance(7)
    assert acceptance(7) != acceptance(9)
    assert uetr(bytes(16)) == "00000000-0000-4000-8000-000000000000"
    assert uetr(b"\xff" * 16) == "ffffffff-ffff-4fff-bfff-ffffffffffff"


def test_remittances_are_accepted_by_the_contract_of_the_library(tmp_path: Path) -> None:
    layout = create_cluster(tmp_path / "cluster", 1, 20_000, _contract("remittance"))
    with offline_ledger(layout) as ledger:
        for transaction in setup_transactions(layout, "remittance"):
            (receipt,) = ledger.decide([transaction], 1).receipts
            assert decode_receipt(receipt).code is None
        load = signed_transactions(layout, 20, "remittance")
        assert all(map(verify_transaction, load))
        assert [decode_receipt(receipt).code for receipt in ledger.decide(load, 1).receipts] == [None] * 20


def test_a_ledger_with_accounts_is_made_once_and_copied_to_every_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    told: list[tuple[int, int]] = []
    wanted = (2, 20_000, _contract("transfer"), 1_500)
    kept = preloaded_ledger(*wanted, lambda done, keys: told.append((done, keys)))
    assert told == [(1_500, 1_500)]
    assert preloaded_ledger(*wanted, lambda done, keys: told.append((done, keys))) == kept
    assert len(told) == 1
    layout = place_copy(kept, tmp_path / "copy")
    hashes = set()
    for node in layout.nodes:
        assert (node.folder / "wal").is_dir()
        assert all((node.folder / store).is_dir() for store in STORES)
        blocks = BlockStore(open_store(node.folder / "blocks", "blocks", None, 0, create=False))
        assert blocks.head is not None
        hashes.add(blocks.head.block_hash)
        blocks.close()
    assert len(hashes) == 1
    with offline_ledger(layout) as ledger:
        views = [ledger.ledger.view("transfer", "balance", (f"account-{n}",), None, 100_000) for n in (0, 1_499, 1_500)]
    assert [view.value for view in views] == [GIFT, GIFT, 0]


def test_a_disk_without_room_is_noticed_before_anything_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preload, "BYTES_A_KEY", 10**15)
    with pytest.raises(CliError, match=r"10,000,000 accounts on 4 nodes take .* GB .* are free"):
        preload.check_room(4, 10_000_000)


def test_accounts_are_opened_in_the_order_of_the_tree() -> None:
    order = tree_order(1_000)
    assert sorted(order) == list(range(1_000))
    assert order != list(range(1_000))
