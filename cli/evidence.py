"""`tally evidence`: what validators have provably done, as the nodes hold it and as anybody can check it."""

import functools
import json
import os
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Final

import click

from chain.encoding import DecodeError
from chain.evidence import EVIDENCE_BYTES_MAX, Evidence, decode_evidence
from chain.evidence_check import EvidenceError, Finding, check_evidence
from chain.genesis import Genesis, GenesisError, genesis_from_json
from chain.values import dataclass
from cli import cluster_layout
from cli.errors import EXIT_AUDIT_MISMATCH, EXIT_USAGE, CliError
from cli.evidence_words import MEANINGS, place_words, statement_lines
from cli.ledger import LEDGER_PARAMETERS, ledger_flags
from cli.node_tls import place_tls, url_tls
from cli.output import print_json, table
from cli.profile import load_profile
from cli.session import DEFAULT_FOLDER, profile_option, with_access_options
from tallystick.access import AccessError

TIMEOUT_SECONDS: Final = 10.0
ANSWER_BYTES_MAX: Final = 4 * 1024 * 1024
COLUMNS: Final = ("VALIDATOR", "WHAT IT DID", "HEIGHT", "VIEW", "EVIDENCE", "HELD BY")
SHORT_DIGITS: Final = 16


@dataclass(frozen=True, slots=True)
class Node:
    """A node to ask, and what it is shown."""

    url: str
    headers: dict[str, str]
    tls: ssl.SSLContext | None


@dataclass(frozen=True, slots=True)
class Asked:
    """What nodes answered."""

    held: dict[str, tuple[dict[str, Any], list[str]]]
    """Entries of GET /v1/evidence by digest, each with the names of the nodes that hold it."""
    silent: dict[str, str]
    """Nodes that did not answer, and why."""


@click.group()
def evidence() -> None:
    """Show and check what validators have provably done."""


def _node_options(command: Any) -> Any:
    """Add the options that say which nodes are asked; the command receives `nodes`."""

    @functools.wraps(command)
    def with_nodes(**given: Any) -> Any:
        others = {name: value for name, value in given.items() if name not in LEDGER_PARAMETERS}
        return command(nodes=_nodes(ledger_flags(given)), **others)

    with_url = click.option("--url", "urls", multiple=True, help="A node's address; repeat it for more.")(with_nodes)
    with_folder = click.option(
        "--dir",
        "folder",
        type=click.Path(path_type=Path, file_okay=False),
        help="Folder of the local cluster to ask when no --url is given.  [default: .tally]",
    )(with_url)
    return with_access_options(profile_option(with_folder))


@evidence.command("list")
@_node_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
def list_evidence(nodes: dict[str, Node], as_json: bool) -> None:
    """List the evidence that nodes hold. Nodes are asked, not believed: `tally evidence verify` checks."""
    asked = _ask(nodes)
    entries = [asked.held[digest] for digest in sorted(asked.held, key=lambda digest: _order(asked.held[digest][0]))]
    if as_json:
        print_json({"evidence": [{**entry, "held_by": names} for entry, names in entries], "silent": asked.silent})
        return
    for name, why in asked.silent.items():
        click.echo(f"{name} does not answer: {why}", err=True)
    if not entries:
        click.echo("no evidence against any validator", err=True)
        return
    rows = [
        (
            entry["validator"],
            entry["code"],
            str(entry["height"]),
            str(entry["view"]),
            entry["digest"][:SHORT_DIGITS],
            ", ".join(names),
        )
        for entry, names in entries
    ]
    click.echo(table(COLUMNS, rows))


@evidence.command()
@click.argument("digest")
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
@_node_options
def fetch(nodes: dict[str, Node], digest: str, out: Path) -> None:
    """Fetch the evidence that `list` shows under DIGEST, or under its first digits, and write it to the file OUT."""
    asked = _ask(nodes)
    matching = [found for found in asked.held if digest and found.startswith(digest.lower())]
    if len(matching) != 1:
        what = "more than one piece" if matching else "no piece"
        raise CliError(f"{what} of evidence begins with {digest!r}; see tally evidence list")
    holder = asked.held[matching[0]][1][0]
    data = _get(nodes[holder], f"/v1/evidence/{matching[0]}", EVIDENCE_BYTES_MAX)
    try:
        found = decode_evidence(data)
    except DecodeError as error:
        raise CliError(f"{holder} answered something else than evidence: {error}") from error
    if found.digest.hex() != matching[0]:
        raise CliError(f"{holder} answered other evidence than was asked for: {found.digest.hex()}")
    out.write_bytes(data)
    click.echo(f"wrote {out}, {len(data):,} bytes; check it with: tally evidence verify {out} --genesis genesis.json")


@evidence.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--genesis",
    "genesis_path",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The genesis file; its validators' keys are all that is trusted.  [default: that of the cluster in --dir]",
)
@click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=DEFAULT_FOLDER,
    show_default=True,
    help="Folder of a local cluster, for its genesis.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
@click.pass_context
def verify(ctx: click.Context, files: tuple[Path, ...], genesis_path: Path | None, folder: Path, as_json: bool) -> None:
    """Check evidence files against the genesis alone, offline: no node and no witness is asked.

    Exit codes: 0 all of them prove what they say, 3 one of them proves nothing, 1 a file cannot be read.
    """
    genesis = _genesis(genesis_path, folder)
    judged = [(path, *_judge(path, genesis)) for path in files]
    if as_json:
        print_json({"files": [_judged_json(*item) for item in judged]})
    else:
        for path, found, verdict in judged:
            click.echo("\n".join(_judged_lines(path, found, verdict)))
    if any(isinstance(verdict, EvidenceError) for _, _, verdict in judged):
        ctx.exit(EXIT_AUDIT_MISMATCH)


def _judge(path: Path, genesis: Genesis) -> tuple[Evidence | None, Finding | EvidenceError]:
    try:
        with path.open("rb") as file:
            data = file.read(EVIDENCE_BYTES_MAX + 1)
    except OSError as error:
        raise CliError(f"{path} cannot be read: {error.strerror}") from error
    try:
        found = decode_evidence(data)
    except DecodeError as error:
        return None, EvidenceError("malformed", str(error))
    try:
        return found, check_evidence(found, genesis, genesis.genesis_hash, genesis.validators)
    except EvidenceError as error:
        return found, error


def _judged_lines(path: Path, found: Evidence | None, verdict: Finding | EvidenceError) -> list[str]:
    if isinstance(verdict, EvidenceError):
        return [f"{path}: PROVES NOTHING ({verdict})"]
    assert found is not None, "what was judged was decoded"
    lines = [f"{path}: PROVEN", f"  {verdict.validator} {MEANINGS[verdict.code]} ({verdict.code})"]
    lines.append(f"  where     {place_words(verdict.place)}")
    for statement in found.statements:
        lines += [f"  signed    {line}" for line in statement_lines(statement)]
    return [*lines, f"  evidence  {found.digest.hex()}"]


def _judged_json(path: Path, found: Evidence | None, verdict: Finding | EvidenceError) -> dict[str, Any]:
    digest = None if found is None else found.digest.hex()
    if isinstance(verdict, EvidenceError):
        return {"file": str(path), "proven": False, "code": verdict.code, "detail": str(verdict), "digest": digest}
    place = {"epoch": verdict.place.epoch, "height": verdict.place.height, "view": verdict.place.view}
    own = {"validator": verdict.validator, "code": verdict.code, **place}
    return {"file": str(path), "proven": True, **own, "digest": digest}


def _genesis(path: Path | None, folder: Path) -> Genesis:
    if path is None:
        if not cluster_layout.exists(folder):
            raise CliError("give --genesis FILE: without a genesis nothing says whose keys the validators' are")
        path = folder / "genesis.json"
    try:
        return genesis_from_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, GenesisError) as error:
        raise CliError(f"{path}: the genesis cannot be used: {error}") from error


def _nodes(flags: dict[str, Any]) -> dict[str, Node]:
    """Return the nodes to ask, by name.

    Raises:
        CliError: when there are none, or a setting is wrong.
    """
    profile = load_profile(flags, os.environ, Path.cwd())
    headers = profile.access.headers()
    try:
        if profile.urls:
            return {url: Node(url.rstrip("/"), headers, url_tls(url, profile.access)) for url in profile.urls}
        places = cluster_layout.load(profile.folder).nodes
        return {place.name: Node(place.api, headers, place_tls(place, profile.access)) for place in places}
    except AccessError as error:
        raise CliError(str(error), EXIT_USAGE) from error


def _ask(nodes: dict[str, Node]) -> Asked:
    """Ask all nodes.

    Raises:
        CliError: when none answers.
    """
    asked = Asked({}, {})
    for name, node in nodes.items():
        try:
            entries = json.loads(_get(node, "/v1/evidence", ANSWER_BYTES_MAX))["evidence"]
            for entry in entries:
                _order(entry)
                asked.held.setdefault(str(entry["digest"]), (entry, []))[1].append(name)
        except CliError as error:
            asked.silent[name] = str(error)
        except (ValueError, KeyError, TypeError) as error:
            asked.silent[name] = f"it answers something else than a node would: {error!r}"
    if len(asked.silent) == len(nodes):
        raise CliError("; ".join(f"{name} does not answer: {why}" for name, why in asked.silent.items()))
    return asked


def _order(entry: dict[str, Any]) -> tuple[str, int, int, str]:
    return str(entry["validator"]), int(entry["height"]), int(entry["view"]), str(entry["code"])


def _get(node: Node, path: str, bytes_max: int) -> bytes:
    url = node.url + path
    try:
        request = urllib.request.Request(url, headers=node.headers)  # noqa: S310 - the user names it
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS, context=node.tls) as response:  # noqa: S310
            data: bytes = response.read(bytes_max + 1)
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise CliError(f"{url}: {getattr(error, 'reason', error)}") from error
    if len(data) > bytes_max:
        raise CliError(f"{url} answers more than {bytes_max:,} bytes")
    return data
