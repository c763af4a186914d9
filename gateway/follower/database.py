"""The database of a follower: rows and the place up to which they go are written in one transaction.

That is what makes it exactly once: whatever ends the process, either both are there or neither. A second follower is
refused by a lock; were the lock lost (a connection that the server dropped), it would still change nothing, because a
transaction counts only if the place is where this follower left it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, Self

from chain.genesis import Genesis
from gateway.follower.errors import FollowerError
from gateway.follower.rows import Row, Rows
from gateway.follower.schema import (
    ROW_TABLES,
    SCHEMA_VERSION,
    STATE_TABLE,
    TABLES,
    Dialect,
    column_names,
    creation,
    insertion,
    removal,
)

POSTGRESQL_SCHEMES: Final = ("postgresql://", "postgres://")


class Cursor(Protocol):
    """What both database libraries have."""

    @property
    def rowcount(self) -> int:
        """Return how many rows the last statement changed."""
        ...

    def execute(self, statement: str, values: Sequence[Any] = ..., /) -> Any:
        """Run a statement."""
        ...

    def executemany(self, statement: str, rows: Sequence[Row], /) -> Any:
        """Run a statement for each row."""
        ...

    def fetchone(self) -> Any:
        """Return the next row of the answer, None after the last."""
        ...


class Connection(Protocol):
    """An open database in which transactions begin and end by statements alone."""

    @property
    def dialect(self) -> Dialect:
        """How statements are written for it."""
        ...

    @property
    def failures(self) -> type[Exception]:
        """What its library raises."""
        ...

    @property
    def name(self) -> str:
        """The database for messages, without a password."""
        ...

    def cursor(self) -> Cursor:
        """Return what runs statements."""
        ...

    def begin(self) -> str:
        """Return the statement that begins a transaction that will write."""
        ...

    def has_table(self, table: str) -> bool:
        """Tell whether there is a table."""
        ...

    def close(self) -> None:
        """Close the connection and let go of the lock."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """A block up to which something was done."""

    height: int
    block_hash: str
    """Lower-case hexadecimal; the genesis hash at height 0."""


class IndexDatabase:
    """Owns the connection of the one follower that writes to a database. All its methods block."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._indexed: Place | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    @property
    def name(self) -> str:
        """The database for messages, without a password."""
        return self._connection.name

    def prepare(self, genesis: Genesis, *, rebuild: bool) -> None:
        """Make the tables where there are none, or where they are to be made anew; otherwise check them.

        Raises:
            FollowerError: when the database holds something else: another ledger, another version, foreign tables.
        """
        cursor = self._connection.cursor()
        with _Transaction(self._connection, cursor):
            exists = self._connection.has_table(STATE_TABLE)
            published = Place(0, genesis.genesis_hash.hex())
            if exists and rebuild:
                published = self._published_of(cursor, genesis) or published
                for statement in removal():
                    cursor.execute(statement)
            if not exists or rebuild:
                self._create(cursor, genesis, published)
        self._check(cursor, genesis)

    def _published_of(self, cursor: Cursor, genesis: Genesis) -> Place | None:
        """Return how far this ledger was published: tables are made anew, but what was published is out."""
        cursor.execute(f"SELECT schema_version, chain_id FROM {STATE_TABLE}")  # noqa: S608 - a constant
        if tuple(cursor.fetchone()) != (SCHEMA_VERSION, genesis.genesis_hash.hex()):
            return None
        cursor.execute(f"SELECT published_height, published_block_hash FROM {STATE_TABLE}")  # noqa: S608
        return Place(*cursor.fetchone())

    def _create(self, cursor: Cursor, genesis: Genesis, published: Place) -> None:
        foreign = [table for table in TABLES if self._connection.has_table(table)]
        if foreign:
            tables = ", ".join(foreign)
            raise FollowerError(f"{self.name} has tables that no follower made ({tables}); give an empty database")
        for statement in creation(self._connection.dialect):
            cursor.execute(statement)
        start = genesis.genesis_hash.hex()
        row = (1, SCHEMA_VERSION, start, genesis.name, 0, start, published.height, published.block_hash)
        cursor.execute(insertion(self._connection.dialect, STATE_TABLE), row)

    def _check(self, cursor: Cursor, genesis: Genesis) -> None:
        with _Transaction(self._connection, cursor):
            cursor.execute(f"SELECT schema_version, chain_id FROM {STATE_TABLE}")  # noqa: S608 - a constant
            version, chain_id = cursor.fetchone()
        if chain_id != genesis.genesis_hash.hex():
            raise FollowerError(f"{self.name} holds the ledger {chain_id}, not {genesis.genesis_hash.hex()}")
        if version != SCHEMA_VERSION:
            raise FollowerError(
                f"{self.name} has version {version} of the tables, this is {SCHEMA_VERSION}: make them anew (--rebuild)"
            )

    def indexed(self) -> Place:
        """Return the last block whose rows are here."""
        self._indexed = self._read("height", "block_hash")
        return self._indexed

    def published(self) -> Place:
        """Return the last block that was published whole."""
        return self._read("published_height", "published_block_hash")

    def write(self, rows: Rows, last: Place) -> None:
        """Add the rows of the blocks that follow the last one up to `last`, all or none.

        Raises:
            FollowerError: when another follower wrote meanwhile, or the database fails; nothing was changed.
        """
        assert self._indexed is not None, "the place is read before anything is written"
        cursor = self._connection.cursor()
        with _Transaction(self._connection, cursor):
            mark = self._connection.dialect.placeholder
            statement = f"UPDATE {STATE_TABLE} SET height = {mark}, block_hash = {mark} WHERE height = {mark}"  # noqa: S608
            cursor.execute(statement, (last.height, last.block_hash, self._indexed.height))
            if cursor.rowcount != 1:
                raise FollowerError(f"another follower writes to {self.name}; this one changed nothing and ends")
            for table in ROW_TABLES:
                if rows[table]:
                    cursor.executemany(insertion(self._connection.dialect, table), rows[table])
        self._indexed = last

    def set_published(self, place: Place) -> None:
        """Remember that all blocks up to a place were published."""
        cursor = self._connection.cursor()
        with _Transaction(self._connection, cursor):
            mark = self._connection.dialect.placeholder
            changes = f"published_height = {mark}, published_block_hash = {mark}"
            cursor.execute(f"UPDATE {STATE_TABLE} SET {changes}", (place.height, place.block_hash))  # noqa: S608

    def _read(self, height: str, block_hash: str) -> Place:
        assert {height, block_hash} < set(column_names(STATE_TABLE))
        cursor = self._connection.cursor()
        with _Transaction(self._connection, cursor):
            cursor.execute(f"SELECT {height}, {block_hash} FROM {STATE_TABLE}")  # noqa: S608 - names of columns
            return Place(*cursor.fetchone())


class _Transaction:
    """Owns a transaction from its beginning to its commit, or its rollback when anything goes wrong."""

    def __init__(self, connection: Connection, cursor: Cursor) -> None:
        self._connection = connection
        self._cursor = cursor

    def __enter__(self) -> None:
        try:
            self._cursor.execute(self._connection.begin())
        except self._connection.failures as error:
            raise self._failure(error) from error

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        try:
            self._cursor.execute("ROLLBACK" if error is not None else "COMMIT")
        except self._connection.failures as failure:
            raise self._failure(error or failure) from failure
        if isinstance(error, self._connection.failures):
            raise self._failure(error) from error

    def _failure(self, error: BaseException) -> FollowerError:
        return FollowerError(f"{self._connection.name}: {str(error).strip() or type(error).__name__}")


def open_database(place: str) -> IndexDatabase:
    """Open the database at a PostgreSQL URL or in a file.

    Raises:
        FollowerError: when it cannot be opened, or another follower holds it.
    """
    if place.startswith(POSTGRESQL_SCHEMES):
        # The library behind it is an extra, so it is loaded by those who use it alone.
        from gateway.follower.postgresql import open_postgresql

        return IndexDatabase(open_postgresql(place))
    from gateway.follower.sqlite import open_sqlite

    return IndexDatabase(open_sqlite(place))
