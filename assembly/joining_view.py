"""A node that joins, as its HTTP API sees it: it tells how far it is, and answers nothing else yet."""

import os
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from typing import Any, NoReturn

from api.node_detail import NodeDetail
from api.ports import (
    ActivityReply,
    CatchUpStatus,
    CommittedTransaction,
    HeadStatus,
    HeldEvidence,
    HistoryReply,
    Lacking,
    Metric,
    NodeStatus,
    NotReady,
    PeerStatus,
    PendingTransaction,
    ScanReply,
    StateReply,
    Submission,
    ViewReply,
)
from assembly.progress import line_of
from chain.block_store import TransactionPlace
from chain.genesis import Genesis
from chain.history_index import Found
from chain.index_terms import Term
from chain.recorded_block import RecordedBlock
from chain.types import Digest, Height, Milliseconds, PublicKey


class JoiningView:
    """Implements api.ports.LedgerNode; every question about the ledger is refused with what is being done."""

    def __init__(
        self,
        name: str,
        genesis: Genesis,
        why: str,
        peers: Callable[[], tuple[PeerStatus, ...]],
        progress: Callable[[], CatchUpStatus],
        lacking: Callable[[], Lacking],
        detail: Callable[[], NodeDetail],
    ) -> None:
        self._name = name
        self._genesis = genesis
        self._why = why
        self._peers = peers
        self._progress = progress
        self._lacking = lacking
        self._detail = detail
        self._version = version("tallystick")

    @property
    def chain_id(self) -> Digest:
        """The genesis hash."""
        return self._genesis.genesis_hash

    @property
    def genesis(self) -> Genesis:
        """What the ledger started from."""
        return self._genesis

    def head(self) -> HeadStatus:
        """Refuse: a head would make an empty listing look complete."""
        self._refuse()

    def status(self) -> NodeStatus:
        """Return the node's condition."""
        validator = self._genesis.validators.find(self._name)
        return NodeStatus(
            self._name,
            self._version,
            None if validator is None else self._name,
            False,
            self._reasons(),
            self._progress().height,
            0,
            None,
            self._peers(),
            0,
            0,
            os.getpid(),
            None,
            (),
            self._genesis.parameters.protocol_version,
            (),
            self._progress(),
            self._lacking(),
        )

    def detail(self) -> NodeDetail:
        """Return everything that is known before this node takes part."""
        return self._detail()

    def evidence(self) -> Sequence[HeldEvidence]:
        """Refuse: what this node holds is read when it takes part."""
        self._refuse()

    def metrics(self) -> Sequence[Metric]:
        """Return nothing: what the node's metrics count has not begun."""
        return ()

    async def submit(self, raws: Sequence[bytes]) -> list[Submission]:
        """Refuse."""
        self._refuse()

    async def wait_committed(
        self, transaction_ids: Sequence[Digest], timeout_seconds: float
    ) -> dict[Digest, CommittedTransaction]:
        """Refuse."""
        self._refuse()

    async def wait_height(self, height: Height) -> None:
        """Refuse."""
        self._refuse()

    async def transaction(self, transaction_id: Digest) -> CommittedTransaction | PendingTransaction | None:
        """Refuse."""
        self._refuse()

    async def block(self, height: Height) -> RecordedBlock | None:
        """Refuse."""
        self._refuse()

    async def height_of_block(self, block_hash: Digest) -> Height | None:
        """Refuse."""
        self._refuse()

    async def history_path(self, height: Height, size: int) -> Sequence[Digest]:
        """Refuse."""
        self._refuse()

    async def history_extension(self, old_size: int, size: int) -> Sequence[Digest]:
        """Refuse."""
        self._refuse()

    def checkpoint(self) -> str | None:
        """Refuse."""
        self._refuse()

    async def view(
        self, contract: str, method: str, args: Sequence[Any], sender_key: PublicKey | None, gas_limit: int
    ) -> ViewReply:
        """Refuse."""
        self._refuse()

    async def interface(self, source_hash: Digest, source: str) -> Mapping[str, Any]:
        """Refuse."""
        self._refuse()

    async def state(self, contract: str, key: bytes, *, with_proof: bool) -> StateReply:
        """Refuse."""
        self._refuse()

    async def state_history(
        self, contract: str, key: bytes, *, limit: int, version: Digest | None = None
    ) -> HistoryReply:
        """Refuse."""
        self._refuse()

    async def scan(self, contract: str, start: bytes, end: bytes, *, limit: int, reverse: bool = False) -> ScanReply:
        """Refuse."""
        self._refuse()

    @property
    def keeps_index(self) -> bool:
        """Not while it joins."""
        return False

    async def find(
        self, terms: Sequence[Term], low: TransactionPlace, high: TransactionPlace, *, limit: int, descending: bool
    ) -> Found:
        """Refuse."""
        self._refuse()

    async def committed_at(self, place: TransactionPlace) -> CommittedTransaction:
        """Refuse."""
        self._refuse()

    async def words(self, prefix: str, limit: int) -> list[str]:
        """Refuse."""
        self._refuse()

    async def activity(self, resolution: Milliseconds, start: Milliseconds, end: Milliseconds) -> ActivityReply:
        """Refuse."""
        self._refuse()

    def _reasons(self) -> tuple[str, ...]:
        return (self._why, line_of(self._progress()))

    def _refuse(self) -> NoReturn:
        raise NotReady(self._reasons())
