"""Clients: they sign transactions, send each to some node, and send the same bytes elsewhere until one answers.

What a node answers counts as acknowledged: from then on the transaction must be in the history, once, for good.
"""

from dataclasses import dataclass
from typing import Final

from chain.encoding import encode
from chain.transaction import SIGNATURE_TAG, Call, Transaction, TransactionBody, transaction_id_of
from chain.types import Digest, Height, Milliseconds
from consensus.simulation.chance import Chance, between, chance_of
from consensus.simulation.clock import MILLISECOND
from consensus.simulation.contract import CALL_GAS, CONTRACT, member_seed, name_of
from consensus.simulation.node import Node
from consensus.simulation.plan import Plan
from consensus.simulation.signatures import key_of
from consensus.simulation.world import World

OPEN_MAX: Final = 40
"""Transactions without an answer; clients wait beyond."""
RETRY_US: Final = 700 * MILLISECOND
REPLY_US: Final = (200, 3_000)
VALID_MS: Final = 500_000
SHORT_VALID_MS: Final = 2_000
"""One transaction in twenty is valid for so long only, and may never be committed."""
REGISTERS: Final = ("rice", "salt", "wool", "iron")


@dataclass(slots=True)
class _Open:
    transaction: Transaction
    asked: str
    """The machine that is to answer."""
    is_short: bool
    number: int
    times_asked: int = 0


class Clients:
    """Owns what was submitted and not answered yet."""

    def __init__(self, world: World, nodes: list[Node], seed: int, plan: Plan) -> None:
        self._world = world
        self._nodes = {node.machine.name: node for node in nodes}
        self._names = list(self._nodes)
        self._times = chance_of(seed, "submissions")
        self._contents = chance_of(seed, "transactions")
        self._questions = chance_of(seed, "questions")
        self._plan = plan
        self._open: dict[Digest, _Open] = {}
        self._submitted = 0
        self.is_quiet = False
        world.on_applied = self._applied

    def begin(self) -> None:
        """Submit from now on, at intervals."""
        if not self.is_quiet and self._plan.happened.transactions < self._plan.transactions_max:
            self.submit()
            self._plan.happened.transactions = self._submitted
            self._world.schedule.after(between(self._times, 1, 2 * self._plan.submit_every_us), self.begin)

    def submit(self, open_max: int = OPEN_MAX) -> None:
        """Submit one transaction, unless too many wait."""
        if len(self._open) >= open_max:
            return
        is_short = between(self._contents, 0, 20) == 0
        transaction = self._sign(SHORT_VALID_MS if is_short else VALID_MS)
        self._submitted += 1
        self._open[transaction.transaction_id] = _Open(transaction, "", is_short, self._submitted)
        self._ask(transaction.transaction_id)

    def ask_all(self) -> None:
        """Send everything that has no answer again."""
        for transaction_id in tuple(self._open):
            self._ask(transaction_id)

    @property
    def submitted(self) -> int:
        """How many transactions were submitted."""
        return self._submitted

    def waiting(self, first: int | None = None) -> int:
        """Return how many transactions of long validity are not answered yet, of the first so many or of all."""
        return sum(not item.is_short and (first is None or item.number <= first) for item in self._open.values())

    def _sign(self, valid_ms: int) -> Transaction:
        world = self._world
        seed = member_seed(name_of(between(self._contents, 0, len(world.machines))))
        nonce = self._submitted.to_bytes(16, "big")
        valid_until = Milliseconds(world.clock() + valid_ms)
        calls = tuple(_call(self._contents) for _ in range(self._contents.choice((1, 1, 2))))
        body = TransactionBody(world.chain_id, key_of(seed), nonce, valid_until, calls, CALL_GAS * len(calls))
        encoded = body.encoded()
        transaction_id = transaction_id_of(encoded)
        signature = world.signatures.sign(seed, SIGNATURE_TAG, transaction_id)
        return Transaction(encode([1, encoded, signature]), transaction_id, body, signature)

    def _ask(self, transaction_id: Digest) -> None:
        """Send an open transaction to some node, and to another if no answer comes."""
        item = self._open.get(transaction_id)
        if item is None:
            return
        if item.transaction.body.valid_until < self._world.clock() - VALID_MS:
            del self._open[transaction_id]
            return
        item.asked = self._questions.choice(self._names)
        item.times_asked += 1
        times_asked = item.times_asked
        delay = between(self._questions, *REPLY_US)
        self._world.schedule.after(delay, lambda: self._arrive(item.asked, transaction_id))

        def ask_again() -> None:
            if item.times_asked == times_asked:
                self._ask(transaction_id)

        self._world.schedule.after(RETRY_US, ask_again)

    def _arrive(self, name: str, transaction_id: Digest) -> None:
        node = self._nodes[name]
        process = node.process
        if process is None:
            return

        def take() -> None:
            item = self._open.get(transaction_id)
            if item is None:
                return
            place = process.host.blocks.find_transaction(transaction_id)
            if place is None:
                process.exchange.submit([item.transaction.raw])
            elif place.height <= process.host.head.height:
                self._reply(name, transaction_id, place.height)

        node.run(process, take)

    def _applied(self, name: str, height: Height, ids: list[Digest]) -> None:
        for transaction_id in ids:
            item = self._open.get(transaction_id)
            if item is not None and item.asked == name:
                self._reply(name, transaction_id, height)

    def _reply(self, name: str, transaction_id: Digest, height: Height) -> None:
        if self._nodes[name].machine.liar is not None:
            return

        def receive() -> None:
            if self._open.pop(transaction_id, None) is not None:
                self._world.checker.acknowledge(transaction_id, height)

        self._world.schedule.after(between(self._questions, *REPLY_US), receive)


def _call(draw: Chance) -> Call:
    number = between(draw, 1, 100)
    match between(draw, 0, 3):
        case 0:
            return Call(CONTRACT, "write", (draw.choice(REGISTERS), number))
        case 1:
            return Call(CONTRACT, "add", (draw.choice(REGISTERS), number))
    return Call(CONTRACT, "move", (draw.choice(REGISTERS), draw.choice(REGISTERS), number))
