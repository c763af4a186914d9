"""`tally contract cost`: the gas of deployment and of each method, from the source and, with tests, as measured."""

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import click

from chain.prices import LEDGER_PRICES
from cli.contract_files import read_contract
from cli.errors import CliError
from cli.output import print_json, table
from tallystick.testing.costing import ContractCost, cost_of, loop_lines

ENTRY_BYTES: Final = 400
"""About the size of a transaction with one call."""


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--tests", type=click.Path(path_type=Path, exists=True), help="Run these tests and show measured gas, too."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
def cost(file: Path, tests: Path | None, as_json: bool) -> None:
    """Show what the contract in FILE costs: deployment, and each method on its dearest path.

    Loops are shown by the turn. What is charged by size, such as the bytes of stored values, shows only where tests
    measure it; the measured gas of @init includes the deployment.
    """
    found = cost_of(read_contract(file))
    measured = {} if tests is None else _measured(file, tests, found)
    if as_json:
        print_json(_as_json(found, measured))
        return
    click.echo(f"deployment: {found.deployment:,} gas, and what @init costs")
    rows: list[tuple[str, ...]] = []
    for name, method in found.methods.items():
        figures = measured.get(name, {})
        shown = [f"{figures[key]:,}" if figures.get(key) is not None else "" for key in ("least", "median", "most")]
        rows.append((name, f"{method.fixed:,}", *(shown if tests else ())))
        rows += [
            (f"  each turn, {place}", f"{gas:,}", *([""] * 3 if tests else ())) for place, gas in loop_lines(method)
        ]
    header = ("METHOD", "FIXED GAS", *(("LEAST", "MEDIAN", "MOST") if tests else ()))
    click.echo(table(header, rows))
    entry = max(prices.entry(ENTRY_BYTES) for prices in LEDGER_PRICES.values())
    click.echo(
        f"A transaction also pays for its entry into the ledger, {entry:,} gas for {ENTRY_BYTES} bytes; "
        "tally and the SDK add it to the limit that they are given.",
        err=True,
    )


def _as_json(found: ContractCost, measured: dict[str, Any]) -> dict[str, Any]:
    methods = {
        name: {
            "fixed": method.fixed,
            "loops": [{"place": place, "turn": gas} for place, gas in loop_lines(method)],
            "measured": measured.get(name),
        }
        for name, method in found.methods.items()
    }
    return {"deployment": found.deployment, "methods": methods}


def _measured(file: Path, tests: Path, found: ContractCost) -> dict[str, Any]:
    """Return what the tests measured of the methods of this contract, by method."""
    with TemporaryDirectory(prefix="tally-cost-") as folder:
        report = Path(folder, "report.json")
        command = [sys.executable, "-m", "pytest", "-q", "--contracts", f"--contract-json={report}", str(tests)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode != 0 or not report.exists():
            raise CliError(f"the tests do not pass; run: tally contract test {tests}\n{done.stdout[-2000:].strip()}")
        figures = json.loads(report.read_text(encoding="utf-8"))
    names = {name for name, path in figures["names"].items() if path == str(file.resolve())}
    marks = {f"@{kind}": name for name, kind in found.kinds.items() if kind in ("init", "migrate")}
    return {
        marks.get(method["method"], method["method"]): method
        for method in figures["methods"]
        if method["contract"] in names
    }
