"""A follower's database on a PostgreSQL server, for analysts who share it; needs the extra `postgresql`."""

from typing import Any, Final

from gateway.follower.errors import FollowerError
from gateway.follower.schema import POSTGRESQL, Dialect

try:
    import psycopg
    from psycopg.conninfo import conninfo_to_dict
except ImportError as error:
    raise FollowerError(
        "PostgreSQL takes a library that is not installed: pip install 'tallystick[postgresql]'"
    ) from error

CONNECT_SECONDS: Final = 10
LOCK_MILLISECONDS: Final = 2_000
LOCK: Final = 0x74616C6C79
"""Of the advisory lock; a second number tells one schema of a database from another."""


class PostgresqlConnection:
    """Implements gateway.follower.database.Connection; owns the connection and, with it, the lock."""

    def __init__(self, connection: "psycopg.Connection[Any]", name: str) -> None:
        self._connection = connection
        self._name = name

    @property
    def dialect(self) -> Dialect:
        """How statements are written for it."""
        return POSTGRESQL

    @property
    def failures(self) -> type[Exception]:
        """What its library raises."""
        return psycopg.Error

    @property
    def name(self) -> str:
        """Host and database."""
        return self._name

    def cursor(self) -> Any:
        """Return what runs statements."""
        return self._connection.cursor()

    def begin(self) -> str:
        """Return the statement that begins a transaction that will write."""
        return "BEGIN"

    def has_table(self, table: str) -> bool:
        """Tell whether there is a table that a statement without a schema's name would find."""
        row = self._connection.execute("SELECT to_regclass(%s)", (table,)).fetchone()
        return row is not None and row[0] is not None

    def close(self) -> None:
        """Close the connection and let go of the lock."""
        self._connection.close()


def open_postgresql(url: str) -> PostgresqlConnection:
    """Connect to a server; what the URL leaves open is asked of PGPASSWORD, PGPASSFILE and the like.

    Raises:
        FollowerError: when the server refuses or does not answer, or another follower holds the database.
    """
    try:
        given = conninfo_to_dict(url)
    except psycopg.Error as error:
        # The message of the library may repeat the password.
        raise FollowerError("the URL of the database is none that PostgreSQL takes") from error
    try:
        # Transactions begin and end by statements, the same ones for all databases.
        connection = psycopg.connect(url, autocommit=True, **_timeout(given))
    except psycopg.Error as error:
        raise FollowerError(f"PostgreSQL refuses: {str(error).strip()}") from error
    name = f"database {connection.info.dbname} at {connection.info.host or 'the local socket'}"
    try:
        return _locked(connection, name)
    except psycopg.errors.LockNotAvailable as error:
        connection.close()
        raise FollowerError(f"another follower writes to {name}") from error
    except psycopg.Error as error:
        connection.close()
        raise FollowerError(f"{name}: {str(error).strip()}") from error
    except FollowerError:
        connection.close()
        raise


def _locked(connection: "psycopg.Connection[Any]", name: str) -> PostgresqlConnection:
    row = connection.execute("SELECT current_schema(), current_setting('server_encoding')").fetchone()
    schema, encoding = (None, None) if row is None else row
    if encoding != "UTF8":
        raise FollowerError(f"{name} is in the encoding {encoding}, which lacks characters; make one in UTF8")
    if schema is None:
        raise FollowerError(f"{name} has no schema to put tables into")
    # The server may take a moment to notice that the follower before this one is gone.
    connection.execute("SELECT set_config('lock_timeout', %s, false)", (f"{LOCK_MILLISECONDS}ms",))
    connection.execute("SELECT pg_advisory_lock(%s + hashtext(%s))", (LOCK, schema))
    connection.execute("RESET lock_timeout")
    return PostgresqlConnection(connection, name)


def _timeout(given: dict[str, Any]) -> dict[str, Any]:
    return {} if "connect_timeout" in given else {"connect_timeout": CONNECT_SECONDS}
