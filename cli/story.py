"""`tally story`: plays the sample stories of examples/ on a local cluster, step by step, as their parties would."""

import json
from pathlib import Path
from typing import Any, Final

import click

from chain.json_values import from_json
from chain.values import dataclass
from cli.demo import PARTIES
from cli.epcis import describe
from cli.epcis import prepare_file as prepare_epcis
from cli.errors import CliError
from cli.iso20022 import prepare_file as prepare_iso20022
from cli.iso20022 import secret_path
from cli.ledger import Target, target_of
from cli.output import table
from cli.session import commit, run
from gateway.iso20022.corridor import STEP_GAS
from gateway.iso20022.story import fill_travel_rule
from gateway.iso20022.submit import PreparedTransfer
from tallystick.client import AsyncClient

STORIES: Final = ("vaccine", "wage")
EXAMPLES: Final = Path(__file__).resolve().parent.parent / "examples"
DONE_FILE: Final = "stories.json"


@dataclass(frozen=True, slots=True)
class StoryCall:
    """One call of a step, ready to be signed."""

    contract: str
    method: str
    args: list[Any]
    gas_limit: int
    summary: str


@click.group()
def story() -> None:
    """Play the sample stories."""


@story.command("run")
@click.option("--dir", "folder", type=click.Path(path_type=Path, file_okay=False), default=Path(".tally"))
@click.option("--quiet", is_flag=True, help="Show only the result of each story.")
@click.argument("names", nargs=-1)
def play(folder: Path, quiet: bool, names: tuple[str, ...]) -> None:
    """Play the stories NAMES (all if none is named) on the local cluster, each at most once."""
    target = target_of({"dir": folder})
    done = _done(folder)
    for name in names or STORIES:
        path = EXAMPLES / name / "story.json"
        if not path.exists():
            raise CliError(f"there is no story {name!r}; there are {', '.join(STORIES)}")
        if name in done:
            click.echo(f"The story {name!r} was played on this ledger before.", err=True)
            continue
        document = json.loads(path.read_text(encoding="utf-8"))
        run(_play(target, document, path.parent, quiet))
        done.append(name)
        (folder / DONE_FILE).write_text(json.dumps(done) + "\n", encoding="utf-8")
    _print_what_next(target, folder)


async def _play(target: Target, document: dict[str, Any], folder: Path, quiet: bool) -> None:
    click.echo(f"\n{document['title']}", err=True)
    prepared: list[PreparedTransfer] = []
    async with target.client() as client:
        for number, step in enumerate(document["steps"], start=1):
            if "say" in step and not quiet:
                click.echo(f"\n  {step['say']}", err=True)
            await _play_step(client, target, folder, step, number, prepared, quiet)
    click.echo(f"\n  {len(document['steps'])} steps went as told.", err=True)


async def _play_step(
    client: AsyncClient,
    target: Target,
    folder: Path,
    step: dict[str, Any],
    number: int,
    prepared: list[PreparedTransfer],
    quiet: bool,
) -> None:
    wallet = target.wallet(step["as"])
    codes: list[str] = []
    for call in _calls(target, folder, step, prepared):
        receipt = await commit(client, wallet, call.contract, call.method, call.args, call.gas_limit)
        codes.append(receipt.code or "ok")
        if not quiet:
            line = describe(f"{step['as']}: {call.summary}", receipt)
            click.echo(f"  {line}", err=True)
    expected = step["expect"]
    if (expected == "ok" and set(codes) != {"ok"}) or (expected != "ok" and expected not in codes):
        raise CliError(f"step {number} was to end with {expected!r}, but ended with {', '.join(codes)}")


def _calls(target: Target, folder: Path, step: dict[str, Any], prepared: list[PreparedTransfer]) -> list[StoryCall]:
    if "file" in step:
        return [
            StoryCall(event.contract, event.method, event.args, event.gas_limit, event.summary)
            for event in prepare_epcis(folder / step["file"])
        ]
    if "iso20022" in step:
        transfers = prepare_iso20022(folder / step["iso20022"], secret_path(target, step["as"]))
        prepared.extend(transfers)
        return [StoryCall(item.contract, item.method, item.args, item.gas_limit, item.summary) for item in transfers]
    contract, method, args = step["call"]
    values = [from_json(value) for value in fill_travel_rule(args, prepared)]
    return [StoryCall(contract, method, values, step.get("gas", STEP_GAS), f"{contract}.{method}")]


def _done(folder: Path) -> list[str]:
    path = folder / DONE_FILE
    return list(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else []


def _print_what_next(target: Target, folder: Path) -> None:
    assert target.layout is not None, "stories are played on a local cluster"
    rows = [(party.member_id, party.name, ", ".join(party.roles)) for party in PARTIES]
    where = "" if folder == Path(".tally") else f" --dir {folder}"
    click.echo(f"\n{table(('PARTY', 'ORGANISATION', 'ROLES'), rows)}")
    click.echo(f"\nOpen the explorer in a browser: {target.layout.nodes[0].api}/")
    click.echo(f"nodes, each of which serves it: {'  '.join(node.api for node in target.layout.nodes)}")
    click.echo(f"genesis hash: {target.layout.chain_id}")
    click.echo(
        "\nTry next:\n"
        f"  .venv/bin/tally query view remittance conservation PHP{where}\n"
        f"  .venv/bin/tally cluster kill node1{where}      # then send something: the others go on\n"
        f"  .venv/bin/tally audit {target.layout.nodes[0].api} --genesis-hash {target.layout.chain_id}\n"
        f"  curl {target.layout.nodes[0].api}/v1/blocks\n"
        f"  {make_down(folder)}    # stops the nodes; the ledger stays"
    )


def make_down(folder: Path) -> str:
    """Return what stops the cluster of this folder, and no other."""
    return "make down" if folder == Path(".tally") else f"make down DIR={folder}"
