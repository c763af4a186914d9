"""What each piece of a transaction's life costs alone, in microseconds of processor time.

    python -m benchmarks.stages [--repeat 15] [--json FILE]

Each piece works on a thousand transfers, as they come in blocks and batches; the figure is that of the repetition that
took least, because other work on a machine only ever adds. Executing and the state tree are taken apart further by
benchmarks.executor, and benchmarks.profile shows the pieces at work in real processes.
"""

import argparse
import asyncio
import gc
import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from api.ports import CommittedTransaction
from api.render import committed_json
from api.responses import dump_json
from benchmarks.executor_workload import SEEDS, Workload
from chain.batch import batch_from_value, batch_of
from chain.block import decode_block
from chain.block_store import BlockRecord, BlockStore
from chain.columns import decode_transactions
from chain.crypto import sign, verify
from chain.encoding import decode, encode
from chain.identity import Member
from chain.ledger import genesis_head
from chain.mempool import Mempool, MempoolLimits
from chain.merkle import merkle_root
from chain.receipt import decode_receipt, encode_receipt, own_receipt
from chain.runtime import Event
from chain.store import open_store
from chain.transaction import SIGNATURE_TAG, Transaction, decode_transaction, sign_transaction, transaction_id_of
from chain.types import Digest, Height, Milliseconds
from chain.validity import Head
from network.framing import PAYLOAD_BYTES_MAX, Channel, FrameDecoder, encode_frame
from network.gossip import decode_batch, encode_batch
from processes.frames import FrameBuffer
from processes.frames import encode_frame as encode_pipe_frame

COUNT: Final = 1_000
TOGETHER: Final = 40
"""Transactions of one batch of gossip at 800 a second, sent every 50 ms."""
REQUESTS: Final = 200
CACHE_BYTES: Final = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Piece:
    """One thing that is timed."""

    name: str
    work: Callable[[], object]
    count: int = COUNT
    """Transactions, or requests, that it works on."""


def main() -> None:
    """Time every piece, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=15)
    parser.add_argument("--json", type=Path, default=None, help="also write the figures here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pieces = [*transaction_pieces(), *block_pieces(Path(folder)), *answer_pieces()]
        gc.collect()
        gc.freeze()
        figures = {}
        for piece in pieces:
            figures[piece.name] = least_us(piece, options.repeat)
            print(f"{piece.name:<52}{figures[piece.name]:9.2f} us")
    figures["one HTTP request, empty"] = asyncio.run(request_us())
    print(f"{'one HTTP request, empty':<52}{figures['one HTTP request, empty']:9.2f} us")
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def least_us(piece: Piece, repeat: int) -> float:
    """Return microseconds for each of what a piece works on, of the repetition that took least."""
    least = float("inf")
    for _ in range(repeat):
        started = time.process_time_ns()
        piece.work()
        least = min(least, (time.process_time_ns() - started) / piece.count / 1000)
    return least


def transfers() -> list[Transaction]:
    """Return signed transfers."""
    workload = Workload(COUNT)
    genesis = workload.genesis
    head = _head(workload)
    block = workload.block(head, is_measured=True)
    bodies = [decode_transaction(raw, size_max=len(raw)).body for raw in decode_block(block.raw).transactions]
    assert bodies[0].chain_id == genesis.genesis_hash
    seeds = dict(zip((member.key for member in genesis.members), SEEDS, strict=True))
    return [sign_transaction(body, seeds[body.sender_key]) for body in bodies]


def _head(workload: Workload) -> Head:
    return genesis_head(workload.genesis, Digest(bytes(32)))[0]


def transaction_pieces() -> list[Piece]:
    """Return what is done to transactions one by one, and in the batches in which they travel."""
    signed = transfers()
    raws = [transaction.raw for transaction in signed]
    bodies = [transaction.body.encoded() for transaction in signed]
    checks = [(item.body.sender_key, SIGNATURE_TAG, item.transaction_id, item.signature) for item in signed]
    member = Member("org0.user", "org0", (), True)
    payload = encode_batch(raws)
    frame = encode_frame(Channel.TRANSACTIONS, payload)

    def admit() -> None:
        mempool = Mempool(MempoolLimits(organisation_share_percent=100))
        for transaction in signed:
            mempool.add(transaction, member, 0.0)

    def unframe() -> None:
        decoder = FrameDecoder(PAYLOAD_BYTES_MAX)
        decoder.feed(frame)
        assert decoder.next_frame() is not None

    return [
        Piece("sign", lambda: [sign(SEEDS[0], SIGNATURE_TAG, item.transaction_id) for item in signed]),
        Piece("check a signature", lambda: [verify(*check) for check in checks]),
        Piece("encode a transaction's body", lambda: [item.body.encoded() for item in signed]),
        Piece("decode a body, to plain values", lambda: [decode(body) for body in bodies]),
        Piece("decode and check a transaction", lambda: [decode_transaction(raw, size_max=9_999) for raw in raws]),
        Piece(
            "the same of those that come together",
            lambda: [decode_transactions(raws[at : at + TOGETHER], size_max=9_999) for at in range(0, COUNT, TOGETHER)],
        ),
        Piece("hash a body to the id", lambda: [transaction_id_of(body) for body in bodies]),
        Piece("add to the mempool", admit),
        Piece("gossip: encode a batch", lambda: encode_batch(raws)),
        Piece("gossip: decode a batch", lambda: decode_batch(payload)),
        Piece("frame a batch for a peer", lambda: encode_frame(Channel.TRANSACTIONS, payload)),
        Piece("take a batch out of its frame", unframe),
    ]


def block_pieces(folder: Path) -> list[Piece]:
    """Return what is done to a block of a thousand transactions."""
    signed = transfers()
    workload = Workload(COUNT)
    measured = workload.block(_head(workload), is_measured=True)
    block = decode_block(measured.raw)
    decoded = [decode_transaction(raw, size_max=len(raw)) for raw in block.transactions]
    leaves = [transaction.merkle_leaf for transaction in decoded]
    pipe_frame = encode_pipe_frame([1, *batch_of(block, decoded).as_value()])
    receipts = _receipts([transaction.transaction_id for transaction in signed])
    ids = [transaction.transaction_id for transaction in signed]
    store = BlockStore(open_store(folder / "blocks", "blocks", bytes(32), CACHE_BYTES, create=True))
    heights = iter(range(1_000_000))

    def append() -> None:
        height = next(heights)
        digest = Digest(height.to_bytes(32, "big"))
        store.append(BlockRecord(Height(height), digest, measured.raw, b"", b"", receipts, ids, b"header"))

    return [
        Piece("root over a block's transactions", lambda: merkle_root(leaves)),
        Piece("decode a block, its transactions left raw", lambda: decode_block(measured.raw)),
        Piece(
            "a block's columns for the executor, packed", lambda: encode_pipe_frame(batch_of(block, decoded).as_value())
        ),
        Piece("the columns at the executor, unpacked", lambda: batch_from_value(FrameBuffer().feed(pipe_frame)[0][1:])),
        Piece("store a block with receipts", append),
        Piece("find a transaction in the block store", lambda: [store.find_transaction(item) for item in ids]),
    ]


def _receipts(ids: list[Digest]) -> list[bytes]:
    event = Event("transfer", "Transfer", {"amount": 7, "sender": "org0.user", "to": "account-77"})
    return [encode_receipt(item, Height(7), index, None, [event], 1_234, [True]) for index, item in enumerate(ids)]


def answer_pieces() -> list[Piece]:
    """Return what an answer to a client is made of."""
    ids = [Digest(os.urandom(32)) for _ in range(COUNT)]
    receipts = _receipts(ids)
    known = [
        CommittedTransaction(item, b"", Digest(bytes(32)), Height(7), index, Milliseconds(0), receipt)
        for index, (item, receipt) in enumerate(zip(ids, receipts, strict=True))
    ]
    rendered = [committed_json(item) for item in known]
    return [
        Piece("encode a receipt", lambda: _receipts(ids)),
        Piece("decode a receipt", lambda: [decode_receipt(receipt) for receipt in receipts]),
        Piece("read a receipt of the own making", lambda: [own_receipt(receipt) for receipt in receipts]),
        Piece("an answer from a receipt", lambda: [committed_json(item) for item in known]),
        Piece("answers as JSON text", lambda: dump_json({"transactions": rendered})),
        Piece("encode a request of a thousand", lambda: encode(receipts)),
    ]


async def request_us() -> float:
    """Return microseconds of this process, which is client and server, for a request with nothing in it."""

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(body=b"{}")

    application = web.Application()
    application.router.add_post("/", answer)
    least = float("inf")
    async with TestClient(TestServer(application)) as client:
        for _ in range(5):
            started = time.process_time_ns()
            for _ in range(REQUESTS):
                async with client.post("/", data=b"x") as response:
                    await response.read()
            least = min(least, (time.process_time_ns() - started) / REQUESTS / 1000)
    return least


if __name__ == "__main__":
    main()
