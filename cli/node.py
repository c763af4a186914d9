"""`tally node`: make the folder of a single node, run it in the foreground, ask how it is."""

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Final

import click

import node as composition_root
from assembly.exit_codes import ExitCode
from assembly.keys import load_keys
from assembly.walls import WallsMissing
from chain.genesis import GENESIS_BYTES_MAX, Genesis, GenesisError, decode_genesis, genesis_from_json, genesis_to_json
from chain.identity import is_name
from cli.errors import CliError
from cli.node_check import try_walls
from cli.node_files import NodeFiles, certificate_path, configuration, make_keys
from cli.node_status import status_lines
from cli.output import print_json
from configs.node_config import ConfigError, load_genesis, load_node_config, parse_address

TIMEOUT_SECONDS: Final = 10.0


@click.group()
def node() -> None:
    """Make, run and ask a single node."""


@node.command()
@click.argument("config", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def run(config: Path) -> None:
    """Run the node that CONFIG describes until it is told to stop (SIGTERM or Ctrl-C).

    configs/node.sample.toml explains each field; docs/operations.md lists the exit codes.
    """
    code = composition_root.main(["--config", str(config)])
    if code:
        raise CliError(f"the node ended with exit code {code}", code)


@node.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--name", required=True, help="The node's name; an observer's must not be a validator's.")
@click.option(
    "--genesis",
    "genesis_path",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    default=None,
    help="File with the genesis of the network.",
)
@click.option("--from", "url", default=None, help="Fetch the genesis from this node; needs --genesis-hash.")
@click.option("--genesis-hash", default=None, help="The hash that the genesis has to have.")
@click.option("--peer", "peers", multiple=True, required=True, help="NAME=HOST:PORT of a validator; may be repeated.")
@click.option("--api", default="127.0.0.1:7700", show_default=True, help="HOST:PORT of its HTTP API.")
@click.option("--listen", default="0.0.0.0:7800", show_default=True, help="HOST:PORT at which others reach it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
def init(
    folder: Path,
    name: str,
    genesis_path: Path | None,
    url: str | None,
    genesis_hash: str | None,
    peers: tuple[str, ...],
    api: str,
    listen: str,
    as_json: bool,
) -> None:
    """Make the FOLDER of an observer that joins a running network: keys, genesis, configuration.

    Nothing is sent to anybody. The certificate that this prints has to be put into the observers' folder of each
    validator that shall let the node connect; they need not be restarted.
    """
    if folder.exists() and any(folder.iterdir()):
        raise CliError(f"{folder} is not empty; choose another one")
    genesis = _genesis(genesis_path, url, genesis_hash)
    if not is_name(name) or genesis.validators.find(name) is not None:
        raise CliError(f"--name: {name!r} is a validator's, or is no name: it needs a-z first, then a-z, 0-9, - or _")
    addresses = dict(_peer(text, genesis) for text in peers)
    for value, option in ((api, "--api"), (listen, "--listen")):
        _address(value, option)
    make_keys(folder, name)
    (folder / "genesis.json").write_text(genesis_to_json(genesis), encoding="utf-8")
    files = NodeFiles(name, "genesis.json", api, listen, addresses, observer=True)
    (folder / "node.toml").write_text(configuration(files), encoding="utf-8")
    certificate = certificate_path(folder)
    if as_json:
        print_json({"name": name, "config": str(folder / "node.toml"), "certificate": str(certificate)})
        return
    click.echo(f"Made {folder} for the observer {name} of {genesis.name}, genesis hash {genesis.genesis_hash.hex()}.")
    click.echo(f"1. Give {certificate} to the operators of the validators it may connect with:")
    click.echo(f"   each copies it as {name}.pem into the folder that `observers` of his node.toml names.")
    click.echo(f"2. Start it: tally node run {folder / 'node.toml'}")
    click.echo(f"3. See how far it is: tally node status {folder / 'node.toml'}")


@node.command()
@click.argument("config_path", metavar="CONFIG", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
def check(config_path: Path, as_json: bool) -> None:
    """Check whether the node that CONFIG describes could run here, without starting it or touching its data.

    Reads configuration, genesis and keys, and tries on this machine the walls that the helper processes would put
    around themselves. Ends with the exit code that the node would end with (docs/operations.md lists them).
    """
    try:
        config = load_node_config(config_path)
        genesis = load_genesis(config.genesis_path)
        load_keys(config, genesis)
    except ConfigError as error:
        raise CliError(str(error), ExitCode.CONFIGURATION) from error
    missing = try_walls()
    if as_json:
        print_json({"name": config.name, "require_walls": config.require_walls, "walls_missing": list(missing)})
    else:
        role = "observer" if config.observer else "validator"
        click.echo(f"{config.name} ({role}) of {genesis.name}, genesis hash {genesis.genesis_hash.hex()}")
        click.echo("  keys     those that genesis and the configuration name")
        click.echo(f"  walls    {'missing around' if missing else 'all stand: file system, network, system calls'}")
        for line in missing:
            click.echo(f"           {line}")
    if missing and config.require_walls:
        raise CliError(str(WallsMissing(missing)), ExitCode.WALLS_MISSING)


@node.command()
@click.argument("target", metavar="CONFIG|URL")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
def status(target: str, as_json: bool) -> None:
    """Show how a node is, how far it has caught up, and what it lacks; exit code 1 when it is not ready."""
    url = target if "://" in target else _url_of(Path(target))
    document = _read(f"{url.rstrip('/')}/v1/network")
    if as_json:
        print_json(document["node"])
    else:
        for line in status_lines(document):
            click.echo(line)
    if not document["node"]["ready"]:
        raise CliError("not ready: " + "; ".join(document["node"]["not_ready_reasons"]))


def _genesis(path: Path | None, url: str | None, genesis_hash: str | None) -> Genesis:
    """Return the genesis of a file, or of a node that need not be trusted for it."""
    if (path is None) == (url is None):
        raise CliError("give either --genesis FILE, or --from URL with --genesis-hash")
    try:
        if path is not None:
            genesis = genesis_from_json(path.read_text(encoding="utf-8"))
        else:
            if genesis_hash is None:
                raise CliError("--from needs --genesis-hash: without it the node would have to be trusted")
            genesis = decode_genesis(_fetch(f"{str(url).rstrip('/')}/v1/genesis", "application/octet-stream"))
    except (OSError, UnicodeDecodeError, GenesisError) as error:
        raise CliError(f"the genesis cannot be used: {error}") from error
    if genesis_hash is not None and genesis.genesis_hash.hex() != genesis_hash.lower():
        raise CliError(f"the genesis has the hash {genesis.genesis_hash.hex()}, not {genesis_hash}")
    return genesis


def _peer(text: str, genesis: Genesis) -> tuple[str, str]:
    name, separator, address = text.partition("=")
    if not separator or genesis.validators.find(name) is None:
        known = ", ".join(genesis.validators.ids)
        raise CliError(f"--peer: {text!r} is not of the form NAME=HOST:PORT with a validator's name; there are {known}")
    _address(address, "--peer")
    return name, address


def _address(text: str, option: str) -> None:
    try:
        parse_address(text, option)
    except ConfigError as error:
        raise CliError(str(error)) from error


def _url_of(path: Path) -> str:
    try:
        address = load_node_config(path).api
    except ConfigError as error:
        raise CliError(str(error)) from error
    return f"http://{address}"


def _read(url: str) -> Any:
    try:
        return json.loads(_fetch(url, "application/json"))
    except ValueError as error:
        raise CliError(f"{url} answers no JSON: is it a Tallystick node?") from error


def _fetch(url: str, accept: str) -> bytes:
    request = urllib.request.Request(url, headers={"Accept": accept})  # noqa: S310 - the user names the address
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:  # noqa: S310
            data: bytes = response.read(2 * GENESIS_BYTES_MAX)
            return data
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise CliError(f"{url} does not answer: {getattr(error, 'reason', error)}") from error
