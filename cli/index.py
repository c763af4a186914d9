"""`tally index`: follows a ledger into a database for analysts."""

import asyncio
import signal
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final

import click

from cli.errors import CliError
from cli.output import print_json
from cli.progress import ProgressLine
from cli.session import Target, ledger_options, run
from gateway.follower.database import IndexDatabase, open_database
from gateway.follower.errors import FollowerError
from gateway.follower.following import DatabaseThread, keep_index
from tallystick.client import AsyncClient

STOPPING: Final = (signal.SIGINT, signal.SIGTERM)
DATABASE_DEFAULT: Final = "tally-index.sqlite"


@dataclass(frozen=True, slots=True)
class Order:
    """What the command was asked for."""

    database: str
    rebuild: bool
    once: bool


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
@ledger_options
def follow(target: Target, database: str, rebuild: bool, once: bool, as_json: bool) -> None:
    """Follow the ledger into SQL tables: every block once, from where the last run stopped.

    All blocks are verified against certificates before they are written. It may be stopped at any moment and started
    again. docs/indexer.md describes the tables and shows queries.

    Examples:

      tally index follow

      tally index follow --url https://node1.example:7700 --database postgresql://db.example/ledger
    """
    height = run(_follow(target, Order(database, rebuild, once)))
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
        await keep_index(client, database, thread, until, lambda height: line.show(f"height {height}"))


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
