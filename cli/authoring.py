"""`tally contract check` and `test`: what authors use while they write, without a ledger."""

import sys
from pathlib import Path
from typing import Any

import click

from cli.contract_files import read_source
from cli.errors import EXIT_FAILED, EXIT_OK, EXIT_USAGE, CliError
from cli.output import print_json
from contracts.engine.compiler import find_problems
from contracts.engine.errors import Rejected
from contracts.engine.problem_text import problems_json, problems_text

FILES = click.argument(
    "files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path, exists=True, dir_okay=False)
)

QUIET = (
    *("-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning"),
    *("-W", "ignore:The configuration option:pytest.PytestDeprecationWarning"),
)
"""pytest would rewrite assertions in our own modules, which this command has imported already; nobody misses that. And
pytest-asyncio, where it is installed, asks for a setting that tests of contracts have no use for."""


@click.command()
@FILES
@click.option("--types", is_flag=True, help="Check the types as well, with mypy.")
@click.option("--json", "as_json", is_flag=True, help="Print the problems as JSON on standard output.")
def check(files: tuple[Path, ...], types: bool, as_json: bool) -> None:
    """Check the contract in each FILE by every rule of the language, without a ledger.

    Problems come with line, column, rule and the way to write it instead; exit code 1 if there are any. Types are
    checked where all rules are kept.
    """
    reports: list[dict[str, Any]] = []
    sources = {file: read_source(file) for file in files}
    found = {file: find_problems(source) for file, source in sources.items()}
    if types:
        found |= _types({file: source for file, source in sources.items() if not found[file]})
    for file, source in sources.items():
        problems = found[file]
        reports.append({"file": str(file), "valid": not problems, "problems": problems_json(problems)})
        if not as_json:
            click.echo(f"{file} is a valid contract" if not problems else problems_text(str(file), source, problems))
    if as_json:
        print_json(reports)
    count = sum(len(report["problems"]) for report in reports)
    if count:
        click.echo(f"{count} problem{'s' if count > 1 else ''} found", err=True)
        sys.exit(EXIT_FAILED)


def _types(sources: dict[Path, str]) -> dict[Path, list[Rejected]]:
    if not sources:
        return {}
    from tallystick.contract_types.checking import NoTypeChecker, type_problems

    try:
        problems = type_problems({str(file): source for file, source in sources.items()})
    except NoTypeChecker as error:
        raise CliError(str(error)) from error
    return {file: problems[str(file)] for file in sources}


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, metavar="[PATHS OR OPTIONS OF PYTEST]...")
@click.option("--no-coverage", is_flag=True, help="Run the tests and measure nothing.")
@click.option("--lines", is_flag=True, help="Print the contracts with runs and gas of every line.")
@click.option("--lcov", metavar="FILE", help="Write coverage for CI systems and editors, as lcov.")
@click.option("--cobertura", metavar="FILE", help="Write coverage as Cobertura XML.")
@click.option("--json", "json_file", metavar="FILE", help="Write all that was measured as JSON.")
@click.option("--fail-under", type=float, metavar="PERCENT", help="Fail if fewer lines and branches ran.")
def test(arguments: tuple[str, ...], no_coverage: bool, **options: Any) -> None:
    """Run the tests of contracts with pytest, and report coverage and gas.

    Everything that is not listed below goes to pytest: paths, -k, -x and so on.
    """
    try:
        import pytest
    except ImportError as error:
        raise CliError("pytest is missing; install it with: pip install 'tallystick[authors]'") from error
    chosen = [*QUIET] if no_coverage else [*QUIET, "--contracts"]
    if options["lines"]:
        chosen.append("--contract-lines")
    values = {"lcov": "lcov", "cobertura": "cobertura", "json_file": "json", "fail_under": "fail-under"}
    chosen += [f"--contract-{values[name]}={options[name]}" for name in values if options[name] is not None]
    code = int(pytest.main([*chosen, *arguments]))
    if code == pytest.ExitCode.NO_TESTS_COLLECTED:
        raise CliError("there are no tests; name their folder, or begin file names with test_")
    if code == pytest.ExitCode.USAGE_ERROR:
        raise CliError("pytest does not understand this", EXIT_USAGE)
    sys.exit(EXIT_OK if code == pytest.ExitCode.OK else EXIT_FAILED)
