"""Calls on the command line, read by the contract's interface: by place or by name, each argument by its type."""

from collections.abc import Sequence
from typing import Any

from chain.abi import Abi, AbiError, arguments_in_order, check_value, method_of, signature, value_from_json
from chain.json_values import JsonValueError, parse_json
from chain.runtime import SYSTEM
from cli.abi_text import abi_text
from cli.contract_subjects import read_subject
from cli.errors import EXIT_USAGE, CliError
from cli.receipts import printable
from cli.values import parse_arguments
from contracts.engine.abi import deployed_abi
from tallystick.client import AsyncClient


async def call_arguments(client: AsyncClient, contract: str, method: str, texts: Sequence[str], kind: str) -> list[Any]:
    """Return the values of command-line arguments, `NAME=VALUE` or in order, for a @call or @view method.

    Raises:
        CliError: when the interface says that the contract would refuse them; nothing was sent then.
    """
    if contract == SYSTEM:
        return parse_arguments(texts)
    abi = deployed_abi((await read_subject(client, contract)).source)
    try:
        return typed_arguments(abi, contract, method, texts, kind)
    except AbiError as error:
        raise CliError(f"{printable(str(error))}\n{_help(abi, method)}".rstrip(), EXIT_USAGE) from error


def typed_arguments(abi: Abi, contract: str, method: str, texts: Sequence[str], kind: str) -> list[Any]:
    """Return the values of command-line arguments by the types of a method's parameters.

    Raises:
        AbiError: when they are not what the method takes.
    """
    entry = method_of(abi, contract, method, kind)
    names = {param["name"] for param in entry["params"]}
    placed: list[str] = []
    named: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if equals and name in names:
            if name in named:
                raise AbiError(f"{signature(entry)}: given twice: {name}")
            named[name] = value
        else:
            placed.append(text)
    values = []
    for param, text in arguments_in_order(entry, placed, named):
        place = f"{contract}.{method}: {param['name']}"
        value = _typed(abi, param["type"], text, place)
        check_value(abi, param["type"], value, place)
        values.append(value)
    return values


def _typed(abi: Abi, kind: str, text: str, place: str) -> Any:
    inner = kind.removesuffix(" | None")
    if inner != kind and text == "null":
        return None
    if inner == "str":
        return _text(text)
    if inner == "bytes" and not text.startswith("{"):
        return value_from_json(abi, kind, text, place)
    try:
        document = parse_json(text)
    except JsonValueError as error:
        raise AbiError(f"{place}: expected {kind}, not {text[:60]!r}") from error
    return value_from_json(abi, kind, document, place)


def _text(text: str) -> str:
    """Return text as it is; in quotes it is JSON, so that any text can be written."""
    if text.startswith('"'):
        try:
            document = parse_json(text)
        except JsonValueError:
            return text
        if isinstance(document, str):
            return document
    return text


async def methods_text(client: AsyncClient, contract: str, kind: str) -> str:
    """Return the methods of a contract that can be sent or queried, as help shows them.

    Raises:
        CliError: when there is no such contract.
    """
    abi = deployed_abi((await read_subject(client, contract)).source)
    methods = [method for method in abi["methods"] if method["kind"] == kind]
    return abi_text({**abi, "methods": methods, "events": [], "storage": [], "constants": {}})


def _help(abi: Abi, method: str) -> str:
    for entry in abi["methods"]:
        if entry["name"] == method:
            errors = [f"fails with: {', '.join(entry['errors'])}"] if entry["errors"] else []
            lines = [*map(printable, entry["doc"].splitlines()), *errors]
            return "\n".join(["", signature(entry), *(f"    {line}" for line in lines)])
    return ""
