"""`tally keys`: create and show the key files with which members sign."""

from pathlib import Path

import click

from cli.errors import EXIT_USAGE, CliError
from cli.output import print_json
from tallystick.wallet import Wallet, WalletError, is_sealed


@click.group()
def keys() -> None:
    """Create and show key files."""


@keys.command()
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--no-passphrase", is_flag=True, help="Write the seed unencrypted; the file's mode is 0600.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
def new(path: Path, no_passphrase: bool, as_json: bool) -> None:
    """Create a key file at PATH; it is never overwritten.

    The passphrase is asked for on the terminal: secrets do not belong on a command line.
    """
    passphrase = None
    if not no_passphrase:
        passphrase = _ask(path, is_new=True)
    if path.exists():
        raise CliError(f"{path} exists; it was not touched")
    wallet = Wallet.generate()
    wallet.save(path, passphrase)
    _print(path, wallet.public_key.hex(), as_json)


@keys.command()
@click.argument("path", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
def show(path: Path, as_json: bool) -> None:
    """Show the public key of a key file; its private seed is never printed."""
    _print(path, open_wallet(path).public_key.hex(), as_json)


def open_wallet(path: Path) -> Wallet:
    """Open a key file, asking for the passphrase if it is encrypted.

    Raises:
        CliError: when it is no key file, the passphrase is wrong, or `tally --no-input` forbids to ask for it.
    """
    try:
        passphrase = _ask(path) if is_sealed(path) else None
        return Wallet.load(path, passphrase)
    except WalletError as error:
        raise CliError(str(error)) from error
    except OSError as error:
        raise CliError(f"{path}: {error}") from error


def _ask(path: Path, *, is_new: bool = False) -> str:
    context = click.get_current_context(silent=True)
    if context is not None and context.find_root().params.get("no_input"):
        what = (
            "a new key file is sealed with a passphrase; --no-passphrase makes one without" if is_new else "is sealed"
        )
        raise CliError(f"{path}: {what}, and --no-input forbids to ask for the passphrase", EXIT_USAGE)
    passphrase: str = click.prompt("Passphrase", hide_input=True, confirmation_prompt=is_new, err=True)
    return passphrase


def _print(path: Path, public_key: str, as_json: bool) -> None:
    if as_json:
        print_json({"file": str(path), "public_key": public_key})
    else:
        click.echo(f"{path}\npublic key: {public_key}")
