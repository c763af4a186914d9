"""`tally index`: follows a ledger into a database for analysts, and into a message stream for other systems."""

import asyncio
import re
import signal
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import click

from chain.values import dataclass
from cli.errors import EXIT_USAGE, CliError
from cli.ledger import Target
from cli.output import print_json
from cli.progress import ProgressLine
from cli.session import ledger_options, run
from gateway.follower.database import IndexDatabase, Place, open_database
from gateway.follower.errors import FollowerError
from gateway.follower.following import DatabaseThread, keep_index
from tallystick.client import AsyncClient

STOPPING: Final = (signal.SIGINT, signal.SIGTERM)
STREAM_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
DATABASE_DEFAULT: Final = "tally-index.sqlite"


@dataclass(frozen=True, slots=True)
class Order:
    """What the command was asked for."""

    database: str
    rebuild: bool
    once: bool
    nats: str | None
    stream: str
    credentials: Path | None
    republish: bool


@click.group()
def index() -> None:
    """Keep the history of a ledger in a database, for analysts."""


@index.command()
@click.option(
    "--database",
    default=DATABASE_DEFAULT,
    show_default=True,
    envvar="TALLY_DATABASE",
    help="A file for SQLite, or postgresql://HOST/NAME; a password belongs into PGPASSFILE.",
)
@click.option("--rebuild", is_flag=True, help="Throw the tables away and make them anew from the first block.")
@click.option("--once", is_flag=True, help="Stop at the height that the ledger has now, instead of following it.")
@click.option("--nats", envvar="TALLY_NATS", help="Publish blocks and events too, such as to nats://HOST:4222.")
@click.option(
    "--nats-stream",
    "stream",
    default="tallystick",
    show_default=True,
    callback=lambda ctx, parameter, value: _stream_name(value),
    help="JetStream's stream, made where there is none; subjects begin with its name.",
)
@click.option(
    "--nats-credentials",
    "credentials",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="File of credentials for the server.",
)
@click.option("--republish", is_flag=True, help="Publish from the first block again.")
@ledger_options
def follow(target: Target, as_json: bool, **order: Any) -> None:
    """Follow the ledger into SQL tables: every block once, from where the last run stopped.

    With --nats, certified blocks and events are published to NATS JetStream as well, each at least once, under ids by
    which repeats are known.

    All blocks are verified against certificates before they are written. It may be stopped at any moment and started
    again. docs/indexer.md describes the tables and shows queries.

    \b
    Examples:
      tally index follow
      tally index follow --url https://node1.example:7700 --database postgresql://db.example/ledger
      tally index follow --nats nats://127.0.0.1:4222
    """
    if order["republish"] and order["nats"] is None:
        raise CliError("--republish says what to do with --nats", EXIT_USAGE)
    database: str = order["database"]
    height = run(_follow(target, Order(**order)))
    if as_json:
        print_json({"height": height})
    else:
        click.echo(f"{database.rpartition('@')[2]}: complete up to height {height}", err=True)


async def _follow(target: Target, order: Order) -> int:
    """Follow until that is done or somebody says stop; return the height that was reached."""
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(target.client())
        genesis = await client.genesis()
        thread = stack.enter_context(DatabaseThread())
        try:
            database = await thread.run(open_database, order.database)
            stack.callback(thread.close, database)
            await thread.run(lambda: database.prepare(genesis, rebuild=order.rebuild))
            if order.republish:
                await thread.run(database.set_published, Place(0, genesis.genesis_hash.hex()))
            start = await thread.run(database.indexed)
            click.echo(f"following {', '.join(target.urls)} into {database.name} from height {start.height}", err=True)
            await _until_stopped(_work(client, database, thread, order))
            return (await thread.run(database.indexed)).height
        except FollowerError as error:
            raise CliError(str(error)) from error


async def _work(client: AsyncClient, database: IndexDatabase, thread: DatabaseThread, order: Order) -> None:
    head = int((await client.read("/v1/network"))["head"]["height"])
    until = head if order.once else None
    with ProgressLine() as line:
        work = [keep_index(client, database, thread, until, lambda height: line.show(f"height {height}"))]
        if order.nats is not None:
            # The library behind it is an extra, so it is loaded by those who use it alone.
            from gateway.follower.jetstream import Broker, keep_published

            broker = Broker(order.nats, order.stream, order.credentials)
            notices = Notices()
            work.append(keep_published(client, database, thread, broker, until, _nothing, notices.show))
        tasks = [asyncio.ensure_future(each) for each in work]
        try:
            # Whichever fails first ends both; neither ends by itself but with --once.
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


class Notices:
    """Owns what was said last, so that a server which is away for long fills no log."""

    def __init__(self) -> None:
        self._last: str | None = None

    def show(self, text: str) -> None:
        """Print a message unless it is the one before."""
        if text != self._last:
            click.echo(text, err=True)
        self._last = text


def _nothing(height: int) -> None:
    """Progress is shown of the tables alone."""


def _stream_name(value: str) -> str:
    if not STREAM_NAME.fullmatch(value):
        raise click.BadParameter("letters, digits, - and _ are expected")
    return value


async def _until_stopped(work: Coroutine[Any, Any, None]) -> None:
    """Run until the work is done or somebody asks to stop; what was begun in the database is finished."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for number in STOPPING:
        loop.add_signal_handler(number, task.cancel)
    try:
        await asyncio.wait({task})
        if not task.cancelled():
            task.result()
    finally:
        for number in STOPPING:
            loop.remove_signal_handler(number)
