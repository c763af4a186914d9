"""The interface of a contract as people read it: methods with types, docs and codes, then events, records, storage."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from cli.receipts import printable

INDENT: Final = "    "
KINDS: Final = ("init", "migrate", "call", "view")
"""Order in which methods are shown."""


def abi_text(abi: Mapping[str, Any]) -> str:
    """Return an ABI (contracts.engine.abi) in lines."""
    sections = [
        "\n\n".join("\n".join(_method(method)) for method in _in_order(abi["methods"])),
        *(_section(title, lines) for title, lines in _declarations(abi)),
    ]
    doc = ["\n".join(map(printable, abi["doc"].strip().splitlines()))] if abi["doc"].strip() else []
    return "\n\n".join([*doc, *(section for section in sections if section)])


def _in_order(methods: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(methods, key=lambda method: KINDS.index(method["kind"]))


def _method(method: Mapping[str, Any]) -> Iterator[str]:
    returns = "" if method["returns"] == "None" else f" -> {method['returns']}"
    yield f"@{method['kind']} {method['name']}({_typed(method['params'])}){returns}"
    for line in method["doc"].strip().splitlines():
        yield f"{INDENT}{printable(line)}".rstrip()
    if method["emits"]:
        yield f"{INDENT}emits: {', '.join(method['emits'])}"
    if method["invokes"]:
        called = (f"{each['contract'] or '?'}.{each['method'] or '?'}" for each in method["invokes"])
        yield f"{INDENT}calls: {', '.join(called)}"
    if method["errors"]:
        yield f"{INDENT}fails with: {', '.join(method['errors'])}"


def _declarations(abi: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    yield "events", [f"{event['name']}({_typed(event['fields'])})" for event in abi["events"]]
    yield "records", [_record(record) for record in abi["records"]]
    yield "storage", [_storage(storage) for storage in abi["storage"]]
    yield "constants", [f"{name} = {value!r}" for name, value in abi["constants"].items()]


def _section(title: str, lines: list[str]) -> str:
    return "\n".join([title, *(INDENT + line for line in lines)]) if lines else ""


def _typed(entries: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(f"{entry['name']}: {entry['type']}{_default(entry)}" for entry in entries)


def _record(record: Mapping[str, Any]) -> str:
    version = f", version {record['version']}" if record["version"] > 1 else ""
    return f"{record['name']}({_typed(record['fields'])}){version}"


def _storage(storage: Mapping[str, Any]) -> str:
    keys = storage.get("key", [])
    key = [f"({', '.join(keys)})" if len(keys) > 1 else keys[0]] if keys else []
    value = [storage["value"]]
    if storage["kind"] == "counter":
        value = [] if storage["start"] == 1 else [f"start={storage['start']}"]
    return f"{storage['name']}: {storage['kind'].capitalize()}({', '.join(key + value)}){_default(storage)}"


def _default(entry: Mapping[str, Any]) -> str:
    return f" = {entry['default']!r}" if "default" in entry else ""
