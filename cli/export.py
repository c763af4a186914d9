"""`tally export`: writes a running node's history into a folder that anybody can audit offline."""

from contextlib import closing
from pathlib import Path

import click

from audit.export_format import Manifest
from audit.export_writer import ExportError, write_export
from audit.mismatch import AuditMismatch, SourceUnreadable
from cli.cluster_layout import load
from cli.cluster_status import fetch_reports
from cli.errors import CliError
from cli.node_source import NodeSource
from cli.output import print_json
from cli.progress import ProgressLine, bar


@click.command()
@click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".tally"),
    show_default=True,
    help="Folder of a cluster, a node of which runs.",
)
@click.option("--url", default=None, help="A node's URL, instead of a cluster's folder.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder to write to; an export that is there is continued.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON on standard output.")
def export(folder: Path, url: str | None, out: Path, as_json: bool) -> None:
    """Export genesis and all certified blocks of a running node.

    Files are numbered and never change; exporting into the same folder again adds what is new. Check the result with
    `tally audit FOLDER`.
    """
    source_url = url or _running_node(folder)
    line = ProgressLine()
    try:
        with closing(NodeSource(source_url)) as source:
            manifest = write_export(
                out, source, lambda height, head: line.show(f"{bar(height, head)} block {height:,}")
            )
    except (ExportError, SourceUnreadable) as error:
        raise CliError(f"the export could not be finished: {error}") from error
    except AuditMismatch as error:
        raise CliError(f"{source_url} serves no true history: {error}; export from another node") from error
    finally:
        line.clear()
    _report(out, manifest, source_url, as_json)


def _running_node(folder: Path) -> str:
    """Return the URL of the cluster's node that has come furthest."""
    reports = [report for report in fetch_reports(load(folder)) if report.height is not None]
    if not reports:
        raise CliError(f"no node of the cluster in {folder} answers; start it with: tally cluster up --dir {folder}")
    return max(reports, key=lambda report: report.height or 0).api


def _report(out: Path, manifest: Manifest, source_url: str, as_json: bool) -> None:
    size = manifest.genesis_bytes + sum(entry.bytes for entry in manifest.files)
    if as_json:
        print_json(
            {
                "folder": str(out),
                "source": source_url,
                "genesis_hash": manifest.genesis_hash,
                "height": manifest.head_height,
                "head_hash": manifest.head_hash,
                "files": len(manifest.files),
                "bytes": size,
            }
        )
        return
    click.echo(f"{out}: blocks 1 to {manifest.head_height:,}" if manifest.files else f"{out}: the genesis, no blocks")
    click.echo(f"  {len(manifest.files)} files of blocks, {size:,} bytes, from {source_url}")
    click.echo(f"  genesis hash {manifest.genesis_hash}")
    click.echo(f"Check it with: tally audit {out} --genesis-hash {manifest.genesis_hash}")
