"""`tally witness`: follows several nodes, cosigns the head while all show one history, and raises an alarm if not."""

import asyncio
import json
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import click

from audit.cosignatures import read_cosignatures
from chain.checkpoint import (
    COSIGNATURE,
    NOTE_BYTES_MAX,
    Note,
    NoteError,
    WitnessKey,
    checkpoint_of,
    parse_note,
    verifier_key,
)
from chain.genesis import Genesis
from chain.values import dataclass
from cli.errors import EXIT_AUDIT_MISMATCH, EXIT_USAGE, CliError
from cli.keys import open_wallet
from cli.ledger import Target
from cli.receipts import printable
from cli.session import ledger_options, run
from cli.witness_keys import witness_option
from tallystick.transport import Transport
from tallystick.wallet import Wallet
from tallystick.witness_folder import (
    NOTE_FILE,
    Memory,
    WitnessStateError,
    create,
    held,
    load,
    save,
    write_contradiction,
    write_durably,
    write_evidence,
)
from tallystick.witnessing import Seen, Witness, member_signatures

ASK_SECONDS: Final = 10.0
FILE: Final = click.Path(path_type=Path, exists=True, dir_okay=False)
FOLDER: Final = click.Path(path_type=Path, file_okay=False)
STATE_HELP: Final = "Folder with the witness's memory, its evidence, and the cosigned head."


@dataclass(frozen=True, slots=True)
class Watch:
    """How to watch, and where to keep what was seen."""

    folder: Path
    name: str
    wallet: Wallet
    interval_seconds: float
    once: bool
    as_json: bool
    witnesses: tuple[WitnessKey, ...]
    """Keys of other witnesses, whose cosignatures on notes are checked."""


@click.command()
@click.option("--state", "state_folder", required=True, type=FOLDER, help=STATE_HELP)
@click.option("--new", "is_new", is_flag=True, help="Begin a new memory; without it there has to be one.")
@click.option("--name", required=True, help="Name of the witness in its signatures, such as witness.example/acme.")
@click.option("--key", required=True, type=click.Path(path_type=Path), help="Key file for this alone.")
@click.option("--interval", type=click.FloatRange(0.1), default=10.0, show_default=True, help="Seconds between rounds.")
@click.option(
    "--note",
    "notes",
    multiple=True,
    type=FILE,
    help="Another's signed head, to be held against the history.",
)
@witness_option("Check the cosignature of this witness on each --note (the key that it prints). Repeatable.")
@click.option("--once", is_flag=True, help="End after one round.")
@ledger_options
def witness(
    target: Target,
    state_folder: Path,
    is_new: bool,
    name: str,
    key: Path,
    interval: float,
    notes: tuple[Path, ...],
    witnesses: tuple[WitnessKey, ...],
    once: bool,
    as_json: bool,
) -> None:
    """Follow nodes of a ledger and cosign its head while all of them show one history.

    Each round asks every node for its signed head, and for the proof that its history extends what was cosigned
    before. The cosigned head is kept as a C2SP note in the file `checkpoint`. Two certified blocks of one height are a
    fork: both are written down as evidence, nothing is cosigned any more, and the exit code is 3.
    """
    if target.genesis_hash is None:
        raise CliError("give --genesis-hash: a witness must not let a node name the ledger", EXIT_USAGE)
    if witnesses and not notes:
        raise click.UsageError("--witness checks the cosignatures on the heads that --note names")
    watch = Watch(state_folder, name, open_wallet(key), interval, once, as_json, witnesses)
    if run(_watch(target, watch, is_new, [(path, _contents(path)) for path in notes])):
        click.get_current_context().exit(EXIT_AUDIT_MISMATCH)


async def _watch(target: Target, watch: Watch, is_new: bool, notes: Sequence[tuple[Path, bytes]]) -> bool:
    """Go round until told to stop; tell whether there is an alarm."""
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(target.client())
        genesis = await client.genesis()
        memory = _memory(watch.folder, genesis, is_new, stack)
        vkey = verifier_key(watch.name, COSIGNATURE, watch.wallet.public_key)
        click.echo(f"the key to check the cosignatures of this witness: {vkey}", err=True)
        transports: dict[str, Transport] = {}
        for url in target.urls:
            transports[url.rstrip("/")] = transport = Transport([url], ASK_SECONDS, target.access)
            stack.push_async_callback(transport.close)
        watcher = Witness(genesis, transports)
        for path, data in notes:
            memory = await _compare(watcher, watch, genesis, memory, path, data)
        while memory.alarm is None:
            memory = await _round(watcher, watch, genesis, memory)
            if watch.once:
                break
            if memory.alarm is None:
                await asyncio.sleep(watch.interval_seconds)
    if memory.alarm is not None:
        click.echo(
            f"ALARM: two histories. The evidence is in {memory.alarm}; check each side with: tally verify "
            f"{memory.alarm}/view-1.proof --genesis-hash {genesis.genesis_hash.hex()}",
            err=True,
        )
    return memory.alarm is not None


def _contents(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(NOTE_BYTES_MAX + 1)
    except OSError as error:
        raise CliError(f"{path} cannot be read: {error.strerror}") from error


async def _compare(watcher: Witness, watch: Watch, genesis: Genesis, memory: Memory, path: Path, data: bytes) -> Memory:
    """Hold somebody else's head against the history that the nodes show."""
    try:
        note = parse_note(data, genesis.genesis_hash)
        cosignatures = read_cosignatures(note, genesis, watch.witnesses)
        if cosignatures.bad:
            raise NoteError(f"a bad cosignature of {', '.join(cosignatures.bad)}")
        contradicted = await watcher.contradiction(note)
        if contradicted is None:
            head = f"the head of size {note.checkpoint.size:,} is part of the history{cosignatures.told()}"
            click.echo(f"{path}: {head}", err=watch.as_json)
            return memory
        place = write_contradiction(watch.folder, note, contradicted, genesis)
        memory = Memory(memory.chain_id, memory.head, str(place))
        save(watch.folder, memory)
    except NoteError as error:
        raise CliError(f"{path}: {error}") from error
    except OSError as error:
        raise CliError(f"{error.filename}: {error.strerror}") from error
    size = note.checkpoint.size
    click.echo(f"{path}: CONTRADICTION at size {size:,}: the certified history has another head{cosignatures.told()}")
    return memory


async def _round(watcher: Witness, watch: Watch, genesis: Genesis, memory: Memory) -> Memory:
    """Ask all nodes once, remember, and only then cosign."""
    head, seen = await watcher.round(memory.head)
    try:
        fork = next((each.fork for each in seen if each.fork is not None), None)
        if fork is not None:
            place = write_evidence(watch.folder, fork, genesis)
            memory = Memory(memory.chain_id, memory.head, str(place))
            save(watch.folder, memory)
        elif head is not None:
            memory = Memory(memory.chain_id, head, None)
            save(watch.folder, memory)
            checkpoint = checkpoint_of(watcher.verified(head.certified).header)
            own = watch.wallet.cosign(checkpoint, watch.name, int(time.time()))
            note = Note(checkpoint, (*member_signatures(checkpoint, seen), own))
            write_durably(watch.folder / NOTE_FILE, note.text.encode())
    except NoteError as error:
        raise CliError(str(error), EXIT_USAGE) from error
    except OSError as error:
        raise CliError(f"{watch.folder} cannot be written, so nothing is cosigned: {error.strerror}") from error
    _report(watcher, watch, memory, seen)
    return memory


def _report(watcher: Witness, watch: Watch, memory: Memory, seen: Sequence[Seen]) -> None:
    size = None if memory.head is None else watcher.verified(memory.head.certified).header.height
    if watch.as_json:
        nodes = {each.url: each.trouble or ("fork" if each.fork else "consistent") for each in seen}
        click.echo(json.dumps({"cosigned_size": None if memory.alarm else size, "nodes": nodes, "alarm": memory.alarm}))
        return
    for each in seen:
        if each.fork is not None:
            both = ", ".join(each.fork.signed_both())
            click.echo(
                f"{each.url}: FORK at height {each.fork.height}, against {each.fork.sources[0]}; signed by {both}"
            )
        elif each.trouble is not None:
            click.echo(f"{each.url}: {printable(each.trouble)}", err=True)
    if memory.alarm is None and size is not None:
        consistent = sum(each.trouble is None for each in seen)
        click.echo(f"cosigned the head of size {size:,}; {consistent} of {len(seen)} nodes are consistent with it")


def _memory(folder: Path, genesis: Genesis, is_new: bool, stack: AsyncExitStack) -> Memory:
    try:
        stack.enter_context(held(folder))
        return (create if is_new else load)(folder, genesis.genesis_hash)
    except WitnessStateError as error:
        raise CliError(str(error)) from error
    except OSError as error:
        raise CliError(f"{folder} cannot be written: {error.strerror}") from error
