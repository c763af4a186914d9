"""The tables that a follower fills, once for SQLite and PostgreSQL alike, so that a query runs on either.

docs/indexer.md describes each column. A change of anything here is a new SCHEMA_VERSION: a database of another version
is refused until it is rebuilt.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

SCHEMA_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Dialect:
    """What differs between two databases."""

    json: str
    """Type of a column that holds JSON."""
    time: str
    """Type of a column that holds a moment."""
    placeholder: str
    """Stands for a value in a statement."""


SQLITE: Final = Dialect("TEXT", "TEXT", "?")
POSTGRESQL: Final = Dialect("JSONB", "TIMESTAMPTZ", "%s")

PLACE: Final = "height BIGINT NOT NULL, tx_index BIGINT NOT NULL"
"""Of a transaction in the ledger."""

STATE_TABLE: Final = "follower"
"""One row: which ledger this is, how far the tables go, and how far blocks were published."""

_COLUMNS: Final[Mapping[str, str]] = MappingProxyType(
    {
        STATE_TABLE: "only_row INTEGER PRIMARY KEY, schema_version BIGINT NOT NULL, chain_id TEXT NOT NULL, "
        "ledger TEXT NOT NULL, height BIGINT NOT NULL, block_hash TEXT NOT NULL, published_height BIGINT NOT NULL, "
        "published_block_hash TEXT NOT NULL",
        "blocks": "height BIGINT PRIMARY KEY, block_hash TEXT NOT NULL, parent_hash TEXT NOT NULL, "
        "time {time} NOT NULL, time_ms BIGINT NOT NULL, proposer TEXT NOT NULL, epoch BIGINT NOT NULL, "
        "transactions_count BIGINT NOT NULL, state_root TEXT NOT NULL, result_hash TEXT NOT NULL",
        "transactions": PLACE + ", transaction_id TEXT NOT NULL, sender TEXT, organisation TEXT, "
        "sender_key TEXT NOT NULL, valid_until_ms BIGINT NOT NULL, gas_limit BIGINT NOT NULL, memo TEXT, "
        "idempotency_key TEXT, PRIMARY KEY (height, tx_index)",
        "calls": PLACE + ", call_index BIGINT NOT NULL, contract TEXT NOT NULL, method TEXT NOT NULL, "
        "args {json} NOT NULL, PRIMARY KEY (height, tx_index, call_index)",
        "receipts": PLACE + ", transaction_id TEXT NOT NULL, status TEXT NOT NULL, code TEXT, "
        "gas_used BIGINT NOT NULL, return_values {json} NOT NULL, PRIMARY KEY (height, tx_index)",
        "events": PLACE + ", event_index BIGINT NOT NULL, contract TEXT NOT NULL, name TEXT NOT NULL, "
        "fields {json} NOT NULL, PRIMARY KEY (height, tx_index, event_index)",
        "contract_items": "item TEXT NOT NULL, contract TEXT NOT NULL, " + PLACE + ", "
        "PRIMARY KEY (item, contract, height, tx_index)",
    }
)
_INDEXES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "blocks_by_time": "blocks (time_ms)",
        "transactions_by_id": "transactions (transaction_id)",
        "transactions_by_sender": "transactions (sender, height)",
        "transactions_by_organisation": "transactions (organisation, height)",
        "calls_by_method": "calls (contract, method, height)",
        "events_by_name": "events (contract, name, height)",
    }
)

TABLES: Final = tuple(_COLUMNS)
ROW_TABLES: Final = tuple(name for name in TABLES if name != STATE_TABLE)
"""The tables that grow with each block."""


def creation(dialect: Dialect) -> list[str]:
    """Return the statements that make the tables."""
    tables = [
        f"CREATE TABLE {name} ({columns.format(json=dialect.json, time=dialect.time)})"
        for name, columns in _COLUMNS.items()
    ]
    return [*tables, *(f"CREATE INDEX {name} ON {place}" for name, place in _INDEXES.items())]


def removal() -> list[str]:
    """Return the statements that remove the tables and nothing else."""
    return [f"DROP TABLE IF EXISTS {name}" for name in TABLES]


def insertion(dialect: Dialect, table: str) -> str:
    """Return the statement that adds one row to a table, all columns in their order."""
    columns = column_names(table)
    values = ", ".join([dialect.placeholder] * len(columns))
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({values})"  # noqa: S608 - names from above alone


def column_names(table: str) -> list[str]:
    """Return the names of a table's columns in their order."""
    parts = _COLUMNS[table].partition(", PRIMARY KEY")[0].split(", ")
    return [part.split()[0] for part in parts]
