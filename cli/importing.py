"""`tally import`: restores a node's blocks from an export, another node or a stopped node's folder."""

import os
from pathlib import Path

import click

from assembly.data_folder import DataFolder
from audit.mismatch import AuditMismatch, SourceUnreadable
from audit.restoring import RestoreError, restore_blocks
from audit.verdict import Outcome
from chain.execution import GenesisExecutionError
from chain.storage import StoreError
from cli.audit_sources import NODE_CONFIG, opened
from cli.audit_text import progress_text, verdict_text
from cli.errors import EXIT_AUDIT_MISMATCH, CliError
from cli.output import print_json
from cli.progress import ProgressLine
from configs.node_config import ConfigError, load_genesis, load_node_config


@click.command(name="import")
@click.argument("source")
@click.option(
    "--node",
    "folder",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    required=True,
    help="The folder of the node, with its node.toml; it must not run, nor have blocks.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was checked as JSON on standard output.")
def import_blocks(source: str, folder: Path, as_json: bool) -> None:
    """Restore a node from SOURCE: an export's folder, another node's URL, or the folder of a stopped node.

    Every certificate, signature and root is checked before anything counts; the node runs the contracts itself when it
    starts. Exits 3, and leaves the node as it was, if the history is not true.
    """
    try:
        config = load_node_config(folder / NODE_CONFIG)
        genesis = load_genesis(config.genesis_path)
        place = DataFolder(config.data).blocks
        with ProgressLine() as line, opened(source) as found:
            verdict = restore_blocks(
                place,
                genesis,
                found.source,
                len(os.sched_getaffinity(0)),
                lambda progress: line.show(progress_text(progress)),
            )
    except (ConfigError, RestoreError) as error:
        raise CliError(f"{error}") from error
    except (SourceUnreadable, StoreError, AuditMismatch, GenesisExecutionError) as error:
        raise CliError(f"the import could not be finished: {error}") from error
    if verdict.outcome is Outcome.MISMATCH:
        click.echo(verdict_text(verdict))
        raise CliError(f"{source} shows no true history; the node was left as it was", EXIT_AUDIT_MISMATCH)
    if as_json:
        print_json(verdict.as_json())
        return
    click.echo(f"{place}: blocks 1 to {verdict.blocks:,}, up to {verdict.head_hash}")
    if genesis.validators.find(config.name) is not None and not DataFolder(config.data).log.exists():
        click.echo(
            "This validator's log of votes is gone: it will follow, and not vote again under this key "
            "(docs/operations.md says what that means)."
        )
    click.echo(f"The contracts run when the node starts: tally node run {folder / NODE_CONFIG}")
