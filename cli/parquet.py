"""Writes a history as Parquet tables for analysts: blocks, transactions, receipts and events.

The tables are for looking at, not for proving: nothing of them is signed. Amounts and other values of contracts keep
every digit, as JSON text in the form of docs/api.md.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from audit.mismatch import SourceUnreadable
from audit.source import BlockSource
from chain.encoding import DecodeError
from chain.json_values import fields_to_json, to_json
from chain.recorded_block import RecordedBlock, decode_recorded_block
from chain.transaction import Transaction, decode_transaction
from cli.errors import CliError

Row = dict[str, Any]

COLUMNS: Final[dict[str, dict[str, str]]] = {
    "blocks": {
        "height": "int64",
        "block_hash": "string",
        "parent_hash": "string",
        "time": "timestamp",
        "proposer": "string",
        "epoch": "int64",
        "protocol_version": "int64",
        "transactions": "int64",
        "bytes": "int64",
        "state_root": "string",
        "signers": "string",
    },
    "transactions": {
        "height": "int64",
        "index": "int64",
        "transaction_id": "string",
        "time": "timestamp",
        "sender_key": "string",
        "contract": "string",
        "method": "string",
        "calls": "string",
        "gas_limit": "int64",
        "valid_until": "timestamp",
        "memo": "string",
        "idempotency_key": "string",
        "bytes": "int64",
    },
    "receipts": {
        "height": "int64",
        "index": "int64",
        "transaction_id": "string",
        "succeeded": "bool",
        "code": "string",
        "gas_used": "int64",
        "events": "int64",
        "values": "string",
    },
    "events": {
        "height": "int64",
        "index": "int64",
        "event": "int64",
        "transaction_id": "string",
        "time": "timestamp",
        "contract": "string",
        "name": "string",
        "fields": "string",
    },
}
"""Columns and their types by table; times are UTC, with milliseconds."""


def write_parquet(folder: Path, source: BlockSource, on_progress: Callable[[int, int], None]) -> dict[str, int]:
    """Write one file a table into a new folder, and return how many rows each has.

    Raises:
        CliError: when the folder is not empty, or the library for it is not installed.
        SourceUnreadable, AuditMismatch: when the source cannot be read.
    """
    parquet = _library()
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise CliError(f"{folder} is not empty; choose another folder for the tables")
    tables = {name: parquet(folder / f"{name}.parquet", columns) for name, columns in COLUMNS.items()}
    try:
        head = source.head_height()
        for height, data in enumerate(source.blocks(1, head), 1):
            for name, row in _rows(height, data):
                tables[name].add(row)
            on_progress(height, head)
    finally:
        for table in tables.values():
            table.close()
    return {name: table.rows for name, table in tables.items()}


def _library() -> Any:
    try:
        from cli.parquet_table import ParquetTable
    except ModuleNotFoundError as error:
        raise CliError("Parquet needs pyarrow: pip install 'tallystick[analytics]'") from error
    return ParquetTable


def _rows(height: int, data: bytes) -> Iterator[tuple[str, Row]]:
    try:
        record = decode_recorded_block(data)
        yield "blocks", _block_row(record)
        time = record.decoded_block().header.time
        transactions = [decode_transaction(raw, size_max=len(raw)) for raw in record.decoded_block().transactions]
        for index, transaction in enumerate(transactions):
            yield "transactions", _transaction_row(height, index, time, transaction)
        for receipt in record.decoded_receipts():
            place = {"height": height, "index": receipt.index, "transaction_id": receipt.transaction_id.hex()}
            outcome = {"succeeded": receipt.succeeded, "code": receipt.code, "gas_used": receipt.gas_used}
            yield "receipts", {**place, **outcome, "events": len(receipt.events), "values": _json(receipt.values)}
            for number, event in enumerate(receipt.events):
                named = {"contract": event.contract, "name": event.name, "fields": _text(fields_to_json(event.fields))}
                yield "events", {**place, "event": number, "time": time, **named}
    except DecodeError as error:
        raise SourceUnreadable(f"block {height} is not in canonical form: {error}; audit the source") from error


def _block_row(record: RecordedBlock) -> Row:
    block, result, certificate = record.decoded_block(), record.decoded_result(), record.decoded_certificate()
    header = block.header
    return {
        "height": header.height,
        "block_hash": block.block_hash.hex(),
        "parent_hash": header.parent_hash.hex(),
        "time": header.time,
        "proposer": str(header.proposer),
        "epoch": header.epoch,
        "protocol_version": header.version,
        "transactions": len(block.transactions),
        "bytes": len(block.raw),
        "state_root": result.state_root.hex(),
        "signers": " ".join(str(name) for name, _ in certificate.signatures),
    }


def _transaction_row(height: int, index: int, time: int, transaction: Transaction) -> Row:
    body = transaction.body
    calls = [[call.contract, call.method, to_json(call.args)] for call in body.calls]
    return {
        "height": height,
        "index": index,
        "transaction_id": transaction.transaction_id.hex(),
        "time": time,
        "sender_key": body.sender_key.hex(),
        "contract": body.calls[0].contract,
        "method": body.calls[0].method,
        "calls": _text(calls),
        "gas_limit": body.gas_limit,
        "valid_until": body.valid_until,
        "memo": body.memo,
        "idempotency_key": body.idempotency_key,
        "bytes": len(transaction.raw),
    }


def _json(values: Any) -> str:
    return _text(to_json(values))


def _text(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
