"""Execution state against a twin that copies whole dictionaries: values, scans, versions and roots agree."""

from dataclasses import dataclass
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from chain.contract_values import GAP_KEYS_MIN
from chain.state import BlockState
from chain.state_database import StateDatabase
from chain.state_leaf import encode_leaf, leaf_hash, path_of
from chain.state_tree import update_tree
from chain.storage import MemoryStore
from chain.types import Digest, Height

CONTRACTS = st.sampled_from(["a", "b"])
KEYS = st.binary(min_size=1, max_size=2).map(lambda key: bytes(byte % 4 for byte in key))
PUTS = st.tuples(CONTRACTS, KEYS, st.one_of(st.none(), st.binary(max_size=2)))


@dataclass(frozen=True)
class Scan:
    """A scan to compare."""

    contract: str
    start: bytes
    end: bytes
    limit: int
    reverse: bool


SCANS = st.builds(Scan, CONTRACTS, KEYS, KEYS, st.integers(0, 6), st.booleans())
TRANSACTIONS = st.tuples(st.lists(st.one_of(PUTS, SCANS), max_size=8), st.booleans())
BLOCKS = st.lists(st.lists(TRANSACTIONS, max_size=5), max_size=4)

Values = dict[tuple[str, bytes], bytes]


def naive_scan(values: Values, scan: Scan) -> list[tuple[bytes, bytes]]:
    found = sorted(
        (key, value)
        for (contract, key), value in values.items()
        if contract == scan.contract and scan.start <= key < scan.end
    )
    return (found[::-1] if scan.reverse else found)[: scan.limit]


def nothing(prefix: bytes) -> None:
    """Nodes of the empty tree."""


@settings(max_examples=150)
@given(BLOCKS, st.sampled_from([0, 1000, 1 << 20]), st.sampled_from([1, 2, GAP_KEYS_MIN]))
def test_blocks_agree_with_whole_copies(
    blocks: list[list[tuple[list[object], bool]]], cache_bytes: int, gap_keys_min: int
) -> None:
    with patch("chain.contract_values.GAP_KEYS_MIN", gap_keys_min):
        compare(blocks, cache_bytes)


def compare(blocks: list[list[tuple[list[object], bool]]], cache_bytes: int) -> None:
    """Execute blocks, and compare each step of theirs."""
    database = StateDatabase(MemoryStore(), cache_bytes)
    values: Values = {}
    leaves: dict[tuple[str, bytes], list[bytes]] = {}
    for height, transactions in enumerate(blocks):
        state = BlockState(database, Height(height))
        for index, (steps, succeeds) in enumerate(transactions):
            own, copy, written = state.begin_transaction(), dict(values), set()
            for step in steps:
                if isinstance(step, Scan):
                    taken = own.scan(step.contract, step.start, step.end, step.limit, step.reverse)
                    assert taken == naive_scan(copy, step)
                    continue
                assert isinstance(step, tuple)
                contract, key, value = step
                own.put(contract, key, value)
                copy.pop((contract, key), None)
                if value is not None:
                    copy[contract, key] = value
                written.add((contract, key))
                assert own.get(contract, key) == value
            if not succeeds:
                state.drop_transaction(own)
                continue
            state.commit_transaction(own, index)
            for place in written:
                if place in values or place in copy:
                    chain = leaves.setdefault(place, [])
                    previous = leaf_hash(chain[-1]) if chain else None
                    chain.append(encode_leaf(*place, copy.get(place), height, index, previous))
            values = copy
        database.apply(state.finish(), Height(height), Digest(bytes(32)))
    newest: dict[bytes, bytes] = {path_of(*place): leaf_hash(chain[-1]) for place, chain in leaves.items()}
    assert database.root == update_tree(nothing, newest).root
    for contract in ("a", "b"):
        everything = Scan(contract, b"", b"\xff", 1000, False)
        assert database.scan(contract, b"", b"\xff", 1000) == naive_scan(values, everything)
    for place, chain in leaves.items():
        versions = [
            encode_leaf(leaf.contract, leaf.key, leaf.value, leaf.height, leaf.index, leaf.previous)
            for leaf in database.history(*place)
        ]
        assert versions == chain[::-1]
