"""`tally export`: writes a running node's history into a folder that anybody can audit offline."""

from pathlib import Path
from typing import Any

import click

from audit.export_format import Manifest
from audit.export_writer import ExportError, write_export
from audit.mismatch import AuditMismatch, SourceUnreadable
from chain.storage import StoreError
from chain.values import dataclass
from cli.audit_sources import opened
from cli.cluster_layout import load
from cli.cluster_status import fetch_reports
from cli.errors import CliError
from cli.output import print_json
from cli.parquet import write_parquet
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
@click.option("--from", "given", default=None, help="A stopped node's folder, or another export, instead of a cluster.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to write to; an export that is there is continued.",
)
@click.option(
    "--parquet",
    "tables",
    type=click.Path(path_type=Path, file_okay=False),
    help="New folder for Parquet tables of blocks, transactions, receipts and events.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON on standard output.")
def export(
    folder: Path, url: str | None, given: str | None, out: Path | None, tables: Path | None, as_json: bool
) -> None:
    """Export genesis and all certified blocks of a node.

    Files are numbered and never change; exporting into the same folder again adds what is new. Check the result with
    `tally audit FOLDER`. Parquet tables are for analysis: they prove nothing.
    """
    if out is None and tables is None:
        raise click.UsageError("say where to export to: --out FOLDER, --parquet FOLDER, or both")
    name = url or given or _running_node(folder)
    manifest: Manifest | None = None
    rows: dict[str, int] | None = None
    try:
        with ProgressLine() as line, opened(name) as found:

            def on_progress(height: int, head: int) -> None:
                line.show(f"{bar(height, head)} block {height:,}")

            if out is not None:
                manifest = write_export(out, found.source, on_progress)
            if tables is not None:
                rows = write_parquet(tables, found.source, on_progress)
    except (ExportError, SourceUnreadable, StoreError) as error:
        raise CliError(f"the export could not be finished: {error}") from error
    except AuditMismatch as error:
        raise CliError(f"{name} serves no true history: {error}; export from another node") from error
    _report(Written(name, out, manifest, tables, rows), as_json)


def _running_node(folder: Path) -> str:
    """Return the URL of the cluster's node that has come furthest."""
    reports = [report for report in fetch_reports(load(folder)) if report.height is not None]
    if not reports:
        raise CliError(f"no node of the cluster in {folder} answers; start it with: tally cluster up --dir {folder}")
    return max(reports, key=lambda report: report.height or 0).api


@dataclass(frozen=True, slots=True)
class Written:
    """What was exported from where to where."""

    source: str
    out: Path | None
    manifest: Manifest | None
    tables: Path | None
    rows: dict[str, int] | None


def _report(written: Written, as_json: bool) -> None:
    if as_json:
        print_json({"source": written.source, **_export_json(written), **_tables_json(written)})
        return
    manifest, out = written.manifest, written.out
    if manifest is not None:
        blocks = f"blocks 1 to {manifest.head_height:,}" if manifest.files else "the genesis, no blocks"
        click.echo(f"{out}: {blocks}")
        files = "1 file" if len(manifest.files) == 1 else f"{len(manifest.files):,} files"
        click.echo(f"  {files} of blocks, {_size(manifest):,} bytes, from {written.source}")
        click.echo(f"  genesis hash {manifest.genesis_hash}")
        click.echo(f"Check it with: tally audit {out} --genesis-hash {manifest.genesis_hash}")
    if written.rows is not None:
        counts = ", ".join(f"{count:,} {name}" for name, count in written.rows.items())
        click.echo(f"{written.tables}: Parquet tables of {counts}")


def _export_json(written: Written) -> dict[str, Any]:
    manifest = written.manifest
    if manifest is None:
        return {}
    return {
        "folder": str(written.out),
        "genesis_hash": manifest.genesis_hash,
        "height": manifest.head_height,
        "head_hash": manifest.head_hash,
        "files": len(manifest.files),
        "bytes": _size(manifest),
    }


def _tables_json(written: Written) -> dict[str, Any]:
    return {} if written.rows is None else {"parquet": str(written.tables), "rows": written.rows}


def _size(manifest: Manifest) -> int:
    return manifest.genesis_bytes + sum(entry.bytes for entry in manifest.files)
