"""`tally contract client`: writes a Python module with typed methods for a contract, derived from its interface."""

import keyword
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import click

from cli.completing import complete_contracts
from cli.contract_subjects import read_subjects
from cli.errors import CliError
from cli.ledger import Target
from cli.receipts import printable
from cli.session import ledger_if_needed, run

TAKEN: Final = frozenset({"tallystick", "typing", "annotations"})


@click.command()
@click.argument("subject", shell_complete=complete_contracts)
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write here, not to the screen.")
@click.option("--class", "class_name", default=None, help="Name of the class; by default that of the contract.")
@ledger_if_needed
def client(
    find_target: Callable[[], Target], subject: str, output: Path | None, class_name: str | None, as_json: bool
) -> None:
    """Write a Python module with a typed client of SUBJECT: NAME, NAME@VERSION, or the FILE of a contract.

    Editors complete its methods and mypy checks their arguments. It has a class for programs with an event loop and one
    for those without; both take what the SDK's client.contract(NAME, signer) returns.

    \b
    Example:
      tally contract client remittance -o remittance_client.py
    """
    (found,) = run(read_subjects(find_target, subject))
    name = Path(subject).stem if found.found is None else found.found.version.name
    text = client_module(found.label, class_name or _class_name(name), found.abi)
    if as_json:
        raise CliError("a module is Python, not JSON; leave --json out, or ask `tally contract show --json`")
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")


def client_module(label: str, class_name: str, abi: Mapping[str, Any]) -> str:
    """Return the module's text.

    Raises:
        CliError: when a name of the contract cannot stand in it.
    """
    records = [record["name"] for record in abi["records"]]
    names = (class_name, f"Async{class_name}")
    clash = [name for name in records if name in TAKEN or name in names]
    if clash or not class_name.isidentifier() or keyword.iskeyword(class_name):
        raise CliError(f"{clash[0] if clash else class_name} cannot be a name here; choose another with --class")
    doc = f"Client of the contract {label}, made by `tally contract client` from its interface; do not edit."
    parts = [
        f"{_docstring(doc, '')}\n\nfrom __future__ import annotations\n\nimport typing\n\nimport tallystick",
        *("\n".join(_record(record)) for record in abi["records"]),
        "\n".join(_class(class_name, abi, is_async=False)),
        "\n".join(_class(f"Async{class_name}", abi, is_async=True)),
    ]
    return "\n\n\n".join(parts) + "\n"


def _class_name(contract: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in contract.replace("-", "_").split("_")) or contract


def _record(record: Mapping[str, Any]) -> Iterator[str]:
    yield f"class {record['name']}(typing.TypedDict):"
    yield f'    """Record {record["name"]}, version {record["version"]}."""'
    yield ""
    for field in record["fields"]:
        kind = f"typing.NotRequired[{field['type']}]" if "default" in field else field["type"]
        yield f"    {field['name']}: {kind}"
    if not record["fields"]:
        yield "    pass"


def _class(class_name: str, abi: Mapping[str, Any], *, is_async: bool) -> Iterator[str]:
    made = "await client.contract(...)" if is_async else "client.contract(...)"
    yield f"class {class_name}:"
    yield _docstring(abi["doc"] or f"Methods of {class_name}.", "    ")
    yield ""
    yield "    def __init__(self, contract: tallystick.Contract) -> None:"
    yield f'        """Take what `{made}` returns."""'
    yield "        self._contract = contract"
    yield ""
    yield "    def with_options(self, **options: typing.Unpack[tallystick.SubmitOptions]) -> typing.Self:"
    yield '        """Return the same with options for every call that is submitted through it."""'
    yield "        return type(self)(self._contract.with_options(**options))"
    for method in abi["methods"]:
        if method["kind"] in ("call", "view"):
            yield ""
            yield from _method(method, is_async=is_async)


def _method(method: Mapping[str, Any], *, is_async: bool) -> Iterator[str]:
    params = [param["name"] for param in method["params"]]
    own = "self" if "self" not in params else "_self"
    typed = ", ".join([own, *(f"{param['name']}: {param['type']}" for param in method["params"])])
    returns = method["returns"] if method["kind"] == "view" else "tallystick.Receipt"
    word, wait = ("async def", "await ") if is_async else ("def", "")
    codes = ", ".join(method["errors"])
    doc = method["doc"].strip() or f"{method['kind'].capitalize()} {method['name']}."
    what = "evaluates" if method["kind"] == "view" else "submits"
    yield f"    {word} {method['name']}({typed}) -> {returns}:"
    yield _docstring(f"{doc}\n\nIt {what}." + (f" Error codes: {codes}." if codes else ""), "        ")
    arguments = ", ".join([repr(method["name"]), *params])
    yield f"        return typing.cast({returns!r}, {wait}{own}._contract.invoke({arguments}))"


def _docstring(text: str, indent: str) -> str:
    """Return a docstring of any text: nothing in it can end it."""
    lines = [printable(line).replace("\\", "\\\\").replace('"', '\\"') for line in text.strip().splitlines()]
    if len(lines) == 1:
        return f'{indent}"""{lines[0]}"""'
    rest = [f"{indent}{line}".rstrip() for line in lines[1:]]
    return "\n".join([f'{indent}"""{lines[0]}', *rest, f'{indent}"""'])
