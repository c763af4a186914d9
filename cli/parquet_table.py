"""The only file that knows pyarrow: one Parquet file that grows by row groups."""

from pathlib import Path
from typing import Any, Final

import pyarrow as arrow
from pyarrow import parquet

ROWS_MAX: Final = 50_000
"""Rows that are kept in memory before they are written as a row group."""

_TYPES: Final[dict[str, Any]] = {
    "int64": arrow.int64(),
    "string": arrow.string(),
    "bool": arrow.bool_(),
    "timestamp": arrow.timestamp("ms", tz="UTC"),
}


class ParquetTable:
    """Owns one file while it is written."""

    def __init__(self, path: Path, columns: dict[str, str]) -> None:
        self._schema = arrow.schema([(name, _TYPES[kind]) for name, kind in columns.items()])
        self._writer = parquet.ParquetWriter(path, self._schema, compression="zstd")
        self._waiting: list[dict[str, Any]] = []
        self.rows = 0

    def add(self, row: dict[str, Any]) -> None:
        """Add a row; its names are the columns'."""
        self._waiting.append(row)
        self.rows += 1
        if len(self._waiting) == ROWS_MAX:
            self._flush()

    def close(self) -> None:
        """Write what is waiting, and the end of the file."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(arrow.Table.from_pylist(self._waiting, schema=self._schema))
            self._waiting.clear()
